"""Counting what may come in floods, so that not every drop is written down: `Tally`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock

WINDOW_SECONDS = 3600.0
MOST_SOURCES = 10_000


class Tally:
    """Of each source the first few in an hour are told, then each time their number doubles.

    Where there is a `limit`, so many are told of all sources together; from then on they count as one.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._lock = Lock()
        self._counts: OrderedDict[Hashable, int] = OrderedDict()
        self._began = 0.0
        self._told = 0
        self._beyond = 0

    def count(self, source: Hashable, *, first: int, now: float) -> int:
        """How often it came in this hour, if that is to be told; else 0. `first` are told one by one."""
        with self._lock:
            if now - self._began >= WINDOW_SECONDS:
                self._counts.clear()
                self._began, self._told, self._beyond = now, 0, 0
            count = self._counts[source] = self._counts.pop(source, 0) + 1
            if len(self._counts) > MOST_SOURCES:
                self._counts.popitem(last=False)
            if not _is_told(count, first):
                return 0
            self._told += 1
            if self._limit is None or self._told <= self._limit:
                return count
            self._beyond += 1
            return count if _is_told(self._beyond, 1) else 0


def _is_told(count: int, first: int) -> bool:
    if count <= first:
        return True
    times, rest = divmod(count, first)
    return rest == 0 and times & (times - 1) == 0
