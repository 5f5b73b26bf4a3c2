"""`sign_in`: the cookies of the people who look at the pages."""

from __future__ import annotations

from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from planning_sync.roles.models import ReplicaAccess
from tests.showcase.hub import Hub
from tests.showcase.pages import Who

Cookies = dict[str, str]


def sign_in(hub: Hub) -> dict[Who, Cookies]:
    """By person; made, with their roles, if they are not there."""
    return {who: _cookies(who, hub) if who is not Who.NOBODY else {} for who in Who}


def _cookies(who: Who, hub: Hub) -> Cookies:
    role = "reader" if who is Who.READER else "administrator"
    owns = who is Who.OWNER
    person, _ = User.objects.update_or_create(
        username=who.value, defaults={"is_staff": owns, "is_superuser": owns}
    )
    person.groups.add(Group.objects.get(name=role))
    if who is Who.NEWCOMER:
        ReplicaAccess.objects.create(user=person, replica=hub.handbook, created_at=timezone.now())
    client = Client()
    client.force_login(person)
    return {name: morsel.value for name, morsel in client.cookies.items()}
