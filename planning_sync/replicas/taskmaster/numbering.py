"""Which task of a tag goes by which number once what is asked of the tag is done: `Numbering`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from planning_sync.replicas.structured import Asked
from planning_sync.replicas.taskmaster import format as tags
from planning_sync.replicas.taskmaster.format import Tag
from planning_sync.replicas.taskmaster.waiting import Edge
from plans.outline import ROOT


@dataclass
class Numbering:
    """Which task goes by which number, before and after what is asked."""

    tag: Tag
    asked: Asked
    keys: Mapping[str, str]
    """The hub's id by `own`, before."""
    owns: dict[str, str] = field(default_factory=dict)
    """`own` by the hub's id, before."""
    then: dict[str, str] = field(default_factory=dict)
    """`own` by the hub's id, after."""
    by_ref: dict[str, str] = field(default_factory=dict)
    """`own`, after, of the first task that has the ref, after."""
    waits: frozenset[Edge] = frozenset()
    """Which tasks are to wait for which that did not yet."""

    def __post_init__(self) -> None:
        self.owns = {key: own for own, key in self.keys.items()}
        leaving = {*self.asked.moved, *self.asked.removed}
        self.then = {key: own for key, own in self.owns.items() if key not in leaving}
        _give_numbers(self)
        for key in self.asked.containers:
            ref = self.ref_then(key)
            if ref:
                self.by_ref.setdefault(ref, self.then[key])

    def ref_then(self, key: str) -> str:
        return self.asked.target.by_key[key].ref

    def named(self, own: str, refs: Iterable[str]) -> Iterator[str]:
        """The tasks, after, that the refs name for the one of that number."""
        return (self.by_ref[ref] for ref in refs if self.by_ref.get(ref, own) != own)

    @property
    def ids_are_text(self) -> bool:
        first = next(iter(self.tag.tasks.values()), None)
        return first is not None and isinstance(first.said["id"], str)

    @property
    def keys_then(self) -> dict[str, str]:
        return {own: key for key, own in self.then.items()}

    def renamed(self, own: str) -> str:
        """What the task goes by afterwards; "" where it goes."""
        key = self.keys.get(own)
        return own if key is None else self.then.get(key, "")


def _give_numbers(numbers: Numbering) -> None:
    """Numbers for what is new where it shall hang: its ref where that is one and free, else the next one."""
    taken = {*numbers.owns.values()}
    highest: dict[str, int] = defaultdict(int)
    for own in taken:
        above, _, number = own.rpartition(".")
        highest[above] = max(highest[above], int(number))
    new = {*numbers.asked.moved, *(item.key for item in numbers.asked.added)}
    for key, container in numbers.asked.containers.items():
        if key not in new:
            continue
        above = numbers.then[container] if container != ROOT else ""
        own = numbers.ref_then(key)
        if own in taken or not tags.is_own(own, above):
            own = ".".join(filter(None, (above, str(highest[above] + 1))))
        highest[above] = max(highest[above], int(own.rpartition(".")[2]))
        taken.add(own)
        numbers.then[key] = own
