"""Whether the product is alive, ready, and how each of its services fares.

`live`: this process answers. `ready`: it reaches its database, whose tables are those it needs. `health`:
every service by itself. What is degraded is not down: only a silent database makes `health` fail.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser, User
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_q.models import OrmQ, Schedule

from planning_sync.replicas.errors import ReplicaError
from planning_sync.search import standing
from planning_sync.sync import sides
from planning_sync.sync.errors import SyncError
from planning_sync.sync.models import Link, Replica
from planning_sync.sync.tasks import NAME as SCHEDULE

logger = logging.getLogger(__name__)

OK, DEGRADED, DOWN, OFF = "ok", "degraded", "down", "not_installed"
_LATE = timedelta(minutes=2)
"""How long a schedule or a task may wait for a worker before there seems to be none."""
_SEE = "sync.view_replica"

Told = dict[str, Any]


@login_not_required
@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as this process answers; asks nothing of anybody."""
    return JsonResponse({"status": OK})


@login_not_required
@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 once requests can be served; 503 where the database is away or not migrated."""
    told = _database()
    if told["status"] == OK and _unmigrated():
        told = {"status": DOWN, "problem": "The database waits for `planning-sync migrate`."}
    return JsonResponse(
        {"status": told["status"], "database": told}, status=200 if told["status"] == OK else 503
    )


@login_not_required
@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Each service and each replica; replicas by name, and what is wrong, for who may see replicas."""
    database = _database()
    if database["status"] != OK:
        return JsonResponse({"status": DOWN, "services": {"database": database}}, status=503)
    services: dict[str, Told] = {
        "database": database,
        **{name: _asked(ask) for name, ask in _SERVICES.items()},
    }
    replicas = _replicas()
    worst = DEGRADED if DEGRADED in _statuses([*services.values(), *replicas.values()]) else OK
    if not _may_see(request.user):
        services = {name: {"status": told["status"]} for name, told in services.items()}
        counted = {"replicas": {"status": _worst(replicas.values())}} if replicas else {}
        return JsonResponse({"status": worst, "services": {**services, **counted}})
    return JsonResponse({"status": worst, "services": services, "replicas": replicas})


def _may_see(user: User | AnonymousUser) -> bool:
    return user.is_authenticated and user.has_perm(_SEE)


def _statuses(told: Iterable[Mapping[str, Any]]) -> set[str]:
    return {str(each["status"]) for each in told}


def _worst(told: Iterable[Mapping[str, Any]]) -> str:
    return DEGRADED if _statuses(told) & {DEGRADED, DOWN} else OK


def _asked(ask: Callable[[], Told]) -> Told:
    try:
        return ask()
    except DatabaseError as error:
        logger.warning("A service cannot be asked how it fares", exc_info=True)
        return {"status": DEGRADED, "problem": type(error).__name__}


def _database() -> Told:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        logger.warning("The database does not answer", exc_info=True)
        return {"status": DOWN, "problem": "It does not answer."}
    return {"status": OK}


def _unmigrated() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _queue() -> Told:
    """A worker takes what is due within a second: what waits longer says that there is none."""
    edge = timezone.now() - _LATE
    # A task that is taken has its time moved on; that of a free one is when it was put there.
    waiting = OrmQ.objects.filter(lock__lt=edge).count()
    overdue = Schedule.objects.filter(name=SCHEDULE, next_run__lt=edge).exists()
    told: Told = {"status": OK, "length": OrmQ.objects.count()}
    if waiting or overdue:
        told |= {
            "status": DEGRADED,
            "problem": "Nobody takes tasks: start a worker (`planning-sync up`, or `qcluster`).",
        }
    return told


def _git() -> Told:
    if shutil.which("git") is None:
        return {
            "status": DEGRADED,
            "problem": "git is not found: renames are guessed, and nothing is committed.",
        }
    return {"status": OK}


def _index() -> Told:
    if not standing.is_on():
        return {"status": OFF}
    found = standing.standing()
    told = found.as_json()
    known = {name: value for name, value in told.items() if value != ""}
    return {"status": DEGRADED if found.problem else OK, **known}


_SERVICES: Mapping[str, Callable[[], Told]] = {"queue": _queue, "git": _git, "index": _index}


def _replicas() -> dict[str, Told]:
    """By name. Looks whether each is there, without reading a plan; of services, what was found last."""
    failing = set(Link.objects.exclude(problem="").filter(gone_at=None).values_list("replica_id", flat=True))
    return {
        row.name: _replica(row, failing=row.pk in failing)
        for row in Replica.objects.filter(enabled=True).order_by("name")
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _replica(row: Replica, *, failing: bool) -> Told:
    told: Told = {
        "status": OK,
        **{name: _time(getattr(row, name)) for name in ("last_sync_at", "seen_at", "lost_at", "retry_at")},
    }
    try:
        side = sides.connect(row)
        if not side.remote:
            # Asks for a plan that cannot be there, which needs the replica to be.
            side.probe("health-check")
    except (ReplicaError, SyncError, OSError) as error:
        return {**told, "status": DEGRADED, "problem": str(error)}
    if failing or row.last_status in ("failed", "refused", "offline"):
        return {
            **told,
            "status": DEGRADED,
            "problem": row.last_problem or "Some of its plans could not be synced.",
        }
    return told
