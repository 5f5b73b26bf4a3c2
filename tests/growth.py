"""Whether work takes time in proportion to what it is done on: `is_linear`."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

TIMES = 8
_LEAST_SECONDS = 0.02


def is_linear(work: Callable[[T], object], make: Callable[[int], T], *, small: int) -> bool:
    """Whether eight times as much takes about eight times as long; quadratic work would take 64 times.

    By the time that this thread had of a processor, and tried again: other programs make that longer too.
    """
    less, more = make(small), make(TIMES * small)
    work(less)
    return any(_seconds(work, more) < 3 * TIMES * _seconds(work, less) for _ in range(5))


def _seconds(work: Callable[[T], object], on: T) -> float:
    gc.disable()  # what else is alive in this process is not the work's
    started = time.thread_time()
    try:
        work(on)
        return max(time.thread_time() - started, _LEAST_SECONDS)
    finally:
        gc.enable()
