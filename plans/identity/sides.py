"""The two outlines of a matching, by position, and where the unpaired items of each stand.

Public: `Side`, `Surroundings`, `Likeness`, and what stands for a mate: `FREE`, `HIDDEN`, `ROOT`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

from plans.identity.wording import Wording, wording
from plans.outline import Kind, Outline

TELLING_LENGTH = 16
"""From here on a text that occurs once on each side is taken for the same wherever it stands."""

FREE = -2
"""The mate of an item that has none yet."""
HIDDEN = -3
"""The mate of an item that is out of reach."""
ROOT = -1
"""The position of the plan itself, on both sides."""


class Side:
    """One outline by position: who stands above and beside whom, and who has a mate."""

    def __init__(self, outline: Outline) -> None:
        self.items = outline.items
        index = {item.key: position for position, item in enumerate(self.items)}
        index[""] = ROOT
        self.parent = [index[item.parent] for item in self.items]
        self.children: dict[int, list[int]] = defaultdict(list)
        for position, parent in enumerate(self.parent):
            self.children[parent].append(position)
        self.mate = [FREE] * len(self.items)
        self._wordings: dict[int, Wording] = {}
        self._signatures: dict[int, int] = {}

    def free(self) -> list[int]:
        return [position for position, mate in enumerate(self.mate) if mate == FREE]

    def mate_of(self, position: int) -> int:
        return ROOT if position == ROOT else self.mate[position]

    def wording(self, position: int) -> Wording:
        found = self._wordings.get(position)
        if found is None:
            item = self.items[position]
            found = self._wordings[position] = wording(item.ref, item.text)
        return found

    # What items are compared as. None: not fit for this comparison.

    def raw_text(self, position: int) -> Hashable:
        item = self.items[position]
        return (item.kind, item.text) if len(item.text) >= TELLING_LENGTH else None

    def telling_text(self, position: int) -> Hashable:
        text = self.wording(position).text
        return (self.items[position].kind, text) if len(text) >= TELLING_LENGTH else None

    def telling_label(self, position: int) -> Hashable:
        label = self.wording(position).label
        return (self.items[position].kind, label) if len(label) >= TELLING_LENGTH else None

    def label(self, position: int) -> Hashable:
        return self.items[position].kind, self.wording(position).label

    def text(self, position: int) -> Hashable:
        text = self.wording(position).text
        return (self.items[position].kind, text) if text else None

    def signature(self, position: int) -> Hashable:
        """The label and everything below it."""
        if not self._signatures:
            self._sign()
        return self._signatures[position]

    def _sign(self) -> None:
        for position in range(len(self.items) - 1, -1, -1):
            below = tuple(self._signatures[child] for child in self.children.get(position, ()))
            self._signatures[position] = hash((self.label(position), below))


Likeness = Callable[[Side, int], Hashable]

Gap = tuple[int, Kind, int, int]


class Surroundings:
    """Where the free items of one side stand among the paired ones; both sides in parsed positions."""

    def __init__(self, side: Side, place: Sequence[int]) -> None:
        """`place`: the parsed position of each item that counts as paired, `FREE` for the others."""
        self.between: dict[int, set[tuple[str, int]]] = {}
        """The paired items before and after, in document order."""
        self.expected: dict[int, int] = {}
        """The parsed position that the item comes after."""
        self.gaps: dict[Gap, list[int]] = defaultdict(list)
        """Free items of one kind between two paired siblings."""
        free = side.free()
        self.slot: dict[int, tuple[Gap, int] | None] = dict.fromkeys(free)
        self._place, self._side = place, side
        self._look_around(set(free))
        for parent in {side.parent[position] for position in free}:
            self._find_gaps(parent)

    def home(self, position: int) -> int:
        """The parsed position of the parent; `FREE` where that is not known for sure."""
        parent = self._side.parent[position]
        return ROOT if parent == ROOT else self._place[parent]

    def crowd(self, position: int) -> int:
        slot = self.slot[position]
        return len(self.gaps[slot[0]]) if slot else 0

    def alone(self, position: int) -> bool:
        """Whether it is one of at most two beside a paired sibling, or the only child of a paired parent."""
        slot = self.slot[position]
        if slot is None:
            return False
        crowd, (home, _, *siblings) = len(self.gaps[slot[0]]), slot[0]
        return (crowd <= 2 and siblings != [ROOT, ROOT]) or (crowd == 1 and home != ROOT)

    def near(self, position: int, there: Surroundings, other: int) -> bool:
        """Whether the same paired item comes before both, or after both."""
        return not self.between[position].isdisjoint(there.between[other])

    def _look_around(self, free: set[int]) -> None:
        before, after = ROOT, ROOT
        everything = range(len(self._side.items))
        for position in everything:
            if position in free:
                self.between[position] = {("after", before)} if before != ROOT else set()
                self.expected[position] = before
            elif self._place[position] >= 0:
                before = self._place[position]
        for position in reversed(everything):
            if position in free:
                if after != ROOT:
                    self.between[position].add(("before", after))
            elif self._place[position] >= 0:
                after = self._place[position]

    def _find_gaps(self, parent: int) -> None:
        siblings = self._side.children[parent]
        home = self.home(siblings[0])
        if home == FREE:
            return
        settled = [child for child in siblings if self._place[child] >= 0]
        ends = [self._place[child] for child in settled] + [ROOT]
        at = 0
        for child in siblings:
            while at < len(settled) and settled[at] <= child:
                at += 1
            if child in self.slot:
                gap = (home, self._side.items[child].kind, ends[at - 1], ends[at])
                if home == ROOT and gap[2:] == (ROOT, ROOT):
                    continue
                self.slot[child] = gap, len(self.gaps[gap])
                self.gaps[gap].append(child)
