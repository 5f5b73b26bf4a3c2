"""What people set for themselves: profile, password, colours."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from audit.models import Entry
from planning_sync.webhooks import alerts
from tests.planning_sync.dashboard.people import page, signed_in, text_of
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.django_db

OLD, NEW = "an old enough password", "quite-another-9-password"
PROFILE = {"first_name": "Olive", "last_name": "Ozturk", "email": "olive@example.org"}


@pytest.fixture
def olive() -> Client:
    return signed_in("olive", "reader")


def test_a_profile_is_saved_and_the_address_is_in_the_log(olive: Client) -> None:
    assert olive.post("/settings/profile/", PROFILE).status_code == 302
    assert User.objects.filter(username="olive", **PROFILE).exists()
    assert Entry.objects.filter(field="email", operation__actor="olive").exists()
    assert 'value="olive@example.org"' in page(olive, "/settings/")


def test_nothing_but_the_profile_can_be_set(olive: Client) -> None:
    olive.post("/settings/profile/", {**PROFILE, "is_superuser": "1", "is_staff": "1", "username": "root"})
    person = User.objects.get(username="olive")
    assert not person.is_superuser
    assert not person.is_staff


def test_an_address_that_is_none_is_refused_with_the_reason(olive: Client) -> None:
    answer = olive.post("/settings/profile/", {**PROFILE, "email": "nobody"})
    assert answer.status_code == 422
    assert "valid email" in answer.content.decode()
    assert User.objects.get(username="olive").email == ""


def test_a_new_password_signs_out_everywhere_else(olive: Client) -> None:
    person = User.objects.get(username="olive")
    person.set_password(OLD)
    person.save()
    here, elsewhere = Client(), Client()
    for each in (here, elsewhere):
        assert each.login(username="olive", password=OLD)
    wrong = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    assert here.post("/settings/password/", wrong).status_code == 422
    assert here.post("/settings/password/", {**wrong, "old_password": OLD}).status_code == 302
    page(here, "/settings/")
    assert elsewhere.get("/settings/").status_code == 302
    assert Client().login(username="olive", password=NEW)
    assert Entry.objects.filter(field="password").exists()


def test_the_ticked_notifications_are_chosen_and_no_others(olive: Client) -> None:
    person = User.objects.get(username="olive")
    for kinds in (["conflict.detected", "sync.failed"], ["sync.failed"], []):
        assert olive.post("/settings/notifications/", {"kind": kinds}).status_code == 302
        assert sorted(alerts.choices(person)) == kinds
        assert page(olive, "/settings/").count(" checked>") == len(kinds)
    assert olive.post("/settings/notifications/", {"kind": ["weather"]}).status_code == 400
    assert Entry.objects.filter(item_kind="alerts", operation__actor="olive").count() == 3


def test_the_colours_are_kept_and_chosen_by_the_server(olive: Client) -> None:
    assert "data-theme=" not in page(olive, "/").partition("<head>")[0]
    for theme in ("dark", "light"):
        answer = olive.post("/theme/", {"theme": theme, "next": "/plans/?q=a"})
        assert answer.headers["Location"] == "/plans/?q=a"
        assert f'<html lang="en" data-theme="{theme}">' in page(olive, "/")
    olive.post("/theme/", {"theme": "", "next": "/"})
    assert "data-theme=" not in page(olive, "/").partition("<head>")[0]


@pytest.mark.parametrize("address", ["https://example.org/", "//example.org", "javascript:alert(1)", ""])
def test_choosing_colours_leads_nowhere_else(olive: Client, address: str) -> None:
    assert olive.post("/theme/", {"theme": "dark", "next": address}).headers["Location"] == "/"


def test_a_theme_that_does_not_exist_is_none(olive: Client) -> None:
    olive.cookies["planning_sync_theme"] = '"><script>'
    assert '<html lang="en">' in page(olive, "/")


def test_the_limited_are_told_to_which_replicas(launch: Workbench) -> None:
    shown = text_of(page(signed_in("tess", "reader", only=launch.row), "/settings/"))
    assert f"Limited to the replicas{launch.row.name}" in shown
