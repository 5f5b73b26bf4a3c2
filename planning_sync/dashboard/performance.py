"""How fast and how well it works: the view `performance`. All from the product's own tables.

Durations are those of the last syncs that changed something: a pass that finds nothing to do leaves no trace.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.contrib.auth.decorators import permission_required
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django_q.models import Failure, OrmQ

from audit import sight
from audit.models import Entry, Operation
from conflicts.queue import Someone
from planning_sync.dashboard import charts, overview
from planning_sync.dashboard.charts import Line, Strip
from planning_sync.sync.models import Replica

LOOK = "audit.view_operation"
SYNCS = 1000
"""How many of the last ones are looked at."""
FAILED = 10
_ENDED_BADLY = (Operation.Status.FAILED, Operation.Status.REFUSED)
_SYNCS = (Operation.Kind.SYNC, Operation.Kind.IMPORT)


class Sync(NamedTuple):
    """What is known of one that is over."""

    started_at: datetime
    seconds: float
    status: str
    replica_id: object


class Durations(NamedTuple):
    """Of some syncs, in seconds."""

    number: int
    median: float
    p95: float
    longest: float


class DurationDay(NamedTuple):
    date: date
    durations: Durations


class DurationChart(NamedTuple):
    days: Sequence[DurationDay]
    median: Line
    p95: Line
    top: float

    @property
    def columns(self) -> Iterable[tuple[DurationDay, Strip]]:
        return zip(self.days, self.p95.strips, strict=True)


class AtReplica(NamedTuple):
    name: str
    durations: Durations
    failed: int


class Queue(NamedTuple):
    waiting: int
    oldest_at: datetime | None
    """When the one that waits longest was put there, or is to be tried again."""
    failed: int


@require_safe
@permission_required(LOOK, raise_exception=True)
def performance(request: HttpRequest) -> HttpResponse:
    user = request.user
    syncs = last_syncs(user)
    now = timezone.now()
    context = {
        "durations": durations(syncs),
        "chart": chart(syncs),
        "replicas": by_replica(syncs, user),
        "entries_per_second": throughput(user, now),
        "queue": queue() if not sight.limited(user) else None,
        "volume": overview.volume_chart(user),
        "failed": sight.shown(
            Operation.objects.filter(kind__in=_SYNCS, status__in=_ENDED_BADLY), user
        ).order_by("-started_at")[:FAILED],
        "syncs": len(syncs),
    }
    return render(request, "dashboard/performance.html", context)


def last_syncs(user: Someone) -> list[Sync]:
    """The last ones that are over, oldest first."""
    rows = Operation.objects.filter(kind__in=_SYNCS).exclude(finished_at=None)
    columns = ("started_at", "finished_at", "status", "replica_id")
    found = sight.shown(rows, user).order_by("-started_at").values_list(*columns)[:SYNCS]
    return [
        Sync(started, (ended - started).total_seconds(), status, replica)
        for started, ended, status, replica in reversed(found)
        if ended is not None
    ]


def durations(syncs: Iterable[Sync]) -> Durations | None:
    """None where there are none."""
    seconds = sorted(sync.seconds for sync in syncs)
    if not seconds:
        return None
    return Durations(len(seconds), percentile(seconds, 50), percentile(seconds, 95), seconds[-1])


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The least of the figures that so many percent of them do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def chart(syncs: Sequence[Sync]) -> DurationChart:
    """Day by day, those without a sync left out."""
    by_day: dict[date, list[Sync]] = {}
    for sync in syncs:
        by_day.setdefault(sync.started_at.date(), []).append(sync)
    days = [DurationDay(day, found) for day, each in by_day.items() if (found := durations(each))]
    top = max((day.durations.p95 for day in days), default=0.0)
    return DurationChart(
        days,
        charts.line([day.durations.median for day in days], top=top),
        charts.line([day.durations.p95 for day in days], top=top),
        top,
    )


def by_replica(syncs: Sequence[Sync], user: Someone) -> list[AtReplica]:
    names = sight.shown(Replica.objects.order_by("name"), user).values_list("pk", "name")
    found = []
    for pk, name in names:
        own = [sync for sync in syncs if sync.replica_id == pk]
        told = durations(own)
        if told is not None:
            found.append(AtReplica(name, told, sum(sync.status in _ENDED_BADLY for sync in own)))
    return found


def throughput(user: Someone, now: datetime) -> float | None:
    """Changes a second while syncs of the last day were running; None where there was none."""
    rows = Operation.objects.filter(kind__in=_SYNCS, started_at__gte=now - timedelta(days=1))
    recent = sight.shown(rows, user).exclude(finished_at=None)
    seconds = sum(
        (ended - began).total_seconds()
        for began, ended in recent.values_list("started_at", "finished_at")
        if ended
    )
    if not seconds:
        return None
    entries = sight.shown(Entry.objects.filter(operation__in=recent), user)
    return entries.order_by().count() / seconds


def queue() -> Queue:
    found = OrmQ.objects.aggregate(number=Count("pk"), oldest=Min("lock"))
    return Queue(found["number"], found["oldest"], Failure.objects.count())
