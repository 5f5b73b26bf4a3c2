"""What django-q2 runs: `sync_all`, on a schedule or when asked for."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.utils import timezone
from django_q.models import Schedule
from django_q.tasks import async_task, schedule

from audit import services as audit
from planning_sync.sync import services
from planning_sync.sync.models import Replica
from planning_sync.sync.passes import Options

logger = logging.getLogger(__name__)

NAME = "sync every replica"

ABANDONED_AFTER = timedelta(hours=1)
"""No pass takes that long: an operation that old belongs to a process that was killed."""


def sync_all() -> dict[str, str]:
    """One pass over every enabled replica; the status of each. Safe to run twice, or twice at once."""
    audit.close_abandoned(started_before=timezone.now() - ABANDONED_AFTER)
    options = Options(actor="schedule")
    return {
        row.name: services.sync_replica(row, options).status for row in Replica.objects.filter(enabled=True)
    }


def queue_sync_all() -> None:
    async_task("planning_sync.sync.tasks.sync_all")


def ensure_schedule(minutes: int) -> None:
    """Have the schedule be there once, with this period."""
    rows = Schedule.objects.filter(name=NAME)
    if not rows.exists():
        schedule(
            "planning_sync.sync.tasks.sync_all", name=NAME, schedule_type=Schedule.MINUTES, minutes=minutes
        )
    rows.exclude(minutes=minutes).update(minutes=minutes)
