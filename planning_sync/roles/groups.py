"""Makes the groups of the table: `ensure`. One that is there is left as it is: it may be somebody's work."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.apps.registry import Apps
from django.apps.registry import apps as installed
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

from planning_sync.roles.table import ROLES

logger = logging.getLogger(__name__)


def ensure(*, apps: Apps = installed, **_: Any) -> None:
    """Make the groups that are missing, each once all its permissions are there. Called after migrations."""
    try:
        apps.get_model("auth", "Group")
    except LookupError:  # so far only some apps are migrated
        return
    present = set(Group.objects.filter(name__in=ROLES).values_list("name", flat=True))
    missing = [name for name in ROLES if name not in present]
    if missing:
        _make(missing)


def permissions(names: Iterable[str]) -> dict[str, Permission]:
    """The permissions by their names, as far as there are such."""
    chosen = Q()
    for name in set(names):
        app, _dot, codename = name.partition(".")
        chosen |= Q(content_type__app_label=app, codename=codename)
    rows = Permission.objects.filter(chosen).select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}": row for row in rows}


def _make(names: list[str]) -> None:
    known = permissions(name for role in names for name in ROLES[role])
    ready = [name for name in names if ROLES[name] <= known.keys()]
    if len(ready) < len(names):
        logger.info("Roles wait for the apps of their permissions: %s", sorted(set(names) - set(ready)))
    with transaction.atomic():
        Group.objects.bulk_create([Group(name=name) for name in ready], ignore_conflicts=True)
        through = Group.permissions.through
        rows = [
            through(group_id=group.pk, permission_id=known[name].pk)
            for group in Group.objects.filter(name__in=ready)
            for name in sorted(ROLES[group.name])
        ]
        through.objects.bulk_create(rows, ignore_conflicts=True)
