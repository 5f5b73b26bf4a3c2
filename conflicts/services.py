"""Every write to conflicts: `reconcile` after a merge, `resolve` when a person decides.

A decision changes neither side by itself: the next merge finds it (`decisions`) and settles the clash
with it, provided that both sides still hold the values it was about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from conflicts import merge
from conflicts.errors import AlreadySettled, ConflictNotFound, InvalidDecision, ValuesMoved
from conflicts.merge import Choice, Clash
from conflicts.merge.model import PRESENCE
from conflicts.models import Conflict
from plans import services as plans
from plans.outline import ROOT, Item, Kind

STATES_AT_WORK = (Conflict.State.OPEN, Conflict.State.DECIDED)

Unset: Any = object()


class Outcome(NamedTuple):
    """How many conflicts a merge opened and closed."""

    opened: int
    closed: int


def decisions(plan_id: UUID, replica_id: UUID) -> dict[tuple[str, str], Choice]:
    """What people decided and no merge has applied yet, by item key and field."""
    rows = Conflict.objects.filter(plan_id=plan_id, replica_id=replica_id, state=Conflict.State.DECIDED)
    return {(row.item_key, row.field): _choice(row) for row in rows}


def is_unsettled(plan_id: UUID, replica_id: UUID) -> bool:
    """Whether the next merge has something to see to even if neither side moved.

    That is a decision to apply, or a conflict over the whole plan, which ends when the plan is back.
    """
    rows = Conflict.objects.filter(plan_id=plan_id, replica_id=replica_id)
    whole = Q(state=Conflict.State.OPEN, item_key=ROOT, field=PRESENCE)
    return rows.filter(Q(state=Conflict.State.DECIDED) | whole).exists()


def is_open(plan_id: UUID, replica_id: UUID, clash: Clash) -> bool:
    """Whether there is an open conflict with exactly the values of `clash`, and no other one at work."""
    rows = Conflict.objects.filter(plan_id=plan_id, replica_id=replica_id, state__in=STATES_AT_WORK)
    return [(row.item_key, row.field, row.state, _values(row)) for row in rows] == [
        (clash.key, clash.field, Conflict.State.OPEN, _clash_values(clash))
    ]


def count_new(plan_id: UUID, replica_id: UUID, clashes: Iterable[Clash]) -> int:
    """How many of `clashes` have no conflict at work yet."""
    rows = Conflict.objects.filter(plan_id=plan_id, replica_id=replica_id, state__in=STATES_AT_WORK)
    known = set(rows.values_list("item_key", "field"))
    return sum((clash.key, clash.field) not in known for clash in clashes)


def reconcile(
    plan_id: UUID,
    replica_id: UUID,
    clashes: Iterable[Clash],
    items: Mapping[str, Item],
    *,
    operation: Operation | None,
    stale: Collection[tuple[str, str]] = (),
    merged: bool = True,
) -> Outcome:
    """Make the conflicts at work be exactly `clashes`: open new ones, renew values, close the settled.

    A decided conflict whose values moved on is open again. Resolved is what a decision settled; not so
    where the merge found it `stale`, nor, unless the items were `merged`, any decision but the one over
    the whole plan. Must run in the merge's transaction.
    """
    at = timezone.now()
    known = {
        (row.item_key, row.field): row
        for row in Conflict.objects.filter(plan_id=plan_id, replica_id=replica_id, state__in=STATES_AT_WORK)
    }
    opened = 0
    for clash in clashes:
        row = known.pop((clash.key, clash.field), None)
        if row is None:
            _open(plan_id, replica_id, clash, items.get(clash.key), operation, at)
            opened += 1
        elif row.state == Conflict.State.DECIDED or _values(row) != _clash_values(clash):
            _renew(row, clash, at)
    for row in known.values():
        applied = (row.item_key, row.field) not in stale and (merged or row.field == PRESENCE)
        settled = row.state == Conflict.State.DECIDED and applied
        row.state = Conflict.State.RESOLVED if settled else Conflict.State.CLOSED
        row.closed_at = at
        row.save(update_fields=["state", "closed_at"])
    return Outcome(opened, len(known))


def resolve(
    conflict_id: UUID,
    *,
    take: str,
    actor: str,
    value: Any = None,
    seen: tuple[Any, Any] = Unset,
    on_behalf_of: str = "",
) -> Conflict:
    """Decide one conflict: `take` is "replica", "hub" or "value" (then `value` holds for both).

    `seen` is (replica value, hub value) as the person saw them; where they moved on, `ValuesMoved`.
    Raises `ConflictNotFound`, `AlreadySettled`, `InvalidDecision`, and `plans.errors.InvalidValue` for what
    the field cannot hold. The sync that applies it starts by itself.
    """
    with write_transaction():
        conflict = Conflict.objects.select_for_update().filter(pk=conflict_id).first()
        if conflict is None:
            raise ConflictNotFound(conflict_id)
        if conflict.state != Conflict.State.OPEN:
            raise AlreadySettled(conflict_id, conflict.get_state_display(), conflict.decided_by)
        if seen is not Unset and seen != (conflict.replica_value, conflict.hub_value):
            raise ValuesMoved(conflict_id, conflict.replica_value, conflict.hub_value)
        _check(conflict, take, value)
        if take == "value" and conflict.item_kind:
            value = _json(plans.checked(Kind(conflict.item_kind), conflict.field, value))
        conflict.state = Conflict.State.DECIDED
        conflict.taken, conflict.taken_value = take, value
        conflict.decided_by, conflict.decided_at = actor, timezone.now()
        conflict.save(update_fields=["state", "taken", "taken_value", "decided_by", "decided_at"])
        operation = audit.begin(Operation.Kind.RESOLVE, actor=actor, on_behalf_of=on_behalf_of)
        audit.record(operation, [_note(conflict)])
        audit.finish(operation, Operation.Status.DONE, {"conflict": str(conflict.pk)})
    return conflict


def _open(
    plan_id: UUID, replica_id: UUID, clash: Clash, item: Item | None, operation: Operation | None, at: Any
) -> None:
    base, replica, hub = _clash_values(clash)
    Conflict.objects.create(
        plan_id=plan_id,
        replica_id=replica_id,
        item_kind=item.kind if item else "",
        item_key=clash.key,
        item_label=f"{item.ref} {item.text}".strip() if item else "",
        field=clash.field,
        kind=merge.kind_of(clash),
        severity=merge.severity_of(clash),
        base_value=base,
        replica_value=replica,
        hub_value=hub,
        operation=operation,
        opened_at=at,
        changed_at=at,
    )


def _renew(row: Conflict, clash: Clash, at: Any) -> None:
    row.base_value, row.replica_value, row.hub_value = _clash_values(clash)
    row.state, row.changed_at = Conflict.State.OPEN, at
    row.taken, row.taken_value, row.decided_by, row.decided_at = "", None, "", None
    row.save(
        update_fields=[
            *("base_value", "replica_value", "hub_value", "state", "changed_at"),
            *("taken", "taken_value", "decided_by", "decided_at"),
        ]
    )


def _values(row: Conflict) -> tuple[Any, Any, Any]:
    return (row.base_value, row.replica_value, row.hub_value)


def _clash_values(clash: Clash) -> tuple[Any, Any, Any]:
    """Base, replica and hub value as JSON holds them."""
    return _json(clash.base), _json(clash.replica), _json(clash.hub)


def _json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _outline_value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _choice(row: Conflict) -> Choice:
    return Choice(
        hub_value=_outline_value(row.hub_value),
        replica_value=_outline_value(row.replica_value),
        take=row.taken,  # type: ignore[arg-type]  # the database holds what `resolve` checked
        value=_outline_value(row.taken_value),
    )


def _check(conflict: Conflict, take: str, value: Any) -> None:
    if take not in ("replica", "hub", "value"):
        raise InvalidDecision(f"take {take!r} is not one of replica, hub, value")
    if take != "value":
        return
    if conflict.field in merge.STRUCTURAL:
        raise InvalidDecision(f"{conflict.field} is settled by taking a side, not by a value")
    if value is None:
        raise InvalidDecision("a value is needed")


def _note(conflict: Conflict) -> Note:
    before = {"base": conflict.base_value, "replica": conflict.replica_value, "hub": conflict.hub_value}
    after = {"conflict": str(conflict.pk), "take": conflict.taken, "value": conflict.taken_value}
    item_id = UUID(conflict.item_key) if conflict.item_key else conflict.plan_id
    action = Entry.Action.DECIDED
    return Note(action, conflict.plan_id, conflict.item_kind, item_id, conflict.field, before, after)
