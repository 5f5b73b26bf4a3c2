"""Somebody of each role, somebody without one, and nobody; and two replicas, one of which is out of sight."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from django.contrib.auth.models import Group, User
from django.test import Client, override_settings

from conflicts.models import Conflict
from planning_sync.roles.table import ROLES
from tests.planning_sync.sync.workbench import Workbench

NOBODY, WITHOUT = "nobody", "without a role"
EVERYBODY = (NOBODY, WITHOUT, *ROLES)

SECRET = "Zebrafish"
"""Stands in whatever belongs to the replica that is out of sight."""


def somebody(who: str, *, staff: bool = False) -> User | None:
    """None for nobody."""
    if who == NOBODY:
        return None
    user = User.objects.create_user(f"{who.replace(' ', '-')}-{staff}", is_staff=staff)
    if who in ROLES:
        user.groups.add(Group.objects.get(name=who))
    return user


def client_of(user: User | None) -> Client:
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user)
    return client


def may(who: str, need: str) -> bool:
    return who in ROLES and need in ROLES[who]


@dataclass
class TwoReplicas:
    notes: Workbench
    hidden: Workbench

    @classmethod
    def at(cls, folder: Path) -> Self:
        found = cls(_desk(folder / "notes", "Launch"), _desk(folder / f"{SECRET}-folder", SECRET))
        for desk, name in ((found.notes, "Launch"), (found.hidden, SECRET)):
            clash(desk, name)
        return found


def _desk(folder: Path, name: str) -> Workbench:
    desk = Workbench.at(folder, include=[f"{name}*.md"])
    desk.write(f"{name}.md", f"# {name}\n\n## {name} phase\n\n- [ ] {name} task\n- [ ] {name} other\n")
    desk.sync(direction="pull")
    return desk


def clash(desk: Workbench, name: str) -> Conflict:
    """A conflict over the priority of a task."""
    with override_settings(PLANNING_SYNC_FOLLOW=False):
        desk.set(f"{name} other", priority="high")
        desk.edit(f"{name}.md", f"- [ ] {name} other", f"- [ ] {name} other #priority:low")
        desk.sync()
    return Conflict.objects.get(replica_id=desk.row.pk)
