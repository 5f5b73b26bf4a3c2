"""Acts that are killed at one of their steps: `steps_of`, `is_durable`, `killed_at`.

Steps are writing statements, commits, and the checkpoints of a file that is written. Who is killed elsewhere
than at a durable step leaves what the durable step before it has left.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import connection, connections

from planning_sync.replicas import atomic

WRITES = ("INSERT", "UPDATE", "DELETE", "COPY")

Act = Callable[[], object]


def steps_of(act: Act) -> list[str]:
    """What it does, step by step; it is done then."""
    steps: list[str] = []
    with _watched(steps.append):
        act()
    return steps


def is_durable(step: str) -> bool:
    return not step.startswith(("statement", "before"))


def killed_at(number: int, act: Act) -> bool:
    """Do it in another process, which is killed at its step `number`; False where it came to its end."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        _die_at(number, act)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def _die_at(number: int, act: Act) -> None:
    left = number

    def tell(step: str) -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    try:
        with _watched(tell):
            act()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


@contextmanager
def _watched(tell: Callable[[str], None]) -> Iterator[None]:
    """`tell` hears of every step within the block: before statements and commits, after the rest."""

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        word = sql.lstrip().split(" ", 1)[0].upper()
        if word in WRITES:
            tell(f"statement {word}")
        return run(sql, params, many, context)

    commit = connection.commit

    def committing() -> None:
        tell("before commit")
        commit()
        tell("after commit")

    with (
        mock.patch.object(connection, "commit", committing),
        mock.patch.object(atomic, "checkpoint", tell),
        connection.execute_wrapper(execute),
    ):
        yield
