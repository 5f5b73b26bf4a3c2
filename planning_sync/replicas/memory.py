"""The in-memory twin of a folder of Markdown files: for tests, and to try a sync without a disk.

Public: `MemoryFolder`. It keeps the contract of `base.Replica` and can be told to fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from threading import RLock
from typing import ClassVar

from planning_sync.replicas import names, writing
from planning_sync.replicas.base import ABSENT, Probe, Problem, Reading, Replica, Scan, Write, checksum
from planning_sync.replicas.errors import PlanChanged, PlanUnreadable, ReplicaMissing, Unreadable, WriteFailed
from plans.document.model import DEFAULT_DIALECT, Dialect
from plans.document.parse import parse
from plans.outline import Outline


class MemoryFolder(Replica):
    """Plans in a dictionary.

    What a test may set: `missing` (the root is gone), `partial` (scans are incomplete and leave out those
    paths), `unreadable` (these plans cannot be read), `write_error` (the next commit fails with it),
    `before_commit` (called once by the next commit before it looks: the moment for someone else's edit).
    """

    kind: ClassVar[str] = "memory"

    def __init__(
        self, files: Mapping[str, bytes] | None = None, *, dialect: Dialect = DEFAULT_DIALECT
    ) -> None:
        self.dialect = dialect
        self.missing = False
        self.partial: frozenset[str] = frozenset()
        self.unreadable: dict[str, Unreadable] = {}
        self.write_error: OSError | None = None
        self.before_commit: Callable[[], None] | None = None
        self._lock = RLock()
        self._ticks = count(1)
        self._files: dict[str, tuple[bytes, str]] = {}
        for path, data in (files or {}).items():
            self.put(path, data)

    def put(self, path: str, data: bytes) -> None:
        """Someone else's edit."""
        with self._lock:
            self._files[path] = (data, f"tick-{next(self._ticks)}")

    def discard(self, path: str) -> None:
        """Someone else's deletion."""
        with self._lock:
            del self._files[path]

    def contents(self) -> dict[str, bytes]:
        with self._lock:
            return {path: data for path, (data, _) in sorted(self._files.items())}

    def scan(self) -> Scan:
        with self._lock:
            self._check_present()
            stamps = {
                path: stamp for path, (_, stamp) in sorted(self._files.items()) if path not in self.partial
            }
            problems = tuple(Problem(path, "Left out of this listing.") for path in sorted(self.partial))
            return Scan(stamps, problems, complete=not self.partial)

    def probe(self, path: str) -> Probe:
        with self._lock:
            self._check_readable(path)
            data, stamp = self._files.get(path, (b"", ABSENT))
            return Probe(stamp, checksum(data)) if stamp else Probe(ABSENT, ABSENT)

    def read(self, path: str) -> Reading:
        with self._lock:
            self._check_readable(path)
            if path not in self._files:
                raise PlanUnreadable(path, Unreadable.VANISHED, "no such plan")
            data, stamp = self._files[path]
        document = parse(data, self.dialect, path.rpartition("/")[2])
        return Reading(path, stamp, checksum(data), data, document)

    def prepare(self, reading: Reading, target: Outline) -> Write:
        return writing.rewritten(reading, target)

    def prepare_new(self, target: Outline) -> Write:
        with self._lock:
            taken = {names.comparable(path) for path in self._files}
        numbered = (names.file_name(target.plan.text, number) for number in count(1))
        path = next(name for name in numbered if names.comparable(name) not in taken)
        return writing.created(path, target, self.dialect)

    def prepare_delete(self, reading: Reading) -> Write:
        return writing.deleted(reading)

    def prepare_restore(self, path: str, before: str, data: bytes) -> Write:
        return writing.restored(path, before, data, self.dialect)

    def commit(self, write: Write) -> str:
        names.parts(write.path)
        with self._lock:
            self._check_present()
            self._let_others_act()
            data, stamp = self._files.get(write.path, (None, ABSENT))
            if (ABSENT if data is None else checksum(data)) != write.before:
                raise PlanChanged(write.path, "was edited" if data is not None else "was deleted")
            if write.changes_nothing:
                return stamp
            if self.write_error is not None:
                error, self.write_error = self.write_error, None
                raise WriteFailed.of(write.path, error) from error
            if write.data is None:
                del self._files[write.path]
                return ABSENT
            self.put(write.path, write.data)
            return self._files[write.path][1]

    def _let_others_act(self) -> None:
        act, self.before_commit = self.before_commit, None
        if act is not None:
            act()

    def _check_present(self) -> None:
        if self.missing:
            raise ReplicaMissing("memory", "is not mounted")

    def _check_readable(self, path: str) -> None:
        names.parts(path)
        self._check_present()
        if path in self.unreadable:
            raise PlanUnreadable(path, self.unreadable[path], "as the test says")
