"""One worker at a time for one plan at one replica: `hold`."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings
from django.db import connection
from filelock import FileLock, Timeout

from planning_sync.sync.errors import Busy

WAIT_SECONDS = 30.0


@contextmanager
def hold(replica_id: UUID, path: str) -> Iterator[None]:
    """The right to sync `path` of the replica; raises `Busy` after `WAIT_SECONDS`.

    On PostgreSQL an advisory lock of this connection, so that it holds between hosts; on SQLite, whose
    users share one host, a lock file. Both vanish with the process that holds them.
    """
    name = hashlib.sha256(f"{replica_id}/{path}".encode("utf-8", "surrogateescape")).digest()
    if connection.vendor == "postgresql":
        with _advisory(int.from_bytes(name[:8], signed=True), path):
            yield
        return
    # Two hundred and fifty-six files at most, not one for each plan that ever was.
    folder = settings.PLANNING_SYNC_HOME / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    # One object for each file: who holds two plans at once may meet the same file for both.
    place = folder / f"{name[0]:02x}.lock"
    lock = FileLock(place, timeout=WAIT_SECONDS, poll_interval=0.005, is_singleton=True)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(path, WAIT_SECONDS) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _advisory(number: int, path: str) -> Iterator[None]:
    deadline = time.monotonic() + WAIT_SECONDS
    while not _asked("SELECT pg_try_advisory_lock(%s)", number):
        if time.monotonic() > deadline:
            raise Busy(path, WAIT_SECONDS)
        time.sleep(0.005)
    try:
        yield
    finally:
        _asked("SELECT pg_advisory_unlock(%s)", number)


def _asked(question: str, number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question, [number])
        (answer,) = cursor.fetchone()
    return bool(answer)
