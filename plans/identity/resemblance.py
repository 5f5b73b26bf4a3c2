"""How much of two plans is the same work.

Public: `similarity`.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from plans.identity.wording import closeness, wording
from plans.outline import Item, Outline


def similarity(a: Outline, b: Outline) -> float:
    """How much of the two plans is the same work, 0 to 1: equal texts, then equal pairs of words."""
    mine, theirs = Counter(map(_text, a.items)), Counter(map(_text, b.items))
    total = mine.total() + theirs.total()
    if not total:
        return closeness(_text(a.plan), _text(b.plan))
    common = mine & theirs
    shared: float = 2 * common.total()
    rest = total - shared
    if rest:
        shared += rest * _overlap(_word_pairs(mine - common), _word_pairs(theirs - common))
    return shared / total


def _text(item: Item) -> str:
    return wording(item.ref, item.text).text


def _word_pairs(texts: Counter[str]) -> Counter[tuple[str, ...]]:
    pairs: Counter[tuple[str, ...]] = Counter()
    for text, times in texts.items():
        words = text.split()
        for pair in pairwise(words) if len(words) > 1 else [tuple(words)]:
            pairs[pair] += times
    return pairs


def _overlap(a: Counter[tuple[str, ...]], b: Counter[tuple[str, ...]]) -> float:
    total = a.total() + b.total()
    return 2 * (a & b).total() / total if total else 0.0
