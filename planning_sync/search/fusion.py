"""One order out of several lists: `fused`, by reciprocal rank. Pure.

Ranks rather than scores, since a cosine and a sum of word weights have no common scale. Within each of the
two, items of all kinds (plans, phases, tasks) have one: they are ranked together.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from uuid import UUID

from planning_sync.search.engines.base import Found, Neighbour

K = 2
"""Small: being first in one list counts for much."""


def fused(lists: Sequence[Found]) -> list[tuple[UUID, float]]:
    """Every item with its score, 1 for who is first in all that was asked, the best first."""
    ranked = [
        _together([found.meaning for found in lists]),
        _together([found.words for found in lists]),
    ]
    scores: dict[UUID, float] = {}
    for neighbours in ranked:
        for rank, each in enumerate(neighbours, start=1):
            scores[each.id] = scores.get(each.id, 0.0) + (K + 1) / (K + rank)
    asked = sum(bool(neighbours) for neighbours in ranked)
    return sorted(((key, score / asked) for key, score in scores.items()), key=_best_first)


def _best_first(scored: tuple[UUID, float]) -> tuple[float, UUID]:
    return -scored[1], scored[0]


def _together(lists: Sequence[Sequence[Neighbour]]) -> list[Neighbour]:
    return sorted(chain.from_iterable(lists), key=lambda each: (-each.score, each.id))
