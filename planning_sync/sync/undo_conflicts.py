"""What becomes of a plan's conflicts when operations are undone: `spots_of`, `turn`, `conflicts_back`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser

from audit.models import Entry
from conflicts.merge import STRUCTURAL
from conflicts.models import Conflict
from conflicts.services import AT_WORK
from planning_sync.sync import ledger as ledgers
from planning_sync.sync.undo_model import (
    APPLIES_AGAIN,
    CHANGED_LATER,
    CLOSED,
    OPEN,
    ConflictBack,
    Dependent,
    Examined,
    Spot,
    key_of,
    spot_of,
    turned,
)
from plans import outline as outlines


def spots_of(at: Examined) -> tuple[Spot, ...]:
    """Decisions that a sync has applied among other work: only their fields are turned back."""
    found = []
    undone = at.own_ids | at.along
    rows = Conflict.objects.filter(plan=at.plan, decision__in=at.own_ids, state=Conflict.State.RESOLVED)
    for row in rows.exclude(applied_by__in=undone):
        if row.field in STRUCTURAL or row.field not in outlines.Item._fields:
            named = f"{row.field} of {row.item_label or 'the plan'}"
            at.refusal = (
                f"the decision on {named} was applied together with other work; "
                f"undo the sync that applied it, {row.applied_by_id}"
            )
            continue
        found.append(spot_of(row))
    return tuple(found)


def turn(at: Examined, spot: Spot) -> None:
    """Have the hub say its own value again, if both sides still say what was decided."""
    item = at.hub.by_key.get(spot.key)
    applied = _applied_by(at)
    newer = [
        entry
        for entry in at.ledger.newer(at.unit)
        if ledgers.tells_of_items(entry)
        and key_of(entry) == spot.key
        and entry.field in (spot.field, "")
        and entry.operation_id not in applied
    ]
    at.depend(newer, CHANGED_LATER)
    if item is None:
        at.refusal = at.refusal or "the item that the decision was about is gone"
    elif not newer:
        at.hub = turned(at.hub, spot)


def _applied_by(at: Examined) -> set[UUID | None]:
    rows = Conflict.objects.filter(plan=at.plan, decision__in=at.own_ids)
    return set(rows.values_list("applied_by", flat=True))


def conflicts_back(at: Examined) -> Iterator[ConflictBack]:
    """What the conflicts get back of which the operations tell; those of a plan that goes are closed."""
    told: dict[UUID, Entry] = {}
    for entry in at.ledger.of(at.unit):
        pk = ledgers.conflict_of(entry)
        if pk is not None:
            told.setdefault(pk, entry)
    rows = Conflict.objects.in_bulk(list(told))
    for pk, entry in told.items():
        row = rows.get(pk)
        if row is not None:
            yield from _back(at, row, entry)
    newer = [entry for entry in at.ledger.newer(at.unit) if ledgers.conflict_of(entry) in told]
    at.depend((entry for entry in newer if entry.action == Entry.Action.DECIDED), CHANGED_LATER)
    if at.presence == "discard":
        for row in Conflict.objects.filter(plan=at.plan, state__in=AT_WORK).exclude(pk__in=list(told)):
            yield ConflictBack(row, Entry.Action.CLOSED, CLOSED)


def _back(at: Examined, row: Conflict, entry: Entry) -> Iterator[ConflictBack]:
    before = entry.before if isinstance(entry.before, dict) else {}
    kept = before.get("row")
    at_work = row.state in AT_WORK
    if entry.action in (Entry.Action.REOPENED, Entry.Action.CLOSED) and kept:
        yield ConflictBack(row, _action_of(kept), kept)
    elif entry.action == Entry.Action.OPENED and at_work:
        yield ConflictBack(row, Entry.Action.CLOSED, CLOSED)
    elif entry.action == Entry.Action.DECIDED and _is_taken_back(at, row):
        yield ConflictBack(row, Entry.Action.REOPENED, OPEN)
    elif entry.action == Entry.Action.CLOSED:
        became = (entry.after or {}).get("state")
        if became == Conflict.State.RESOLVED and row.decision is not None:
            at.dependents.setdefault(row.decision.pk, Dependent(row.decision, _named(row), APPLIES_AGAIN))
        elif not at_work:
            yield ConflictBack(row, Entry.Action.REOPENED, OPEN)
    elif entry.action == Entry.Action.POSTPONED:
        yield ConflictBack(row, entry.action, {"postponed_until": _time(entry.before)})
    elif entry.action == Entry.Action.ASSIGNED:
        yield ConflictBack(row, entry.action, {"assigned_to": _person(entry.before)})


def _is_taken_back(at: Examined, row: Conflict) -> bool:
    """Whether the decision still stands, and what applied it is undone as well."""
    if row.decision_id not in at.own_ids:
        return False
    if row.state == Conflict.State.DECIDED:
        return True
    spots = {(spot.key, spot.field) for spot in at.spots}
    applied = row.applied_by_id in at.unit or (row.item_key, row.field) in spots
    return row.state == Conflict.State.RESOLVED and applied


def _action_of(kept: Mapping[str, Any]) -> str:
    return Entry.Action.REOPENED if kept["state"] == Conflict.State.OPEN else Entry.Action.CLOSED


def _time(told: Any) -> datetime | None:
    return datetime.fromisoformat(told) if told else None


def _person(told: Any) -> AbstractBaseUser | None:
    model = get_user_model()
    return model._default_manager.filter(**{model.USERNAME_FIELD: told}).first() if told else None


def _named(row: Conflict) -> str:
    return f"decided {row.field} of {row.item_label or 'the plan'}"
