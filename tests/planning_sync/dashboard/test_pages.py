"""The pages, as a browser without JavaScript uses them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from conflicts.models import Conflict
from planning_sync.dashboard import overview
from planning_sync.dashboard.templatetags import shell
from planning_sync.sync.models import Link, Replica
from plans import services
from plans.models import Plan, Task
from tests.planning_sync.dashboard.people import page, signed_in

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


@pytest.fixture
def owner() -> User:
    return User.objects.create_superuser("olive", password="a long enough password")


@pytest.fixture
def browser(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def stranger() -> Client:
    """Someone with an account and no rights."""
    client = Client()
    client.force_login(User.objects.create_user("sam", password="a long enough password"))
    return client


@pytest.fixture
def plan() -> Plan:
    made = services.create_plan("Ship the reader", actor="olive")
    first = services.add_phase(made, "Groundwork", actor="olive", ref="1")
    task = services.add_task(first, "Read the bytes", actor="olive", ref="1.1", status="done")
    services.add_task(
        task, "Keep <odd> ends & marks", actor="olive", status="blocked", priority="high", tags=["io"]
    )
    services.add_phase(first, "Below it", actor="olive", ref="1.1")
    services.add_task(made, "Before any phase", actor="olive")
    made.refresh_from_db()
    return made


@pytest.fixture
def link(plan: Plan) -> Link:
    replica = Replica.objects.create(
        name="notes", kind="markdown", path="/srv/notes", created_at=NOW, last_sync_at=NOW
    )
    return Link.objects.create(
        replica=replica,
        plan=plan,
        path="reader/plan.md",
        seen=b"",
        synced_at=NOW,
        findings=[{"line": 7, "code": "unrecognised", "message": "a digit in the box"}],
    )


def conflict_on(task: Task, replica_id: uuid.UUID) -> Conflict:
    return Conflict.objects.create(
        plan=task.plan,
        replica_id=replica_id,
        item_kind="task",
        item_key=task.pk.hex,
        item_label=task.text,
        field="text",
        kind=Conflict.Kind.CONTENT,
        severity=Conflict.Severity.MEDIUM,
        base_value="Before",
        replica_value="In the file now",
        hub_value="In the hub now",
        opened_at=NOW,
        changed_at=NOW,
    )


def address_of(plan: Plan) -> str:
    return reverse("dashboard:plan", args=[plan.pk])


def named(text: str) -> Task:
    return Task.objects.get(text=text)


# -------------------------------------------------------------------------------- who may


def test_every_page_asks_a_visitor_to_sign_in(plan: Plan) -> None:
    task = named("Before any phase")
    for address in ("/", address_of(plan), reverse("dashboard:task", args=[plan.pk, task.pk])):
        response = Client().get(address)
        assert response.status_code == 302
        assert response.headers["Location"] == f"/login/?next={address}"


def test_signing_in_leads_to_the_page_that_was_asked_for(owner: User, plan: Plan) -> None:
    client = Client()
    credentials = {"username": "olive", "password": "a long enough password", "next": address_of(plan)}
    response = client.post("/login/", credentials)
    assert response.headers["Location"] == address_of(plan)
    assert client.post("/logout/").headers["Location"] == "/login/"


def test_a_wrong_password_is_said_to_be_wrong(owner: User) -> None:
    shown = Client().post("/login/", {"username": "olive", "password": "wrong"}).content.decode()
    assert "do not fit together" in shown


def test_the_pages_speak_french_to_those_who_ask(browser: Client, plan: Plan) -> None:
    shown = browser.get("/", headers={"accept-language": "fr"}).content.decode()
    assert '<html lang="fr">' in shown
    assert "Conflits ouverts" in shown
    assert "33,3 %" in shown


def test_the_language_can_be_chosen(browser: Client) -> None:
    browser.post("/language/setlang/", {"language": "fr", "next": "/"})
    assert '<html lang="fr">' in page(browser, "/")


def test_pages_say_that_nothing_from_within_them_may_run(browser: Client) -> None:
    for path in ("/login/", "/", "/admin/"):
        policy = browser.get(path, follow=True).headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy


def test_a_fault_is_told_within_the_frame_of_the_other_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(user: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(overview, "totals", fail)
    client = signed_in("olive", "reader")
    client.raise_request_exception = False
    shown = page(client, "/", 500)
    assert "Something went wrong" in shown
    assert "dashboard/style.css" in shown


def test_a_request_that_makes_no_sense_is_told_so() -> None:
    answer = signed_in("olive", "administrator").post("/settings/notifications/", {"kind": "nonsense"})
    assert answer.status_code == 400
    assert "Not understood" in answer.text


@pytest.mark.parametrize(
    ("language", "told"), [("en", "5 Mar 2026, 17:30:09"), ("fr", "05/03/2026, 17:30:09")]
)
def test_times_are_written_as_the_language_has_them(language: str, told: str) -> None:
    with override(language):
        assert shell.to_the_second(datetime(2026, 3, 5, 17, 30, 9, tzinfo=UTC)) == told
