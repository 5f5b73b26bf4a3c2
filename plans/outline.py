"""The value that every side of a sync is compared as: a plan as a tree of items.

Public: `Kind`, `Status`, `Item`, `Outline`, `FIELDS`, the changes `Added`, `Removed`, `Moved`,
`Changed`, and `diff` / `apply`, which are each other's inverse: `apply(a, diff(a, b)) == b`.

An outline holds its items in document order, parents before children; under one parent the tasks
come before the phases, as they must in a file, where a task below a heading belongs to that heading.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

ROOT = ""
"""The key of the plan itself, the parent of every top-level item."""


class Kind(StrEnum):
    PLAN = "plan"
    PHASE = "phase"
    TASK = "task"


class Status(StrEnum):
    TODO = "todo"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


Value = str | tuple[str, ...]
"""What a field holds. Dates are ISO 8601, progress is a percentage as a plain decimal ("7.5")."""


class Item(NamedTuple):
    key: str
    kind: Kind
    parent: str
    """Key of the item above; `ROOT` at the top level (and for the plan itself)."""
    text: str
    """One line: what the task says, the phase's title without its number, or the plan's title."""
    ref: str = ""
    """The number or word id that the author wrote: `1.2.3`, `task-004`. Not an identity."""
    status: str = ""
    """A `Status`. Phases and plans have one only where the author declared one, else ""."""
    progress: str = ""
    """The percentage that the author declared (phases and plans), "" where there is none."""
    priority: str = ""
    assignee: str = ""
    due: str = ""
    tags: tuple[str, ...] = ()
    estimate: str = ""
    depends_on: tuple[str, ...] = ()
    """Refs of other tasks, as written."""
    version: str = ""
    date: str = ""

    def saying(self, values: Mapping[str, object]) -> Item:
        """The item with other values, by the names of its fields."""
        return self._replace(**values)  # type: ignore[arg-type]  # which names is known only as it runs


FIELDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.PLAN: ("text", "version", "date", "status", "progress"),
    Kind.PHASE: ("text", "ref", "status", "progress"),
    Kind.TASK: ("text", "ref", "status", "priority", "assignee", "due", "tags", "estimate", "depends_on"),
}
"""The fields that are compared and merged, for each kind of item."""

_INDEX = {name: position for position, name in enumerate(Item._fields)}
_FIELD_SLOTS = {kind: tuple((name, _INDEX[name]) for name in names) for kind, names in FIELDS.items()}


def value(item: Item, field: str) -> Value:
    """What `item` holds in `field`."""
    found: Value = item[_INDEX[field]]
    return found


def differing_fields(before: Item, after: Item) -> Iterator[tuple[str, Value, Value]]:
    """(field, value before, value after) for each compared field in which the two items differ."""
    for name, slot in _FIELD_SLOTS[before.kind]:
        if before[slot] != after[slot]:
            yield name, before[slot], after[slot]


@dataclass(frozen=True)
class Outline:
    plan: Item
    """The plan itself: kind `PLAN`, key `ROOT`."""
    items: tuple[Item, ...] = ()
    """Phases and tasks in document order."""

    @cached_property
    def by_key(self) -> dict[str, Item]:
        """Every item by its key, the plan included under `ROOT`."""
        found = {item.key: item for item in self.items}
        found[ROOT] = self.plan
        return found

    @cached_property
    def children(self) -> dict[str, list[str]]:
        """Keys of the children of each item that has any, in document order."""
        found: dict[str, list[str]] = {}
        for item in self.items:
            found.setdefault(item.parent, []).append(item.key)
        return found

    def subtree(self, key: str) -> Iterator[Item]:
        """The item and everything below it, in document order (for `ROOT`: all items)."""
        if key != ROOT:
            yield self.by_key[key]
        pending = list(reversed(self.children.get(key, ())))
        while pending:
            current = pending.pop()
            yield self.by_key[current]
            pending.extend(reversed(self.children.get(current, ())))

    def tasks(self) -> Iterator[Item]:
        return (item for item in self.items if item.kind is Kind.TASK)

    def phases(self) -> Iterator[Item]:
        return (item for item in self.items if item.kind is Kind.PHASE)

    def rekeyed(self, keys: Mapping[str, str]) -> Outline:
        """The same outline with each item's key replaced; `keys` must name every item."""
        names = {ROOT: ROOT, **keys}
        return Outline(
            self.plan,
            tuple(item._replace(key=names[item.key], parent=names[item.parent]) for item in self.items),
        )

    def same_shape(self, other: Outline) -> bool:
        """Whether the two say the same once keys are left aside: fields, nesting and order."""
        if len(self.items) != len(other.items) or next(differing_fields(self.plan, other.plan), None):
            return False
        names = {ROOT: ROOT}
        for mine, theirs in zip(self.items, other.items, strict=True):
            if mine.kind is not theirs.kind or names.get(mine.parent) != theirs.parent:
                return False
            if mine[3:] != theirs[3:]:
                return False
            names[mine.key] = theirs.key
        return True


