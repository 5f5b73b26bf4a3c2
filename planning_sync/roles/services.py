"""Every write to the limits: `limit`, `lift`. Only people who are not limited themselves may."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from planning_sync.roles import access
from planning_sync.roles.errors import KnownLimit, LimitedPerson
from planning_sync.roles.models import ReplicaAccess
from planning_sync.sync.models import Replica


def limit(
    whom: User | Group, replica: Replica, *, by: User, actor: str, on_behalf_of: str = ""
) -> ReplicaAccess:
    """From now on this replica is among those that the person, or everyone of the group, is limited to."""
    _refuse_limited(by)
    owner = {"group": whom} if isinstance(whom, Group) else {"user": whom}
    with write_transaction():
        if ReplicaAccess.objects.filter(replica=replica, **owner).exists():
            raise KnownLimit(str(whom), replica.name)
        row = ReplicaAccess.objects.create(
            **owner, replica=replica, created_at=timezone.now(), created_by=actor
        )
        _note(Entry.Action.GRANTED, row, actor, on_behalf_of)
    return row


def lift(row: ReplicaAccess, *, by: User, actor: str, on_behalf_of: str = "") -> None:
    """Take the row away. With the last one of a person and their groups, that person sees all replicas."""
    _refuse_limited(by)
    with write_transaction():
        _note(Entry.Action.REVOKED, row, actor, on_behalf_of)
        row.delete()


def _refuse_limited(by: User) -> None:
    if access.replica_ids(by) is not None:
        raise LimitedPerson(by.get_username())


def _note(action: str, row: ReplicaAccess, actor: str, on_behalf_of: str) -> None:
    whose: Any = row.user or row.group
    after = {"name": str(whose), "replica": row.replica.name if row.replica else None}
    kind = "user" if row.user else "group"
    note = Note(action, item_kind=kind, field="replica", after=after)
    audit.note_done(Operation.Kind.ADMIN, [note], actor=actor, on_behalf_of=on_behalf_of)
