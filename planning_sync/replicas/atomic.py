"""Replacing, creating and removing one file so that at any instant it is whole: the old one or the new one.

Public: `replace`, `create`, `remove`, `alone`, `expect`, `checkpoint`, `CHECKPOINTS`.

    replace   temp-written  temp-synced  rechecked  renamed  dir-synced
    create    temp-written  temp-synced  rechecked  renamed  dir-synced
    remove                               rechecked  removed  dir-synced

A new file is written under a temporary name in the same folder, flushed to disk, given the mode of the old
one (and its owner, where the process may do that; extended attributes are not kept), and renamed over it.
Right before, the present file is read again and must be the expected one.

What this cannot exclude: a program that writes into the file between the last look at it and the rename,
which are some microseconds apart. A program that keeps the old file open and writes later writes into a
file that has no name any more. Writers of this package exclude one another by a lock on the folder.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from planning_sync.replicas.errors import PlanChanged, WriteFailed
from planning_sync.replicas.files import Entry, digest, same_state
from planning_sync.replicas.tree import TEMPORARY_PREFIX, TEMPORARY_SUFFIX

CHECKPOINTS = ("temp-written", "temp-synced", "rechecked", "renamed", "removed", "dir-synced")
_LOCK_SECONDS = 10.0
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EBADF}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_NO_FOLDER_SYNC = {errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP, errno.ENOSYS}


def checkpoint(name: str) -> None:
    """Called after each durable step. Does nothing: tests put in its place what stops the process there."""


def replace(entry: Entry, data: bytes, before: str) -> os.stat_result:
    """Puts `data` where a file with the checksum `before` is; how the new file then looks to `stat`.

    :raises PlanChanged: when another file is there, or none.
    :raises WriteFailed: when the file is write-protected.
    :raises OSError: when the disk refuses; the file is then as it was.
    """
    with alone(entry):
        current = expect(entry, before)
        _refuse_protected(entry, current)
        with _temporary(entry, data, like=current) as (name, descriptor):
            seen = expect(entry, before)
            checkpoint("rechecked")
            _still(entry, seen)
            os.rename(name, entry.name, src_dir_fd=entry.folder, dst_dir_fd=entry.folder)
            checkpoint("renamed")
            _sync_folder(entry.folder)
            checkpoint("dir-synced")
            return os.fstat(descriptor)


def create(entry: Entry, data: bytes) -> os.stat_result:
    """Makes a new file of `data`; how it then looks to `stat`. Never overwrites one.

    :raises PlanChanged: when there is something of that name.
    :raises OSError: when the disk refuses; there is then no such file.
    """
    with alone(entry), _temporary(entry, data, like=None) as (name, descriptor):
        checkpoint("rechecked")
        try:
            _give_name(entry, name)
        except FileExistsError as error:
            raise PlanChanged(entry.path, "has come into being") from error
        checkpoint("renamed")
        _sync_folder(entry.folder)
        checkpoint("dir-synced")
        return os.fstat(descriptor)


def remove(entry: Entry, before: str, *, content: Entry) -> None:
    """Removes the name `entry` of the file with the checksum `before`.

    `content` is where the file stands: elsewhere than `entry` if that is a link; the link alone is removed.

    :raises PlanChanged: when another file is there, or none.
    :raises WriteFailed: when the file is write-protected.
    :raises OSError: when the disk refuses; the file is then still there.
    """
    with alone(entry):
        named = _named(entry)
        seen = expect(content, before)
        _refuse_protected(content, seen)
        checkpoint("rechecked")
        _still(content, seen)
        _still(entry, named)
        os.unlink(entry.name, dir_fd=entry.folder)
        checkpoint("removed")
        _sync_folder(entry.folder)
        checkpoint("dir-synced")


def expect(entry: Entry, before: str) -> os.stat_result:
    """How the file looks to `stat`, which must have the checksum `before`.

    :raises PlanChanged: when another file is there, or none.
    """
    try:
        descriptor = entry.open()
    except FileNotFoundError as error:
        raise PlanChanged(entry.path, _DELETED) from error
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise PlanChanged(entry.path, _REPLACED) from error
        raise
    try:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise PlanChanged(entry.path, _REPLACED)
        if digest(descriptor) != before or not same_state(seen, os.fstat(descriptor)):
            raise PlanChanged(entry.path, _EDITED)
    finally:
        os.close(descriptor)
    return seen


# ------------------------------------------------------------------------------------- checks

_DELETED = "was deleted"
_EDITED = "was edited"
_REPLACED = "was replaced by something that is not a plain file"


def _named(entry: Entry) -> os.stat_result:
    try:
        return entry.stat()
    except FileNotFoundError as error:
        raise PlanChanged(entry.path, _DELETED) from error


def _still(entry: Entry, seen: os.stat_result) -> None:
    if not same_state(_named(entry), seen):
        raise PlanChanged(entry.path, _EDITED)


def _refuse_protected(entry: Entry, found: os.stat_result) -> None:
    """A rename needs no right to write the file it replaces, but whoever took it away meant something."""
    if os.fstatvfs(entry.folder).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    anyone = found.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    if not anyone or not os.access(entry.name, os.W_OK, dir_fd=entry.folder, effective_ids=True):
        raise WriteFailed.of(entry.path, PermissionError(errno.EACCES, "the file is write-protected"))


@contextmanager
def alone(entry: Entry, *, patience_seconds: float = _LOCK_SECONDS) -> Iterator[None]:
    """Keeps other writers of this package out of the folder, those of other processes too.

    Where the file system has no locks the writers are only as safe from one another as from any program.
    """
    deadline = time.monotonic() + patience_seconds
    while not _locked(entry.folder):
        if time.monotonic() > deadline:
            raise WriteFailed.of(entry.path, OSError(errno.EBUSY, "another program has locked its folder"))
        time.sleep(0.005)
    try:
        yield
    finally:
        with suppress(OSError):  # no locks here, or the folder is gone: closing it unlocks as well
            fcntl.flock(entry.folder, fcntl.LOCK_UN)


def _locked(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True


# ------------------------------------------------------------------------------------- durable steps


@contextmanager
def _temporary(entry: Entry, data: bytes, *, like: os.stat_result | None) -> Iterator[tuple[str, int]]:
    """Name and descriptor of a new file with `data` beside `entry`, on disk; removed in the end."""
    name = f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}{TEMPORARY_SUFFIX}"
    mode = 0o666 if like is None else 0o600
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, mode, dir_fd=entry.folder)
    try:
        _write_all(descriptor, data)
        checkpoint("temp-written")
        if like is not None:
            _take_after(descriptor, like)
        os.fsync(descriptor)
        checkpoint("temp-synced")
        yield name, descriptor
    finally:
        os.close(descriptor)
        with suppress(OSError):  # renamed, as it should be; or the disk refuses, and `cleanup` will find it
            os.unlink(name, dir_fd=entry.folder)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _take_after(descriptor: int, like: os.stat_result) -> None:
    """Gives the new file the owner, as far as allowed, and the mode of the old one."""
    mine = os.fstat(descriptor)
    for user, group in ((like.st_uid, -1), (-1, like.st_gid)):
        if user not in (-1, mine.st_uid) or group not in (-1, mine.st_gid):
            with suppress(PermissionError):  # only the superuser may give files away
                os.fchown(descriptor, user, group)
    os.fchmod(descriptor, stat.S_IMODE(like.st_mode))


def _give_name(entry: Entry, temporary: str) -> None:
    """Renames the temporary file unless there is something of that name (`FileExistsError`)."""
    try:
        os.link(temporary, entry.name, src_dir_fd=entry.folder, dst_dir_fd=entry.folder)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _give_reserved_name(entry, temporary)
    else:
        os.unlink(temporary, dir_fd=entry.folder)


def _give_reserved_name(entry: Entry, temporary: str) -> None:
    """Where there are no hard links: an empty file holds the name until the rename, some microseconds."""
    os.close(os.open(entry.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, dir_fd=entry.folder))
    try:
        os.rename(temporary, entry.name, src_dir_fd=entry.folder, dst_dir_fd=entry.folder)
    except OSError:
        os.unlink(entry.name, dir_fd=entry.folder)
        raise


def _sync_folder(folder: int) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
