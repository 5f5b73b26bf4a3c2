"""Work that nobody waits for: `do` has it done, soon where that is `allowed`, and at once elsewhere.

One thread takes one piece after the other. What waits already under the same name is not put into the line
again: when its turn comes it sees all that was committed until then. A process that ends by itself ends once
the line is empty (`end_gently`). What a killed one leaves undone is lost, so it has to be found again by some
other way, as plans are from their revisions.
"""

from __future__ import annotations

import contextvars
import logging
import signal
import threading
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType

from django.db import connections

logger = logging.getLogger(__name__)

Work = Callable[[], object]

_allowed = contextvars.ContextVar("background_allowed", default=False)


@contextmanager
def allowed() -> Iterator[None]:
    """What is called within the block need not be done with its work when it returns."""
    token = _allowed.set(True)
    try:
        yield
    finally:
        _allowed.reset(token)


def is_allowed() -> bool:
    return _allowed.get()


def do(name: Hashable, work: Work) -> None:
    if is_allowed():
        _line.put(name, work)
    else:
        work()


def end_gently() -> None:
    """Have SIGTERM end the process once the line is empty. Servers stop at it, then let it take effect."""
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, _: FrameType | None) -> None:
    _line.finish()
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


class _Line:
    def __init__(self) -> None:
        # Python has it finish what it was given before the process ends.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="background")
        self._waiting: set[Hashable] = set()
        self._mutex = threading.Lock()

    def put(self, name: Hashable, work: Work) -> None:
        with self._mutex:
            if name in self._waiting:
                return
            self._waiting.add(name)
        # The log is told where the first who asked came from.
        self._thread.submit(contextvars.copy_context().run, self._do, name, work)

    def finish(self) -> None:
        self._thread.shutdown()

    def _do(self, name: Hashable, work: Work) -> None:
        # Before the work: what is committed from now on, it may not see.
        with self._mutex:
            self._waiting.discard(name)
        try:
            work()
        except Exception:
            logger.exception("What was to follow a request failed (%s)", name)
        finally:
            if not self._waiting:
                connections.close_all()


_line = _Line()
