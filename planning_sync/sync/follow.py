"""Edits in the hub reach the replicas at once: `connect` has each commit followed by a sync of its plans.

It listens to `audit.signals.recorded`, so that plans and conflicts need not know that replicas exist. What
cannot be synced now (replica away, plan busy) is left to the next pass, which finds it by its revision.

A command has written the files when it ends. A web server answers an edit once it is in the hub, and has the
files written right after (`background`); not so a decision or an undo, whose answers say what came of them,
nor a new plan, whose answer says where its file is.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings

from audit import signals
from audit.models import Operation
from conflicts.models import Conflict
from conflicts.signals import policy_changed
from planning_sync.sync import background, services
from planning_sync.sync.acting import UNREAD
from planning_sync.sync.models import Link, Replica
from planning_sync.sync.passes import Options

logger = logging.getLogger(__name__)

MANY_PLANS = 20
"""Up to this many plans are synced in the thread that edited them; more are left to a worker."""

_state = threading.local()


def connect() -> None:
    signals.recorded.connect(_follow, dispatch_uid="sync.follow")
    policy_changed.connect(_reconsider, dispatch_uid="sync.reconsider")


@contextmanager
def paused() -> Iterator[None]:
    """Within the block nothing follows what this thread records: the caller syncs what it has to itself."""
    before = getattr(_state, "paused", False)
    _state.paused = True
    try:
        yield
    finally:
        _state.paused = before


def _follow(
    *, operation_id: UUID, kind: str, plan_ids: Collection[UUID], replica_id: UUID | None, **_: Any
) -> None:
    if replica_id is not None or not settings.PLANNING_SYNC_FOLLOW or getattr(_state, "paused", False):
        return
    if not plan_ids:
        _follow_folder(operation_id)
        return
    if len(plan_ids) > MANY_PLANS:
        _leave_to_a_worker()
        return
    for plan_id in plan_ids:
        if _can_wait(kind, plan_id):
            background.do(plan_id, partial(_sync, plan_id))
        else:
            _sync(plan_id)


def _leave_to_a_worker() -> None:
    from planning_sync.sync import tasks

    if Replica.objects.filter(enabled=True).exists():
        tasks.queue_sync_all()


def _can_wait(kind: str, plan_id: UUID) -> bool:
    asked = kind == Operation.Kind.EDIT and background.is_allowed()
    return asked and Link.objects.filter(plan=plan_id).exists()


def _sync(plan_id: UUID) -> None:
    for report in services.sync_plan(plan_id, Options(actor="sync")):
        if report.status in ("failed", "refused"):
            logger.warning("Plan %s is not in step with %s yet: %s", plan_id, report.replica, report.status)


def _follow_folder(operation_id: UUID) -> None:
    """A decision about a replica as a whole concerns no plan in particular."""
    decided = Conflict.objects.filter(decision_id=operation_id, plan=None).values("replica_id")
    for row in Replica.objects.filter(enabled=True, pk__in=decided):
        report = services.sync_replica(row, Options(actor="sync"))
        if report.status in ("failed", "refused"):
            logger.warning("Replica %s is not in step yet: %s", row.name, report.status)


def _reconsider(*, replica_id: UUID | None, **_: Any) -> None:
    """Have the next pass look again at every plan with open conflicts that a changed policy may settle."""
    opened = Conflict.objects.filter(state=Conflict.State.OPEN)
    links = Link.objects.filter(plan__in=opened.values("plan"))
    if replica_id is not None:
        links = links.filter(replica=replica_id)
    links.update(stamp=UNREAD)
