"""Makes the groups of the table: `ensure`. What somebody took from one that is there stays away."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.apps.registry import Apps
from django.apps.registry import apps as installed
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

from planning_sync.roles.models import GivenPermission
from planning_sync.roles.table import ROLES

logger = logging.getLogger(__name__)

Names = dict[str, frozenset[str]]
"""Permissions by role."""


def ensure(*, apps: Apps = installed, **_: Any) -> None:
    """Make the groups that are missing and give each what it never had. Called after migrations.

    A group is made once all its permissions are there.
    """
    try:
        apps.get_model("roles", "GivenPermission")
    except LookupError:  # so far only some apps are migrated
        return
    known = permissions(name for names in ROLES.values() for name in names)
    lacking = _never_given()
    waiting = {name for names in lacking.values() for name in names} - known.keys()
    if waiting:
        logger.info("Roles wait for the apps of their permissions: %s", sorted(waiting))
    _give({role: names for role, names in lacking.items() if names <= known.keys()}, known)


def permissions(names: Iterable[str]) -> dict[str, Permission]:
    """The permissions by their names, as far as there are such."""
    chosen = Q()
    for name in set(names):
        app, _dot, codename = name.partition(".")
        chosen |= Q(content_type__app_label=app, codename=codename)
    rows = Permission.objects.filter(chosen).select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}": row for row in rows}


def _never_given() -> Names:
    """What each role lacks; of one whose group is not there, all of it."""
    present = set(Group.objects.filter(name__in=ROLES).values_list("name", flat=True))
    given = set(GivenPermission.objects.filter(role__in=present).values_list("role", "permission"))
    lacking = {
        role: frozenset(name for name in names if (role, name) not in given) for role, names in ROLES.items()
    }
    return {role: names for role, names in lacking.items() if names}


def _give(lacking: Names, known: dict[str, Permission]) -> None:
    if not lacking:
        return
    pairs = [(role, name) for role, names in lacking.items() for name in sorted(names)]
    through = Group.permissions.through
    with transaction.atomic():
        Group.objects.bulk_create([Group(name=role) for role in lacking], ignore_conflicts=True)
        ids = dict(Group.objects.filter(name__in=lacking).values_list("name", "id"))
        rows = [through(group_id=ids[role], permission_id=known[name].pk) for role, name in pairs]
        through.objects.bulk_create(rows, ignore_conflicts=True)
        given = [GivenPermission(role=role, permission=name) for role, name in pairs]
        GivenPermission.objects.bulk_create(given, ignore_conflicts=True)
