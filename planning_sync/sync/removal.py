"""Taking a replica out of the hub: `remove`. The place itself is left as it is, file by file.

What the hub knew of it goes: its links, its own policy, its hooks. Its conflicts are closed, for one side is
left. A plan that stands at another replica stays as it is. One that stands nowhere else goes to the bin, or
is kept; what is kept is a plan that no replica has, and gets a file at the oldest one that is switched on.
"""

from __future__ import annotations

import logging
from typing import Literal, NamedTuple
from uuid import UUID

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from conflicts import rulebook
from conflicts import services as conflicts
from conflicts.models import Conflict, Policy
from conflicts.services import AT_WORK
from planning_sync.sync.errors import StillSwitchedOn
from planning_sync.sync.models import Link, Replica
from plans import services as plans
from plans.models import Plan

logger = logging.getLogger(__name__)

Fate = Literal["bin", "keep"]
"""What becomes of plans that stand nowhere else."""


class Removed(NamedTuple):
    name: str
    binned: int
    kept: int
    """Plans that no replica has any more."""
    conflicts_closed: int


def remove(row: Replica, fate: Fate = "bin", *, actor: str, on_behalf_of: str = "") -> Removed:
    """Forget the replica, which has to be switched off, so that no sync is at it: `StillSwitchedOn`."""
    with write_transaction():
        locked = Replica.objects.select_for_update().filter(pk=row.pk, enabled=False).first()
        if locked is None:
            raise StillSwitchedOn(row.name)
        operation = audit.begin(Operation.Kind.ADMIN, actor=actor, on_behalf_of=on_behalf_of)
        closed = _close_conflicts(row.pk, operation)
        alone = _standing_there_alone(row.pk)
        for plan_id in alone if fate == "bin" else ():
            plans.discard(plans.lock(plan_id), operation=operation)
        for policy in Policy.objects.filter(replica_id=row.pk):
            rulebook.remove(policy, actor=actor, on_behalf_of=on_behalf_of)
        counts = (len(alone), 0) if fate == "bin" else (0, len(alone))
        removed = Removed(row.name, *counts, conflicts_closed=closed)
        told = {"replica": row.name, "path": row.path}
        note = Note(Entry.Action.DELETED, item_kind="replica", item_id=row.pk, before=told)
        audit.record(operation, [note])
        row.delete()
        audit.finish(operation, Operation.Status.DONE, removed._asdict())
    logger.info("Replica %s removed by %s", removed.name, actor)
    return removed


def _standing_there_alone(replica_id: UUID) -> list[UUID]:
    links = Link.objects.filter(replica=replica_id).values("plan")
    elsewhere = Link.objects.exclude(replica=replica_id).values("plan")
    found = Plan.objects.live().filter(pk__in=links).exclude(pk__in=elsewhere).order_by("pk")
    return list(found.values_list("pk", flat=True))


def _close_conflicts(replica_id: UUID, operation: Operation) -> int:
    """As where one side lets a plan go; how many."""
    rows = Conflict.objects.filter(replica_id=replica_id, state__in=AT_WORK)
    return sum(
        _closed(plan_id, replica_id, operation)
        for plan_id in set(rows.order_by().values_list("plan_id", flat=True))
    )


def _closed(plan_id: UUID | None, replica_id: UUID, operation: Operation) -> int:
    closed = conflicts.guard_passed(plan_id, replica_id, begin=lambda: operation)
    if plan_id is None:
        return closed
    settled = conflicts.reconcile(plan_id, replica_id, (), {}, begin=lambda: operation, merged=False)
    return closed + settled.closed
