"""Who is there on each side and below what. Package-internal: `Structure`, `State`, `Fate`.

An item that both sides have is *common*; one that a single side has is *lone* and has a `State`. What a side
deleted takes with it whatever the other side left alone; what the other side edited, added below or moved
below is a clash, and the deleted items above it stay on that side as its *carriers*.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator
from enum import Enum, auto
from typing import NamedTuple

from conflicts.merge.model import PARENT, PRESENCE, SIDES, Choice, Decisions, Held, Policy, Spot
from plans.outline import FIELDS, ROOT, Item, Kind, Outline, Value, differing_fields, value


class State(Enum):
    """What becomes of an item that one side has and the other has not."""

    ADDED = auto()
    """It goes to the other side: new there, or deleted there and kept by a decision."""
    CLASHING = auto()
    """Deleted on the other side and edited here, or put below something that was deleted there."""
    WAITING = auto()
    """Below a clashing item: it stays on its side until that is decided."""
    DOOMED = auto()
    """Deleted on the other side and left alone here."""
    DROPPED = auto()
    """Deleted by a decision."""


GOING = (State.DOOMED, State.DROPPED)
PENDING = (State.CLASHING, State.WAITING)


class Fate(Enum):
    """What becomes of a parent on which the two sides differ."""

    TAKEN = auto()
    HELD = auto()
    WAITS = auto()
    CLASHES = auto()


class Move(NamedTuple):
    fate: Fate
    parent: str = ""
    """Where the item goes on both sides; only for `TAKEN`."""


class PresenceClash(NamedTuple):
    key: str
    side: int
    base: Value | None
    items: tuple[Item, ...]
    """What a decision on it is about: the item and what waits below it."""

    @property
    def value(self) -> Value:
        return tuple(_told(item) for item in self.items)


class Structure:
    """Solved on creation; sides are numbered as in `SIDES`."""

    def __init__(
        self,
        base: Outline,
        hub: Outline,
        replica: Outline,
        *,
        held: Held,
        policy: Policy,
        decisions: Decisions,
        disputed: Container[Spot] = (),
    ) -> None:
        self.base = base.by_key
        self.disputed = disputed
        self.sides = (hub.by_key, replica.by_key)
        self.outlines = (hub, replica)
        self.held = held
        self.policy = policy
        self.decisions = decisions
        self.used: set[Spot] = set()
        self.states: tuple[dict[str, State], dict[str, State]] = ({}, {})
        self.moves: dict[str, Move] = {}
        self._lone = tuple(
            [item for item in outline.items if item.key not in other]
            for outline, other in ((hub, self.sides[1]), (replica, self.sides[0]))
        )
        self._moved = [
            item.key
            for item in hub.items
            if (twin := self.sides[1].get(item.key)) is not None and twin.parent != item.parent
        ]
        self._touched = tuple(
            {item.key for item in self._lone[side] if self._is_touched(side, item)} for side in (0, 1)
        )
        self._kept: tuple[set[str], set[str]] = (set(), set())
        self._dropped: tuple[set[str], set[str]] = (set(), set())
        self._settled: dict[str, str] = {}
        self._followers: set[str] = set()
        self._entangled: set[str] = set()
        self._refused: set[Spot] = set()
        self._solve()
        self.carriers = (self._carriers(0), self._carriers(1))

    # ------------------------------------------------------------------------------- answers

    @property
    def lone(self) -> tuple[list[Item], ...]:
        """The items that only this side has, by side, in document order."""
        return self._lone

    def stays(self, side: int, key: str) -> bool:
        """Whether the lone item `key` of `side` is still there afterwards."""
        return self.states[side][key] not in GOING or key in self.carriers[side]

    def parent_base(self, side: int, key: str) -> str:
        """The parent that `side` started from."""
        known = self.base.get(key)
        agreed = known.parent if known is not None else ROOT
        return str(self.held.get((key, PARENT), agreed)) if side == 0 else agreed

    def presence_clashes(self) -> Iterator[PresenceClash]:
        for side in (0, 1):
            for key, items in self._at_stake(side).items():
                known = self.base.get(key)
                yield PresenceClash(key, side, None if known is None else (_told(known),), tuple(items))

    # -------------------------------------------------------------------------------- solving

    def _solve(self) -> None:
        """Each round settles a decision or takes one move out of a circle, so that it ends."""
        while True:
            self.states = (self._lone_states(0), self._lone_states(1))
            self.moves = {key: self._move(key) for key in self._moved}
            if self._apply_presence_decisions() or self._apply_parent_decisions():
                continue
            if not self._break_circles():
                return

    def _is_touched(self, side: int, item: Item) -> bool:
        """Whether `side` edited or moved a known item; edits that the policy overrules do not count."""
        known = self.base.get(item.key)
        if known is None:
            return False
        if (item.key, PRESENCE) in self.disputed:
            return True
        if item.parent != self.parent_base(side, item.key):
            return True
        foreign = SIDES[1 - side]
        held = self.held if side == 0 else {}
        if item == known and not held:
            return False
        return any(
            value(item, name) != held.get((item.key, name), value(known, name))
            and self.policy.owner(name) != foreign
            for name in FIELDS[item.kind]
        )

    def _lone_states(self, side: int) -> dict[str, State]:
        states: dict[str, State] = {}
        for item in self._lone[side]:
            states[item.key] = self._lone_state(side, item, states.get(item.parent))
        return states

    def _lone_state(self, side: int, item: Item, above: State | None) -> State:
        """`above` is the state of its parent, None where the parent is common."""
        if item.key in self._kept[side]:
            return State.ADDED
        if item.key in self._dropped[side]:
            return State.DROPPED
        if item.key in self._touched[side]:
            return State.CLASHING
        if above in PENDING:
            return State.WAITING
        if item.key in self.base:
            return State.DOOMED
        return State.CLASHING if above in GOING else State.ADDED

    def _move(self, key: str) -> Move:
        if key in self._settled:
            return Move(Fate.TAKEN, self._settled[key])
        if key in self._entangled:
            return Move(Fate.CLASHES)
        parents = (self.sides[0][key].parent, self.sides[1][key].parent)
        movers = [side for side in (0, 1) if parents[side] != self.parent_base(side, key)]
        if not movers:
            return Move(Fate.HELD)
        if len(movers) == 2:
            return Move(Fate.CLASHES)
        target = parents[movers[0]]
        state = self.states[movers[0]].get(target)
        if state in GOING:
            return Move(Fate.CLASHES)
        return Move(Fate.WAITS) if state in PENDING else Move(Fate.TAKEN, target)

    # ------------------------------------------------------------------------------ decisions

    def _open_decision(self, key: str, field: str) -> Choice | None:
        spot = (key, field)
        return None if spot in self.used or spot in self._refused else self.decisions.get(spot)

    def _apply_presence_decisions(self) -> bool:
        if not self.decisions:
            return False
        keep: list[tuple[int, str]] = []
        found = False
        for clash in self.presence_clashes():
            choice = self._open_decision(clash.key, PRESENCE)
            if choice is None or choice.take == "value":
                continue
            values = (choice.hub_value, choice.replica_value)
            if values[clash.side] != clash.value or values[1 - clash.side] is not None:
                continue
            self.used.add((clash.key, PRESENCE))
            self._entangled.clear()
            found = True
            if choice.take == SIDES[clash.side]:
                keep.append((clash.side, clash.key))
            else:
                self._dropped[clash.side].update(item.key for item in clash.items)
        for side, key in keep:
            self._keep(side, key, whole=True)
        return found

    def _keep(self, side: int, key: str, *, whole: bool) -> None:
        """Bring a lone item and its ancestors to the other side; `whole`: with what stands below it."""
        states, own = self.states[side], self.sides[side]
        roots = {key} if whole else set()
        while key in states:
            self._kept[side].add(key)
            if states[key] is State.CLASHING and key not in self._dropped[side]:
                roots.add(key)
            key = own[key].parent
        for item in self._lone[side]:
            if item.key in roots or (item.parent in roots and item.key not in self._dropped[side]):
                roots.add(item.key)
        self._kept[side].update(roots)

    def _apply_parent_decisions(self) -> bool:
        if not self.decisions:
            return False
        found = False
        for key, move in self.moves.items():
            choice = self._open_decision(key, PARENT) if move.fate is Fate.CLASHES else None
            parents = (self.sides[0][key].parent, self.sides[1][key].parent)
            if choice is None or (choice.hub_value, choice.replica_value) != parents:
                continue
            target = choice.value if choice.take == "value" else parents[SIDES.index(choice.take)]
            if not self._can_hold(target, key):
                continue
            self.used.add((key, PARENT))
            self._settle(key, str(target))
            found = True
        return found

    def _can_hold(self, target: Value | None, key: str) -> bool:
        for side in self.sides:
            if isinstance(target, str) and target in side:
                return target == ROOT or side[key].kind is Kind.TASK or side[target].kind is Kind.PHASE
        return False

    def _settle(self, key: str, target: str) -> None:
        self._settled[key] = target
        # This may have opened circles that were found before; those that are left will be found again.
        self._entangled.clear()
        for side in (0, 1):
            if target in self.states[side]:
                self._keep(side, target, whole=False)

    # -------------------------------------------------------------------------------- circles

    def _break_circles(self) -> bool:
        """Whether the moves that are taken close circles; if so, some of them no longer are taken."""
        circles = [(side, circle) for side in (0, 1) for circle in self._circles(side)]
        taken = {key for side, circle in circles for key in self._taken_on(side, circle)}
        if taken:
            self._entangled |= taken
        elif circles:
            self._follow_or_refuse(*min(circles, key=lambda found: sorted(found[1])))
        return bool(circles)

    def _circles(self, side: int) -> Iterator[list[str]]:
        """Each circle that `side` would have, as the keys on it; only a newcomer can close one."""
        own = self.sides[side]
        taken = {key: move.parent for key, move in self.moves.items() if move.fate is Fate.TAKEN}
        cleared = {ROOT}
        for start in (key for key, parent in taken.items() if own[key].parent != parent):
            trail: dict[str, None] = {}
            key = start
            while key not in cleared and key not in trail:
                trail[key] = None
                key = taken[key] if key in taken else (own.get(key) or self.sides[1 - side][key]).parent
            if key in trail:
                steps = list(trail)
                yield steps[steps.index(key) :]
            cleared.update(trail)

    def _taken_on(self, side: int, circle: list[str]) -> list[str]:
        """The undecided moves that `side` would take over from the other, or else those of its own."""
        open_moves = [key for key in circle if key in self.moves and key not in self._settled]
        taken = [key for key in open_moves if self.moves[key].fate is Fate.TAKEN]
        return [key for key in taken if self.sides[side][key].parent != self.moves[key].parent] or taken

    def _follow_or_refuse(self, side: int, circle: list[str]) -> None:
        """Clashing items follow the decision that closed the circle. Where decisions exclude one another, all
        starts again with the first by key of those about moves; the others have to be taken again.
        """
        clashing = [key for key in circle if key in self.moves and self.moves[key].fate is Fate.CLASHES]
        followers = [key for key in clashing if key not in self._followers]
        for key in followers:
            self._followers.add(key)
            self._settle(key, self.sides[1 - side][key].parent)
        if not followers:
            decided = sorted(spot for spot in self.used if spot[1] == PARENT)
            assert decided, f"a circle that no decision closed: {circle}"
            self._refused.update(decided[1:] or decided)
            for found in (
                self.used,
                self._settled,
                self._followers,
                self._entangled,
                *self._kept,
                *self._dropped,
            ):
                found.clear()

    # ------------------------------------------------------------------------------- outcomes

    def _carriers(self, side: int) -> set[str]:
        states = self.states[side]
        carriers: set[str] = set()
        if not any(state in GOING for state in states.values()):
            return carriers
        own = self.sides[side]
        for key, item in own.items():
            if states.get(key) in GOING:
                continue
            move = self.moves.get(key)
            above = move.parent if move is not None and move.fate is Fate.TAKEN else item.parent
            while states.get(above) in GOING and above not in carriers:
                carriers.add(above)
                above = own[above].parent
        return carriers

    def _at_stake(self, side: int) -> dict[str, list[Item]]:
        """The items that each clashing item answers for: itself and what waits below it."""
        found: defaultdict[str, list[Item]] = defaultdict(list)
        holder: dict[str, str] = {}
        states = self.states[side]
        for item in self._lone[side]:
            if states[item.key] in PENDING:
                clashing = states[item.key] is State.CLASHING
                holder[item.key] = item.key if clashing else holder[item.parent]
                found[holder[item.key]].append(item)
        return found


_BLANK = Item("", Kind.TASK, "", "")


def _told(item: Item) -> str:
    """The item in one line, every field included, so that a decision is about exactly that."""
    more = [
        f"{name}: {', '.join(held) if isinstance(held, tuple) else held}"
        for name, _, held in differing_fields(_BLANK._replace(kind=item.kind), item)
        if name not in ("ref", "text")
    ]
    return f"{item.ref} {item.text}".strip() + (f" [{'; '.join(more)}]" if more else "")
