"""Tasks that wait for tasks, but in no circle, which the tool takes for a fault: `admitted`. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from graphlib import CycleError, TopologicalSorter

Edge = tuple[str, str]
"""A task, and the one that it waits for."""


def admitted(kept: Collection[Edge], new: Collection[Edge]) -> frozenset[Edge]:
    """Those of the new ones, in order, that close no circle with what is there by then."""
    if not new or _is_free_of_circles([*kept, *new]):
        return frozenset(new)
    waits: dict[str, set[str]] = defaultdict(set)
    for task, other in kept:
        waits[task].add(other)
    found = set()
    for task, other in new:
        if not _reaches(waits, other, task):
            waits[task].add(other)
            found.add((task, other))
    return frozenset(found)


def _is_free_of_circles(edges: Iterable[Edge]) -> bool:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for task, other in edges:
        sorter.add(task, other)
    try:
        sorter.prepare()
    except CycleError:
        return False
    return True


def _reaches(waits: dict[str, set[str]], start: str, end: str) -> bool:
    pending, known = [start], {start}
    while pending:
        task = pending.pop()
        if task == end:
            return True
        fresh = waits.get(task, set()) - known
        known |= fresh
        pending.extend(fresh)
    return False
