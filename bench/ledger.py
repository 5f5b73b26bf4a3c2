"""What became of each edit of both sides in a merge, told without anything of the merge: `account`.

An edit is one change of one side against the base: a field of an item, an item added, removed or moved. It is

- KEPT: both sides say it afterwards;
- ASKED: not yet, and an open conflict shows its value: a person decides;
- DROPPED: a strategy, or the owner of a field, decided against it, and the record of that names its value;
- OVERTAKEN: it was only about a place among siblings, and the other side deleted the item, put it elsewhere,
  or reordered there as well; no value is gone, but nobody is told;
- LOST: none of these. There must be none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from conflicts.merge import Clash
from conflicts.merge.joining import renamed
from conflicts.merge.model import ORDER, PARENT, PRESENCE, Spot
from conflicts.policy import Arbitrated
from plans import outline as outlines
from plans.outline import (
    FIELDS,
    ROOT,
    Added,
    Change,
    Changed,
    Item,
    Kind,
    Moved,
    Outline,
    Place,
    Removed,
    Value,
)

HUB, REPLICA = 0, 1
Ranks = Mapping[str, int]


class Outcome(StrEnum):
    KEPT = "kept"
    ASKED = "asked"
    DROPPED = "dropped"
    OVERTAKEN = "overtaken"
    LOST = "lost"


WORST_LAST = (Outcome.KEPT, Outcome.OVERTAKEN, Outcome.DROPPED, Outcome.ASKED, Outcome.LOST)


class Edit(NamedTuple):
    side: int
    change: Change

    @property
    def key(self) -> str:
        return self.change.item.key if isinstance(self.change, Added | Removed) else self.change.key

    @property
    def what(self) -> str:
        """The field, or what was done to the item."""
        return self.change.field if isinstance(self.change, Changed) else type(self.change).__name__.lower()


class Line(NamedTuple):
    edit: Edit
    outcome: Outcome


def account(base: Outline, hub: Outline, replica: Outline, arbitrated: Arbitrated) -> tuple[Line, ...]:
    """A line for each edit, the hub's first. Keys are the hub's."""
    return _Ledger(base, hub, replica, arbitrated).lines()


class _Ledger:
    def __init__(self, base: Outline, hub: Outline, replica: Outline, arbitrated: Arbitrated) -> None:
        decision = arbitrated.decision
        self.base = base
        self.sides = (hub, renamed(replica, decision.joined))
        self.results = (decision.hub, decision.replica)
        self.open: Mapping[Spot, Clash] = {(clash.key, clash.field): clash for clash in decision.clashes}
        self.settled = {settled.spot: settled for settled in arbitrated.settled}
        self._groups: dict[tuple[str, Kind], Group] = {}
        self.overruled = {(o.key, o.field, o.side, o.value) for o in decision.overruled}

    def lines(self) -> tuple[Line, ...]:
        return tuple(
            Line(edit, self._outcome(edit))
            for side in (HUB, REPLICA)
            for edit in (Edit(side, change) for change in outlines.diff(self.base, self.sides[side]))
        )

    def _outcome(self, edit: Edit) -> Outcome:
        match edit.change:
            case Changed(key, field, _, value):
                return self._field(edit.side, key, field, value)
            case Added(item, _):
                return self._added(edit.side, item)
            case Removed(item, _):
                return self._removed(edit.side, item.key)
            case Moved(key, before, after):
                return self._moved(edit.side, key, before, after)

    # ---------------------------------------------------------------------------------- fields

    def _field(self, side: int, key: str, field: str, value: Value) -> Outcome:
        there = [key in result.by_key for result in self.results]
        if not all(there):
            return self._alone(side, key, value)
        if all(outlines.value(result.by_key[key], field) == value for result in self.results):
            return Outcome.KEPT
        clash = self.open.get((key, field))
        if clash is not None and _values(clash)[side] == value and self._says(side, key, field, value):
            return Outcome.ASKED
        settled = self.settled.get((key, field))
        if settled is not None and _values(settled.clash)[side] == value:
            return self._merged(side, settled.clash, key, field)
        if (key, field, ("hub", "replica")[side], value) in self.overruled:
            return Outcome.DROPPED
        return Outcome.LOST

    def _says(self, side: int, key: str, field: str, value: Value) -> bool:
        return outlines.value(self.results[side].by_key[key], field) == value

    def _merged(self, side: int, clash: Clash, key: str, field: str) -> Outcome:
        """Kept if the settled value has all that this side brought, and nothing that it took away."""
        results = {outlines.value(result.by_key[key], field) for result in self.results}
        if len(results) != 1:
            return Outcome.LOST
        found, before, after = (_parts(value) for value in (results.pop(), clash.base, _values(clash)[side]))
        brought, gone = after - before, before - after
        other = _parts(_values(clash)[1 - side]) - before
        whole = brought <= found and all(found[part] <= after[part] + other[part] for part in gone)
        return Outcome.KEPT if whole and (brought or gone) else Outcome.DROPPED

    # ----------------------------------------------------------------------------------- items

    def _alone(self, side: int, key: str, value: Value | None) -> Outcome:
        """Of an edit, with its `value`, of an item that is not on both sides afterwards."""
        if key in self.results[side].by_key:
            return Outcome.ASKED if self._shown(side, key, value) else Outcome.LOST
        return Outcome.DROPPED if self._decided_on(side, key, value) else Outcome.LOST

    def _shown(self, side: int, key: str, value: Value | None) -> bool:
        """Whether an open conflict about the item, or about one above it, tells of the item and the value."""
        item = self.results[side].by_key[key]
        return any(
            _tells(self.open.get((above, PRESENCE)), side, item, value) for above in self._above(side, key)
        )

    def _decided_on(self, side: int, key: str, value: Value | None) -> bool:
        item = self.sides[side].by_key[key]
        records = (self.settled.get((above, PRESENCE)) for above in self._above(side, key))
        return any(_tells(record.clash, side, item, value) for record in records if record is not None)

    def _above(self, side: int, key: str) -> Iterator[str]:
        """The item and those above it, as the side had them."""
        items = self.sides[side].by_key
        while key != ROOT:
            yield key
            key = items[key].parent

    def _added(self, side: int, item: Item) -> Outcome:
        if not all(item.key in result.by_key for result in self.results):
            return self._alone(side, item.key, item.text)
        found = [self._place(side, item.key)]
        for field in FIELDS[item.kind]:
            value = outlines.value(item, field)
            if value:
                found.append(self._field(side, item.key, field, value))
        return max(found, key=WORST_LAST.index)

    def _removed(self, side: int, key: str) -> Outcome:
        other = 1 - side
        if not any(key in result.by_key for result in self.results):
            return Outcome.KEPT
        if all(key in result.by_key for result in self.results):
            below = {item.key for result in self.results for item in result.subtree(key)}
            named = below.union(self._above(other, key))
            records = [spot for spot in self.settled if spot[0] in named and spot[1] in (PRESENCE, PARENT)]
            return Outcome.DROPPED if records else Outcome.LOST
        if key in self.results[side].by_key:
            return Outcome.LOST
        asked = self._holds_up(other, key) or self._shown(other, key, None)
        return Outcome.ASKED if asked else Outcome.LOST

    def _holds_up(self, side: int, key: str) -> bool:
        """Whether something at or below the item is in conflict, so that the item stays on this side."""
        below = [item.key for item in self.results[side].subtree(key)]
        return any((each, field) in self.open for each in below for field in (PRESENCE, PARENT))

    # ---------------------------------------------------------------------------------- places

    def _moved(self, side: int, key: str, before: Place, after: Place) -> Outcome:
        reordered = before.parent == after.parent
        if all(key in result.by_key for result in self.results):
            return self._place(side, key, reordered=reordered)
        if reordered and not any(key in result.by_key for result in self.results):
            return Outcome.OVERTAKEN
        if key in self.results[side].by_key and self._holds_up(side, key):
            return Outcome.ASKED
        return self._alone(side, key, None)

    def _place(self, side: int, key: str, *, reordered: bool = False) -> Outcome:
        """Of the place of an item that both sides have: its parent, and the place among its siblings."""
        parent = self.sides[side].by_key[key].parent
        parents = [result.by_key[key].parent for result in self.results]
        if parents == [parent, parent]:
            return self._rank(side, key, parent)
        if (key, PARENT) in self.open or self._waits(side, key, parent):
            return Outcome.ASKED
        if (key, PARENT) in self.settled:
            return Outcome.DROPPED
        return Outcome.OVERTAKEN if reordered else Outcome.LOST

    def _waits(self, side: int, key: str, parent: str) -> bool:
        """Whether the item was put below one that waits for a person itself."""
        result = self.results[side].by_key
        return result[key].parent == parent and parent != ROOT and self._shown(side, parent, None)

    def _rank(self, side: int, key: str, parent: str) -> Outcome:
        """Of the place among the siblings that were there before and still are, on every side."""
        group = self._group(parent, self.sides[side].by_key[key].kind)
        mine, theirs = group.sides[side], group.sides[1 - side]
        if key not in group.base:
            return _arrived(key, mine, theirs, group)
        turned = [each for each in group.common if _turned(each, key, mine, group.base)]
        if all(not _turned(each, key, mine, result) for result in group.results for each in turned):
            return Outcome.KEPT
        if (parent, ORDER) in self.open:
            return Outcome.ASKED
        return Outcome.DROPPED if (parent, ORDER) in self.settled else Outcome.LOST

    def _group(self, parent: str, kind: Kind) -> Group:
        if (parent, kind) not in self._groups:
            everywhere = (self.base, *self.sides, *self.results)
            base, hub, replica, *results = (_ranks(outline, parent, kind) for outline in everywhere)
            common = frozenset(base).intersection(hub, replica, *results)
            self._groups[parent, kind] = Group(base, (hub, replica), tuple(results), common)
        return self._groups[parent, kind]


class Group(NamedTuple):
    """The siblings of one kind below one parent: the rank of each, by key, on every side."""

    base: Ranks
    sides: tuple[Ranks, Ranks]
    results: tuple[Ranks, ...]
    common: frozenset[str]
    """Those that are there in all of them."""

    @property
    def is_steady(self) -> bool:
        """Whether nobody changed the order of the common ones."""
        orders = {tuple(sorted(self.common, key=ranks.__getitem__)) for ranks in (self.base, *self.sides)}
        return len(orders) == 1


def _ranks(outline: Outline, parent: str, kind: Kind) -> Ranks:
    keys = [key for key in outline.children.get(parent, ()) if outline.by_key[key].kind is kind]
    return {key: rank for rank, key in enumerate(keys)}


def _turned(one: str, other: str, before: Ranks, after: Ranks) -> bool:
    return (before[one] < before[other]) != (after[one] < after[other])


def _arrived(key: str, mine: Ranks, theirs: Ranks, group: Group) -> Outcome:
    """Of an item that came below this parent. Where the other side reordered, or put the same item there too,
    only one of two places can be; no value is gone by that, and it is counted apart.
    """
    if all(not _turned(each, key, mine, result) for result in group.results for each in group.common):
        return Outcome.KEPT
    still_there = frozenset(mine).intersection(*group.results)
    for neighbours in (group.common, still_there):
        if len({_nearest(key, ranks, neighbours) for ranks in (mine, *group.results)}) == 1:
            return Outcome.KEPT
    return Outcome.OVERTAKEN if key in theirs or not group.is_steady else Outcome.LOST


def _nearest(key: str, ranks: Ranks, neighbours: frozenset[str]) -> str:
    """Which of these siblings it comes right after; "" for none."""
    before = [each for each in neighbours if ranks[each] < ranks[key]]
    return max(before, key=ranks.__getitem__, default="")


# ----------------------------------------------------------------------------------------- values


def _values(clash: Clash) -> tuple[Value | None, Value | None]:
    return clash.hub, clash.replica


def _parts(value: Value | None) -> Counter[str]:
    """The words of a text, the elements of a set."""
    return Counter(value.split(" ") if isinstance(value, str) else value or ())


def _tells(clash: Clash | None, side: int, item: Item, value: Value | None) -> bool:
    """Whether the value of this side in a clash on presence tells of the item, and of `value`."""
    told = _values(clash)[side] if clash is not None else None
    if not isinstance(told, tuple):
        return False
    said = value if isinstance(value, str) else ", ".join(value or ())
    return any(item.text in line and said in line for line in told)
