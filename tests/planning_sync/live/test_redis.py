"""With Redis to wake the followers, and when it goes away."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User

from tests.planning_sync.live.server import ROOT, Listener, Server, environment
from tests.waiting import free_port, until

WRITER = """
import sys, uuid
import django
django.setup()
from tests.planning_sync.live.logbook import changed, write
for line in sys.stdin:
    write([changed(uuid.UUID(line.strip()))])
    print("done", flush=True)
"""


@contextmanager
def redis(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    program = shutil.which("redis-server")
    if program is None:
        reason = "there is no redis-server on PATH (Debian, Ubuntu: apt-get install redis-server)"
        pytest.skip(reason)
    pytest.importorskip("channels_redis")
    port = free_port()
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    running = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL)
    try:
        until(lambda: listens(port), told="Redis")
        yield f"redis://127.0.0.1:{port}/0", running
    finally:
        running.kill()
        running.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def writer(**more: str) -> Iterator[Callable[[UUID], None]]:
    """A worker process, which writes about the plan that it is given."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER],
        env=environment(**more),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said, heard = process.stdin, process.stdout

        def write(plan: UUID) -> None:
            print(plan, file=said, flush=True)
            assert heard.readline() == "done\n"

        yield write
        said.close()


def test_redis_wakes_followers_and_is_not_needed(
    start: Callable[..., Server], alice: User, tmp_path: Path
) -> None:
    with redis(tmp_path) as (url, running):
        more = {"PLANNING_SYNC_REDIS_URL": url}
        server = start(**more)
        with writer(**more) as write, Listener(server.connect(alice), "all") as listener:
            time.sleep(6.0)  # longer than a client of Redis waits for an answer by itself
            before = [uuid4() for _ in range(5)]
            for plan in before:
                write(plan)
            listener.until(5)
            assert "Redis" not in server.said()
            running.kill()
            running.wait()
            after = [uuid4() for _ in range(5)]
            for plan in after:
                write(plan)
            listener.until(10)
            assert listener.hears_nothing_more()
        assert Counter(UUID(event["plan"]) for event in listener.events) == Counter(before + after)
        assert "Redis does not wake the live updates" in server.said()


def test_the_url_of_redis_is_checked_and_not_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from planning_sync import settings"],
        env={
            "PATH": os.environ["PATH"],
            "PLANNING_SYNC_HOME": str(tmp_path),
            "PLANNING_SYNC_REDIS_URL": "http://x:hunter2@y",
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "PLANNING_SYNC_REDIS_URL: write redis://" in done.stderr
    assert "hunter2" not in done.stderr
