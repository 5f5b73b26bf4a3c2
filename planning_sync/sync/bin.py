"""What is in the bin: `contents`. Things leave it by `restoring.restore_from_bin`, or by `pruning`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from audit.models import Entry
from plans.models import Phase, Plan, Task
from plans.outline import Kind


class Binned(NamedTuple):
    """A plan, or an item at the top of what was deleted with it."""

    kind: Kind
    id: UUID
    text: str
    plan_id: UUID
    plan: str
    deleted_at: datetime
    deleted_by: str
    operation_id: UUID | None
    below: int
    """Items that went with it."""

    def as_json(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "kind": str(self.kind),
            "text": self.text,
            "plan": str(self.plan_id),
            "plan_title": self.plan,
            "deleted_at": self.deleted_at.isoformat(),
            "deleted_by": self.deleted_by,
            "operation": str(self.operation_id) if self.operation_id else None,
            "below": self.below,
        }


def contents(plan: Plan | None = None) -> list[Binned]:
    """What can be taken out of the bin, latest first: plans, and items of live plans, or of one plan."""
    found = [*([] if plan else _plans()), *_items(plan)]
    return sorted(found, key=lambda each: each.deleted_at, reverse=True)


def _plans() -> list[Binned]:
    rows = list(Plan.objects.exclude(deleted_at=None))
    by = _deleted_by(row.pk for row in rows)
    return [_binned(Kind.PLAN, row, row, row.phase_count + row.task_count, by) for row in rows]


def _items(plan: Plan | None) -> list[Binned]:
    chosen = {"plan": plan} if plan else {"plan__deleted_at": None}
    phases = list(Phase.objects.filter(**chosen).exclude(deleted_at=None).select_related("plan"))
    tasks = list(Task.objects.filter(**chosen).exclude(deleted_at=None).select_related("plan"))
    rows: dict[UUID, Phase | Task] = {phase.pk: phase for phase in phases}
    rows |= {task.pk: task for task in tasks}
    tops = {pk: _top(row, rows) for pk, row in rows.items()}
    below: dict[UUID, int] = {}
    for pk, top in tops.items():
        below[top] = below.get(top, 0) + (pk != top)
    by = _deleted_by(below)
    kinds = {Phase: Kind.PHASE, Task: Kind.TASK}
    return [_binned(kinds[type(rows[pk])], rows[pk], rows[pk].plan, count, by) for pk, count in below.items()]


def _top(row: Phase | Task, rows: dict[UUID, Phase | Task]) -> UUID:
    """The highest item above that went at the same moment."""
    while True:
        above = row.parent_id
        if above is None and isinstance(row, Task):
            above = row.phase_id
        parent = rows.get(above) if above is not None else None
        if parent is None or parent.deleted_at != row.deleted_at:
            return row.pk
        row = parent


def _deleted_by(ids: Iterable[UUID]) -> dict[UUID, Entry]:
    """The entry of each one's last deletion."""
    found: dict[UUID, Entry] = {}
    wanted = list(ids)
    for start in range(0, len(wanted), 500):
        rows = Entry.objects.filter(item_id__in=wanted[start : start + 500], action=Entry.Action.DELETED)
        for entry in rows.select_related("operation").order_by("id"):
            assert entry.item_id is not None, "it was looked up by it"
            found[entry.item_id] = entry
    return found


def _binned(kind: Kind, row: Plan | Phase | Task, plan: Plan, below: int, by: dict[UUID, Entry]) -> Binned:
    entry = by.get(row.pk)
    assert row.deleted_at is not None, "it is in the bin"
    return Binned(
        *(kind, row.pk, str(row), plan.pk, plan.title, row.deleted_at),
        entry.operation.actor if entry else "",
        entry.operation_id if entry else None,
        below,
    )
