"""What goes for good after its time: `prune`, which the schedule runs once a day.

Things in the bin after the grace period, and contents of plans that are old, not among the latest versions,
and needed by nothing: no link, no unfinished write, no plan, no undo of a recent operation.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from audit import services as audit
from audit.models import Entry
from planning_sync.sync.ledger import AGREEMENT, DOCUMENT
from planning_sync.sync.models import Intent, Link
from plans import services as plans
from plans.models import Plan
from plans.outline import Kind

logger = logging.getLogger(__name__)


class Pruned(NamedTuple):
    plans: int
    items: int
    snapshots: int


class Keeping(NamedTuple):
    """How long things are kept, and how many versions of a plan at most and at least."""

    bin_days: int
    snapshot_days: int
    most: int
    least: int

    @classmethod
    def configured(cls) -> Keeping:
        return cls(
            settings.PLANNING_SYNC_BIN_DAYS,
            settings.PLANNING_SYNC_SNAPSHOT_DAYS,
            settings.PLANNING_SYNC_SNAPSHOTS_MOST,
            settings.PLANNING_SYNC_SNAPSHOTS_LEAST,
        )


def prune(*, keeping: Keeping | None = None, now: datetime | None = None) -> Pruned:
    """Remove what is due; how much went. Safe to run twice, or twice at once."""
    keeping, now = keeping or Keeping.configured(), now or timezone.now()
    edge = now - timedelta(days=keeping.bin_days)
    # A file that was unlinked from its plan would be imported again if the link went with the plan.
    released = set(Link.objects.exclude(released_at=None).values_list("plan_id", flat=True))
    gone_plans, gone_items = plans.empty_bin(deleted_before=edge, except_plans=released)
    needed = _needed(keeping, now - timedelta(days=keeping.snapshot_days))
    gone_snapshots = audit.prune_snapshots(needed, now=now)
    pruned = Pruned(gone_plans, gone_items, gone_snapshots)
    if any(pruned):
        logger.info("Pruned %d plans and %d items of the bin, and %d contents", *pruned)
    return pruned


def _needed(keeping: Keeping, edge: datetime) -> set[str]:
    """Checksums of the contents that stay."""
    needed = set(Link.objects.values_list("checksum", flat=True))
    needed.update(Plan.objects.values_list("checksum", flat=True))
    for before, after in Intent.objects.values_list("before", "after"):
        needed |= {before, after}
    rows = Entry.objects.filter(field=AGREEMENT, at__gte=edge).values_list("before", flat=True)
    for columns in rows.iterator():
        needed.update(each for each in (columns or {}).values() if each)
    for plan_id in Plan.objects.values_list("pk", flat=True).iterator():
        needed |= _versions(plan_id, keeping, edge)
    return needed


def _versions(plan_id: UUID, keeping: Keeping, edge: datetime) -> set[str]:
    """The latest contents of one plan's file: at least so many, at most so many, else by age."""
    told = Q(field=DOCUMENT) | Q(action=Entry.Action.CREATED, item_kind=Kind.PLAN)
    rows = Entry.objects.filter(told, plan_id=plan_id).order_by("-id")
    kept: dict[str, None] = {}
    for at, before, after in rows.values_list("at", "before", "after").iterator():
        if len(kept) >= (keeping.most if at >= edge else keeping.least):
            break
        kept |= dict.fromkeys(_checksums(after, before))
    return set(kept)


def _checksums(*told: object) -> Iterable[str]:
    for each in told:
        checksum = each.get("checksum") if isinstance(each, dict) else each
        if isinstance(checksum, str) and checksum:
            yield checksum
