"""The merge as a whole. Package-internal but for `decide`."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from conflicts.merge.fields import FieldMerge
from conflicts.merge.halfway import rooted
from conflicts.merge.joining import join, renamed
from conflicts.merge.model import (
    DEFAULT_POLICY,
    NO_DECISIONS,
    NOTHING_HELD,
    PARENT,
    PRESENCE,
    SIDES,
    Clash,
    Decision,
    Decisions,
    Held,
    Overruled,
    Policy,
    Spot,
)
from conflicts.merge.order import OrderMerge
from conflicts.merge.structure import PENDING, Fate, Move, State, Structure
from plans.outline import ROOT, Item, Outline, Value, arrange, differing_fields

HUB, REPLICA, BASE, AGREED = range(4)
_TAKEN = Move(Fate.TAKEN)


def decide(
    base: Outline,
    hub: Outline,
    replica: Outline,
    *,
    held: Held = NOTHING_HELD,
    policy: Policy = DEFAULT_POLICY,
    decisions: Decisions = NO_DECISIONS,
    disputed: Collection[Spot] = (),
) -> Decision:
    """What hub and replica must become, given what they last agreed on.

    Per value: equal on both sides is agreed; what one side changed goes to the other; what both changed is a
    clash, unless `policy` or `decisions` settle it. Items known to the base go by one key on all sides.
    At the spots `disputed` (values, and the presence of items) the change of one side is a clash as well.
    """
    if hub == replica:
        return Decision(hub, hub, hub, hub, stale=tuple(decisions))
    if not held and policy.is_neutral and not disputed:
        if replica == base:
            return Decision(hub, hub, hub, replica, stale=tuple(decisions))
        if hub == base:
            return Decision(replica, replica, replica, replica, stale=tuple(decisions))
    return _Merge(base, hub, replica, held, policy, decisions, disputed).decision()


class _Merge:
    def __init__(
        self,
        base: Outline,
        hub: Outline,
        replica: Outline,
        held: Held,
        policy: Policy,
        decisions: Decisions,
        disputed: Collection[Spot],
    ) -> None:
        self.joined = join(base, hub, replica)
        self.base, self.hub, self.replica = base, hub, renamed(replica, self.joined)
        self.held, self.policy, self.decisions = held, policy, decisions
        self.structure = Structure(
            *(self.base, self.hub, self.replica),
            held=held,
            policy=policy,
            decisions=decisions,
            disputed=disputed,
        )
        self.fields = FieldMerge(held=held, policy=policy, decisions=decisions, disputed=disputed)
        self.items: tuple[dict[str, Item], ...] = ({}, {}, {}, {})
        self._fill_common()
        for side in (HUB, REPLICA):
            self._fill_lone(side)
        for column in (BASE, AGREED):
            rooted(self.items[column], self.base.by_key)
        parents = [{key: item.parent for key, item in column.items() if key} for column in self.items]
        self.order = OrderMerge(
            self.base, self.hub, self.replica, parents, joined=self.joined, decisions=decisions
        )

    def decision(self) -> Decision:
        hub, replica, base, agreed = map(self._laid_out, self.items, self.order.children)
        used = self.structure.used | self.fields.used | self.order.used
        return Decision(
            hub=hub,
            replica=replica,
            base=base,
            agreed=agreed,
            held={**self.fields.still_held, **dict(self._held_structure())},
            clashes=self._in_document_order(hub, replica),
            overruled=tuple(self.fields.overruled),
            joined=self.joined,
            stale=tuple(spot for spot in self.decisions if spot not in used),
        )

    def _laid_out(self, items: dict[str, Item], children: dict[str, list[str]]) -> Outline:
        for known in (self.hub, self.replica, self.base):
            if children == known.children:
                return Outline(items[ROOT], tuple([items[item.key] for item in known.items]))
        return arrange(items[ROOT], items, children)

    # --------------------------------------------------------------------------------- items

    def _fill_common(self) -> None:
        theirs, known, moves = self.replica.by_key, self.base.by_key, self.structure.moves
        for item in (self.hub.plan, *self.hub.items):
            key = item.key
            twin = theirs.get(key)
            if twin is None:
                continue
            before = known.get(key)
            if item == twin == before:
                for column in self.items:
                    column[key] = item
                continue
            merged = self.fields.merge(before, item, twin)
            parents = self._parents(item, twin, before) if key in moves else (item.parent,) * 4
            for column, entry, parent in zip(self.items, merged, parents, strict=True):
                column[key] = entry if entry.parent == parent else entry._replace(parent=parent)

    def _parents(self, item: Item, twin: Item, before: Item | None) -> tuple[str, str, str, str]:
        """The parent of a moved item on the hub, on the replica, in the base and halfway."""
        move = self.structure.moves[item.key]
        if move.fate is Fate.TAKEN:
            return (move.parent, move.parent, move.parent, twin.parent)
        pinned = before.parent if before is not None else ROOT
        return (item.parent, twin.parent, pinned, pinned)

    def _fill_lone(self, side: int) -> None:
        states, known = self.structure.states[side], self.base.by_key
        for item in self.structure.lone[side]:
            key, state, before = item.key, states[item.key], known.get(item.key)
            pinned: Item | None = item
            columns: tuple[int, ...]
            if state is State.ADDED:
                columns = (HUB, REPLICA, BASE) if side == HUB else (HUB, REPLICA, BASE, AGREED)
            elif self.structure.stays(side, key):
                self.items[side][key] = item
                columns = (BASE, AGREED)
                pinned = item if state is State.DROPPED else before
            else:
                # Deleted where it still is; halfway, the replica has yet to do so.
                columns = (AGREED,) if side == REPLICA else ()
            if pinned is not None:
                for column in columns:
                    self.items[column][key] = pinned
            if state is State.DOOMED and before is not None and not self.structure.stays(side, key):
                self._report_overruled(side, before, item)

    def _report_overruled(self, side: int, before: Item, item: Item) -> None:
        """The edits of an item that is deleted all the same, because the other side owns those fields."""
        for name, old, new in differing_fields(before, item):
            if side == REPLICA or self.held.get((item.key, name), old) != new:
                self.fields.overruled.append(Overruled(item.key, name, SIDES[side], new))

    # ------------------------------------------------------------------------------- reports

    def _held_structure(self) -> Iterator[tuple[Spot, Value]]:
        """Held values of parents that are not settled, and of items that the hub alone has and keeps."""
        structure = self.structure
        for spot, value in self.held.items():
            key, field = spot
            state = structure.states[HUB].get(key)
            kept = state in PENDING or (state is State.DOOMED and key in structure.carriers[HUB])
            apart = field == PARENT and structure.moves.get(key, _TAKEN).fate is not Fate.TAKEN
            if kept or apart:
                yield spot, value

    def _structure_clashes(self) -> Iterator[Clash]:
        for clash in self.structure.presence_clashes():
            values = (clash.value, None) if clash.side == HUB else (None, clash.value)
            yield Clash(clash.key, PRESENCE, clash.base, *values)
        for key, move in self.structure.moves.items():
            if move.fate is Fate.CLASHES:
                hub, replica = self.hub.by_key[key].parent, self.replica.by_key[key].parent
                agreed = self.items[BASE][key].parent if key in self.items[BASE] else None
                yield Clash(key, PARENT, agreed, hub, replica)

    def _in_document_order(self, hub: Outline, replica: Outline) -> tuple[Clash, ...]:
        clashes = [*self._structure_clashes(), *self.fields.clashes, *self.order.clashes]
        if not clashes:
            return ()
        place = {
            item.key: number for outline in (replica, hub) for number, item in enumerate(outline.items, 1)
        }
        return tuple(sorted(clashes, key=lambda clash: (place.get(clash.key, 0), clash.key, clash.field)))
