"""The `tasks.json` of a project as a replica, each tag a plan: `TaskMasterFile`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any, ClassVar, NamedTuple

from planning_sync.replicas import atomic, names, tree, writing
from planning_sync.replicas.base import ABSENT, Probe, Problem, Reading, Replica, Scan, Write, checksum
from planning_sync.replicas.errors import (
    OutsideRoot,
    PlanChanged,
    PlanUnreadable,
    Unreadable,
    WriteFailed,
)
from planning_sync.replicas.files import Entry, Loader, Root, unreadable
from planning_sync.replicas.jsontext import Node
from planning_sync.replicas.taskmaster.locking import held
from planning_sync.replicas.taskmaster.tag import TagFormat, explained
from planning_sync.replicas.taskmaster.tasksfile import CannotHold, TasksFile, new_file
from plans.document.text import display
from plans.outline import Outline

DEFAULT_LIMIT_BYTES = 20 * 1024 * 1024


class _Stored(NamedTuple):
    data: bytes
    file: TasksFile
    saved_at: datetime


class TaskMasterFile(Replica):
    """The tags in the file at `path`. The path of a plan is the name of its tag."""

    kind: ClassVar[str] = "taskmaster"
    overwritten_within_seconds = 10.0
    """The tool takes its lock to write only, so it may put back what it had read; in some milliseconds."""

    def __init__(self, path: str | os.PathLike[str], *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        folder, self.name = os.path.split(os.fspath(path))
        self.root = Root(folder)
        self.format = TagFormat()
        self._loader = Loader(limit_bytes)

    def scan(self) -> Scan:
        """Reads the whole file: a stamp is the checksum of a tag's own text."""
        try:
            stored = self._stored()
        except PlanUnreadable as error:
            return Scan({}, (Problem(self.name, str(error)),), complete=False)
        if stored is None:
            return Scan({})
        found = stored.file.tags
        plans = {name: tag for name, tag in found.items() if _is_plan(name, tag.value)}
        problems = tuple(Problem(display(name), _NO_TAG) for name in found if name not in plans)
        return Scan({name: _sum(tag.raw) for name, tag in plans.items()}, problems)

    def probe(self, path: str) -> Probe:
        tag = self.tag(path)
        return Probe(ABSENT, ABSENT) if tag is None else Probe(_sum(tag.raw), _sum(tag.raw))

    def read(self, path: str) -> Reading:
        tag = self.tag(path)
        if tag is None:
            raise PlanUnreadable(path, Unreadable.VANISHED, f"{self.name} has no tag of that name")
        data = tag.raw.encode()
        with explained(path, tag.text, tag.start):
            return Reading(path, checksum(data), checksum(data), data, self.format.read(tag.raw, path))

    def saved_at(self, path: str) -> datetime | None:
        stored = self._stored()
        return None if stored is None else stored.saved_at

    def prepare(self, reading: Reading, target: Outline) -> Write:
        return self.format.rewritten(reading, target)

    def prepare_new(self, target: Outline) -> Write:
        stored = self._stored()
        taken = {names.comparable(name) for name in (stored.file.tags if stored else ())}
        numbered = (names.file_name(target.plan.text, number, suffix="") for number in count(1))
        path = next(name for name in numbered if names.comparable(name) not in taken)
        return self.format.created(path, target)

    def prepare_delete(self, reading: Reading) -> Write:
        return writing.deleted(reading)

    def prepare_restore(self, path: str, before: str, data: bytes) -> Write:
        return Write(path, before, checksum(data), data, self.format.parse(data, path))

    def commit(self, write: Write) -> str:
        """Under the tool's lock: the rest of the file is as it is at that moment."""
        _check(write.path)
        with self._failing(write), self.root.entry(self.name) as entry, held(entry):
            self._put(entry, write)
        return write.after

    def cleanup(self, *, older_than_seconds: float = 300.0) -> tuple[str, ...]:
        """Removes temporary files of killed writes: a write at work holds the lock of the folder."""
        edge = time.time() - older_than_seconds
        removed: list[str] = []
        with self.root.entry(self.name) as entry, atomic.alone(entry):
            for name in filter(tree.is_leftover, os.listdir(entry.folder)):
                if os.stat(name, dir_fd=entry.folder, follow_symlinks=False).st_mtime <= edge:
                    os.unlink(name, dir_fd=entry.folder)
                    removed.append(name)
        return tuple(sorted(removed))

    # -------------------------------------------------------------------------------- reading

    def _stored(self) -> _Stored | None:
        """The file as it is now, None where there is none. Raises `PlanUnreadable` for its name."""
        try:
            with self.root.entry(self.name) as entry:
                loaded = self._loader.load(entry)
        except OSError as error:
            raise unreadable(self.name, error) from error
        except PlanUnreadable as error:
            if error.reason is Unreadable.VANISHED:
                return None
            raise
        saved_at = datetime.fromtimestamp(loaded.stat.st_mtime, UTC)
        with explained(self.name, loaded.data.decode(errors="replace")):
            return _Stored(loaded.data, TasksFile.of(loaded.data), saved_at)

    def tag(self, path: str) -> Node | None:
        """Where the tag stands in the file; None where there is none."""
        _check(path)
        try:
            stored = self._stored()
        except PlanUnreadable as error:
            raise PlanUnreadable(path, error.reason, f"{self.name}: {error.detail}") from error
        return stored.file.tags.get(path) if stored else None

    # -------------------------------------------------------------------------------- writing

    def _put(self, entry: Entry, write: Write) -> None:
        stored = self._stored()
        present = stored.file.tags.get(write.path) if stored else None
        if (ABSENT if present is None else _sum(present.raw)) != write.before:
            raise PlanChanged(write.path, "was deleted" if present is None else "was edited")
        if write.changes_nothing:
            return
        text = None if write.data is None else write.data.decode()
        if stored is None:
            assert text is not None, "what is not there is not deleted"
            atomic.create(entry, new_file(write.path, text).encode())
        else:
            whole = stored.file.with_tag(write.path, text)
            atomic.replace(entry, whole.encode(), checksum(stored.data))

    @contextmanager
    def _failing(self, write: Write) -> Iterator[None]:
        """Turns what the file and the operating system say into our errors."""
        try:
            yield
        except PlanUnreadable as error:
            raise PlanChanged(write.path, f"cannot be read any more ({error.detail})") from error
        except PlanChanged as error:
            raise PlanChanged(write.path, error.found) from error
        except CannotHold as error:
            raise WriteFailed(write.path, _UNTAGGED, _MIGRATE) from error
        except OSError as error:
            raise WriteFailed.of(write.path, error) from error


_NO_TAG = "It is no tag of Task Master, which is an object with a list of tasks; it stays as it is."
_UNTAGGED = "the file is of a version of Task Master that had no tags, and has room for one plan only"
_MIGRATE = "Run any command of a newer task-master in the project, which makes a tag of it; then sync again."


def _is_plan(name: str, value: Any) -> bool:
    return bool(name) and display(name) == name and isinstance(value, dict) and "tasks" in value


def _sum(raw: str) -> str:
    return checksum(raw.encode())


def _check(path: str) -> None:
    """A tag may have any name that JSON and a database can hold."""
    if not path or display(path) != path:
        raise OutsideRoot(path, "is not the name of a tag")
