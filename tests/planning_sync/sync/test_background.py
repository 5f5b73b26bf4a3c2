"""What follows a request is done beside its answer, once for many of them, and before the process ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from functools import partial

import pytest

from planning_sync.sync import background
from tests.waiting import PATIENCE_SECONDS


def test_where_nothing_may_wait_it_is_done_at_once() -> None:
    done = list[str]()
    background.do("plan", lambda: done.append("plan"))
    assert done == ["plan"]


def test_what_waits_in_the_line_is_not_done_twice_and_what_has_begun_is() -> None:
    begun, go_on, last = threading.Event(), threading.Event(), threading.Event()
    done = list[str]()

    def work(name: str) -> None:
        if name == "busy" and "busy" not in done:
            begun.set()
            go_on.wait(PATIENCE_SECONDS)
        done.append(name)
        if name == "end":
            last.set()

    with background.allowed():
        background.do("busy", partial(work, "busy"))
        assert begun.wait(PATIENCE_SECONDS)
        for name in ("plan", "plan", "busy", "plan", "busy", "end"):
            background.do(name, partial(work, name))
    go_on.set()
    assert last.wait(PATIENCE_SECONDS)
    assert done == ["busy", "plan", "busy", "end"]


def test_one_piece_that_goes_wrong_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    told: list[object] = []
    monkeypatch.setattr(background.logger, "exception", lambda message, name: told.append(name))

    def fail() -> None:
        raise ValueError

    with background.allowed():
        background.do("wrong", fail)
        background.do("right", done.set)
    assert done.wait(PATIENCE_SECONDS)
    assert told == ["wrong"]


PROGRAM = """
import os, signal, time
from functools import partial
import django.conf
django.conf.settings.configure()
from planning_sync.sync import background
background.end_gently()
def work(number):
    time.sleep(0.02)
    print(number, flush=True)
with background.allowed():
    for number in range(5):
        background.do(number, partial(work, number))
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(600)
"""


def test_a_process_that_is_told_to_end_finishes_its_line() -> None:
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.stdout.split() == list("01234"), done.stderr
    assert done.returncode == -signal.SIGTERM
