"""Proof of a round trip, before anything is linked: `prove`, and what it finds, a `Proof`.

Everything happens in memory: neither the hub nor the replica is written to. Each plan is read, told to the
hub and back, which must change nothing; then some of its tasks are ticked and unticked: each tick must change
one line and its undo must bring back the very bytes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice, zip_longest
from typing import Any, NamedTuple

from audit.ids import new_id
from planning_sync.replicas.base import Problem, Reading, Replica
from planning_sync.replicas.errors import ReplicaError, ReplicaMissing
from planning_sync.sync import state
from plans import outline as outlines
from plans.outline import Changed, Item, Outline, Status

SAMPLED = 3
"""Tasks of each plan that are ticked and unticked."""

UNRECOGNISED = "unrecognised"
"""The code of a line that looks like a task and is not understood."""

AS_IT_WAS, RESPELLED, UNSAYABLE = "as it was", "respelled", "unsayable"

Progress = Callable[[int, int], None]


class Remark(NamedTuple):
    """Something that a person should know of; lines are counted from 1, and 0 is the plan as a whole."""

    path: str
    line: int
    code: str
    message: str


@dataclass(frozen=True)
class Proof:
    """What was found so far; `complete` once every plan was looked at."""

    total: int = 0
    """Plans that the replica lists."""
    looked: int = 0
    plans: int = 0
    """Those that could be read."""
    phases: int = 0
    tasks: int = 0
    sampled: int = 0
    """Tasks that were ticked and unticked."""
    unsayable: int = 0
    """Those of them whose tick the replica has no words for: it would stay in the hub."""
    respelled: int = 0
    """Those of them whose mark has several spellings, such as `[X]`: unticked and ticked it reads `[x]`."""
    codes: tuple[tuple[str, int], ...] = ()
    """How many remarks of each code there are, listed or not."""
    remarks: tuple[Remark, ...] = ()
    differing: tuple[Remark, ...] = ()
    """What would not come back as it is: never expected, and a reason not to link this replica."""
    unreadable: tuple[Problem, ...] = ()
    last: str = ""
    """The path looked at last, from which to go on."""

    @property
    def complete(self) -> bool:
        return self.looked >= self.total

    @property
    def holds(self) -> bool:
        """Whether not a byte would change, as far as was looked."""
        return not self.differing

    @property
    def unrecognised(self) -> int:
        return dict(self.codes).get(UNRECOGNISED, 0)

    @property
    def doubtful(self) -> int:
        """Remarks of any other kind: read, but perhaps not as it was meant."""
        return sum(number for code, number in self.codes if code != UNRECOGNISED)

    def __add__(self, other: Proof) -> Proof:
        """This one, and what was found after it."""
        return Proof(
            total=other.total,
            **{name: getattr(self, name) + getattr(other, name) for name in _SUMMED},
            codes=tuple(sorted((Counter(dict(self.codes)) + Counter(dict(other.codes))).items())),
            last=other.last or self.last,
        )

    def listing(self, most: int) -> Proof:
        """The same with at most so many places in each list."""
        return replace(
            self,
            remarks=self.remarks[:most],
            differing=self.differing[:most],
            unreadable=self.unreadable[:most],
        )

    def as_json(self) -> dict[str, Any]:
        told = asdict(self)
        for name in ("remarks", "differing", "unreadable"):
            told[name] = [each._asdict() for each in getattr(self, name)]
        told["codes"] = dict(self.codes)
        return {**told, **{name: getattr(self, name) for name in _DERIVED}}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Proof:
        given = {name: value for name, value in told.items() if name not in _DERIVED}
        for name, shape in (("remarks", Remark), ("differing", Remark), ("unreadable", Problem)):
            given[name] = tuple(shape(**each) for each in told[name])
        return cls(**{**given, "codes": tuple(told["codes"].items())})


_SUMMED = (
    *("looked", "plans", "phases", "tasks", "sampled", "unsayable", "respelled"),
    *("remarks", "differing", "unreadable"),
)
_DERIVED = ("complete", "holds", "unrecognised", "doubtful")


def prove(
    side: Replica,
    *,
    so_far: Proof | None = None,
    seconds: float | None = None,
    progress: Progress | None = None,
) -> Proof:
    """The proof of all plans; with `seconds`, of as many more than `so_far` as that time allows: one or more.

    :raises ReplicaMissing:
    """
    proof = so_far or Proof()
    scan = side.scan()
    if so_far is None:
        proof = replace(proof, unreadable=scan.problems)
    deadline = None if seconds is None else time.monotonic() + seconds
    proof = replace(proof, total=len(scan.stamps))
    for path in [path for path in sorted(scan.stamps) if path > proof.last]:
        proof += replace(_proven(side, path), total=proof.total, looked=1, last=path)
        if progress:
            progress(proof.looked, proof.total)
        if deadline is not None and time.monotonic() > deadline:
            return proof
    # Plans may have come and gone while others were looked at.
    return replace(proof, looked=proof.total)


def _proven(side: Replica, path: str) -> Proof:
    """The proof of one plan."""
    try:
        reading = side.read(path)
    except ReplicaMissing:
        raise
    except ReplicaError as error:
        return Proof(unreadable=(Problem(path, str(error)),))
    reading = reading.rekeyed([new_id().hex for _ in reading.document.outline.items])
    outline = reading.document.outline
    remarks = tuple(Remark(path, *finding) for finding in reading.document.findings)
    trials = [_tried(side, reading, task) for task in _sample(list(outline.tasks()))]
    return Proof(
        plans=1,
        phases=sum(1 for _ in outline.phases()),
        tasks=sum(1 for _ in outline.tasks()),
        sampled=len(trials),
        unsayable=trials.count(UNSAYABLE),
        respelled=trials.count(RESPELLED),
        codes=tuple(Counter(remark.code for remark in remarks).items()),
        remarks=remarks,
        differing=(*_told_and_back(side, reading), *(trial for trial in trials if isinstance(trial, Remark))),
    )


def _told_and_back(side: Replica, reading: Reading) -> Iterator[Remark]:
    """What would change if the hub took the plan as it is and nobody edited it."""
    hub = state.unpack(state.pack(reading.document.outline))
    write = side.prepare(reading, hub)
    if not write.changes_nothing or (write.data is not None and write.data != reading.data):
        yield Remark(reading.path, 0, "bytes", "reading it and writing it back would change it")


def _sample(tasks: Sequence[Item]) -> Iterator[Item]:
    """Some of the tasks, spread over the plan."""
    return islice(tasks, 0, None, max(1, -(-len(tasks) // SAMPLED)))


def _tried(side: Replica, reading: Reading, task: Item) -> str | Remark:
    """What became of a tick of the task and its undo: one of the words above, or what is wrong."""
    outline = reading.document.outline
    status = Status.TODO if task.status == Status.DONE else Status.DONE
    ticked = side.prepare(reading, _with_status(outline, task, status))
    if ticked.left or ticked.document is None or ticked.data is None:
        return UNSAYABLE
    changed = _lines_changed(reading.data, ticked.data)
    if len(changed) != 1:
        told = f"a tick of {task.text!r} would change {len(changed)} lines"
        return Remark(reading.path, _line(reading, task), "lines", told)
    after = replace(reading, checksum=ticked.after, data=ticked.data, document=ticked.document)
    undone = side.prepare(after, outline).data
    if undone == reading.data:
        return AS_IT_WAS
    if undone is not None and _lines_changed(reading.data, undone) == changed:
        return RESPELLED
    told = f"a tick of {task.text!r} and its undo would leave other bytes"
    return Remark(reading.path, _line(reading, task), "undo", told)


def _with_status(outline: Outline, task: Item, status: Status) -> Outline:
    return outlines.apply(outline, [Changed(task.key, "status", task.status, status)])


def _lines_changed(before: bytes, after: bytes) -> set[int]:
    lines = zip_longest(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return {at for at, (mine, theirs) in enumerate(lines) if mine != theirs}


def _line(reading: Reading, task: Item) -> int:
    document = reading.document
    place = next(at for at, item in enumerate(document.outline.items) if item.key == task.key)
    return document.spots[place].line + 1 if place < len(document.spots) else 0
