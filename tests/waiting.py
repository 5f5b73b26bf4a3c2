"""For what other threads and processes do: `until`, `PATIENCE_SECONDS`, and a port for them, `free_port`."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 60.0
"""So long that what has not come by then never will, on however busy a machine."""

# Below the ports that systems choose by themselves, so that no connection takes one before it is used.
_PORTS = range(20_000, 32_000)


def until(true: Callable[[], T], *, told: str | Callable[[], str] = "") -> T:
    """What `true` answers once that is true; `told` says what was waited for."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := true()):
        assert time.monotonic() < deadline, f"still waiting: {told if isinstance(told, str) else told()}"
        time.sleep(0.01)
    return found


def free_port() -> int:
    """Another one each time, for a server that takes it a moment later."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
