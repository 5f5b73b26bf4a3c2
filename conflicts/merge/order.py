"""After whom each item comes. Package-internal: `OrderMerge`.

Siblings of one kind below one parent are a group. The items of a group that both sides have there already
are its skeleton: where one side kept the base's order of them, the other's order stands. Everything else goes
after the same predecessor as on the side it comes from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from conflicts.merge.model import ORDER, SIDES, Clash, Decisions, Spot
from plans.outline import Item, Kind, Outline

FIRST = ""
"""Stands for the predecessor of whatever comes first."""

Parents = Mapping[str, str]
Children = dict[str, list[str]]


class _Orders(NamedTuple):
    """The order of one group in each of the four outlines."""

    hub: list[str]
    replica: list[str]
    base: list[str]
    agreed: list[str]


class _Shared(NamedTuple):
    """The order of the items of a group that both sides will have there."""

    hub: list[str]
    replica: list[str]
    base: list[str]


class OrderMerge:
    """`parents` are the parents afterwards on the hub, on the replica, in the base, and halfway."""

    def __init__(
        self,
        base: Outline,
        hub: Outline,
        replica: Outline,
        parents: Sequence[Parents],
        *,
        joined: Mapping[str, str],
        decisions: Decisions,
    ) -> None:
        self.outlines = (hub, replica, base)
        self.parents = parents
        self.decisions = decisions
        # A joined item has a key from each side; the smaller one does not tell which side is the hub.
        self._names = {mine: min(mine, theirs) for theirs, mine in joined.items()}
        self.clashes: list[Clash] = []
        self.used: set[Spot] = set()
        self.children: tuple[Children, Children, Children, Children] = ({}, {}, {}, {})
        self._brought = self._brought_by_decision()
        groups = dict.fromkeys(key for outline in (hub, replica, base) for key in outline.children)
        for parent in groups | dict.fromkeys(self._brought):
            self._merge_children(parent)

    def _brought_by_decision(self) -> dict[str, list[str]]:
        """Items that a decision puts below a parent where neither side had them, by that parent."""
        hub, replica = self.outlines[0].by_key, self.outlines[1].by_key
        found: defaultdict[str, list[str]] = defaultdict(list)
        for key, parent in self.parents[0].items():
            item = hub.get(key) or replica[key]
            if item.parent != parent and replica.get(key, item).parent != parent:
                found[parent].append(key)
        return {parent: sorted(keys, key=self._content) for parent, keys in found.items()}

    def _merge_children(self, parent: str) -> None:
        own = [outline.children.get(parent, []) for outline in self.outlines]
        if own[0] == own[1] == own[2] and parent not in self._brought:
            for column in self.children:
                column[parent] = own[0]
            return
        groups = {kind: self._shared(parent, kind) for kind in (Kind.TASK, Kind.PHASE)}
        self._report(parent, groups)
        for kind, shared in groups.items():
            orders = self._complete(parent, shared, [self._of_kind(keys, kind) for keys in own])
            for column, keys in zip(self.children, orders, strict=True):
                if keys:
                    column.setdefault(parent, []).extend(keys)

    def _item(self, key: str) -> Item:
        return next(outline.by_key[key] for outline in self.outlines if key in outline.by_key)

    def _of_kind(self, keys: Iterable[str], kind: Kind) -> list[str]:
        return [key for key in keys if self._item(key).kind is kind]

    # ---------------------------------------------------------------------- what both sides have

    def _shared(self, parent: str, kind: Kind) -> _Shared:
        hub, replica, base = (self._of_kind(o.children.get(parent, ()), kind) for o in self.outlines)
        brought = self._of_kind(self._brought.get(parent, ()), kind)
        on_hub, on_replica = self.parents[0], self.parents[1]
        shared = {
            key
            for key in (*hub, *replica, *brought)
            if on_hub.get(key) == parent and on_replica.get(key) == parent
        }
        skeleton = shared.intersection(hub).intersection(replica)
        mine, theirs = _only(hub, skeleton), _only(replica, skeleton)
        runs = (_runs(hub, skeleton, shared), _runs(replica, skeleton, shared))

        def line(order: list[str]) -> list[str]:
            return [*self._with_runs(order, runs), *brought]

        order = self._agreed_order(mine, theirs, _only(base, skeleton))
        if order is not None:
            return _Shared(*[line(order)] * 3)
        before = _woven(_only(base, skeleton), min(mine, theirs, key=self._contents), skeleton)
        return _Shared(line(mine), line(theirs), line(before))

    def _agreed_order(self, mine: list[str], theirs: list[str], base: list[str]) -> list[str] | None:
        """The order of the skeleton on both sides; None for a clash. `base` lacks what came there since."""
        if mine == theirs:
            return mine
        known = set(base)
        orders = (_only(mine, known), _only(theirs, known))
        moved = (orders[0] != base, orders[1] != base)
        if moved == (True, False):
            return mine
        if moved == (False, True):
            return theirs
        if orders[0] != orders[1]:
            return None
        # Both sides brought the same item to two places in the group: the content says which, not the side.
        return min(mine, theirs, key=self._contents)

    def _with_runs(self, skeleton: list[str], runs: tuple[Children, Children]) -> list[str]:
        line: list[str] = []
        for key in (FIRST, *skeleton):
            if key:
                line.append(key)
            both = [run[key] for run in runs if key in run]
            if len(both) == 2:
                both.sort(key=self._contents)
            for keys in both:
                line.extend(keys)
        return line

    def _contents(self, keys: Iterable[str]) -> list[tuple[str, ...]]:
        return [self._content(key) for key in keys]

    def _content(self, key: str) -> tuple[str, ...]:
        """What ties are broken by: the same whichever side is called the hub."""
        items = [outline.by_key[key] for outline in self.outlines[:2] if key in outline.by_key]
        texts = sorted((item.text, item.ref) for item in items)
        return (*texts[0], *texts[-1], self._names.get(key, key))

    # ------------------------------------------------------------------------------------ clashes

    def _report(self, parent: str, groups: dict[Kind, _Shared]) -> None:
        """Report the groups of `parent` that clash as one clash, or settle them as was decided for it."""
        split = {kind: shared for kind, shared in groups.items() if shared.hub != shared.replica}
        if not split:
            return
        hub, replica, base = (
            tuple(key for shared in split.values() for key in shared[column]) for column in range(3)
        )
        choice = self.decisions.get((parent, ORDER))
        if choice is not None and (choice.hub_value, choice.replica_value) == (hub, replica):
            taken = choice.value if choice.take == "value" else (hub, replica)[SIDES.index(choice.take)]
            if isinstance(taken, tuple) and sorted(taken) == sorted(hub):
                self.used.add((parent, ORDER))
                groups.update({kind: _Shared(*[self._of_kind(taken, kind)] * 3) for kind in split})
                return
        self.clashes.append(Clash(parent, ORDER, base, hub, replica))

    # ---------------------------------------------------------------- what only some of them have

    def _complete(self, parent: str, shared: _Shared, own: list[list[str]]) -> _Orders:
        """The whole group in each outline: what is shared, and around it what is only there."""

        def there(column: int) -> Callable[[str], bool]:
            return lambda key: self.parents[column].get(key) == parent

        hub = _woven(shared.hub, own[0], there(0))
        replica = _woven(shared.replica, own[1], there(1))
        base = list(filter(there(2), shared.base))
        agreed = list(filter(there(3), own[1] if shared.hub == shared.replica else shared.base))
        for donor in (own[2], own[0], own[1]):
            base = _woven(base, donor, there(2))
            agreed = _woven(agreed, donor, there(3))
        return _Orders(hub, replica, base, agreed)


def _only(keys: Iterable[str], wanted: Container[str]) -> list[str]:
    return [key for key in keys if key in wanted]


def _runs(keys: Iterable[str], skeleton: Container[str], wanted: Container[str]) -> Children:
    """The wanted keys beside the skeleton, each list by the key of the skeleton that it comes after."""
    runs: Children = {}
    last = FIRST
    for key in keys:
        if key in skeleton:
            last = key
        elif key in wanted:
            runs.setdefault(last, []).append(key)
    return runs


def _woven(
    keys: list[str], donor: Iterable[str], wanted: Container[str] | Callable[[str], bool]
) -> list[str]:
    """`keys`, and what else `donor` has that is wanted, each after the same predecessor as in `donor`."""
    is_wanted = wanted if callable(wanted) else wanted.__contains__
    present = set(keys)
    runs = _runs(donor, present, {key for key in donor if is_wanted(key)})
    if not runs:
        return keys
    return [other for key in (FIRST, *keys) for other in ([key] if key else []) + runs.get(key, [])]
