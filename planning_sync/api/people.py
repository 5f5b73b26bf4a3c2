"""The one write to people: `set_roles`. What it does is in the log by way of `audit.people`."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.models import Group, User

from audit import context
from audit.transactions import write_transaction


def set_roles(user: User, roles: Collection[Group], *, actor: str) -> None:
    """Have the person be in these groups and no others."""
    context.refine(name=lambda: actor)
    with write_transaction():
        User.objects.select_for_update().get(pk=user.pk)
        user.groups.set(roles)
