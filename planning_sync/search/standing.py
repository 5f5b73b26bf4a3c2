"""How search fares: `standing`, for the health page, the doctor and the metrics."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import timezone

from planning_sync.search import records, wire
from planning_sync.search.errors import SearchError
from planning_sync.search.models import Collection, Record

LATE = timedelta(minutes=5)
"""A change that the index was not told of for so long says that its embedder does not get on."""


class Standing(NamedTuple):
    engine: str
    """Empty where no index was ever built."""
    model: str
    expected: int
    """Points that the index was found to need when it was last compared with the hub."""
    found: int
    differing: int
    waiting: int
    """Records that the index was not told yet."""
    checked_at: datetime | None
    problem: str
    """Why searches compare only words now; empty where all is well."""

    def as_json(self) -> dict[str, Any]:
        checked_at = self.checked_at.isoformat() if self.checked_at else None
        return {**self._asdict(), "checked_at": checked_at}


def standing() -> Standing:
    """Asks the embedder, which answers at once or is away."""
    row = Collection.objects.filter(pk=1).first() or Collection(model="", dimension=0)
    return Standing(
        engine=row.engine,
        model=row.model,
        expected=row.expected,
        found=row.found,
        differing=row.differing,
        waiting=records.due().count(),
        checked_at=row.checked_at,
        problem=_problem(row),
    )


def is_on() -> bool:
    return bool(settings.PLANNING_SYNC_SEARCH)


def _problem(row: Collection) -> str:
    try:
        told = wire.ask("status")
    except SearchError as error:
        return str(error)
    if told["problem"]:
        return str(told["problem"])
    if row.alive_at is not None and row.alive_at < timezone.now() - LATE and Record.objects.exists():
        return "The embedder answers, but has not looked at the hub for minutes: see its log."
    return ""
