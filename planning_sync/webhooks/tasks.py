"""What django-q2 runs: `follow`, `deliver`, `mail` and `sync` when asked for, `run_due` every minute."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.utils import timezone
from django_q.tasks import async_task

from audit import context
from audit.models import Operation
from audit.transactions import write_transaction
from planning_sync.replicas.errors import GitError
from planning_sync.sync import pulling
from planning_sync.sync import services as syncs
from planning_sync.sync.errors import Busy
from planning_sync.sync.passes import Options
from planning_sync.webhooks import alerting, delivering, following
from planning_sync.webhooks.models import Delivery, Hook, Receipt

logger = logging.getLogger(__name__)

DELIVERIES_KEPT = timedelta(days=30)
RECEIPTS_KEPT = timedelta(days=90)
_DELIVER, _MAIL = "planning_sync.webhooks.tasks.deliver", "planning_sync.webhooks.tasks.mail"


def follow() -> int:
    """Make deliveries of what happened, and have them sent; how many."""
    made = following.follow()
    for row in made:
        async_task(_DELIVER, str(row.pk))
    return len(made)


def deliver(delivery_id: str) -> str:
    return delivering.deliver(delivery_id)


def mail(mail_id: str) -> str:
    return alerting.deliver(UUID(mail_id))


def sync(hook_id: str) -> str:
    """Bring in what was pushed, where that is wanted, and sync the replica; the status of the pass."""
    hook = Hook.objects.select_related("replica").filter(pk=UUID(hook_id)).first()
    if hook is None or not hook.replica.enabled:
        return "nothing to do"
    if hook.replica.options.get("pull"):
        _pull(hook)
    with context.origin(via=Operation.Via.WEBHOOK):
        return syncs.sync_replica(hook.replica, Options(actor=f"webhook:{hook.kind}")).status


def _pull(hook: Hook) -> None:
    problem = ""
    try:
        pulling.pull(hook.replica)
    except (GitError, Busy) as error:
        logger.warning("A push to %s was not brought in: %s", hook.replica.name, error)
        problem = str(error)
    with write_transaction():
        Hook.objects.filter(pk=hook.pk).update(problem=problem)


def run_due() -> int:
    """Send what waits for its next attempt, and what was left behind; how many. Safe to run twice at once."""
    made = following.follow()
    due = [row.pk for row in made]
    due += [pk for pk in delivering.due() if pk not in due]
    for pk in due:
        async_task(_DELIVER, str(pk))
    _prune()
    alerting.follow()
    for pk in alerting.due():
        async_task(_MAIL, str(pk))
    return len(due)


def _prune() -> None:
    now = timezone.now()
    with write_transaction():
        Delivery.objects.filter(finished_at__lt=now - DELIVERIES_KEPT).delete()
        Receipt.objects.filter(at__lt=now - RECEIPTS_KEPT).delete()
