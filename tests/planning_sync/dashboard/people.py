"""People in front of the pages, as tests handle them: `signed_in`, `page`, `told`, `field_in`."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from planning_sync.roles.models import ReplicaAccess
from planning_sync.sync.models import Replica


def signed_in(name: str, role: str = "", *, only: Replica | None = None) -> Client:
    """A browser in which somebody of that role is signed in, limited to one replica if so."""
    person = User.objects.create_user(name)
    if role:
        person.groups.add(Group.objects.get(name=role))
    if only is not None:
        ReplicaAccess.objects.create(user=person, replica=only, created_at=timezone.now())
    client = Client()
    client.force_login(person)
    return client


def page(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status, response.content.decode()
    return response.content.decode()


def told(response: Any) -> str:
    """The messages on the page that an answer led to, as text."""
    return " ".join(re.sub(r"<[^>]+>", "", str(message)) for message in response.context["messages"])


def field_in(shown: str, name: str) -> str:
    """The value of a hidden field of the form."""
    found = re.search(rf'name="{name}" value="([^"]*)"', shown)
    assert found is not None, f"no field {name}"
    return found[1]


def text_of(shown: str) -> str:
    """The words on a page, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", shown.partition("<main")[2].partition("</main>")[0]))
