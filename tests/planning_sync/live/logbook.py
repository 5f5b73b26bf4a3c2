"""Writing to the log as the product does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction


def changed(plan_id: UUID, **more: Any) -> Note:
    return Note(Entry.Action.CHANGED, plan_id, "task", more.pop("item_id", None) or uuid4(), "status", **more)


def conflict(action: str, conflict_id: UUID, state: str, plan_id: UUID | None = None) -> Note:
    after = {"conflict": str(conflict_id), "state": state}
    return Note(action, plan_id or uuid4(), "task", uuid4(), "text", None, after)


def write(
    notes: Iterable[Note],
    *,
    kind: str = Operation.Kind.EDIT,
    status: str = Operation.Status.DONE,
    actor: str = "bob",
    **summary: Any,
) -> Operation:
    """One operation, from its start to its end, in one transaction."""
    with write_transaction():
        operation = audit.begin(kind, actor=actor)
        audit.record(operation, notes)
        audit.finish(operation, status, summary)
    return operation
