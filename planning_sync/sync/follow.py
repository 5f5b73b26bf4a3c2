"""Edits in the hub reach the replicas at once: `connect` has each commit followed by a sync of its plans.

It listens to `audit.signals.recorded`, so that plans and conflicts need not know that replicas exist. What
cannot be synced now (replica away, plan busy) is left to the next pass, which finds it by its revision.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.conf import settings

from audit import signals
from planning_sync.sync import services
from planning_sync.sync.models import Replica
from planning_sync.sync.passes import Options

logger = logging.getLogger(__name__)

MANY_PLANS = 20
"""Up to this many plans are synced in the thread that edited them; more are left to a worker."""


def connect() -> None:
    signals.recorded.connect(_follow, dispatch_uid="sync.follow")


def _follow(*, plan_ids: Collection[UUID], replica_id: UUID | None, **_: Any) -> None:
    if replica_id is not None or not settings.PLANNING_SYNC_FOLLOW or not plan_ids:
        return
    if not Replica.objects.filter(enabled=True).exists():
        return
    if len(plan_ids) > MANY_PLANS:
        from planning_sync.sync import tasks

        tasks.queue_sync_all()
        return
    for plan_id in plan_ids:
        for report in services.sync_plan(plan_id, Options(actor="sync")):
            if report.status in ("failed", "refused"):
                logger.warning(
                    "Plan %s is not in step with %s yet: %s", plan_id, report.replica, report.status
                )
