"""Noticing that the log may have grown: `open_tail`, in the thread that is to notice.

SQLite is asked every 20 ms whether another connection has committed, which costs a few microseconds.
PostgreSQL says so by itself (LISTEN); it is asked every second all the same, for connection poolers swallow
what it says.
"""

from __future__ import annotations

import select
import socket
from types import TracebackType
from typing import Any, Protocol, Self

from django.db import connection, connections

from planning_sync.live.triggers import CHANNEL

SQLITE_SECONDS = 0.02
POSTGRES_SECONDS = 1.0


class Tail(Protocol):
    def wait(self, nudge: socket.socket) -> bool:
        """Wait a little, shorter where `nudge` becomes readable; whether the log may have grown."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_tail() -> Tail:
    return _PostgresTail() if connection.vendor == "postgresql" else _SqliteTail()


class _SqliteTail:
    """`PRAGMA data_version` is a number that another one's commit changes."""

    def __init__(self) -> None:
        self._version: int | None = None

    def wait(self, nudge: socket.socket) -> bool:
        select.select([nudge], [], [], SQLITE_SECONDS)
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA data_version")
            (version,) = cursor.fetchone()
        known, self._version = self._version, version
        return bool(known != version)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        connection.close()


class _PostgresTail:
    """A connection that only listens, beside the one that reads."""

    def __init__(self) -> None:
        self._listener = connections.create_connection("default")
        with self._listener.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        self._raw: Any = self._listener.connection

    def wait(self, nudge: socket.socket) -> bool:
        ready, _, _ = select.select([nudge, self._raw.fileno()], [], [], POSTGRES_SECONDS)
        if self._raw.fileno() in ready:
            with self._listener.wrap_database_errors:
                list(self._raw.notifies(timeout=0))
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        connection.close()
