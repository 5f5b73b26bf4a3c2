"""The page on which people make and revoke keys with their own rights."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from planning_sync.api.models import ApiKey
from tests.planning_sync.dashboard.people import page, signed_in
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.django_db

KEYS = "/settings/keys/"


def made(client: Client, **fields: str) -> str:
    """The secret of a new key."""
    answer = client.post(KEYS, {"name": "nightly", "days": "30", **fields})
    found = re.search(r'id="secret" value="([^"]+)"', answer.content.decode())
    assert found is not None, answer.content.decode()
    return found[1]


def test_a_key_is_shown_once_and_opens_the_api() -> None:
    olive = signed_in("olive", "administrator")
    secret = made(olive)
    assert secret not in page(olive, KEYS)
    assert "nightly" in page(olive, KEYS)
    answer = Client().get("/api/v1/plans", headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code == 200
    key = ApiKey.objects.get()
    assert key.expires_at is not None
    assert (key.owner.get_username(), key.created_by) == ("olive", "olive")


def test_a_key_for_one_role_may_do_no_more() -> None:
    secret = made(signed_in("olive", "administrator"), role=str(Group.objects.get(name="reader").pk))
    headers = {"authorization": f"Bearer {secret}"}
    assert Client().get("/api/v1/plans", headers=headers).status_code == 200
    assert Client().get("/api/v1/keys", headers=headers).status_code == 403


def test_a_revoked_key_opens_nothing() -> None:
    olive = signed_in("olive", "administrator")
    secret = made(olive)
    key = ApiKey.objects.get()
    assert olive.post(f"{KEYS}{key.pk}/").status_code == 302
    answer = Client().get("/api/v1/plans", headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code == 401


def test_the_key_of_somebody_else_is_neither_shown_nor_revoked() -> None:
    made(signed_in("olive", "administrator"))
    tess = signed_in("tess", "administrator")
    assert "nightly" not in page(tess, KEYS)
    assert tess.post(f"{KEYS}{ApiKey.objects.get().pk}/").status_code == 404
    assert ApiKey.objects.get().revoked_at is None


def test_the_key_of_the_limited_is_limited_as_they_are(desk: Workbench) -> None:
    made(signed_in("tess", "administrator", only=desk.row))
    key = ApiKey.objects.get()
    assert key.limited
    assert list(key.replicas.all()) == [desk.row]


@pytest.mark.parametrize("role", ["reader", "editor", "arbiter", "operator"])
def test_only_who_may_make_keys_gets_the_page(role: str) -> None:
    client = signed_in("tess", role)
    page(client, KEYS, status=403)
    assert client.post(KEYS, {"name": "mine"}).status_code == 403
    assert not ApiKey.objects.exists()
    assert KEYS not in page(client, "/settings/")


def test_a_name_is_used_once() -> None:
    olive = signed_in("olive", "administrator")
    made(olive)
    answer = olive.post(KEYS, {"name": "nightly", "days": ""})
    assert answer.status_code == 422
    assert "There is a key of that name already." in answer.content.decode()
