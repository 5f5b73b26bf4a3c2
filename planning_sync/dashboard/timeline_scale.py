"""Days and where they come to stand on a line from left to right: `days_of`, `Scale`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

_PART = re.compile(r"(\d+(?:[.,]\d+)?)(?:[-–](\d+(?:[.,]\d+)?))?[\s\u00a0\u202f]*([^\W\d_]+)")
_CLOCK = re.compile(r"(\d+)h(\d\d)")
_DAYS: Mapping[str, float] = {"m": 1 / 480, "h": 1 / 8, "d": 1.0, "j": 1.0, "w": 7.0, "s": 7.0, "mo": 30.0}
"""What a unit comes to in days of eight hours, by how its name begins in English and in French."""

MARGIN_DAYS = 2
TICKS_MOST = 12


def days_of(estimate: str) -> float | None:
    """How many days an estimate such as `2h`, `3 jours` or `1-2 weeks` comes to, at most; None if unknown."""
    text = estimate.strip().lower()
    clock = _CLOCK.fullmatch(text)
    if clock:
        return (int(clock[1]) + int(clock[2]) / 60) / 8
    found = [_days(part) for part in _PART.finditer(text)]
    known = [days for days in found if days is not None]
    return sum(known) if known and len(known) == len(found) else None


def _days(part: re.Match[str]) -> float | None:
    unit = part[3]
    name = "mo" if unit.startswith("mo") else unit[:1]
    if name not in _DAYS:
        return None
    return float((part[2] or part[1]).replace(",", ".")) * _DAYS[name]


class Tick(NamedTuple):
    at: float
    day: date


class Scale(NamedTuple):
    """From the first day to the last, as 0 to 100."""

    first: date
    last: date

    @classmethod
    def over(cls, days: Iterator[date] | list[date], today: date) -> Scale:
        """One that has all of the days, today among them, and some air."""
        known = [*days, today]
        margin = timedelta(days=MARGIN_DAYS)
        return cls(min(known) - margin, max(known) + margin)

    def at(self, day: date) -> float:
        return round(100 * (day - self.first).days / max(1, (self.last - self.first).days), 2)

    def ticks(self) -> list[Tick]:
        """The first days of months, or of every so many of them; of weeks where the line is short."""
        mondays = [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]
        if len(mondays) <= 7 * TICKS_MOST:
            found = [day for day in mondays if day.weekday() == 0]
        else:
            found = [day for day in mondays if day.day == 1]
        step = -(-len(found) // TICKS_MOST) or 1
        return [Tick(self.at(day), day) for day in found[::step]]
