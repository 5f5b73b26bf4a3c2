"""The one way to write: `write_transaction`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, transaction

from audit.turns import Turn


@contextmanager
def write_transaction() -> Iterator[None]:
    """One short transaction that writes; nested calls join the outer one.

    SQLite lets writers fight for its lock by polling, which under load makes single ones wait for
    seconds. Waiting in line beside the database keeps the wait near the length of the transactions
    ahead.
    """
    lock_path = _lock_path()
    if lock_path is None:
        with transaction.atomic():
            yield
        return
    turn = Turn(lock_path)
    turn.take()
    try:
        with transaction.atomic():
            # The first hook to run: those of the callers may open a transaction of their own.
            transaction.on_commit(turn.give_back)
            yield
    finally:
        turn.give_back()


def _lock_path() -> Path | None:
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return None
    name = str(connection.settings_dict["NAME"])
    if ":memory:" in name or name.startswith("file:"):
        return None
    return Path(name + ".write-lock")
