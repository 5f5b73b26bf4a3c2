"""A web server at work: bodies in chunks, and files that follow edits after the answer."""

from __future__ import annotations

import http.client
import json
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from planning_sync.api import services as keys
from planning_sync.roles import groups
from tests.api.programs import person
from tests.planning_sync.live.server import Server
from tests.planning_sync.sync.workbench import Workbench
from tests.waiting import PATIENCE_SECONDS, until

CHUNK = b" " * 10_000


@pytest.fixture
def desk(tmp_path: Path, transactional_db: None) -> Workbench:
    groups.ensure()
    desk = Workbench.at(tmp_path / "plans")
    desk.write("launch.md", "# Launch\n\n" + "".join(f"- [ ] Take {number} steps\n" for number in range(20)))
    desk.sync()
    return desk


@pytest.fixture
def secret(desk: Workbench) -> str:
    return keys.make_key("robot", owner=person("olive", "editor"), actor="alice").secret


def patched(server: Server, secret: str, task: Any, body: bytes | Iterator[bytes]) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS)
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    chunked = not isinstance(body, bytes)
    connection.request("PATCH", f"/api/v1/tasks/{task.pk}", body, headers, encode_chunked=chunked)
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    return answer.status, told


def text(words: str) -> bytes:
    return json.dumps({"text": words}).encode()


def test_a_body_in_chunks_is_taken_up_to_the_limit_and_refused_beyond(
    start: Callable[..., Server], desk: Workbench, secret: str
) -> None:
    server, task = start(), desk.task("Take 1 steps")
    status, told = patched(server, secret, task, iter([b'{"text": ', b'"One"}']))
    assert (status, told["text"]) == (200, "One")
    status, told = patched(server, secret, task, iter([CHUNK] * 200))
    assert (status, told["type"]) == (413, "urn:planning-sync:problem:too-large")


def test_many_edits_at_once_are_all_in_the_file_when_a_server_has_ended(
    start: Callable[..., Server], desk: Workbench, secret: str
) -> None:
    server = start()
    tasks = [desk.task(f"Take {number} steps") for number in range(20)]

    def edit(number: int) -> int:
        return patched(server, secret, tasks[number], text(f"Done with {number}"))[0]

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(edit, range(20))) == [200] * 20
    until(lambda: "Done with 0" in desk.read("launch.md"), told="something written before the end")
    server.stop()
    assert server.process.returncode == -signal.SIGTERM
    assert desk.texts("launch.md") == [f"Done with {number}" for number in range(20)]
