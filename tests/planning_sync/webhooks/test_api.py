"""Webhooks through the API and in the administration: secrets are shown once, the rest can be looked at."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from planning_sync.webhooks import delivering, following, signing
from planning_sync.webhooks.models import Delivery, Hook, Subscription
from tests.planning_sync.live.logbook import changed, write
from tests.planning_sync.sync.workbench import Workbench
from tests.planning_sync.webhooks.receiver import Receiver

URL = "https://93.184.216.34/plans"


@pytest.fixture
def client(transactional_db: None) -> Client:
    """An operator's, who may also see the administration."""
    operator = User.objects.create_user("olga", is_staff=True)
    operator.groups.add(Group.objects.get(name="operator"))
    client = Client()
    client.force_login(operator)
    return client


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(f"/api/v1/{path}", body or {}, content_type="application/json", headers=told)


def patch(client: Client, path: str, body: Any) -> Any:
    return client.patch(f"/api/v1/{path}", body, content_type="application/json")


def test_a_webhook_is_made_looked_at_changed_and_removed(client: Client) -> None:
    made = post(client, "webhooks", {"url": URL, "events": ["sync.failed"]})
    assert made.status_code == 201
    address = made.headers["Location"]
    told = client.get(address).json()
    assert "secret" not in told
    assert {**told, "secret": made.json()["secret"]} == made.json()
    assert (told["owner"], told["events"], told["limited"], told["active"]) == (
        *("olga", ["sync.failed"]),
        *(False, True),
    )
    assert client.get("/api/v1/webhooks").json() == {"results": [told]}
    changed_to = patch(client, f"webhooks/{told['id']}", {"events": [], "active": False}).json()
    assert (changed_to["events"], changed_to["active"]) == ([], False)
    assert patch(client, f"webhooks/{told['id']}", {"active": True}).json()["active"] is True
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404


def test_a_secret_is_shown_once(client: Client) -> None:
    first = post(client, "webhooks", {"url": URL}, Idempotency_Key="one")
    again = post(client, "webhooks", {"url": URL}, Idempotency_Key="one")
    row = Subscription.objects.get()
    assert first.json()["secret"] == signing.secret_of(row.salt)
    assert again.json()["secret"] is None
    renewed = post(client, f"webhooks/{row.pk}/secret").json()["secret"]
    row.refresh_from_db()
    assert renewed == signing.secret_of(row.salt) != first.json()["secret"]
    page = client.get(reverse("admin:webhooks_subscription_change", args=[row.pk])).content.decode()
    assert row.url in page
    assert row.salt not in page


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "url"),
        ({"url": "http://93.184.216.34/"}, 422, "url"),
        ({"url": "https://127.0.0.1/"}, 422, "url"),
        ({"url": URL, "events": ["plan.eaten"]}, 400, "events.0"),
        ({"url": URL, "replicas": ["nowhere"]}, 400, "replicas"),
        ({"url": URL, "active": False}, 400, "active"),
    ],
)
def test_a_webhook_that_makes_no_sense_is_refused(
    client: Client, body: dict[str, Any], status: int, field: str
) -> None:
    answer = post(client, "webhooks", body)
    assert answer.status_code == status, answer.content
    assert list(answer.json()["errors"]) == [field]
    assert not Subscription.objects.exists()


def test_a_webhook_is_for_the_replicas_that_it_names(client: Client, tmp_path: Path) -> None:
    desk = Workbench.at(tmp_path / "notes")
    made = post(client, "webhooks", {"url": URL, "replicas": ["notes"]}).json()
    assert (made["limited"], made["replicas"]) == (True, ["notes"])
    desk.row.delete()
    told = client.get(f"/api/v1/webhooks/{made['id']}").json()
    assert (told["limited"], told["replicas"]) == (True, [])
    assert patch(client, f"webhooks/{made['id']}", {"replicas": []}).json()["limited"] is False


def test_deliveries_are_listed_and_sent_again(client: Client, receiver: Receiver) -> None:
    made = post(client, "webhooks", {"url": receiver.url}).json()
    for _ in range(2):
        time.sleep(0.002)
        write([changed(uuid4())])
        for row in following.follow():
            delivering.deliver(str(row.pk))
    where = f"/api/v1/webhooks/{made['id']}/deliveries"
    page = client.get(where, {"limit": 1}).json()
    assert [each["status"] for each in page["results"]] == ["delivered"]
    older = client.get(page["next"]).json()
    assert older["next"] is None
    again = client.post(f"{where}/{older['results'][0]['id']}/resend")
    assert (again.status_code, again.json()["status"]) == (202, "waiting")
    assert client.post(f"{where}/{older['results'][0]['id']}/resend").status_code == 409
    assert client.post(f"{where}/{uuid4()}/resend").status_code == 404
    other = post(client, "webhooks", {"url": receiver.url}).json()
    elsewhere = f"/api/v1/webhooks/{other['id']}/deliveries/{page['results'][0]['id']}/resend"
    assert client.post(elsewhere).status_code == 404


def test_the_administration_switches_off_and_on_and_sends_again(client: Client, receiver: Receiver) -> None:
    post(client, "webhooks", {"url": receiver.url})
    write([changed(uuid4())])
    for row in following.follow():
        delivering.deliver(str(row.pk))
    subscription, delivery = Subscription.objects.get(), Delivery.objects.get()

    def act(name: str, model: str, pk: Any) -> None:
        form = {"action": name, "_selected_action": [str(pk)]}
        assert client.post(reverse(f"admin:webhooks_{model}_changelist"), form).status_code == 302

    act("resend", "delivery", delivery.pk)
    delivery.refresh_from_db()
    assert delivery.status == "waiting"
    for name, active in (("switch_off", False), ("switch_on", True)):
        act(name, "subscription", subscription.pk)
        subscription.refresh_from_db()
        assert subscription.active is active


def test_a_hook_is_made_looked_at_and_removed(client: Client, tmp_path: Path) -> None:
    Workbench.at(tmp_path / "notes")
    made = post(client, "hooks", {"replica": "notes", "kind": "github"})
    assert made.status_code == 201
    hook = Hook.objects.get()
    assert made.json()["secret"] == signing.secret_of(hook.salt)
    assert made.json()["address"] == made.headers["Location"] == f"/api/v1/hooks/{hook.pk}"
    told = client.get(made.headers["Location"]).json()
    assert "secret" not in told
    assert client.get("/api/v1/hooks").json() == {"results": [told]}
    assert hook.salt not in client.get(reverse("admin:webhooks_hook_change", args=[hook.pk])).content.decode()
    assert client.delete(made.headers["Location"]).status_code == 204
    assert not Hook.objects.exists()


@pytest.mark.parametrize(
    "body",
    [{"replica": "nowhere", "kind": "github"}, {"replica": "notes", "kind": "svn"}, {"kind": "github"}],
)
def test_a_hook_that_makes_no_sense_is_refused(client: Client, tmp_path: Path, body: dict[str, str]) -> None:
    Workbench.at(tmp_path / "notes")
    assert post(client, "hooks", body).status_code == 400
    assert not Hook.objects.exists()
