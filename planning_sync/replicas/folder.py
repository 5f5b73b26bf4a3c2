"""A folder of files as a replica, whatever the format of the plans in them.

Public: `PlanFolder`, `DEFAULT_EXCLUDE`, `DEFAULT_LIMIT_BYTES`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count

from planning_sync.replicas import atomic, names, tree, writing
from planning_sync.replicas.base import ABSENT, RACY, RULES, Probe, Reading, Replica, Scan, Write, checksum
from planning_sync.replicas.errors import PlanChanged, PlanUnreadable, Unreadable, WriteFailed
from planning_sync.replicas.files import Entry, Loader, Root, unreadable
from planning_sync.replicas.formats import Format
from planning_sync.replicas.git import GitTree
from plans.outline import Outline

DEFAULT_EXCLUDE = ("**/.*", "**/.*/**", "**/templates/**", "**/archived/**", "**/node_modules/**")
"""Left out by default: what is hidden, samples, what is done with, and what package managers bring."""
DEFAULT_LIMIT_BYTES = 20 * 1024 * 1024
_NS = 1_000_000_000


class PlanFolder(Replica):
    """The files below `root` that `include` and `exclude` choose, each a plan in `format`.

    `racy_seconds`: a file written less than that ago may be written again without a change of its stamp, as
    file systems count time in steps. Its reading carries a stamp that no scan gives, so that it is looked at
    once more (git does the same: "racily clean" entries of its index).
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        plan_format: Format,
        *,
        include: Iterable[str],
        exclude: Iterable[str] = DEFAULT_EXCLUDE,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
        racy_seconds: float = 2.0,
        settle_seconds: float = 0.1,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.root = Root(os.fspath(root))
        self.globs = tree.Globs(include, exclude)
        self.format = plan_format
        self._racy_ns = int(racy_seconds * _NS)
        self._clock_ns = clock_ns
        self._loader = Loader(limit_bytes, settle_seconds=settle_seconds, clock_ns=clock_ns)

    def scan(self) -> Scan:
        found = tree.walk(self.root.real(), self.globs)
        rules = self._rules
        stamps = {path: stamp + rules for path, stamp in found.stamps.items()} if rules else found.stamps
        return Scan(stamps, tuple(found.problems), found.complete)

    @property
    def _rules(self) -> str:
        return RULES + self.format.rules if self.format.rules else ""

    def probe(self, path: str) -> Probe:
        try:
            data, stamp = self._load(path)
        except PlanUnreadable as error:
            if error.reason is Unreadable.VANISHED:
                return Probe(ABSENT, ABSENT)
            raise
        return Probe(stamp, checksum(data))

    def read(self, path: str) -> Reading:
        data, stamp = self._load(path)
        return Reading(path, stamp, checksum(data), data, self.format.parse(data, path))

    def _load(self, path: str) -> tuple[bytes, str]:
        try:
            with self.root.entry(path) as entry:
                now = self._clock_ns()
                loaded = self._loader.load(entry)
        except OSError as error:
            raise unreadable(path, error) from error
        return loaded.data, self._stamp(loaded.stat, now)

    def _stamp(self, found: os.stat_result, now_ns: int) -> str:
        """The file's stamp as a scan gives it, or one that no scan gives while the file is too fresh."""
        edge = now_ns - self._racy_ns
        fresh = found.st_ctime_ns > edge or edge < found.st_mtime_ns <= now_ns + self._racy_ns
        return tree.stamp_of(found) + self._rules + (RACY if fresh else "")

    def saved_by(self, path: str) -> str:
        found = GitTree.find(self.root.real())
        return "" if found is None else found.author(path)

    def saved_at(self, path: str) -> datetime | None:
        try:
            with self.root.entry(path) as entry:
                return datetime.fromtimestamp(entry.stat().st_mtime, UTC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(path, error) from error

    def beside(self, name: str) -> bytes | None:
        try:
            return self._load(name)[0]
        except PlanUnreadable as error:
            if error.reason is Unreadable.VANISHED:
                return None
            raise

    def prepare(self, reading: Reading, target: Outline) -> Write:
        return self.format.rewritten(reading, target)

    def prepare_new(self, target: Outline) -> Write:
        return self.format.created(self._new_path(target.plan.text), target)

    def prepare_delete(self, reading: Reading) -> Write:
        return writing.deleted(reading)

    def prepare_restore(self, path: str, before: str, data: bytes) -> Write:
        return Write(path, before, checksum(data), data, self.format.parse(data, path))

    def _new_path(self, title: str) -> str:
        """A path that the globs take and that nothing has, not even in other letter case."""
        for folder in self.globs.new_plan_folders():
            if not self.globs.takes(folder + names.file_name(title, suffix=self.format.suffix)):
                continue
            taken = self._names_in(folder)
            numbered = (names.file_name(title, number, suffix=self.format.suffix) for number in count(1))
            return folder + next(name for name in numbered if names.comparable(name) not in taken)
        raise WriteFailed(
            names.file_name(title, suffix=self.format.suffix),
            f"a new file would not be a plan of this replica, which are {', '.join(self.globs.include)}",
            f"Add a glob such as *{self.format.suffix} to the replica's include list.",
        )

    def _names_in(self, folder: str) -> set[str]:
        place = os.path.join(self.root.real(), names.to_os(folder))
        with suppress(FileNotFoundError):
            return {names.comparable(names.from_os(name)) for name in os.listdir(place)}
        return set()

    def commit(self, write: Write) -> str:
        with _translated(write):
            if write.before == write.after == ABSENT:
                self._expect_absent(write.path)
                return ABSENT
            if write.after == ABSENT:
                self._remove(write)
                return ABSENT
            with self.root.entry(write.path, make_folders=write.before == ABSENT) as entry:
                found = _write(entry, write)
        return self._stamp(found, self._clock_ns())

    def _expect_absent(self, path: str) -> None:
        with suppress(FileNotFoundError, NotADirectoryError), self.root.entry(path, follow=False) as entry:
            entry.stat()
            raise PlanChanged(path, "has come into being")

    def _remove(self, write: Write) -> None:
        with self.root.entry(write.path) as content, self.root.entry(write.path, follow=False) as entry:
            atomic.remove(entry, write.before, content=content)

    def cleanup(self, *, older_than_seconds: float = 300.0) -> tuple[str, ...]:
        """Removes temporary files of writes that were killed, unless they may still be at work.

        Looks into the folders that a scan looks into. A write at work holds the lock of its folder, so that
        the age matters only where the file system has no locks.
        """
        root = self.root.real()
        edge = self._clock_ns() - int(older_than_seconds * _NS)
        removed: list[str] = []
        for place in tree.walk(root, self.globs).leftovers:
            path = names.from_os(place)
            with (
                suppress(OSError),  # gone, or may not be removed: the next cleanup looks again
                self.root.entry(path, follow=False) as entry,
                atomic.alone(entry),
            ):
                if entry.stat().st_mtime_ns <= edge:
                    os.unlink(entry.name, dir_fd=entry.folder)
                    removed.append(path)
        return tuple(sorted(removed))


def _write(entry: Entry, write: Write) -> os.stat_result:
    if write.changes_nothing:
        return atomic.expect(entry, write.before)
    assert write.data is not None, "a write that deletes nothing has data"
    assert checksum(write.data) == write.after, "a write knows the checksum of its data"
    if write.before == ABSENT:
        return atomic.create(entry, write.data)
    return atomic.replace(entry, write.data, write.before)


@contextmanager
def _translated(write: Write) -> Iterator[None]:
    """Turns errors of the operating system into ours."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        if write.before == ABSENT:
            raise WriteFailed.of(write.path, error) from error
        raise PlanChanged(write.path, "was deleted with its folder") from error
    except OSError as error:
        raise WriteFailed.of(write.path, error) from error
