"""A log to try things on: `fill`, `after`, `tamper`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from audit import ids, triggers
from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction


def fill(count: int = 3, *, actor: str = "alice") -> list[int]:
    """One operation with this many entries; their ids."""
    plan = ids.new_id()
    notes = [
        Note(Entry.Action.CHANGED, plan, "task", ids.new_id(), "text", f"old é {n}", {"b": n, "a": [n, None]})
        for n in range(count)
    ]
    with write_transaction():
        operation = audit.begin(Operation.Kind.EDIT, actor=actor)
        audit.record(operation, notes)
        audit.finish(operation, Operation.Status.DONE)
    return list(operation.entries.order_by("id").values_list("pk", flat=True))


def after(entry: Entry) -> Any:
    return entry.after


def tamper(statement: str, parameters: Sequence[Any] = ()) -> int:
    """What somebody with the keys of the database can do: without the triggers. How many rows."""
    triggers.remove(using="default")
    with connection.cursor() as cursor:
        cursor.execute(statement, list(parameters))
        changed: int = cursor.rowcount
    triggers.install(using="default")
    return changed
