"""Who writes next: a `Turn` is first come, first served within this process, and exclusive among all.

Threads wait in a line of this process, and only the first of the line asks for the lock file: so however many
wait, none polls but one, and none is overtaken by its neighbours.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from pathlib import Path

from filelock import FileLock

POLL_SECONDS = 0.002
"""How often the first of the line asks whether another process has given the lock file back."""


class Line:
    """A lock that goes to who has waited longest."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    def wait(self) -> None:
        with self._mutex:
            if not self._taken:
                self._taken = True
                return
            called = threading.Lock()
            called.acquire()
            self._waiting.append(called)
        try:
            called.acquire()
        except BaseException:  # Ctrl-C: whoever leaves must not be called, or has to call the next
            with self._mutex:
                still_waiting = called in self._waiting
                if still_waiting:
                    self._waiting.remove(called)
            if not still_waiting:
                self.leave()
            raise

    def leave(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


_lines: dict[Path, Line] = {}
# A child has none of the threads that wait here, nor the turn of the one that had it.
os.register_at_fork(after_in_child=_lines.clear)


class Turn:
    """The right to write to what `path` stands for; of no thread in particular."""

    def __init__(self, path: Path) -> None:
        self._line = _lines.setdefault(path, Line())
        self._file = FileLock(path, poll_interval=POLL_SECONDS, thread_local=False)
        self._taken = False

    def take(self) -> None:
        self._line.wait()
        try:
            self._file.acquire()
        except BaseException:
            self._line.leave()
            raise
        self._taken = True

    def give_back(self) -> None:
        """Once is enough: what was given back already stays so."""
        if not self._taken:
            return
        self._taken = False
        try:
            self._file.release()
        finally:
            self._line.leave()