def arrange(plan: Item, items: Mapping[str, Item], children: Mapping[str, Sequence[str]]) -> Outline:
    """The outline whose items hang below one another as `children` says, tasks before phases.

    Items that no chain of `children` reaches from the root are left out.
    """
    ordered: list[Item] = []
    pending = _tasks_first(children.get(ROOT, ()), items)
    while pending:
        key = pending.pop()
        ordered.append(items[key])
        below = children.get(key)
        if below:
            pending.extend(_tasks_first(below, items))
    return Outline(plan, tuple(ordered))


def _tasks_first(keys: Sequence[str], items: Mapping[str, Item]) -> list[str]:
    """The keys as a stack: popping gives the tasks in order, then the phases in order."""
    tasks = [key for key in keys if items[key].kind is Kind.TASK]
    phases = [key for key in keys if items[key].kind is not Kind.TASK]
    return (tasks + phases)[::-1]


# ------------------------------------------------------------------------------------- changes


class Place(NamedTuple):
    """Where an item stands: below `parent`, right after its sibling `after` of the same kind."""

    parent: str
    after: str
    """Key of the sibling of the same kind that comes before; "" for the first one."""


class Added(NamedTuple):
    item: Item
    place: Place


class Removed(NamedTuple):
    item: Item
    place: Place
    """Where it stood."""


class Moved(NamedTuple):
    key: str
    before: Place
    after: Place


class Changed(NamedTuple):
    key: str
    field: str
    before: Value
    after: Value


Change = Added | Removed | Moved | Changed


def places(outline: Outline) -> dict[str, Place]:
    """The place of every item."""
    found: dict[str, Place] = {}
    last: dict[tuple[str, Kind], str] = {}
    for item in outline.items:
        slot = (item.parent, item.kind)
        found[item.key] = Place(item.parent, last.get(slot, ""))
        last[slot] = item.key
    return found


def diff(before: Outline, after: Outline) -> tuple[Change, ...]:
    """What turns `before` into `after`: removals, then fields, then additions and moves in document order.

    As few items as possible are said to have moved: among the siblings that stay, those on a
    longest increasing run keep their place (patience sorting, Fredman 1975).
    """
    if before.items == after.items and before.plan == after.plan:
        return ()
    if _same_places(before, after):
        return tuple(
            Changed(new.key, *found)
            for old, new in zip((before.plan, *before.items), (after.plan, *after.items), strict=True)
            if old != new
            for found in differing_fields(old, new)
        )
    old, new = before.by_key, after.by_key
    old_places, new_places = places(before), places(after)
    changes: list[Change] = [
        Removed(item, old_places[item.key]) for item in before.items if item.key not in new
    ]
    for item in (after.plan, *after.items):
        known = old.get(item.key)
        if known is not None and known != item:
            changes.extend(Changed(item.key, *found) for found in differing_fields(known, item))
    settled = _settled(before, after)
    for item in after.items:
        if item.key not in old:
            changes.append(Added(item, new_places[item.key]))
        elif item.key not in settled:
            changes.append(Moved(item.key, old_places[item.key], new_places[item.key]))
    return tuple(changes)


