"""A web server in a process of its own, as `up` starts it: `serving`, `end_of`."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.workplace import REPOSITORY

PATIENCE_SECONDS = 60.0


@contextmanager
def serving(environment: Mapping[str, str], log: Path) -> Iterator[int]:
    """The port of a server with that environment; what it says goes to `log`."""
    port = _free_port()
    words = ["--port", str(port), "--lifespan", "off", "--log-level", "warning", "--no-access-log"]
    with (
        log.open("wb") as said,
        subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "planning_sync.asgi:application", *words],
            env=dict(environment),
            cwd=REPOSITORY,
            stderr=said,
        ) as server,
    ):
        try:
            _wait_for(port, server, log)
            yield port
        finally:
            server.terminate()
            server.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert server.poll() is None, f"the web server ended: {end_of(log)}"
            assert time.monotonic() < deadline, "the web server does not answer"
            time.sleep(0.05)


def end_of(log: Path) -> str:
    """The last of what the server said."""
    return log.read_text(encoding="utf-8", errors="replace")[-3000:]
