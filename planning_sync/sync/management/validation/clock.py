"""The day that it is where the command runs: `today`."""

from __future__ import annotations

from datetime import UTC, date, datetime


def today() -> date:
    return datetime.now(UTC).astimezone().date()
