"""Texts that plans repeat by form, such as `Estimated: 2 h`: `shape`, `common`. Pure.

They are no work: nobody plans the same twice by writing them again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from planning_sync.search import words

COMMON = 8
"""What stands in more places than this is a formula."""


def shape(text: str) -> str:
    """Its words without those that have digits: `Step 1.2` and `Step 1.3` are of one shape."""
    return " ".join(word for word in words.words(text) if word.isalpha())


def common(texts: Iterable[str]) -> frozenset[str]:
    """The shapes of formulas among the texts, each as often as it is given."""
    counted = Counter(map(shape, texts))
    return frozenset(each for each, number in counted.items() if number > COMMON)
