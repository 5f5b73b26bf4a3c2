"""What django-q2 runs: `sync_all`, on a schedule or when asked for, and `prune` once a day.

`ask_for_sync` has one replica synced.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.utils import timezone
from django_q.models import Schedule
from django_q.tasks import async_task, schedule

from audit import context, seals
from audit import services as audit
from audit.models import Operation
from audit.transactions import write_transaction
from conflicts.learning import tasks as learning
from planning_sync.sync import availability, pruning, services
from planning_sync.sync.errors import InvalidOption
from planning_sync.sync.models import Replica
from planning_sync.sync.passes import Options

logger = logging.getLogger(__name__)

NAME = "sync every replica"
PRUNE = "empty the bin and prune old contents"

ABANDONED_AFTER = timedelta(hours=1)
"""No pass takes that long: an operation that old belongs to a process that was killed."""


@context.origin(via=Operation.Via.SCHEDULE)
def sync_all() -> dict[str, str]:
    """One pass over every enabled replica; the status of each. Safe to run twice, or twice at once.

    A replica that is away is left alone until its next try is due. Afterwards the log is sealed as far as
    it is complete.
    """
    audit.close_abandoned(started_before=timezone.now() - ABANDONED_AFTER)
    options = Options(actor="schedule")
    told = {row.name: _sync_if_due(row, options) for row in Replica.objects.filter(enabled=True)}
    seals.seal()
    return told


def _sync_if_due(row: Replica, options: Options) -> str:
    if not availability.may_try(row, timezone.now()):
        return services.OFFLINE
    try:
        return services.sync_replica(row, options).status
    except InvalidOption as error:
        return services.unusable(row, error).status


@context.origin(via=Operation.Via.SCHEDULE)
def prune() -> dict[str, int]:
    """Remove for good what is due; how much. Safe to run twice, or twice at once."""
    pruned = pruning.prune()._asdict()
    seals.prune(now=timezone.now())
    return pruned


def ask_for_sync(row: Replica, *, actor: str) -> Operation:
    """Have a worker sync the replica; the operation, which tells how far it is, is that of the pass."""
    with write_transaction():
        operation = audit.begin(Operation.Kind.SYNC, actor=actor, replica_id=row.pk)
    async_task("planning_sync.sync.tasks.sync_asked", str(operation.pk))
    return operation


def sync_asked(operation_id: str) -> str:
    """The pass that was asked for, unless it is over already; its status. Safe to run twice."""
    running = Operation.objects.filter(pk=operation_id, status=Operation.Status.RUNNING)
    operation = running.first()
    if operation is None or operation.replica_id is None:
        return "nothing to do"
    row = Replica.objects.filter(pk=operation.replica_id).first()
    if row is None:
        audit.finish(operation, Operation.Status.FAILED, {"error": "The replica is not there any more."})
        return "failed"
    report = services.sync_replica(row, Options(actor=operation.actor, operation_id=operation.pk))
    if running.exists():  # the pass had nothing to record
        audit.finish(operation, services.STATUS[report.status], report.as_json())
    return report.status


def queue_sync_all() -> None:
    async_task("planning_sync.sync.tasks.sync_all")


def ensure_schedule(minutes: int) -> None:
    """Have the schedules be there once: the syncs with this period, pruning and training once a day."""
    rows = Schedule.objects.filter(name=NAME)
    if not rows.exists():
        schedule(
            "planning_sync.sync.tasks.sync_all", name=NAME, schedule_type=Schedule.MINUTES, minutes=minutes
        )
    rows.exclude(minutes=minutes).update(minutes=minutes)
    if not Schedule.objects.filter(name=PRUNE).exists():
        schedule("planning_sync.sync.tasks.prune", name=PRUNE, schedule_type=Schedule.DAILY)
    learning.ensure_schedule()
