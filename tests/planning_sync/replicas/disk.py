"""A folder on disk as a test sees it, and what may happen to it."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from planning_sync.replicas import atomic, names, tree
from planning_sync.replicas.folder import PlanFolder
from planning_sync.replicas.markdown import MarkdownFolder
from planning_sync.replicas.tree import is_leftover

NOBODY = 65534


class DiskWorld:
    """A folder under test, of Markdown if nothing else is said, and what others do to it."""

    def __init__(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, replica: PlanFolder | None = None
    ) -> None:
        self.root = root
        self.replica = replica or MarkdownFolder(root)
        self._monkeypatch = monkeypatch

    def place(self, path: str) -> Path:
        return self.root / names.to_os(path)

    def put(self, path: str, data: bytes) -> None:
        place = self.place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

    def discard(self, path: str) -> None:
        self.place(path).unlink()

    def contents(self) -> dict[str, bytes]:
        """Every file there is, also those that are no plans."""
        return {
            names.from_os(str(found.relative_to(self.root))): found.read_bytes()
            for found in sorted(self.root.rglob("*"))
            if found.is_file()
        }

    def leftovers(self) -> list[Path]:
        return [found for found in self.root.rglob("*") if is_leftover(found.name)]

    def hide(self, path: str) -> None:
        hidden = self.place(path).parent
        listed = tree._listed

        def refuse(folder: str, wanted: Callable[[str], bool]) -> tree._Folder:
            if Path(folder) == hidden:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return listed(folder, wanted)

        self._monkeypatch.setattr(tree, "_listed", refuse)

    def lose(self) -> None:
        self.root.rename(self.root.with_name("elsewhere"))

    def fail_next_write(self) -> None:
        """The next temporary file does not fit on the disk."""
        written = atomic._write_all

        def refuse(descriptor: int, data: bytes) -> None:
            self._monkeypatch.setattr(atomic, "_write_all", written)
            os.write(descriptor, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        self._monkeypatch.setattr(atomic, "_write_all", refuse)


@contextmanager
def at_checkpoint(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], object]) -> Iterator[None]:
    """Within the block, `act` is done when a write comes to that checkpoint."""

    def reached(checkpoint: str) -> None:
        if checkpoint == name:
            act()

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "checkpoint", reached)
        yield


@contextmanager
def nobody() -> Iterator[None]:
    """Within the block the process has no rights but its own: the superuser's are laid down."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Within the block no file can grow past `size`: for the writer this is a full disk (`EFBIG`)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def killed_at(checkpoint: str, act: Callable[[], object]) -> int:
    """Runs `act` in a process that is killed when a write comes to the checkpoint; its exit status."""
    child = os.fork()
    if child == 0:
        try:
            atomic.checkpoint = lambda name: os._exit(42) if name == checkpoint else None
            act()
            os._exit(0)
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)
