"""How hub and replicas stand to each other: `linked`, `behind`, `open_conflicts`, `drifts`, `consistency`...

A plan is behind at a replica from an edit in the hub until the replica has been told of it. What was edited
in a replica and not read yet is known to nobody; the watcher and the schedule see to that.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Exists, F, IntegerField, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from audit import sight
from conflicts import queue
from conflicts.models import Conflict
from conflicts.queue import Someone
from planning_sync.sync.models import Intent, Link, Replica

PENDING = (Conflict.State.OPEN, Conflict.State.DECIDED)


class Drift(NamedTuple):
    """How far one replica is behind."""

    plans: int
    since: datetime | None
    """The oldest edit that it has not been told of."""


class Consistency(NamedTuple):
    in_step: int
    linked: int

    @property
    def percent(self) -> float | None:
        """To one decimal, downwards, so that 100 is all of them; None where nothing is linked."""
        return math.floor(1000 * self.in_step / self.linked) / 10 if self.linked else None


def linked(user: Someone) -> QuerySet[Link]:
    """The links that are followed, of plans outside the bin."""
    rows = Link.objects.filter(released_at=None, gone_at=None, plan__deleted_at=None)
    return sight.shown(rows, user)


def behind(user: Someone) -> QuerySet[Link]:
    """Those of the links whose replica lacks an edit of the hub, or has a write pending."""
    return linked(user).filter(_lacking())


def _lacking() -> Q:
    return Q(revision__lt=F("plan__revision")) | Q(Exists(Intent.objects.filter(link=OuterRef("pk"))))


def open_conflicts(user: Someone) -> Coalesce:
    """The number of a plan's conflicts that wait for a person or for their next sync, as an annotation."""
    return _counted(queue.seen_by(user).filter(plan=OuterRef("pk")))


def open_conflicts_there(user: Someone) -> Coalesce:
    """The same of a link: those of its plan with its replica."""
    return _counted(_clashing(user))


def _clashing(user: Someone) -> QuerySet[Conflict]:
    return queue.seen_by(user).filter(plan=OuterRef("plan"), replica_id=OuterRef("replica_id"))


def _counted(rows: QuerySet[Conflict]) -> Coalesce:
    counted = rows.filter(state__in=PENDING).order_by().values("plan").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def next_sync(row: Replica, scheduled: datetime | None = None) -> datetime | None:
    """When it is synced next, by the schedule or another try; None where nothing is to come."""
    if not row.enabled:
        return None
    at = max(filter(None, (scheduled, row.retry_at)), default=None)
    return at if at is not None and at > timezone.now() else None


def state(row: Replica) -> str:
    """One word for how the replica is, which the pages translate and colour."""
    if not row.enabled:
        return "off"
    if row.lost_at:
        return "away"
    return row.last_status or "new"


def conflicts_by_replica(user: Someone) -> dict[UUID, int]:
    """How many wait there, where any do."""
    rows = queue.seen_by(user).filter(state__in=PENDING).order_by().values_list("replica_id")
    return dict(rows.annotate(n=Count("pk")))


def drifts(user: Someone) -> dict[UUID, Drift]:
    """By replica, where there is any."""
    rows = behind(user).order_by().values_list("replica_id")
    found = rows.annotate(plans=Count("pk"), since=Min("plan__modified_at"))
    return {replica_id: Drift(number, since) for replica_id, number, since in found}


def consistency(user: Someone) -> Consistency:
    """How many linked plans are the same on both sides: nothing on its way, no conflict, no problem."""
    apart = _lacking() | ~Q(problem="") | Q(Exists(_clashing(user).filter(state__in=PENDING)))
    found = linked(user).aggregate(linked=Count("pk"), apart=Count("pk", filter=apart))
    return Consistency(found["linked"] - found["apart"], found["linked"])
