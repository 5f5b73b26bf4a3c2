"""Arbitration in the admin: the queue with its filters, one conflict, bulk acts with their previews."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from conflicts import services
from conflicts.admin import FILTERS
from conflicts.models import Conflict
from conflicts.queue import LABELS
from tests.conflicts.three import three_conflicts
from tests.planning_sync.sync.workbench import Workbench

QUEUE = "/admin/conflicts/conflict/"


@pytest.fixture
def desk(tmp_path: Path, transactional_db: None, settings: Any) -> Workbench:
    return three_conflicts(tmp_path / "plans", settings)


def signed_in(name: str, role: str) -> Client:
    person = User.objects.create_user(name, is_staff=True)
    person.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def arbiter(desk: Workbench) -> Client:
    return signed_in("olive", "arbiter")


@pytest.fixture
def reader(desk: Workbench) -> Client:
    return signed_in("tess", "reader")


def page(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status, response
    return response.content.decode()


def over(field: str) -> Conflict:
    return Conflict.objects.get(field=field)


def address_of(row: Conflict, query: str = "") -> str:
    return reverse("admin:conflicts_conflict_change", args=[row.pk]) + query


def decide(client: Client, address: str, **form: str) -> Any:
    found = re.search(r'name="stamp" value="(\w+)"', page(client, address))
    assert found is not None
    return client.post(address, {"stamp": found[1], **form})


def listed(client: Client, query: str = "") -> list[str]:
    """The fields of the conflicts in the list, in order."""
    rows = re.findall(r'field-what"><a href="[^"]*">.*?<small>(\w+)', page(client, f"{QUEUE}{query}"))
    return list(rows)


# ------------------------------------------------------------------------------ the queue


def test_the_list_is_the_queue_the_most_severe_first(arbiter: Client) -> None:
    assert listed(arbiter) == ["text", "priority", "due"]
    shown = page(arbiter, QUEUE)
    assert '<span class="severity high">high</span>' in shown
    assert "Tell &lt;b&gt;the papers" in shown
    assert "[&quot;" not in shown, "values are words, not JSON"


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("?severity=high", ["text"]),
        ("?kind=metadata_mismatch", ["priority", "due"]),
        ("?field=due", ["due"]),
        ("?age=today", ["text", "priority", "due"]),
        ("?age=older", []),
        ("?suggestion=yes", []),
        ("?suggestion=no", ["text", "priority", "due"]),
        ("?assigned=me", []),
        ("?assigned=nobody", ["text", "priority", "due"]),
        ("?state=postponed", []),
        ("?state=all", ["text", "priority", "due"]),
        ("?q=radio", ["text"]),
    ],
)
def test_every_filter_of_the_queue_is_there(arbiter: Client, query: str, fields: list[str]) -> None:
    assert listed(arbiter, query) == fields


def test_the_admin_and_the_pages_have_the_same_filters() -> None:
    assert {each.parameter_name for each in FILTERS} == set(LABELS)


def test_the_plan_can_be_chosen(desk: Workbench, arbiter: Client) -> None:
    assert listed(arbiter, f"?plan={desk.plan('launch.md').pk}") == ["text", "priority", "due"]


def test_what_is_settled_leaves_the_list_and_can_be_looked_up(arbiter: Client) -> None:
    services.resolve(over("due").pk, take="hub", actor="bob")
    assert listed(arbiter) == ["text", "priority"]
    assert listed(arbiter, "?state=settled") == ["due"]
    assert "Settled by bob: take the hub&#x27;s value." in page(arbiter, address_of(over("due")))


# ------------------------------------------------------------------------------ one conflict


def test_one_click_decides_and_the_next_one_of_the_filtered_queue_comes_up(
    desk: Workbench, arbiter: Client
) -> None:
    query = "?_changelist_filters=kind%3Dmetadata_mismatch"
    response = decide(arbiter, address_of(over("priority"), query), take="hub")
    assert response.headers["Location"] == address_of(over("due"), query)
    assert "#priority:high" in desk.read("launch.md")
    shown = page(arbiter, response.headers["Location"])
    assert "Decided: priority of “Tag the version” – take the hub&#x27;s value." in shown
    assert '<a href="/conflicts/undo/?next=/admin/conflicts/conflict/">Undo</a>' in shown
    last = decide(arbiter, address_of(over("due"), query), take="replica")
    assert last.headers["Location"] == f"{QUEUE}?kind=metadata_mismatch"


def test_the_screen_shows_all_sides_the_lines_and_what_follows(arbiter: Client) -> None:
    shown = page(arbiter, address_of(over("priority")))
    for words in (
        "Agreed before",
        "<del>low</del><ins>medium</ins>",
        "<del>low</del><ins>high</ins>",
        "- [ ] Tag the version #priority:medium",
        "In line 5 of launch.md, “medium” becomes “high”.",
        "Neither side says “medium” any more; the history keeps it.",
        "What happened to it before",
    ):
        assert words in shown, words


def test_a_value_that_does_not_fit_is_refused_beside_the_field(arbiter: Client) -> None:
    response = decide(arbiter, address_of(over("due")), take="value", value="soon")
    assert response.status_code == 422
    assert "due cannot be" in response.content.decode()
    assert over("due").state == "open"


def test_who_comes_second_changes_nothing_and_sees_the_present_values(
    desk: Workbench, arbiter: Client
) -> None:
    shown = page(arbiter, address_of(over("due")))
    services.resolve(over("due").pk, take="replica", actor="bob")
    found = re.search(r'name="stamp" value="(\w+)"', shown)
    assert found is not None
    response = arbiter.post(address_of(over("due")), {"stamp": found[1], "take": "hub"}, follow=True)
    assert "Someone was faster" in response.content.decode()
    assert "2026-07-01" in desk.read("launch.md")


def test_a_conflict_is_taken_over_and_put_off_in_the_admin_too(arbiter: Client) -> None:
    arbiter.post(address_of(over("due")), {"act": "assign_me"})
    assert listed(arbiter, "?assigned=me") == ["due"]
    response = arbiter.post(address_of(over("text")), {"act": "postpone_week"})
    assert response.headers["Location"] == address_of(over("priority"))
    assert listed(arbiter) == ["priority", "due"]


@pytest.mark.parametrize("name", ["nonsense", "00000000-0000-0000-0000-000000000000"])
def test_what_is_no_conflict_is_not_found(arbiter: Client, name: str) -> None:
    assert arbiter.get(f"{QUEUE}{name}/change/").status_code == 404


# ------------------------------------------------------------------------------ many at once


def hidden(shown: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(act|ids|fingerprint)" value="([^"]*)"', shown))


def previewed(client: Client, action: str, query: str = "") -> str:
    chosen = [str(row.pk) for row in Conflict.objects.filter(state="open")]
    response = client.post(f"{QUEUE}{query}", {"action": action, "_selected_action": chosen})
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.mark.parametrize("action", ["take_replica", "take_hub"])
def test_an_action_shows_a_preview_and_what_is_confirmed_is_done(
    desk: Workbench, arbiter: Client, action: str
) -> None:
    shown = previewed(arbiter, action)
    assert "3 conflicts change." in shown
    assert Conflict.objects.filter(state="open").count() == 3
    response = arbiter.post(f"{QUEUE}bulk/", {**hidden(shown), "confirm": "yes"}, follow=True)
    assert "3 conflicts changed." in response.content.decode()
    assert set(Conflict.objects.values_list("state", flat=True)) == {"resolved"}
    desk.assert_in_step()


def test_an_outdated_preview_is_shown_anew(arbiter: Client) -> None:
    shown = previewed(arbiter, "take_hub")
    services.resolve(over("due").pk, take="replica", actor="bob")
    response = arbiter.post(f"{QUEUE}bulk/", {**hidden(shown), "confirm": "yes"})
    assert response.status_code == 409
    assert "2 conflicts change." in response.content.decode()


@pytest.mark.parametrize("action", ["assign_me", "postpone_day", "postpone_week"])
def test_handing_over_and_putting_off_have_a_preview_too(arbiter: Client, action: str) -> None:
    shown = previewed(arbiter, action)
    assert not Conflict.objects.exclude(assigned_to=None, postponed_until=None).exists()
    arbiter.post(f"{QUEUE}bulk/", {**hidden(shown), "confirm": "yes"})
    assert not Conflict.objects.filter(assigned_to=None, postponed_until=None).exists()


# ------------------------------------------------------------------------------ who may


def test_a_reader_looks_at_everything_and_decides_nothing(reader: Client) -> None:
    assert listed(reader) == ["text", "priority", "due"]
    assert "take_hub" not in page(reader, QUEUE)
    shown = page(reader, address_of(over("due")))
    assert 'name="take"' not in shown
    for address in (address_of(over("due")), f"{QUEUE}bulk/"):
        assert reader.post(address, {"take": "hub", "act": "take_hub"}).status_code == 403
    reader.post(QUEUE, {"action": "take_hub", "_selected_action": [str(over("due").pk)]})
    assert Conflict.objects.filter(state="open").count() == 3


def test_staff_without_a_role_sees_no_conflicts(desk: Workbench) -> None:
    client = Client()
    client.force_login(User.objects.create_user("sam", is_staff=True))
    assert client.get(QUEUE).status_code == 403
    assert client.get(address_of(over("due"))).status_code == 403


def test_the_screens_need_no_script_or_style_in_the_page(arbiter: Client) -> None:
    for shown in (page(arbiter, address_of(over("text"))), previewed(arbiter, "take_hub")):
        ours = shown[shown.index('id="content-main"') :]
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", ours)
