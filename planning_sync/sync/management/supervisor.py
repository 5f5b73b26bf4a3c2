"""Running several processes as one: `Supervisor`.

Each process leads a group of its own, so that a Ctrl-C of the terminal reaches this process alone, which
then stops the others in order; and so that what a process made can be ended with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event

STOP_SECONDS = 4.0
"""How long a process may take to end when asked to."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A process that ran this long and then died is started again as if it were the first time."""
LOOK_SECONDS = 0.1

Say = Callable[[str], None]


@dataclass
class Child:
    """One process to keep running: `python -m` with these words."""

    name: str
    words: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    pause_seconds: float = FIRST_PAUSE_SECONDS
    readers: list[threading.Thread] = field(default_factory=list)


class Supervisor:
    """Starts the children, starts again what dies, stops all of them; `say` gets each line they write."""

    def __init__(self, children: Sequence[Child], *, environment: Mapping[str, str], say: Say) -> None:
        self._children = children
        self._environment = {**environment, "PYTHONUNBUFFERED": "1"}
        self._say = say
        self._width = max(len(child.name) for child in children)
        # Held open by this process alone; see `child`.
        self._lifeline, self._held = os.pipe()

    def start(self) -> None:
        for child in self._children:
            self._start(child)

    def watch(self, stop: Event) -> None:
        """Keep the children running until `stop` is set."""
        while not stop.wait(LOOK_SECONDS):
            for child in self._children:
                self._look_after(child)

    def alive(self, name: str) -> bool:
        process = next(child.process for child in self._children if child.name == name)
        return process is not None and process.poll() is None

    def stop(self, hurry: Event) -> None:
        """End every process: by asking, and after a while, or at once with `hurry`, without asking."""
        running = [child for child in self._children if child.process is not None]
        for child in running:
            _signal(child, signal.SIGTERM, group=False)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and not hurry.is_set():
            if all(child.process is None or child.process.poll() is not None for child in running):
                break
            time.sleep(0.02)
        for child in running:
            _signal(child, signal.SIGKILL, group=True)
            if child.process is not None:
                child.process.wait()
        for child in running:
            for reader in child.readers:
                reader.join(timeout=0.5)
        os.close(self._held)

    # -------------------------------------------------------------------------------------- one child

    def _start(self, child: Child) -> None:
        command = [
            sys.executable,
            "-m",
            "planning_sync.sync.management.child",
            str(self._lifeline),
            *child.words,
        ]
        child.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(self._environment),
            pass_fds=[self._lifeline],
            start_new_session=True,
        )
        child.started_at = time.monotonic()
        child.readers = [threading.Thread(target=self._repeat, args=(child.name, child.process), daemon=True)]
        child.readers[0].start()

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_again_at:
                self._start(child)
            return
        if child.process.poll() is None:
            return
        _signal(child, signal.SIGKILL, group=True)  # what it made and did not end
        if now - child.started_at > STEADY_SECONDS:
            child.pause_seconds = FIRST_PAUSE_SECONDS
        self._tell(
            child.name,
            f"ended unexpectedly ({_how(child.process.returncode)}); "
            f"starting it again in {child.pause_seconds:g} s",
        )
        child.process = None
        child.start_again_at = now + child.pause_seconds
        child.pause_seconds = min(child.pause_seconds * 2, LONGEST_PAUSE_SECONDS)

    def _repeat(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None, "it is piped"
        with process.stdout:
            for line in process.stdout:
                self._tell(name, line.decode(errors="backslashreplace").rstrip())

    def _tell(self, name: str, line: str) -> None:
        self._say(f"{name:<{self._width}} | {line}")


def _signal(child: Child, number: signal.Signals, *, group: bool) -> None:
    assert child.process is not None, "it was started"
    with suppress(ProcessLookupError, PermissionError):
        if group:
            os.killpg(child.process.pid, number)
        elif child.process.poll() is None:
            child.process.send_signal(number)


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
