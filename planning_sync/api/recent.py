"""What was logged lately on this host: `RecentHandler` keeps it, `records` gives it, newest first.

All processes of the host write to one small file below PLANNING_SYNC_HOME, a line for each record. Once it is
full it becomes the older one of two, so that there is always some past, and never much of it. Processes on
other hosts have a folder of their own, and so their own records.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

MOST_BYTES = 2 * 1024 * 1024
"""Of each of the two files."""
_LONGEST_MESSAGE = 4_000
_LONGEST_TRACEBACK = 8_000
_FILE, _OLDER = "recent.jsonl", "recent.1.jsonl"

_formatter = logging.Formatter()


class RecentHandler(logging.Handler):
    """Keeps the last records as they were told, with the traceback of an exception, in the folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def emit(self, record: logging.LogRecord) -> None:
        try:
            _append(self._folder, orjson.dumps(_told(record)) + b"\n")
        except Exception:  # as every handler of the library does: a log must not stop the work
            self.handleError(record)


def records(folder: Path, *, least: int = logging.NOTSET, logger: str = "", q: str = "") -> Iterator[Any]:
    """Those of that level or above, of that logger or one below it, whose message holds `q`."""
    levels = logging.getLevelNamesMapping()
    for told in _kept(folder):
        if levels[told["level"]] < least:
            continue
        if logger and told["logger"] != logger and not told["logger"].startswith(f"{logger}."):
            continue
        if q.casefold() in told["message"].casefold():
            yield told


def _append(folder: Path, line: bytes) -> None:
    """In one write, which those of other processes do not get into."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / _FILE
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line)
        if os.fstat(descriptor).st_size > MOST_BYTES:
            # Whoever comes second finds another file at the path, and leaves it there.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_at(descriptor, path):
                path.replace(folder / _OLDER)
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _kept(folder: Path) -> Iterator[dict[str, Any]]:
    for name in (_FILE, _OLDER):
        try:
            lines = (folder / name).read_bytes().splitlines()
        except FileNotFoundError:
            continue
        for line in reversed(lines):
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                continue  # a full disk let only a part of it through


def _told(record: logging.LogRecord) -> dict[str, Any]:
    traceback = ""
    if record.exc_info and record.exc_info[0] is not None:
        traceback = _formatter.formatException(record.exc_info)[-_LONGEST_TRACEBACK:]
    told = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
        "level": _level(record.levelno),
        "logger": record.name,
        "message": record.getMessage()[:_LONGEST_MESSAGE],
        "traceback": traceback,
        "process": record.process or os.getpid(),
    }
    return {name: _sayable(value) if isinstance(value, str) else value for name, value in told.items()}


def _sayable(text: str) -> str:
    """With a mark for what UTF-8 cannot say, such as half of a surrogate pair in the name of a file."""
    return text.encode("utf-8", "replace").decode()


def _level(number: int) -> str:
    """One of the five names, the nearest below."""
    return next((name for name, least in _LEVELS if number >= least), "DEBUG")


_LEVELS = (("CRITICAL", 50), ("ERROR", 40), ("WARNING", 30), ("INFO", 20))
