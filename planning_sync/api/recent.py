"""What this process logged lately: `RecentHandler` keeps it, `records` gives it, newest first.

In memory and bounded, so that it costs nothing and cannot fill a disk. It ends with the process, and each
process has its own: what a worker logs is in the worker's output alone.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

MOST = 2_000
"""Records that are kept."""
_LONGEST_MESSAGE = 4_000
_LONGEST_TRACEBACK = 8_000

_kept: deque[dict[str, Any]] = deque(maxlen=MOST)
_formatter = logging.Formatter()


class RecentHandler(logging.Handler):
    """Keeps the last records as they were told, with the traceback of an exception."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            _kept.append(_told(record))
        except Exception:  # as every handler of the library does: a log must not stop the work
            self.handleError(record)


def records(*, least: int = logging.NOTSET, logger: str = "", q: str = "") -> Iterator[dict[str, Any]]:
    """Those of that level or above, of that logger or one below it, whose message holds `q`."""
    for told in reversed(tuple(_kept)):
        if logging.getLevelNamesMapping()[told["level"]] < least:
            continue
        if logger and told["logger"] != logger and not told["logger"].startswith(f"{logger}."):
            continue
        if q.casefold() in told["message"].casefold():
            yield told


def clear() -> None:
    _kept.clear()


def _told(record: logging.LogRecord) -> dict[str, Any]:
    traceback = ""
    if record.exc_info and record.exc_info[0] is not None:
        traceback = _formatter.formatException(record.exc_info)[-_LONGEST_TRACEBACK:]
    return {
        "at": datetime.fromtimestamp(record.created, UTC),
        "level": _level(record.levelno),
        "logger": record.name,
        "message": record.getMessage()[:_LONGEST_MESSAGE],
        "traceback": traceback,
        "process": record.process or os.getpid(),
    }


def _level(number: int) -> str:
    """One of the five names, the nearest below."""
    return next((name for name, least in _LEVELS if number >= least), "DEBUG")


_LEVELS = (("CRITICAL", 50), ("ERROR", 40), ("WARNING", 30), ("INFO", 20))
