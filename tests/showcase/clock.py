"""Work that was done on another day: within `before_now`, the product takes that day for the present."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from unittest import mock

from django.utils import timezone


@contextmanager
def before_now(passed: timedelta) -> Iterator[None]:
    """Let it be so long ago. Django's clock is asked, which is turned back and goes on from there."""

    class TurnedBack(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) - passed

    with mock.patch.object(timezone, "datetime", TurnedBack):
        yield
