"""Figures of the product for Prometheus, read from the database when it asks: `register`.

Passes are made by workers and watchers as much as by web processes, so that counting in one would not do.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db import DatabaseError
from django.db.models import Avg, Count, F, Max
from django.utils import timezone
from django_q.models import OrmQ
from prometheus_client.core import REGISTRY, GaugeMetricFamily
from prometheus_client.registry import Collector

from audit.models import Operation
from conflicts.models import Conflict
from planning_sync.api.models import Job
from planning_sync.search import standing
from planning_sync.sync.models import Link, Replica

_WINDOW = timedelta(hours=1)
_OPEN = (Conflict.State.OPEN, Conflict.State.DECIDED)


class HubCollector(Collector):
    def describe(self) -> list[GaugeMetricFamily]:
        """Named without asking the database, which need not be there when the process starts."""
        return [make() for make in (_conflicts, _queue, _jobs)]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("planning_sync_database_up", "Whether the database answers.")
        try:
            found = [*_filled()]
        except DatabaseError:
            found = []
        up.add_metric([], 1 if found else 0)
        yield up
        yield from found


def _conflicts() -> GaugeMetricFamily:
    return GaugeMetricFamily("planning_sync_conflicts_open", "Conflicts that wait.", labels=["severity"])


def _queue() -> GaugeMetricFamily:
    return GaugeMetricFamily("planning_sync_queue_length", "Tasks in the queue.")


def _jobs() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "planning_sync_jobs_waiting", "Sync jobs that are queued or running.", labels=["status"]
    )


def _filled() -> Iterator[GaugeMetricFamily]:
    conflicts = _conflicts()
    waiting = Conflict.objects.filter(state__in=_OPEN).values_list("severity").annotate(n=Count("pk"))
    for severity, number in {**dict.fromkeys(Conflict.Severity.values, 0), **dict(waiting)}.items():
        conflicts.add_metric([severity], number)
    yield conflicts
    queue = _queue()
    queue.add_metric([], OrmQ.objects.count())
    yield queue
    jobs = _jobs()
    busy = Job.objects.filter(status__in=("queued", "running")).values_list("status").annotate(n=Count("pk"))
    for status, number in {"queued": 0, "running": 0, **dict(busy)}.items():
        jobs.add_metric([status], number)
    yield jobs
    yield from _operations()
    yield from _replicas()
    yield from _search()


def _operations() -> Iterator[GaugeMetricFamily]:
    recent = Operation.objects.filter(started_at__gte=timezone.now() - _WINDOW)
    counts = GaugeMetricFamily(
        "planning_sync_operations_last_hour", "Operations of the last hour.", labels=["kind", "status"]
    )
    for kind, status, number in recent.values_list("kind", "status").annotate(n=Count("pk")):
        counts.add_metric([kind, status], number)
    yield counts
    took = F("finished_at") - F("started_at")
    syncs = recent.filter(kind=Operation.Kind.SYNC).exclude(finished_at=None)
    found = syncs.aggregate(mean=Avg(took), longest=Max(took))
    seconds = GaugeMetricFamily(
        "planning_sync_sync_seconds_last_hour", "Duration of the syncs of the last hour.", labels=["what"]
    )
    for what, duration in found.items():
        seconds.add_metric([what], duration.total_seconds() if duration else 0)
    yield seconds


def _replicas() -> Iterator[GaugeMetricFamily]:
    age = GaugeMetricFamily(
        "planning_sync_replica_sync_age_seconds", "Since its last sync.", labels=["replica"]
    )
    troubles = GaugeMetricFamily(
        "planning_sync_replica_problems", "Plans whose last sync failed.", labels=["replica"]
    )
    up = GaugeMetricFamily("planning_sync_replica_up", "Whether it was there last.", labels=["replica"])
    away = GaugeMetricFamily(
        "planning_sync_replica_away_seconds", "Since it was found to be away.", labels=["replica"]
    )
    behind = GaugeMetricFamily(
        "planning_sync_replica_plans_waiting", "Plans it has not been told of.", labels=["replica"]
    )
    now = timezone.now()
    unequal = Link.objects.filter(gone_at=None, released_at=None).exclude(revision=F("plan__revision"))
    waiting = dict(unequal.values_list("replica_id").annotate(n=Count("pk")))
    rows = (
        Link.objects.filter(gone_at=None)
        .exclude(problem="")
        .values_list("replica_id")
        .annotate(n=Count("pk"))
    )
    failed = dict(rows)
    columns = ("pk", "name", "last_sync_at", "lost_at")
    for pk, name, last, lost in Replica.objects.filter(enabled=True).values_list(*columns):
        if last is not None:
            age.add_metric([name], (now - last).total_seconds())
        troubles.add_metric([name], failed.get(pk, 0))
        up.add_metric([name], 0 if lost else 1)
        away.add_metric([name], (now - lost).total_seconds() if lost else 0)
        behind.add_metric([name], waiting.get(pk, 0))
    yield from (age, troubles, up, away, behind)


def _search() -> Iterator[GaugeMetricFamily]:
    if not standing.is_on():
        return
    found = standing.standing()
    points = GaugeMetricFamily(
        "planning_sync_search_points",
        "Points of the search index as it was last compared with the hub.",
        labels=["what"],
    )
    for what in ("expected", "found", "differing"):
        points.add_metric([what], getattr(found, what))
    waiting = GaugeMetricFamily("planning_sync_search_waiting", "Records that the index was not told yet.")
    waiting.add_metric([], found.waiting)
    up = GaugeMetricFamily("planning_sync_search_up", "Whether searches compare meanings, not only words.")
    up.add_metric([], 0 if found.problem else 1)
    yield from (points, waiting, up)


def register() -> None:
    """Once for each process."""
    if not any(isinstance(each, HubCollector) for each in list(REGISTRY._collector_to_names)):
        REGISTRY.register(HubCollector())
