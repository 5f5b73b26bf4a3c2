"""What an item says on each side. Package-internal: `FieldMerge`."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import NamedTuple

from conflicts.merge.model import SIDES, Clash, Decisions, Held, Overruled, Policy, Spot
from plans.outline import FIELDS, Item, Value, value


class Merged(NamedTuple):
    """One item as it becomes on the hub, on the replica and in the base, and what of it is agreed halfway."""

    hub: Item
    replica: Item
    base: Item
    agreed: Item


class _Values(NamedTuple):
    hub: Value
    replica: Value
    base: Value
    agreed: Value


class FieldMerge:
    """Merges common items field by field and collects what there is to report."""

    def __init__(
        self, *, held: Held, policy: Policy, decisions: Decisions, disputed: Container[Spot] = ()
    ) -> None:
        self.disputed = disputed
        self.held = held
        self.policy = policy
        self.decisions = decisions
        self.clashes: list[Clash] = []
        self.overruled: list[Overruled] = []
        self.still_held: dict[Spot, Value] = {}
        self.used: set[Spot] = set()

    def merge(self, base: Item | None, hub: Item, replica: Item) -> Merged:
        """`base` is None for an item that both sides have and never agreed on: then it starts out empty.

        Parents are left as they are: the hub's item and the replica's each keep their own.
        """
        never_agreed = base is None
        base = _blank(hub) if base is None else base
        assert hub.kind is replica.kind is base.kind, (
            f"item {hub.key} is a {hub.kind} here and a {replica.kind} there"
        )
        columns: tuple[dict[str, Value], ...] = ({}, {}, {}, {})
        for name in FIELDS[hub.kind]:
            mine, theirs, known = value(hub, name), value(replica, name), value(base, name)
            if mine == theirs == known:
                continue
            values = self._field((hub.key, name), known, mine, theirs, never_agreed)
            for column, before, after in zip(columns, (mine, theirs, known, theirs), values, strict=True):
                if before != after:
                    column[name] = after
        return Merged(
            *(_with(item, c) for item, c in zip((hub, replica, base, replica), columns, strict=True))
        )

    def _field(self, spot: Spot, base: Value, hub: Value, replica: Value, never_agreed: bool) -> _Values:
        if hub == replica:
            return _Values(hub, hub, hub, hub)
        start = self.held.get(spot, base)
        if hub == start and replica == base:
            self.still_held[spot] = start
            return _Values(hub, replica, base, base)
        owner = self.policy.owner(spot[1])
        if spot in self.disputed and owner != "hub":
            return self._clash(spot, base, hub, replica)
        if owner != "both" and not (never_agreed and not (hub and replica)):
            return self._owned(spot, base, hub, replica, owner == "replica")
        if replica == base:
            return _Values(hub, hub, hub, replica)
        if hub == start:
            return _Values(replica, replica, replica, replica)
        return self._clash(spot, base, hub, replica)

    def _owned(self, spot: Spot, base: Value, hub: Value, replica: Value, by_replica: bool) -> _Values:
        values, starts = (hub, replica), (self.held.get(spot, base), base)
        owner = int(by_replica)
        taken = values[owner]
        if values[1 - owner] != starts[1 - owner]:
            self.overruled.append(Overruled(*spot, SIDES[1 - owner], values[1 - owner]))
        return _Values(taken, taken, taken, replica)

    def _clash(self, spot: Spot, base: Value, hub: Value, replica: Value) -> _Values:
        choice = self.decisions.get(spot)
        if choice is not None and (choice.hub_value, choice.replica_value) == (hub, replica):
            taken = {"hub": hub, "replica": replica, "value": choice.value}[choice.take]
            # Not by the exact type: a parser gives a `Status`, which is a string too.
            if isinstance(taken, tuple if isinstance(hub, tuple) else str):
                self.used.add(spot)
                return _Values(taken, taken, taken, replica)
        if spot in self.held:
            self.still_held[spot] = self.held[spot]
        self.clashes.append(Clash(*spot, base or None, hub, replica))
        return _Values(hub, replica, base, base)


def _blank(item: Item) -> Item:
    return Item(item.key, item.kind, item.parent, "")


def _with(item: Item, changes: Mapping[str, Value]) -> Item:
    return item.saying(changes) if changes else item
