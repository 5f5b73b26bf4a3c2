"""Getting at the files below a root without ever leaving it.

Public: `Root`, `Entry`, `load`, `Loaded`, `digest`.

A path is resolved first (symbolic links inside the root are fine), then opened step by step, each step
relative to the folder before it and none of them through a link. Whoever swaps a folder for a link in
between gets an error instead of a way out.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from planning_sync.replicas import names
from planning_sync.replicas.errors import OutsideRoot, PlanUnreadable, ReplicaMissing, Unreadable
from planning_sync.replicas.tree import below_root

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Not blocking: else opening a named pipe would wait for a writer."""
_PIECE = 1 << 20


class Entry(NamedTuple):
    """A name in an open folder."""

    folder: int
    """Descriptor of the folder, open as long as the `with` block of `Root.entry`."""
    name: str
    path: str
    """The path of the plan, for messages."""

    def open(self) -> int:
        """A descriptor for reading. Links are not followed (`ELOOP`)."""
        return os.open(self.name, _FILE, dir_fd=self.folder)

    def stat(self) -> os.stat_result:
        return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)


@dataclass(frozen=True)
class Root:
    """A folder that plans live below."""

    folder: str

    def real(self) -> str:
        return os.path.realpath(self.folder)

    @contextmanager
    def entry(self, path: str, *, make_folders: bool = False, follow: bool = True) -> Iterator[Entry]:
        """Where the plan at `path` really stands. `follow`: a link stands for the file it points to.

        :raises OutsideRoot: when that is not below the root.
        :raises ReplicaMissing: when the root is not a folder.
        :raises OSError: when a folder on the way is missing or may not be entered.
        """
        steps = names.parts(path)
        root = self.real()
        *folders, name = self._resolved(root, path, steps, follow=follow)
        descriptor = _open_root(root)
        try:
            for step in folders:
                below = _open_below(descriptor, step, make=make_folders)
                os.close(descriptor)
                descriptor = below
            yield Entry(descriptor, name, path)
        finally:
            os.close(descriptor)

    @staticmethod
    def _resolved(root: str, path: str, steps: list[str], *, follow: bool) -> list[str]:
        if follow:
            real = os.path.realpath(os.path.join(root, *steps))
        else:
            real = os.path.join(os.path.realpath(os.path.join(root, *steps[:-1])), steps[-1])
        place = below_root(root, real)
        if not place:
            raise OutsideRoot(path, "leads out of the replica's folder")
        return place.split("/")


def _open_root(root: str) -> int:
    try:
        return os.open(root, _FOLDER)
    except OSError as error:
        raise ReplicaMissing(root, f"cannot be opened ({error.strerror})") from error


def _open_below(folder: int, name: str, *, make: bool) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not make:
            raise
    try:
        os.mkdir(name, dir_fd=folder)
        os.fsync(folder)
    except FileExistsError:
        pass  # made by someone else just now
    return os.open(name, _FOLDER, dir_fd=folder)


# ------------------------------------------------------------------------------------- reading


class Loaded(NamedTuple):
    data: bytes
    stat: os.stat_result


_FRESH_NS = 1_000_000_000
_BLOCK = 4096
"""Programs and kernels write in multiples of this, so a file half written has such a size."""


@dataclass(frozen=True)
class Loader:
    """Reads whole files, none of them half written."""

    limit_bytes: int
    settle_seconds: float = 0.1
    """How long a file that looks half written must stay the same to be believed."""
    attempts: int = 5
    clock_ns: Callable[[], int] = time.time_ns
    pause: Callable[[float], None] = time.sleep

    def load(self, entry: Entry) -> Loaded:
        """The file's bytes at one moment.

        :raises PlanUnreadable: when there is no such moment, or no such file, or it is too large.
        """
        previous: Loaded | None = None
        for _ in range(self.attempts):
            loaded = self._once(entry)
            if loaded is not None and (not self._looks_cut(loaded.stat) or _same(previous, loaded)):
                return loaded
            previous = loaded
            self.pause(self.settle_seconds)
        raise PlanUnreadable(
            entry.path, Unreadable.CHANGING, f"it changed at each of {self.attempts} attempts to read it"
        )

    def _once(self, entry: Entry) -> Loaded | None:
        """None when the file changed while it was read."""
        try:
            descriptor = entry.open()
            try:
                before = os.fstat(descriptor)
                self._check(entry.path, before)
                data = _all_of(descriptor, before.st_size, self.limit_bytes)
                after = os.fstat(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise unreadable(entry.path, error) from error
        same = same_state(before, after) and len(data) == after.st_size
        return Loaded(data, after) if same else None

    def _check(self, path: str, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise PlanUnreadable(path, Unreadable.NOT_A_FILE, f"`ls -l` shows {stat.filemode(found.st_mode)}")
        if found.st_size > self.limit_bytes:
            detail = f"{found.st_size:,} bytes, the limit is {self.limit_bytes:,}"
            raise PlanUnreadable(path, Unreadable.TOO_LARGE, detail)

    def _looks_cut(self, found: os.stat_result) -> bool:
        """Whether this may be the first part of what an editor is just writing, or an emptied file."""
        return found.st_size % _BLOCK == 0 and self.clock_ns() - found.st_mtime_ns < _FRESH_NS


def _all_of(descriptor: int, size: int, limit: int) -> bytes:
    pieces: list[bytes] = []
    length = 0
    while length <= limit:
        piece = os.read(descriptor, max(size + 1 - length, _PIECE if length else 1))
        if not piece:
            break
        pieces.append(piece)
        length += len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def same_state(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether nothing was written to the file between the two looks at it, as far as can be seen."""
    return (one.st_ino, one.st_dev, one.st_size, one.st_mtime_ns, one.st_ctime_ns) == (
        other.st_ino,
        other.st_dev,
        other.st_size,
        other.st_mtime_ns,
        other.st_ctime_ns,
    )


def _same(previous: Loaded | None, loaded: Loaded) -> bool:
    return previous is not None and same_state(previous.stat, loaded.stat)


_REASONS = {
    errno.ENOENT: Unreadable.VANISHED,
    errno.ENOTDIR: Unreadable.VANISHED,
    errno.EACCES: Unreadable.FORBIDDEN,
    errno.EPERM: Unreadable.FORBIDDEN,
    errno.ELOOP: Unreadable.NOT_A_FILE,
    errno.ENXIO: Unreadable.NOT_A_FILE,
    errno.EISDIR: Unreadable.NOT_A_FILE,
}


def unreadable(path: str, error: OSError) -> PlanUnreadable:
    """What `error` of the operating system means for the reader of a plan."""
    reason = _REASONS.get(error.errno or 0, Unreadable.DISK_ERROR)
    return PlanUnreadable(path, reason, (error.strerror or str(error)).lower())


def digest(descriptor: int) -> str:
    """The sha256 of a whole open file, whatever its size, from its start."""
    with os.fdopen(os.dup(descriptor), "rb", buffering=0) as stream:
        stream.seek(0)
        return hashlib.file_digest(stream, "sha256").hexdigest()
