"""The three-way merge of one line of text, word by word. Public: `merged`.

    base     Write the announcement for the press
    hub      Write the announcement for the local press      insert "local"
    replica  Draft the announcement for the press            "Write" -> "Draft"
    merged   Draft the announcement for the local press

Words are what stands between blanks; a no-break space belongs to its word. An edit is a run of words that
was replaced, inserted or deleted. Two edits of the two sides merge only where a word that neither touched
stands between them, and where they have no word in common: a word that one side deleted and the other put in,
or that both put in at different places, is a question for a person. So is a word that was moved: it may have
been moved past the other side's edit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import combinations, permutations
from typing import NamedTuple

LIMIT_WORDS = 200
"""Longer texts are left to a person: comparing them would take long, and they are no plan items."""


class _Edit(NamedTuple):
    start: int
    end: int
    """The words of the base that it replaces."""
    words: tuple[str, ...]
    gone: tuple[str, ...]

    def touches(self, other: _Edit) -> bool:
        return self.start <= other.end and other.start <= self.end


def merged(base: str, hub: str, replica: str, *, min_kept: float) -> str | None:
    """The text with the edits of both sides, or None where they are not plainly apart.

    `min_kept` is the share of the base's words that each side must have kept: what was reworded more than
    that is another text, to which an edit of the old one does not apply.
    """
    if hub in (base, replica):
        return replica
    if replica == base:
        return hub
    before, *sides = (_split(text) for text in (base, hub, replica))
    if max(map(len, (before, *sides))) > LIMIT_WORDS:
        return None
    mine, theirs = (_edits(before, side) for side in sides)
    if any(_kept(before, edits) < min_kept for edits in (mine, theirs)):
        return None
    shared = [edit for edit in mine if edit in theirs]
    mine = [edit for edit in mine if edit not in shared]
    theirs = [edit for edit in theirs if edit not in shared]
    if _moves(mine + shared) or _moves(theirs + shared) or _entangled(shared, mine, theirs):
        return None
    text = " ".join(_applied(before, [*shared, *mine, *theirs]))
    return text if text and text == text.strip() else None


def _split(text: str) -> list[str]:
    # By single blanks, so that joining gives the very text back; two blanks have an empty word between them.
    return text.split(" ") if text else []


def _edits(before: Sequence[str], after: Sequence[str]) -> list[_Edit]:
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return [
        _Edit(start, end, tuple(after[first:last]), tuple(before[start:end]))
        for tag, start, end, first, last in matcher.get_opcodes()
        if tag != "equal"
    ]


def _kept(before: Sequence[str], edits: Iterable[_Edit]) -> float:
    return 1 - sum(edit.end - edit.start for edit in edits) / len(before) if before else 0.0


def _moves(edits: Sequence[_Edit]) -> bool:
    """Whether a word went in one place and came in another."""
    pairs = permutations(edits, 2)
    return any(not set(one.gone).isdisjoint(other.words) for one, other in pairs)


def _entangled(shared: list[_Edit], mine: list[_Edit], theirs: list[_Edit]) -> bool:
    if any(one.touches(other) for one in mine for other in theirs):
        return True
    vocabularies = [
        {word for edit in edits for word in (*edit.words, *edit.gone)} for edits in (shared, mine, theirs)
    ]
    return any(not one.isdisjoint(other) for one, other in combinations(vocabularies, 2))


def _applied(before: Sequence[str], edits: Iterable[_Edit]) -> list[str]:
    words: list[str] = []
    place = 0
    for edit in sorted(edits):
        words += [*before[place : edit.start], *edit.words]
        place = edit.end
    return [*words, *before[place:]]
