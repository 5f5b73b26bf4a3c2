"""What changed from day to day: `progress` of the plans, `volume` of the syncs. Days are those of UTC."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.core.cache import cache
from django.db.models import Count, Min, QuerySet, Sum
from django.db.models.functions import TruncDate

from audit import sight
from audit.models import Operation
from conflicts.queue import Someone
from planning_sync.dashboard.models import ProgressDay
from planning_sync.roles import access
from plans.models import Plan

_PAST_SECONDS = 3600
"""How long a past day is believed: what was running at midnight may still end otherwise."""

_ENDS = {
    Operation.Status.DONE: 0,
    Operation.Status.CONFLICTS: 1,
    Operation.Status.REFUSED: 2,
    Operation.Status.FAILED: 2,
}


class Progress(NamedTuple):
    """At the end of a day."""

    date: date
    tasks: int
    done: int

    @property
    def percent(self) -> float:
        return 100 * self.done / self.tasks if self.tasks else 0.0


class Volume(NamedTuple):
    """The syncs of a day that changed something, by how they ended."""

    date: date
    fine: int = 0
    conflicts: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        return self.fine + self.conflicts + self.failed


def progress(user: Someone, *, today: date, days: int) -> list[Progress]:
    """Day by day up to today, from the first that anything is known of.

    The present less what was gained since: a short sum, however long the log is.
    """
    gained = sight.shown(ProgressDay.objects.all(), user)
    first = gained.aggregate(first=Min("date"))["first"]
    if first is None:
        return []
    start = max(first, today - timedelta(days=days - 1))
    rows = gained.filter(date__gte=start).values_list("date")
    by_date = {day: (tasks, done) for day, tasks, done in rows.annotate(t=Sum("tasks"), d=Sum("done"))}
    now = sight.shown(Plan.objects.live(), user).aggregate(t=Sum("task_count"), d=Sum("done_count"))
    tasks, done = now["t"] or 0, now["d"] or 0
    found = []
    for day in reversed(_days(start, today)):
        found.append(Progress(day, tasks, done))
        more, more_done = by_date.get(day, (0, 0))
        tasks, done = tasks - more, done - more_done
    return found[::-1]


def volume(user: Someone, *, today: date, days: int) -> list[Volume]:
    """Day by day up to today; the days before it are counted once an hour."""
    start = today - timedelta(days=days - 1)
    key = f"dashboard.volume.{start}.{today}.{_sight_of(user)}"
    past = cache.get(key)
    if past is None:
        past = _counted(_syncs(user, since=start).filter(started_at__lt=_midnight(today)))
        cache.set(key, past, _PAST_SECONDS)
    found = {**past, **_counted(_syncs(user, since=today))}
    return [found.get(day, Volume(day)) for day in _days(start, today)]


def _sight_of(user: Someone) -> str:
    """The same for all who see the same replicas."""
    limits = access.replica_ids(user)
    if limits is None:
        return "all"
    return hashlib.sha256(",".join(sorted(pk.hex for pk in limits)).encode()).hexdigest()


def _syncs(user: Someone, *, since: date) -> QuerySet[Operation]:
    rows = Operation.objects.filter(started_at__gte=_midnight(since))
    return sight.shown(rows.filter(kind__in=(Operation.Kind.SYNC, Operation.Kind.IMPORT)), user)


def _counted(rows: QuerySet[Operation]) -> dict[date, Volume]:
    days = rows.order_by().annotate(day=TruncDate("started_at", tzinfo=UTC)).values_list("day", "status")
    return _stacked(days.annotate(n=Count("pk")))


def _stacked(rows: Iterable[tuple[date, str, int]]) -> dict[date, Volume]:
    counts: dict[date, list[int]] = defaultdict(lambda: [0, 0, 0])
    for day, status, number in rows:
        if status in _ENDS:
            counts[day][_ENDS[Operation.Status(status)]] += number
    return {day: Volume(day, *each) for day, each in counts.items()}


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
