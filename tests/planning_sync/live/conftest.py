from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from tests.planning_sync.live.logbook import changed, write
from tests.planning_sync.live.server import EVERYTHING, Server, person


@pytest.fixture(scope="module")
def _running(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server") / "said")
    yield running
    running.stop()
    assert "Traceback" not in running.said(), running.said()


@pytest.fixture
def server(_running: Server, transactional_db: None) -> Server:
    """One for all tests of a module: it has to bear that the tables are emptied in between."""
    write([changed(uuid4())])
    return _running


@pytest.fixture
def start(transactional_db: None, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    running: list[Server] = []
    write([changed(uuid4())])

    def start(**more: str) -> Server:
        running.append(Server(tmp_path / f"said-{len(running)}", **more))
        return running[-1]

    yield start
    for each in running:
        each.stop()
        assert "Traceback" not in each.said(), each.said()


@pytest.fixture
def alice(transactional_db: None) -> User:
    return person("alice", *EVERYTHING)
