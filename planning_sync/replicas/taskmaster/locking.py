"""The lock by which Task Master's own processes keep one another away from its file: `held`.

The tool has two styles of lock at the same path, `tasks.json.lock`:

    its core        makes a folder (proper-lockfile); one 10 s old is stale, removed by `rmdir`, taken over
    older commands  make a file that names the process; one 10 s old is stale, renamed and unlinked

Making either fails while the other is there, so they exclude one another. But the core cannot take over a
stale file, as `rmdir` refuses it, while the older commands do get past a stale folder. So ours is a folder,
and a file that a killed command left behind is taken away here.
"""

from __future__ import annotations

import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from planning_sync.replicas.errors import WriteFailed
from planning_sync.replicas.files import Entry

SUFFIX = ".lock"
STALE_SECONDS = 10.0
"""As the tool has it: who holds it longer than that must be gone."""
_WAIT_SECONDS = 15.0
"""Longer than a lock may be old, so that one that is left behind is waited for till it is stale."""
_PAUSE_SECONDS = 0.01


@contextmanager
def held(entry: Entry, *, stale_seconds: float = STALE_SECONDS) -> Iterator[None]:
    """Hold the lock of the file for the time of the block, which must be far shorter than it may be old.

    :raises WriteFailed: when others hold it all the time.
    """
    name = entry.name + SUFFIX
    mine = _acquired(entry, name, stale_seconds)
    try:
        yield
    finally:
        with suppress(OSError):  # taken for stale and removed by another process
            if _identity(entry, name) == mine:
                os.rmdir(name, dir_fd=entry.folder)


def _acquired(entry: Entry, name: str, stale_seconds: float) -> tuple[int, int]:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            os.mkdir(name, 0o777, dir_fd=entry.folder)
            return _identity(entry, name)
        except FileExistsError:
            _clear_stale(entry, name, stale_seconds)
        if time.monotonic() > deadline:
            raise WriteFailed(entry.path, f"Task Master holds its lock, {name}", _ADVICE)
        time.sleep(_PAUSE_SECONDS)


_ADVICE = "Wait for the command that runs there; the edit waits in the hub and the next sync writes it."


def _identity(entry: Entry, name: str) -> tuple[int, int]:
    found = os.stat(name, dir_fd=entry.folder, follow_symlinks=False)
    return found.st_ino, found.st_ctime_ns


def _clear_stale(entry: Entry, name: str, stale_seconds: float) -> None:
    """Take a lock away that its owner left behind; of several who try, one gets it by the rename."""
    with suppress(FileNotFoundError):
        found = os.stat(name, dir_fd=entry.folder, follow_symlinks=False)
        if time.time() - found.st_mtime <= stale_seconds:
            return
        aside = f"{name}.stale.{secrets.token_hex(8)}"
        os.rename(name, aside, src_dir_fd=entry.folder, dst_dir_fd=entry.folder)
        remove = os.rmdir if stat.S_ISDIR(found.st_mode) else os.unlink
        remove(aside, dir_fd=entry.folder)
