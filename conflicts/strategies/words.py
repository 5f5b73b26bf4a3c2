"""The three-way merge of one line of text, word by word. Public: `merged`.

    base     Write the announcement for the press
    hub      Write the announcement for the local press      insert "local"
    replica  Draft the announcement for the press            "Write" -> "Draft"
    merged   Draft the announcement for the local press

Words are what stands between blanks; a no-break space belongs to the word after it. An edit is a run of
words that was replaced, inserted or deleted. Two edits of the two sides merge only where a word that neither
touched stands between them, and where they have no word in common: a word that one side deleted and the other
put in, or that both put in at different places, is a question for a person. So is a word that was moved: it
may have been moved past the other side's edit.

Two kinds of edits leave the sense of the words beside them alone, and need no distance: a word written in
another way that reads the same (its case, emphasis, quotes, no-break space, mended encoding, a full stop or
a comma after it), and a sign, such as a tick, that was put before or after the whole text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import combinations, permutations
from typing import NamedTuple

from plans.document.encoding import mend

LIMIT_WORDS = 200
"""Longer texts are left to a person: comparing them would take long, and they are no plan items."""

_NO_BREAK = ("\u00a0", "\u202f")
_BETWEEN_WORDS = re.compile(" |(?=[\u00a0\u202f])")
_PLAIN = str.maketrans({"\u00a0": "", "\u202f": "", "’": "'", "‘": "'", "“": '"', "”": '"'})
_BEFORE = "*_`\"'"
_AFTER = "*_`\"'.,;:"

Spellings = Mapping[int, str]
"""Words of the base, by their number, that a side writes in another way."""


class _Edit(NamedTuple):
    start: int
    end: int
    """The words of the base that it replaces."""
    words: tuple[str, ...]
    gone: tuple[str, ...]

    def touches(self, other: _Edit) -> bool:
        return self.start <= other.end and other.start <= self.end

    @property
    def is_empty(self) -> bool:
        return self.start == self.end


class _Side(NamedTuple):
    """What one side made of the base."""

    edits: list[_Edit]
    spellings: Spellings


def merged(base: str, hub: str, replica: str, *, min_kept: float) -> str | None:
    """The text with the edits of both sides, or None where they are not plainly apart.

    `min_kept` is the share of the base's words that each side must have kept: what was reworded more than
    that is another text, to which an edit of the old one does not apply.
    """
    if hub in (base, replica):
        return replica
    if replica == base:
        return hub
    before, *texts = (_split(text) for text in (base, hub, replica))
    if max(map(len, (before, *texts))) > LIMIT_WORDS:
        return None
    sides = [_compared(before, text) for text in texts]
    if any(_kept(before, side.edits) < min_kept for side in sides):
        return None
    shared = [edit for edit in sides[0].edits if edit in sides[1].edits]
    mine, theirs = ([edit for edit in side.edits if edit not in shared] for side in sides)
    if _moves(mine + shared) or _moves(theirs + shared) or _entangled(before, shared, mine, theirs):
        return None
    spelled = _spelled(before, sides)
    if spelled is None:
        return None
    text = _joined(_applied(spelled, [*shared, *mine, *theirs]))
    return text if text and text == text.strip() else None


# ------------------------------------------------------------------------------------------ words


def _split(text: str) -> list[str]:
    # By single blanks, so that joining gives the very text back; two blanks have an empty word between them.
    return _BETWEEN_WORDS.split(text) if text else []


def _joined(words: Sequence[str]) -> str:
    return "".join(
        word if at == 0 or word.startswith(_NO_BREAK) else f" {word}" for at, word in enumerate(words)
    )


@lru_cache(maxsize=4096)
def _reading(word: str) -> str:
    """What two ways of writing one word have in common."""
    plain = unicodedata.normalize("NFC", mend(word).translate(_PLAIN)).casefold()
    return plain.lstrip(_BEFORE).rstrip(_AFTER) or plain


def _readings(words: Iterable[str]) -> set[str]:
    return set(map(_reading, words))


# ------------------------------------------------------------------------------------------ edits


def _compared(before: Sequence[str], after: Sequence[str]) -> _Side:
    edits: list[_Edit] = []
    spellings: dict[int, str] = {}
    matcher = SequenceMatcher(None, [*map(_reading, before)], [*map(_reading, after)], autojunk=False)
    for tag, start, end, first, last in matcher.get_opcodes():
        if tag != "equal":
            edits.append(_Edit(start, end, tuple(after[first:last]), tuple(before[start:end])))
            continue
        same = zip(range(start, end), after[first:last], strict=True)
        spellings.update({at: word for at, word in same if word != before[at]})
    return _Side(edits, spellings)


def _kept(before: Sequence[str], edits: Iterable[_Edit]) -> float:
    return 1 - sum(edit.end - edit.start for edit in edits) / len(before) if before else 0.0


def _moves(edits: Sequence[_Edit]) -> bool:
    """Whether a word went in one place and came in another."""
    pairs = permutations(edits, 2)
    return any(not _readings(one.gone).isdisjoint(_readings(other.words)) for one, other in pairs)


def _entangled(before: Sequence[str], shared: list[_Edit], mine: list[_Edit], theirs: list[_Edit]) -> bool:
    for one in mine:
        for other in theirs:
            apart = _is_sign(one, len(before)) or _is_sign(other, len(before))
            at_one_place = one.is_empty and other.is_empty and one.start == other.start
            if one.touches(other) and (at_one_place or not apart):
                return True
    vocabularies = [
        _readings(word for edit in edits for word in (*edit.words, *edit.gone))
        for edits in (shared, mine, theirs)
    ]
    return any(not one.isdisjoint(other) for one, other in combinations(vocabularies, 2))


def _is_sign(edit: _Edit, length: int) -> bool:
    """Whether it puts signs, none of them a letter or a digit, before or after the whole text."""
    outside = edit.is_empty and edit.start in (0, length)
    return outside and not any(letter.isalnum() for word in edit.words for letter in word)


def _spelled(before: Sequence[str], sides: Sequence[_Side]) -> list[str] | None:
    """The base as the sides write it; None where they write a word differently, or one side replaced it."""
    words = list(before)
    for side, other in (sides, sides[::-1]):
        replaced = {at for edit in other.edits for at in range(edit.start, edit.end)}
        for at, word in side.spellings.items():
            if at in replaced or other.spellings.get(at, word) != word:
                return None
            words[at] = word
    return words


def _applied(before: Sequence[str], edits: Iterable[_Edit]) -> list[str]:
    words: list[str] = []
    place = 0
    for edit in sorted(edits):
        words += [*before[place : edit.start], *edit.words]
        place = edit.end
    return [*words, *before[place:]]
