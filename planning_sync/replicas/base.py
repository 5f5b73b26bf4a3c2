"""The interface of a replica, and the values that pass through it.

Public: `Replica`, `Scan`, `Problem`, `Probe`, `Reading`, `Write`, `checksum`.

Terminology. A *path* names a plan in a replica. A *stamp* is a cheap text that changes whenever the plan
may have changed; equal stamps mean equal bytes, different ones mean nothing. A *checksum* is the sha256 of
the bytes in hexadecimal, "" where there is no plan. A *reading* is a plan as it was at one moment, a
*write* is what it shall become, decided but not yet done.

    scan --> read --> (match, merge) --> prepare --> commit
             pure decisions in between: nothing changes before `commit`
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, NamedTuple

from plans.document.model import Document
from plans.outline import Change, Outline

ABSENT = ""
"""The checksum and the stamp of a plan that is not there."""


def checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


RACY = ":racy"
"""Ends the stamp of a plan that was written a moment ago: it may be written again without a new stamp."""

RULES = "@"
"""In a stamp, stands before what names the rules that the bytes are read by, where those may change."""


def rules_of(stamp: str) -> str:
    """By which rules the plan was read; "" where there is but one way to read it."""
    return stamp.removesuffix(RACY).rpartition(RULES)[2] if RULES in stamp else ""


class Problem(NamedTuple):
    """A place in the replica that the scan could not make a plan of."""

    path: str
    message: str


@dataclass(frozen=True)
class Scan:
    stamps: Mapping[str, str]
    """The stamp of every plan, in order of path."""
    problems: tuple[Problem, ...] = ()
    complete: bool = True
    """Whether everything there is was listed. If not, nothing counts as deleted."""

    def gone(self, path: str) -> bool:
        """Whether a plan once known at `path` is surely not in the replica any more.

        Not so in an incomplete scan, nor for a path that has a problem or lies below one.
        """
        if path in self.stamps or not self.complete:
            return False
        return not any(path == found.path or path.startswith(found.path + "/") for found in self.problems)


class Probe(NamedTuple):
    """What stands at a path, without parsing it."""

    stamp: str
    checksum: str


@dataclass(frozen=True)
class Reading:
    path: str
    stamp: str
    checksum: str
    data: bytes
    document: Document
    """Its keys are provisional until `rekeyed`."""

    @property
    def fresh(self) -> bool:
        """Whether it was written so short a time ago that somebody may still be writing it."""
        return self.stamp.endswith(RACY)

    def rekeyed(self, keys: Sequence[str]) -> Reading:
        """The same reading whose items, in document order, go by `keys`."""
        return replace(self, document=self.document.rekeyed(keys))

    def recalled(self, seen: Outline) -> Reading:
        """The same reading, whose keys are real, with what its format has no words for as it was `seen`."""
        return replace(self, document=self.document.recalled(seen))


@dataclass(frozen=True)
class Write:
    path: str
    before: str
    """Checksum that must still be there; `ABSENT`: no plan may be there."""
    after: str
    """Checksum that will be there; `ABSENT`: the plan is to be deleted."""
    data: bytes | None
    document: Document | None
    """What will then be read there, with real keys."""
    left: tuple[Change, ...] = ()
    """Changes that were asked for and that this plan's dialect cannot say: they stay in the hub."""

    @property
    def changes_nothing(self) -> bool:
        return self.before == self.after


class Replica(ABC):
    """One outside place where plans live. Methods may be called from any thread."""

    kind: ClassVar[str]
    """Slug of the kind, as stored with the replica: `markdown`."""
    remote: bool = False
    """Whether asking it anything goes over a network and may take long, or fail while others do not."""

    overwritten_within_seconds: float = 0.0
    """How long after a write of ours a program may still write what it had read before it."""

    @abstractmethod
    def scan(self) -> Scan:
        """Every plan and its stamp; reads no plan.

        :raises ReplicaMissing: when the replica is not there, which is not the same as empty.
        """

    @abstractmethod
    def probe(self, path: str) -> Probe:
        """Stamp and checksum of what stands there now; both `ABSENT` where nothing stands.

        Cheaper than `read`: to settle whether a new stamp means new bytes, what a crash left behind,
        and whether a plan that a scan does not list any more is really deleted or only left out.

        :raises PlanUnreadable: OutsideRoot: ReplicaMissing:
        """

    @abstractmethod
    def read(self, path: str) -> Reading:
        """The plan as it is now, whole: never a mix of two states.

        :raises PlanUnreadable: when it is not there, not text, over the size limit ...
        :raises OutsideRoot: ReplicaMissing:
        """

    def saved_at(self, path: str) -> datetime | None:
        """When the plan there was last saved, by the clock of whoever saved it; None where nobody knows.

        Good for nothing but to tell a person, and for who asks for it: clocks differ.
        """
        return None

    def saved_by(self, path: str) -> str:
        """Who saved the plan there as it is now; "" where nobody knows."""
        return ""

    def beside(self, name: str) -> bytes | None:
        """A file that is kept with the plans and is none of them, such as a policy; None if there is none.

        :raises PlanUnreadable: OutsideRoot: ReplicaMissing:
        """
        return None

    @abstractmethod
    def prepare(self, reading: Reading, target: Outline) -> Write:
        """The write that turns `reading`, rekeyed, into `target`; its `left` is what cannot be said. Pure."""

    @abstractmethod
    def prepare_new(self, target: Outline) -> Write:
        """The write that makes a new plan of `target`, at a path of its own made from its title."""

    @abstractmethod
    def prepare_delete(self, reading: Reading) -> Write:
        """The write that deletes the plan. Pure."""

    @abstractmethod
    def prepare_restore(self, path: str, before: str, data: bytes) -> Write:
        """The write that puts exactly `data` where `before` is now, with provisional keys. Pure."""

    @abstractmethod
    def commit(self, write: Write) -> str:
        """The plan's new stamp, once `write` is done, whole and durable; `ABSENT` after a deletion.

        A write that changes nothing touches nothing, but what it was decided on must still be there.

        :raises PlanChanged: when what is there is not `write.before`; it stays as it is.
        :raises WriteFailed: when it could not be done; the plan stays as it was.
        :raises OutsideRoot: ReplicaMissing:
        """

    def cleanup(self, *, older_than_seconds: float = 300.0) -> tuple[str, ...]:
        """Paths of what interrupted writes left behind that long ago and this call removed."""
        return ()
