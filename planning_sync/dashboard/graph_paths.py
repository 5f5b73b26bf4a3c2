"""What the tasks of a plan wait for: `paths_of`, with cycles, the critical path, and what is ready. Pure.

Tasks name one another by ref. A ref that several tasks bear means all of them; one that none bears is kept
as unknown. Work that is over takes no more time and holds nothing up. Tasks that wait for one another in a
circle are told as a cycle; among themselves their order is left out of account, so that the rest still has
its path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from plans.outline import Item, Status

OVER = frozenset({Status.DONE, Status.CANCELLED})
Needs = Mapping[str, tuple[str, ...]]
"""By key, the keys of the tasks that each one waits for; in document order, each once."""


@dataclass(frozen=True)
class Paths:
    needs: Needs
    """Of the tasks that wait or are waited for."""
    cycles: tuple[tuple[str, ...], ...]
    layers: Mapping[str, int]
    """How many tasks stand before each one on the longest way to it, those of a cycle being equal."""
    critical: tuple[str, ...]
    """The longest way through the work that is left, first things first."""
    critical_days: float
    ready: tuple[str, ...]
    """What can be begun now: open, and all that it waits for is over; what is on the critical path first."""
    unknown: tuple[tuple[str, str], ...]
    """(key of the task, the ref it names) where no other task bears the ref."""


def paths_of(tasks: Iterable[Item], days_of: Callable[[str], float | None]) -> Paths:
    """`days_of` reads an estimate; a task without one counts as a day."""
    items = {item.key: item for item in tasks}
    needs, unknown = _needs(items)
    groups = _groups(needs)
    members = {key: number for number, group in enumerate(groups) for key in group}
    onward: Needs = {
        key: tuple(each for each in before if members[each] != members[key]) for key, before in needs.items()
    }
    order = [key for group in groups for key in group]
    left = {key: items[key].status not in OVER for key in order}
    days = {key: (days_of(items[key].estimate) or 1.0) if left[key] else 0.0 for key in order}
    critical = _longest(order, onward, days, left)
    return Paths(
        needs,
        tuple(group for group in groups if len(group) > 1),
        _layers(groups, onward),
        critical,
        sum(days[key] for key in critical),
        _ready(items, needs, critical),
        unknown,
    )


def _needs(items: Mapping[str, Item]) -> tuple[Needs, tuple[tuple[str, str], ...]]:
    bearers: dict[str, list[str]] = {}
    for key, item in items.items():
        if item.ref:
            bearers.setdefault(item.ref, []).append(key)
    found: dict[str, dict[str, None]] = {}
    unknown = []
    for key, item in items.items():
        for ref in item.depends_on:
            before = [each for each in bearers.get(ref, ()) if each != key]
            if not before:
                unknown.append((key, ref))
            for each in before:
                found.setdefault(key, {})[each] = None
                found.setdefault(each, {})
    return {key: tuple(found[key]) for key in items if key in found}, tuple(unknown)


def _groups(needs: Needs) -> list[tuple[str, ...]]:
    """The strongly connected components, each after those it waits for (Tarjan 1972, without recursion)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    waiting: list[str] = []
    found: list[tuple[str, ...]] = []
    placed: set[str] = set()
    for start in needs:
        path = [] if start in number else [(start, iter(needs[start]))]
        while path:
            key, rest = path[-1]
            if key not in number:
                number[key] = low[key] = len(number)
                waiting.append(key)
            following = next(rest, None)
            if following is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[key])
                if low[key] == number[key]:
                    at = waiting.index(key)
                    found.append(tuple(sorted(waiting[at:], key=number.__getitem__)))
                    placed.update(waiting[at:])
                    del waiting[at:]
            elif following not in number:
                path.append((following, iter(needs[following])))
            elif following not in placed:
                low[key] = min(low[key], number[following])
    return found


def _layers(groups: Sequence[tuple[str, ...]], onward: Needs) -> dict[str, int]:
    found: dict[str, int] = {}
    for group in groups:
        layer = max((found[each] + 1 for key in group for each in onward[key]), default=0)
        found.update(dict.fromkeys(group, layer))
    return found


def _longest(
    order: Sequence[str], onward: Needs, days: Mapping[str, float], left: Mapping[str, bool]
) -> tuple[str, ...]:
    """Along `order`, in which each comes after what it waits for."""
    reach: dict[str, float] = {}
    came: dict[str, str | None] = {}
    for key in order:
        before = max(onward[key], key=reach.__getitem__, default=None)
        came[key] = before
        reach[key] = days[key] + (reach[before] if before is not None else 0.0)
    at = max((key for key in order if left[key]), key=reach.__getitem__, default=None)
    path = []
    while at is not None:
        if left[at]:
            path.append(at)
        at = came[at]
    return tuple(reversed(path))


def _ready(items: Mapping[str, Item], needs: Needs, critical: Sequence[str]) -> tuple[str, ...]:
    open_ = (key for key in needs if items[key].status in (Status.TODO, Status.IN_PROGRESS))
    ready = [key for key in open_ if all(items[each].status in OVER for each in needs[key])]
    first = set(critical)
    return tuple(sorted(ready, key=lambda key: (key not in first, items[key].due or "9")))
