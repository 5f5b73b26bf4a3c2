"""The wire between two ends in one process; nothing of it asks a database."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from planning_sync.search import wire
from planning_sync.search.errors import EmbedderAway, SearchError, WrongModel
from planning_sync.search.wire import Server


def fail() -> None:
    raise WrongModel("one", "other")


ANSWERS: dict[str, Callable[..., Any]] = {"twice": lambda number: 2 * number, "fail": fail}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.PLANNING_SYNC_HOME = tmp_path
    monkeypatch.setattr(wire, "_resting_until", 0.0)
    yield
    while wire._idle:
        wire._idle.pop().close()


@contextmanager
def served(answers: dict[str, Callable[..., Any]] = ANSWERS) -> Iterator[Server]:
    server = Server(answers)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def test_a_link_stays_open_for_the_next_question() -> None:
    with served() as server:
        for number in range(5):
            assert wire.ask("twice", number=number) == 2 * number
            assert (len(wire._idle), len(server._links)) == (1, 1)


def test_questions_at_once_have_links_of_their_own_and_get_their_own_answers() -> None:
    with served(), ThreadPoolExecutor(4) as pool:
        first, second = wire.begin("twice", number=1), wire.begin("twice", number=2)
        assert (second.answer(), first.answer()) == (4, 2)
        asked = range(200)
        assert list(pool.map(lambda number: wire.ask("twice", number=number), asked)) == [
            2 * number for number in asked
        ]


def test_an_error_comes_with_its_kind_and_leaves_the_link_usable() -> None:
    with served():
        for _ in range(2):
            with pytest.raises(WrongModel, match="'other'"):
                wire.ask("fail")
        with pytest.raises(SearchError, match="KeyError"):
            wire.ask("nothing of the kind")
        assert len(wire._idle) == 1


def test_the_next_embedder_is_asked_over_a_new_link() -> None:
    with served():
        assert wire.ask("twice", number=1) == 2
    with pytest.raises(EmbedderAway):
        wire.ask("twice", number=1)
    with served():
        assert wire.ask("twice", number=2) == 4


def test_who_gives_no_answer_in_time_is_left_alone_for_a_while() -> None:
    waiting = threading.Event()
    with served({"wait": lambda: waiting.wait(60), **ANSWERS}):
        with pytest.raises(EmbedderAway, match=r"no answer within 0\.05 s"):
            wire.ask("wait", timeout_seconds=0.05)
        assert not wire._idle, "a late answer must not be taken for that of the next question"
        with pytest.raises(EmbedderAway, match="a moment ago"):
            wire.ask("twice", number=1)
        assert wire.ask("twice", number=1, timeout_seconds=60.0) == 2
        waiting.set()


def test_a_process_that_was_forked_does_not_use_the_links_of_its_parent() -> None:
    with served():
        wire.ask("twice", number=1)
        child = os.fork()
        if child == 0:
            os._exit(len(wire._idle))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert len(wire._idle) == 1
