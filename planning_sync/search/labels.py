"""The words that tell a group of texts from all others: `telling`, `label`. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile

from planning_sync.search import words

LONGEST = 3
"""So many words has a label."""
_SHORTEST_WORD = 4
_SAME_STEM = 5
"""Words that have so many first letters in common are taken for one."""
_LETTERS = re.compile(r"[^\W\d_]+")
_EMPTY = frozenset(
    words.words(
        """
    about after also been before being both could does each from have having into just more most much
    must only other over same should some such than that their them then there these they this those
    through under until upon very want were what when where which while whose will with within without
    would your afin ainsi alors apres aucun aussi autre autres avant avec avoir bien ceci cela celle
    celui cette ceux chaque chez comme comment contre dans depuis donc dont elle elles encore entre
    etaient etait etant etre faire fait font hors jusqu leur leurs lors lorsque mais meme memes moins
    notre nous parmi pendant peut peuvent plus pour pourquoi puis quand quel quelle quelles quels
    quelque quelques sans sera seront sinon soit sont sous suite tant tous tout toute toutes tres vers
    voici voir votre vous
    """
    )
)
"""English and French words that stand in any text, folded."""


def telling(text: str) -> set[str]:
    """Its words, folded, but for those that say nothing by themselves."""
    return {
        word
        for word in words.words(text)
        if len(word) >= _SHORTEST_WORD and word.isalpha() and word not in _EMPTY
    }


def label(texts: Sequence[str], everywhere: Mapping[str, int]) -> str:
    """The words that are frequent in the texts and rare elsewhere, spelled as most texts spell them.

    `everywhere` is in how many of all texts each word stands.
    """
    here = Counter(word for text in texts for word in telling(text))
    chosen: list[str] = []
    for word in sorted(here, key=lambda word: (-here[word] * here[word] / everywhere[word], word)):
        if len(chosen) < LONGEST and not any(_akin(word, other) for other in chosen):
            chosen.append(word)
    return ", ".join(_spelled(word, texts) for word in chosen) or texts[0]


def _akin(one: str, other: str) -> bool:
    """`test` and `testing`, `automatic` and `automated`: one of them says enough."""
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    shortest = min(len(one), len(other))
    return alike >= min(_SAME_STEM, max(_SHORTEST_WORD, shortest - 1))


def _spelled(word: str, texts: Sequence[str]) -> str:
    tokens = (token for text in texts for token in _LETTERS.findall(text))
    found = Counter(token for token in tokens if words.folded(token) == word)
    return found.most_common(1)[0][0] if found else word
