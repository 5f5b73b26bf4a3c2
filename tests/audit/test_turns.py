"""Whoever writes waits in line, and nobody keeps the place that was his."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, connections, transaction

from audit import services as audit
from audit.models import Operation
from audit.transactions import write_transaction
from audit.turns import Line, Turn
from tests.waiting import PATIENCE_SECONDS, until

MANY = 30


def started(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def test_the_line_moves_in_the_order_of_arrival(tmp_path: Path) -> None:
    path, served = tmp_path / "lock", list[int]()
    first = Turn(path)
    first.take()

    def wait(number: int) -> None:
        turn = Turn(path)
        turn.take()
        served.append(number)
        turn.give_back()

    threads = []
    for number in range(MANY):
        threads.append(started(lambda number=number: wait(number)))  # type: ignore[misc]
        until(lambda: len(first._line._waiting) == len(threads), told="its place in the line")
    first.give_back()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert served == list(range(MANY))


def test_a_turn_is_given_back_once_however_often_it_is_said(tmp_path: Path) -> None:
    turn, other, third = (Turn(tmp_path / "lock") for _ in range(3))
    turn.take()
    turn.give_back()
    other.take()
    turn.give_back()
    waiting = started(third.take)
    waiting.join(0.1)
    assert waiting.is_alive()
    other.give_back()
    waiting.join(PATIENCE_SECONDS)
    assert not waiting.is_alive()
    third.give_back()


def test_who_leaves_the_line_is_not_waited_for() -> None:
    line = Line()
    line.wait()
    left = list[type[BaseException]]()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        line.wait()
    except KeyboardInterrupt:
        left.append(KeyboardInterrupt)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert left
    after = started(line.wait)
    line.leave()
    after.join(PATIENCE_SECONDS)
    assert not after.is_alive()


def test_another_process_gets_its_turn_though_this_one_always_wants_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    stop = threading.Event()

    def write_again_and_again() -> None:
        while not stop.is_set():
            turn = Turn(path)
            turn.take()
            time.sleep(0.001)
            turn.give_back()

    threads = [started(write_again_and_again) for _ in range(4)]
    program = "import filelock, sys; filelock.FileLock(sys.argv[1], poll_interval=0.002).acquire()"
    try:
        subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=PATIENCE_SECONDS)
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)


@pytest.mark.django_db(transaction=True)
def test_whatever_goes_wrong_in_a_write_the_next_one_is_not_kept_waiting() -> None:
    def fail() -> None:
        raise ValueError("on purpose")

    def fail_inside() -> None:
        with write_transaction():
            fail()

    def fail_nested() -> None:
        with write_transaction(), write_transaction():
            fail()

    def fail_after_the_commit() -> None:
        with write_transaction():
            transaction.on_commit(fail)

    def fail_in_a_write_after_the_commit() -> None:
        with write_transaction():
            transaction.on_commit(fail_inside)

    for failing in (fail_inside, fail_nested, fail_after_the_commit, fail_in_a_write_after_the_commit):
        with pytest.raises(ValueError, match="on purpose"):
            failing()
        assert not connection.in_atomic_block
        others = [started(_write) for _ in range(2)]
        for other in others:
            other.join(PATIENCE_SECONDS)
            assert not other.is_alive(), failing.__name__
    assert Operation.objects.count() == 8


def _write() -> None:
    try:
        with write_transaction():
            audit.begin(Operation.Kind.EDIT, actor="alice")
    finally:
        connections.close_all()
