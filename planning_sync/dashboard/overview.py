"""The first page: how all of it stands, what is running, what happened last.

Every number leads to what it counts. A fixed number of queries, none of which reads the whole log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django_q.models import Schedule

from audit import sight
from audit.models import Operation
from conflicts import queue
from conflicts.models import Conflict
from conflicts.queue import Someone
from planning_sync.dashboard import charts, log, standing, telling, trends, validation
from planning_sync.dashboard.charts import Bars, Line, Strip
from planning_sync.dashboard.figures import Figure
from planning_sync.dashboard.log import Filters
from planning_sync.dashboard.standing import Drift
from planning_sync.sync.models import Replica
from planning_sync.sync.tasks import NAME as SCHEDULE
from plans.models import Plan

DAYS = 30
ACTIVITIES = 12
PLANS = 8
_SEE_LOG = "audit.view_operation"
_SEE_REPLICAS = "sync.view_replica"


class Totals(NamedTuple):
    plans: int
    tasks: int
    done: int

    @property
    def percent(self) -> float | None:
        return 100 * self.done / self.tasks if self.tasks else None


FIGURES: tuple[Callable[[Someone], Figure | None], ...] = (validation.figure,)
"""Those that other parts add; one that returns None has nothing to tell this person."""


class Severity(NamedTuple):
    """How many conflicts of that severity wait."""

    name: str
    label: str
    number: int


class Place(NamedTuple):
    """A replica, and how far it is behind."""

    replica: Replica
    state: str
    drift: Drift | None
    conflicts: int
    next_at: datetime | None


class Running(NamedTuple):
    """An operation that goes on, and how far it is; None where it does not say."""

    operation: Operation
    who: str
    replica: str
    far: tuple[int, int] | None


class ProgressChart(NamedTuple):
    days: Sequence[trends.Progress]
    line: Line

    @property
    def columns(self) -> Iterable[tuple[trends.Progress, Strip]]:
        return zip(self.days, self.line.strips, strict=True)


class VolumeChart(NamedTuple):
    days: Sequence[trends.Volume]
    bars: Bars

    @property
    def is_empty(self) -> bool:
        return not any(day.total for day in self.days)

    @property
    def columns(self) -> Iterable[tuple[trends.Volume, Strip]]:
        return zip(self.days, self.bars.strips, strict=True)


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    user = request.user
    sees_log, sees_replicas = user.has_perm(_SEE_LOG), user.has_perm(_SEE_REPLICAS)
    context: dict[str, Any] = {
        "totals": totals(user),
        "consistency": standing.consistency(user),
        "behind": standing.behind(user).values("plan").distinct().count(),
        "severities": severities(user) if user.has_perm(queue.LOOK) else None,
        "plans": latest(user),
        "replicas": replicas(user) if sees_replicas else None,
        "progress": progress_chart(user),
        "figures": [figure for ask in FIGURES if (figure := ask(user)) is not None],
        "sees_log": sees_log,
    }
    if sees_log:
        context |= {
            "running": running(user),
            "activity": log.listed(list(Filters().choose(user)[:ACTIVITIES]), user),
            "volume": volume_chart(user),
        }
    return render(request, "dashboard/overview.html", context)


def totals(user: Someone) -> Totals:
    rows = sight.shown(Plan.objects.live(), user)
    found = rows.aggregate(plans=Count("pk"), tasks=Sum("task_count"), done=Sum("done_count"))
    return Totals(found["plans"], found["tasks"] or 0, found["done"] or 0)


def latest(user: Someone) -> QuerySet[Plan]:
    """The plans that changed last, each with its `open_conflicts`, which are counted for no others."""
    rows = sight.shown(Plan.objects.live(), user).order_by("-modified_at", "pk")
    found = rows.filter(pk__in=list(rows.values_list("pk", flat=True)[:PLANS]))
    return found.annotate(open_conflicts=standing.open_conflicts(user))


def severities(user: Someone) -> list[Severity]:
    """The conflicts that wait for a person, as the queue counts them; the most severe first."""
    rows = queue.Filters().choose(user).order_by().values_list("severity")
    counts = dict(rows.annotate(n=Count("pk")))
    choices = reversed(Conflict.Severity.choices)
    return [Severity(str(name), str(label), counts.get(name, 0)) for name, label in choices]


def replicas(user: Someone) -> list[Place]:
    drifts, conflicts = standing.drifts(user), standing.conflicts_by_replica(user)
    scheduled = Schedule.objects.filter(name=SCHEDULE).values_list("next_run", flat=True).first()
    rows = sight.shown(Replica.objects.order_by("name"), user)
    return [
        Place(
            *(row, standing.state(row), drifts.get(row.pk), conflicts.get(row.pk, 0)),
            standing.next_sync(row, scheduled),
        )
        for row in rows
    ]


def running(user: Someone) -> list[Running]:
    rows: QuerySet[Operation] = Operation.objects.filter(status=Operation.Status.RUNNING, kind__in=log.WORK)
    found = list(sight.shown(rows, user).order_by("-started_at")[:ACTIVITIES])
    names = Replica.names() if found else {}
    return [
        Running(
            each, telling.who(each), names.get(each.replica_id, "") if each.replica_id else "", _far(each)
        )
        for each in found
    ]


def _far(operation: Operation) -> tuple[int, int] | None:
    told = operation.summary.get("progress")
    return (int(told["done"]), int(told["total"])) if isinstance(told, dict) else None


def progress_chart(user: Someone) -> ProgressChart:
    days = trends.progress(user, today=timezone.now().date(), days=DAYS)
    return ProgressChart(days, charts.line([day.percent for day in days], top=100))


def volume_chart(user: Someone) -> VolumeChart:
    days = trends.volume(user, today=timezone.now().date(), days=DAYS)
    return VolumeChart(days, charts.bars([(day.fine, day.conflicts, day.failed) for day in days]))
