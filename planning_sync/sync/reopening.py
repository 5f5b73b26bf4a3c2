"""One settled conflict is open again, with both sides at their own values: `reopen`, `reinstate`.

`reopen` takes back what a person decided about one conflict, also where it was decided with many others;
`reinstate` what a strategy settled by itself, and has a person decide it.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.utils import timezone

from audit.models import Entry, Operation
from conflicts import merge
from conflicts.errors import ConflictNotFound
from conflicts.learning import services as learning
from conflicts.learning.memory import REOPENED
from conflicts.merge import STRUCTURAL, Clash
from conflicts.models import Conflict
from conflicts.services import AT_WORK
from planning_sync.sync import undo
from planning_sync.sync.errors import DependentWork, UndoRefused
from planning_sync.sync.models import Link
from planning_sync.sync.undo import Outcome
from planning_sync.sync.undo_model import (
    CHANGED_LATER,
    OPEN,
    Case,
    ConflictBack,
    Dependent,
    LinkCase,
    Spot,
    spot_of,
    turned,
    value_of,
)
from plans import outline as outlines
from plans import storage
from plans.models import Plan
from plans.outline import ROOT, Kind, Value


def reopen(conflict_id: UUID, *, actor: str, on_behalf_of: str = "") -> Outcome:
    """Take the decision on this conflict back; if a sync has applied it, both sides get their values back.

    Raises `ConflictNotFound`; `UndoRefused` where it is not decided, or newer work stands on the value.
    """
    row = Conflict.objects.select_related("decision").filter(pk=conflict_id).first()
    if row is None:
        raise ConflictNotFound(conflict_id)
    if row.decision is None or row.state not in (Conflict.State.DECIDED, Conflict.State.RESOLVED):
        told = f"The conflict is {row.get_state_display()}: there is no decision on it to take back."
        raise UndoRefused(conflict_id, (), told)
    if not _is_one_of_many(row.decision):
        return undo.undo(row.decision.pk, actor=actor, on_behalf_of=on_behalf_of)
    if row.state == Conflict.State.RESOLVED and row.field in STRUCTURAL:
        told = (
            f"The decision on {row.field} of {row.item_label or 'the plan'} has moved items about; "
            f"undo the whole of it: operation {row.decision.pk}."
        )
        raise UndoRefused(conflict_id, (), told)
    summary = {"undoes": [], "reopens": str(conflict_id), "decision": str(row.decision.pk)}
    build = partial(_decided_case, conflict_id)
    return undo.carried(build, Operation.Kind.UNDO, summary, actor=actor, on_behalf_of=on_behalf_of)


def reinstate(entry_id: int, *, actor: str, on_behalf_of: str = "") -> Outcome:
    """Open a conflict of what a strategy settled in this entry; both sides get their own values back.

    Raises `UndoRefused` where the entry is no such decision, or newer work stands on the value.
    """
    entry = Entry.objects.select_related("operation").filter(pk=entry_id).first()
    if entry is None or entry.action != Entry.Action.DECIDED or "strategy" not in (entry.after or {}):
        raise UndoRefused(entry_id, (), f"Entry {entry_id} is no decision of a strategy.")
    if entry.field in STRUCTURAL:
        told = f"It has moved items about; undo the whole sync: operation {entry.operation_id}."
        raise UndoRefused(entry_id, (), told)
    summary = {"undoes": [], "reinstates": entry_id, "decision": str(entry.operation_id)}
    build = partial(_settled_case, entry)
    outcome = undo.carried(build, Operation.Kind.UNDO, summary, actor=actor, on_behalf_of=on_behalf_of)
    learning.note_taken_back([entry])
    return outcome


def _is_one_of_many(decision: Operation) -> bool:
    return Entry.objects.filter(operation=decision, action=Entry.Action.DECIDED).count() > 1


# ---------------------------------------------------------------------------------------- deciding


def _decided_case(conflict_id: UUID) -> Case:
    row = Conflict.objects.get(pk=conflict_id)
    back = ConflictBack(row, Entry.Action.REOPENED, OPEN)
    if row.state == Conflict.State.DECIDED:
        assert row.plan is not None, "a conflict about an item has a plan"
        return Case(row.plan, stored := storage.load(row.plan), (), hub=stored.outline, conflicts=(back,))
    taken = {"hub": row.hub_value, "replica": row.replica_value}.get(row.taken, row.taken_value)
    return _spot_case(spot_of(row), _decided_value(row, taken), back)


def _settled_case(entry: Entry) -> Case:
    assert entry.plan_id is not None, "a strategy settles something of a plan"
    assert entry.item_id is not None, "a strategy settles something of an item"
    replica_id = entry.operation.replica_id
    assert replica_id is not None, "a strategy works in the sync of a replica"
    key = ROOT if entry.item_kind == Kind.PLAN else entry.item_id.hex
    told: dict[str, Any] = entry.before or {}
    settled: dict[str, Any] = entry.after or {}
    row = _new_conflict(Plan.objects.get(pk=entry.plan_id), entry, replica_id, key)
    taken = {"hub": told["hub"], "replica": told["replica"]}.get(settled["take"], settled["value"])
    return _spot_case(spot_of(row), _decided_value(row, taken), ConflictBack(row, Entry.Action.OPENED, {}))


def _new_conflict(plan: Plan, entry: Entry, replica_id: UUID, key: str) -> Conflict:
    told: dict[str, Any] = entry.before or {}
    at = timezone.now()
    clash = Clash(key, entry.field, told["base"], told["hub"], told["replica"])
    item = storage.load(plan).outline.by_key.get(key)
    return Conflict(
        plan=plan,
        replica_id=replica_id,
        item_kind=entry.item_kind,
        item_key=key,
        item_label=f"{item.ref} {item.text}".strip() if item else "",
        field=entry.field,
        kind=merge.kind_of(clash),
        severity=merge.severity_of(clash),
        rule=REOPENED,
        base_value=told["base"],
        replica_value=told["replica"],
        hub_value=told["hub"],
        opened_at=at,
        changed_at=at,
    )


def _decided_value(row: Conflict, taken: Any) -> Value:
    return value_of(row.field, taken)


def _spot_case(spot: Spot, decided: Value, back: ConflictBack) -> Case:
    row = back.conflict
    plan, link = row.plan, Link.objects.filter(plan=row.plan, replica_id=spot.replica_id).first()
    assert plan is not None, "a conflict about an item has a plan"
    stored = storage.load(plan)
    item = stored.outline.by_key.get(spot.key)
    if item is None or link is None or link.released_at is not None or plan.deleted_at is not None:
        raise UndoRefused(row.pk, (), "What the decision was about is not there any more.")
    at_work = Conflict.objects.filter(plan=plan, replica_id=spot.replica_id, state__in=AT_WORK)
    if at_work.filter(item_key=spot.key, field=spot.field).exclude(pk=row.pk).exists():
        raise UndoRefused(row.pk, (), "There is a newer conflict on the same value; decide that one.")
    if outlines.value(item, spot.field) != decided:
        raise DependentWork(row.pk, _latest_change(plan, spot))
    return Case(
        *(plan, stored, ()),
        hub=turned(stored.outline, spot),
        links=(LinkCase(link, "reopen", spots=(spot,)),),
        conflicts=(back,),
    )


def _latest_change(plan: Plan, spot: Spot) -> tuple[Dependent, ...]:
    item_id = UUID(spot.key) if spot.key else plan.pk
    rows = Entry.objects.filter(plan_id=plan.pk, item_id=item_id, field=spot.field)
    last = rows.filter(action=Entry.Action.CHANGED).select_related("operation").order_by("-id").first()
    return (Dependent(last.operation, f"changed {spot.field}", CHANGED_LATER),) if last else ()
