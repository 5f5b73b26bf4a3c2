"""What django-q2 runs: `assess_due`, soon after something changed, and every few minutes.

    an operation ends --nudge--> one task in the queue --> every plan that is due

What is due is read from the rows themselves, so a task that is lost costs nothing but time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.signals import post_save
from django.utils import timezone
from django_q.models import Schedule
from django_q.tasks import async_task, schedule

from audit.models import Operation
from audit.transactions import write_transaction
from planning_sync.validation import services
from planning_sync.validation.models import Turn

NAME = "look at plans by the rules"
MINUTES = 5
LOST = timedelta(minutes=2)
"""A task that was queued and has not run by then is queued again."""
_TASK = "planning_sync.validation.tasks.assess_due"
_CONCERNED = frozenset(Operation.Kind) - {
    *(Operation.Kind.ACCESS, Operation.Kind.ADMIN, Operation.Kind.EXPORT, Operation.Kind.PRUNE),
    Operation.Kind.VALIDATION,
}


def connect() -> None:
    post_save.connect(_finished, sender=Operation, dispatch_uid="validation.finished")


def _finished(*, instance: Operation, created: bool, **_: Any) -> None:
    if not created and instance.kind in _CONCERNED and instance.status != Operation.Status.RUNNING:
        transaction.on_commit(nudge, robust=True)


def nudge() -> None:
    """Have a worker look, unless one is about to."""
    now = timezone.now()
    if not settings.PLANNING_SYNC_VALIDATION or Turn.objects.filter(queued_at__gt=now - LOST).exists():
        return
    with write_transaction():
        Turn.objects.get_or_create(pk=1)
        idle = Turn.objects.filter(Q(queued_at=None) | Q(queued_at__lt=now - LOST))
        if idle.update(queued_at=now):
            async_task(_TASK)


def assess_due() -> int:
    """How many plans were looked at. Safe to run twice at once."""
    with write_transaction():
        # First and by itself: whoever commits from now on queues the next look.
        Turn.objects.update(queued_at=None)
    _ensure_schedule()
    return services.assess_due()


def _ensure_schedule() -> None:
    """For what becomes due by itself: dates that are over, rules that were edited."""
    if not Schedule.objects.filter(name=NAME).exists():
        schedule(_TASK, name=NAME, schedule_type=Schedule.MINUTES, minutes=MINUTES)
