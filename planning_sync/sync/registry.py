"""Replicas as programs manage them: `add_below`, `switch`. Each is in the log.

Whoever names a folder has the product read it and write to it. So over the network a replica is added only
below folders that whoever runs the server has named; the command line on the server may name any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from planning_sync.sync import services, sides
from planning_sync.sync.errors import OutsideRoots
from planning_sync.sync.models import Replica


def add_below(
    roots: Sequence[Path],
    path: str,
    *,
    actor: str,
    on_behalf_of: str = "",
    name: str = "",
    options: Mapping[str, Any] | None = None,
) -> Replica:
    """A new replica of a folder in one of `roots`, or one of those; not synced yet.

    Raises `OutsideRoots` before it looks at the folder; then what `services.add_replica` raises.
    """
    place = Path(path)
    if not place.is_absolute() or not _is_below(place.resolve(), roots):
        raise OutsideRoots(path)
    chosen = dict(options or {})
    sides.check_options(chosen)
    row = services.add_replica(place, actor=actor, name=name, **chosen)
    _note(Entry.Action.CREATED, row, None, {**_named(row), "path": row.path}, actor, on_behalf_of)
    return row


def switch(row: Replica, *, on: bool, actor: str, on_behalf_of: str = "") -> None:
    """Have it take part in syncs, or not. What is off is as it was: nothing is forgotten."""
    with write_transaction():
        if Replica.objects.filter(pk=row.pk, enabled=not on).update(enabled=on):
            before, after = {"enabled": not on}, {**_named(row), "enabled": on}
            _note(Entry.Action.CHANGED, row, before, after, actor, on_behalf_of)
    row.refresh_from_db()


def _is_below(place: Path, roots: Sequence[Path]) -> bool:
    return any(place.is_relative_to(root.resolve()) for root in roots)


def _named(row: Replica) -> dict[str, str]:
    return {"replica": row.name}


def _note(action: str, row: Replica, before: Any, after: Any, actor: str, on_behalf_of: str) -> None:
    note = Note(action, item_kind="replica", item_id=row.pk, before=before, after=after)
    audit.note_done(Operation.Kind.ADMIN, [note], actor=actor, on_behalf_of=on_behalf_of)
