"""What depends on what: `Dependencies`, of a plan, by positions in its outline.

A dependency names a number or a word id. It is looked up among all phases and tasks: as written, else by its
number alone, so that `2.1` finds `Step 2.1`. Where several have it, each may be meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from plans.outline import Kind, Status
from plans.rules.subject import Subject

_DIGITS = "0123456789."


class Need(NamedTuple):
    position: int
    """The task that depends on something."""
    ref: str
    """What it names."""
    targets: tuple[int, ...]
    """The items that may be meant; none where there is no such item."""


class Dependencies:
    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    @cached_property
    def needs(self) -> Sequence[Need]:
        """In document order."""
        items, tasks = self.subject.items, self.subject.tasks
        return [
            Need(position, ref, self._targets(ref))
            for position in tasks
            if items[position].depends_on
            for ref in items[position].depends_on
        ]

    def _targets(self, ref: str) -> tuple[int, ...]:
        key = _key(ref)
        return tuple(self._named.get(key, ()) or self._numbered.get(_number(key), ()) if key else ())

    @cached_property
    def _named(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = {}
        for position, item in enumerate(self.subject.items):
            if item.ref:
                found.setdefault(_key(item.ref), []).append(position)
        return found

    @cached_property
    def _numbered(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = {}
        for key, positions in self._named.items():
            if "-" not in key and _number(key):
                found.setdefault(_number(key), []).extend(positions)
        return found

    def is_settled(self, position: int) -> bool:
        """Whether a task is done or cancelled, or a phase has no open task."""
        item, tally = self.subject.items[position], self.subject.tally
        if item.kind is Kind.PHASE:
            return item.status == Status.DONE or tally.done[position] == tally.total[position]
        return item.status in (Status.DONE, Status.CANCELLED)

    @cached_property
    def cycles(self) -> Sequence[tuple[int, ...]]:
        """Tasks that wait for one another, each cycle once: the shortest way round from its first task.

        A phase waits for all tasks below it.
        """
        found: list[tuple[int, ...]] = []
        component = self._components()
        seen: set[int] = set()
        for start, targets in self._needed.items():
            number = component[start]
            if number not in seen and any(component.get(target) == number for target in targets):
                way = self._way_round(start, component)
                if way:
                    seen.add(number)
                    found.append(way)
        return found

    def _edges(self, position: int) -> Iterator[int]:
        yield from self._needed.get(position, ())
        if self.subject.items[position].kind is Kind.PHASE:
            yield from self.subject.children[position]

    @cached_property
    def _needed(self) -> Mapping[int, list[int]]:
        """Where several items may be meant, no cycle is made of it."""
        found: dict[int, list[int]] = {}
        for position, _, targets in self.needs:
            if len(targets) == 1:
                found.setdefault(position, []).extend(targets)
        return found

    def _components(self) -> dict[int, int]:
        """The strongly connected component of each item that is reached (Tarjan 1972, without recursion)."""
        order: dict[int, int] = {}
        low: dict[int, int] = {}
        component: dict[int, int] = {}
        open_items: list[int] = []
        for root in self._needed:
            if root in order:
                continue
            order[root] = low[root] = len(order)
            open_items.append(root)
            work = [(root, self._edges(root))]
            while work:
                position, edges = work[-1]
                target = next(edges, None)
                if target is None:
                    work.pop()
                    if work:
                        low[work[-1][0]] = min(low[work[-1][0]], low[position])
                    if low[position] == order[position]:
                        while True:
                            member = open_items.pop()
                            component[member] = position
                            if member == position:
                                break
                elif target not in order:
                    order[target] = low[target] = len(order)
                    open_items.append(target)
                    work.append((target, self._edges(target)))
                elif target not in component:
                    low[position] = min(low[position], order[target])
        return component

    def _way_round(self, start: int, component: Mapping[int, int]) -> tuple[int, ...]:
        """The items on a shortest way from `start` back to it; none where there is no such way."""
        came_from: dict[int, int] = {}
        edge = [start]
        while edge:
            following: list[int] = []
            for position in edge:
                for target in self._edges(position):
                    if target == start:
                        return self._back(position, start, came_from)
                    if component.get(target) == component[start] and target not in came_from:
                        came_from[target] = position
                        following.append(target)
            edge = following
        return ()

    @staticmethod
    def _back(position: int, start: int, came_from: Mapping[int, int]) -> tuple[int, ...]:
        way = [position]
        while way[-1] != start:
            way.append(came_from[way[-1]])
        return tuple(reversed(way))


def _key(ref: str) -> str:
    return ref.casefold().strip(" .#")


def _number(key: str) -> str:
    """The number at the end of a ref."""
    return key[len(key.rstrip(_DIGITS)) :].strip(".")
