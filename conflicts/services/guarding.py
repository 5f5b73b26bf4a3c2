"""What a guard refused, as a conflict with decisions of its own: go on, restore, unlink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation
from conflicts.models import GUARD, Conflict
from conflicts.services.merging import AT_WORK, Evidence, note, tell
from plans.outline import Kind


class GuardDecision(NamedTuple):
    """What a person decided about a refusal that rested on `world`."""

    take: str
    world: str


def guard_decision(plan_id: UUID | None, replica_id: UUID) -> GuardDecision | None:
    """What was decided and not applied yet; None where nothing was."""
    row = _row(plan_id, replica_id)
    if row is None or row.state != Conflict.State.DECIDED:
        return None
    return GuardDecision(row.taken, (row.replica_value or {})["world"])


def refuse(
    plan_id: UUID | None,
    replica_id: UUID,
    *,
    rule: str,
    label: str,
    held: int,
    left: int,
    reason: str,
    world: str,
    begin: Callable[[], Operation],
    evidence: Evidence,
) -> bool:
    """Have a critical conflict say what was refused; whether it is a new one. In a transaction.

    `world` identifies what the refusal rests on: a decision holds for nothing else.
    """
    row = _row(plan_id, replica_id)
    values = _values(held, left, reason, world)
    if row is not None and (row.rule, row.base_value, row.replica_value) == (rule, *values):
        return False
    at = timezone.now()
    new = row is None
    if row is None:
        row = Conflict(
            plan_id=plan_id,
            replica_id=replica_id,
            item_kind=Kind.PLAN if plan_id else "",
            item_label=label,
            field=GUARD,
            kind=Conflict.Kind.STRUCTURE,
            severity=Conflict.Severity.CRITICAL,
            opened_at=at,
        )
        row.operation = begin()
    row.rule, (row.base_value, row.replica_value), row.hub_value = rule, values, None
    row.state, row.changed_at = Conflict.State.OPEN, at
    row.taken, row.decided_by, row.decided_at, row.decision = "", "", None, None
    tell(row, evidence)
    row.save()
    if new:
        audit.record(begin(), [note(Entry.Action.OPENED, row)])
    return new


def guard_passed(plan_id: UUID | None, replica_id: UUID, *, begin: Callable[[], Operation]) -> int:
    """Close what stands about a refusal, since the guard has nothing against it any more; how many."""
    row = _row(plan_id, replica_id)
    if row is None:
        return 0
    decided = row.state == Conflict.State.DECIDED
    row.state = Conflict.State.RESOLVED if decided else Conflict.State.CLOSED
    row.closed_at = timezone.now()
    row.applied_by = begin() if decided else None
    row.save(update_fields=["state", "closed_at", "applied_by"])
    audit.record(begin(), [note(Entry.Action.CLOSED, row)])
    return 1


def _row(plan_id: UUID | None, replica_id: UUID) -> Conflict | None:
    rows = Conflict.objects.filter(replica_id=replica_id, field=GUARD, state__in=AT_WORK)
    return (rows.filter(plan=None) if plan_id is None else rows.filter(plan_id=plan_id)).first()


def _values(held: int, left: int, reason: str, world: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"items": held}, {"items": left, "reason": reason, "world": world}
