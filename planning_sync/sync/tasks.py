"""What django-q2 runs: `sync_all`, on a schedule or when asked for, and `prune` once a day."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.utils import timezone
from django_q.models import Schedule
from django_q.tasks import async_task, schedule

from audit import context, seals
from audit import services as audit
from audit.models import Operation
from conflicts.learning import tasks as learning
from planning_sync.sync import pruning, services
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

    Afterwards the log is sealed as far as it is complete.
    """
    audit.close_abandoned(started_before=timezone.now() - ABANDONED_AFTER)
    options = Options(actor="schedule")
    told = {
        row.name: services.sync_replica(row, options).status for row in Replica.objects.filter(enabled=True)
    }
    seals.seal()
    return told


@context.origin(via=Operation.Via.SCHEDULE)
def prune() -> dict[str, int]:
    """Remove for good what is due; how much. Safe to run twice, or twice at once."""
    pruned = pruning.prune()._asdict()
    seals.prune(now=timezone.now())
    return pruned


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