def _same_places(before: Outline, after: Outline) -> bool:
    """Whether the same items stand at the same places, whatever they say: the usual case, quick to see."""
    return len(before.items) == len(after.items) and all(
        old is new or (old.key == new.key and old.parent == new.parent and old.kind is new.kind)
        for old, new in zip(before.items, after.items, strict=True)
    )


def _settled(before: Outline, after: Outline) -> set[str]:
    """Keys of the items that need not move: same parent, and in order among such siblings."""
    old = before.by_key
    rank = {item.key: position for position, item in enumerate(before.items)}
    siblings: dict[tuple[str, Kind], list[str]] = {}
    for item in after.items:
        known = old.get(item.key)
        if known is not None and known.parent == item.parent:
            siblings.setdefault((item.parent, item.kind), []).append(item.key)
    settled: set[str] = set()
    for keys in siblings.values():
        ranks = [rank[key] for key in keys]
        settled.update(keys[position] for position in longest_increasing(ranks))
    return settled


def longest_increasing(numbers: Sequence[int]) -> list[int]:
    """Positions of a longest strictly increasing subsequence, ascending."""
    if all(a < b for a, b in pairwise(numbers)):
        return list(range(len(numbers)))
    tails: list[int] = []
    tail_positions: list[int] = []
    previous: list[int] = []
    for position, number in enumerate(numbers):
        slot = bisect_left(tails, number)
        previous.append(tail_positions[slot - 1] if slot else -1)
        tails[slot : slot + 1] = [number]
        tail_positions[slot : slot + 1] = [position]
    run: list[int] = []
    position = tail_positions[-1] if tail_positions else -1
    while position >= 0:
        run.append(position)
        position = previous[position]
    return run[::-1]


def apply(outline: Outline, changes: Iterable[Change]) -> Outline:
    """The outline after `changes`, which are taken in the order given by `diff`.

    A change whose item is not there, or whose place names an item that is not there, raises `KeyError`.
    """
    changes = tuple(changes)
    items = dict(outline.by_key)
    edits = [change for change in changes if isinstance(change, Changed)]
    if len(edits) == len(changes):
        for key, field, _, after in edits:
            items[key] = items[key].saying({field: after})
        return Outline(items[ROOT], tuple([items[item.key] for item in outline.items]))
    taken: set[str] = set()
    for change in changes:
        match change:
            case Removed(item, _):
                _take(item.key, item.parent, items, taken)
                del items[item.key]
            case Moved(key, before, _):
                _take(key, before.parent, items, taken)
            case Changed(key, field, _, after):
                items[key] = items[key].saying({field: after})
            case Added():
                pass
    siblings = _Siblings(outline.children, taken)
    for change in changes:
        match change:
            case Added(item, place):
                siblings.insert(item.key, items[place.parent].key, place.after)
                items[item.key] = item
            case Moved(key, _, place):
                siblings.insert(key, items[place.parent].key, place.after)
                items[key] = items[key]._replace(parent=place.parent)
            case _:
                pass
    return arrange(items[ROOT], items, siblings.children())


def _take(key: str, parent: str, items: Mapping[str, Item], taken: set[str]) -> None:
    if key in taken or items[key].parent != parent:
        raise KeyError(key)
    taken.add(key)


class _Siblings:
    """The children of every parent as chains, so that inserting does not depend on how many there are."""

    def __init__(self, children: Mapping[str, Sequence[str]], without: Container[str]) -> None:
        self._next: dict[tuple[str, str], str] = {}
        self._parents: dict[str, None] = {}
        for parent, keys in children.items():
            before = ""
            for key in keys:
                if key not in without:
                    self._next[parent, before] = key
                    before = key
            self._close(parent, before)

    def _close(self, parent: str, last: str) -> None:
        self._next[parent, last] = ""
        self._parents[parent] = None

    def insert(self, key: str, parent: str, after: str) -> None:
        if parent not in self._parents:
            self._close(parent, "")
        if (parent, after) not in self._next:
            raise KeyError(after)
        self._next[parent, key] = self._next[parent, after]
        self._next[parent, after] = key

    def children(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for parent in self._parents:
            key = self._next[parent, ""]
            keys = found[parent] = []
            while key:
                keys.append(key)
                key = self._next[parent, key]
        return found
