"""The pages of conflicts as a browser without JavaScript uses them, over real plans and real syncs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from audit.models import Operation
from conflicts import services
from conflicts.models import Conflict
from tests.conflicts.three import three_conflicts
from tests.planning_sync.sync.workbench import Workbench

QUEUE = "/conflicts/"


@pytest.fixture
def desk(tmp_path: Path, transactional_db: None, settings: Any) -> Workbench:
    return three_conflicts(tmp_path / "plans", settings)


def signed_in(name: str, role: str) -> Client:
    person = User.objects.create_user(name)
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
    assert response.status_code == status
    return response.content.decode()


def over(field: str) -> Conflict:
    return Conflict.objects.get(field=field)


def address_of(row: Conflict, query: str = "") -> str:
    return reverse("dashboard:conflict", args=[row.pk]) + query


def stamp_in(shown: str) -> str:
    found = re.search(r'name="stamp" value="(\w+)"', shown)
    assert found is not None
    return found[1]


def decide(client: Client, row: Conflict, query: str = "", **form: str) -> Any:
    """What the button on the page sends."""
    address = address_of(row, query)
    return client.post(address, {"stamp": stamp_in(page(client, address)), **form})


def told(client: Client, address: str = QUEUE) -> list[str]:
    """The messages that the next page shows."""
    return [str(message) for message in client.get(address).context["messages"]]


# ------------------------------------------------------------------------------ the queue


def test_the_queue_lists_what_waits_the_most_severe_first(arbiter: Client) -> None:
    shown = page(arbiter, QUEUE)
    titles = re.findall(r"data-open-row>(.*?)</a>", shown)
    assert titles == ["Tell the radio about it", "Tag the version", "Choose a date"]
    assert "<title>(3) Conflicts · Planning Sync</title>" in shown
    assert "launch.md:5" in shown


def test_the_filters_of_the_address_are_kept_in_every_link(arbiter: Client) -> None:
    shown = page(arbiter, f"{QUEUE}?field=due&severity=medium")
    assert re.findall(r"data-open-row>(.*?)</a>", shown) == ["Choose a date"]
    assert f"{address_of(over('due'))}?severity=medium&amp;field=due" in shown
    assert '<option value="due" selected>' in shown
    assert "No conflict fits these filters." in page(arbiter, f"{QUEUE}?field=ref")


@pytest.mark.parametrize("name", ["q", "severity", "assigned", "plan", "age", "state", "page"])
@pytest.mark.parametrize("value", ["%00", "99999999999999999999", "%F0%9F%90%88", "-1", "'"])
def test_a_filter_of_nonsense_is_no_error(arbiter: Client, name: str, value: str) -> None:
    page(arbiter, f"{QUEUE}?{name}={value}")


def test_text_of_a_file_is_escaped(arbiter: Client) -> None:
    for shown in (page(arbiter, QUEUE), page(arbiter, address_of(over("text")))):
        assert "&lt;b&gt;" in shown
        assert "<b>the papers" not in shown


def test_only_the_changing_part_comes_to_who_asks_for_it(arbiter: Client) -> None:
    response = arbiter.get(QUEUE, headers={"HX-Request": "true"})
    assert "HX-Request" in response.headers["Vary"]
    assert response.content.decode().strip().startswith('<div class="arbitration queue" id="queue"')
    part = arbiter.get(address_of(over("due")), headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith("<article")
    assert "<html" not in part


def test_what_is_new_is_told_cheaply(arbiter: Client, django_assert_num_queries: Callable[..., Any]) -> None:
    before = arbiter.get("/conflicts/news/").json()
    assert before["waiting"] == 3
    services.resolve(over("due").pk, take="hub", actor="bob")
    after = arbiter.get("/conflicts/news/").json()
    assert after["waiting"] == 2
    assert after["version"] > before["version"]
    with django_assert_num_queries(7):  # session, person, permissions twice, limits, the two numbers
        arbiter.get("/conflicts/news/")


@pytest.mark.parametrize("field", ["due", "text", None])
def test_the_number_of_queries_is_fixed(
    desk: Workbench, arbiter: Client, field: str | None, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    address = address_of(over(field)) if field else QUEUE
    with django_assert_max_num_queries(18):
        page(arbiter, address)


# ------------------------------------------------------------------------------ deciding


def test_taking_the_file_changes_the_hub_and_the_next_one_comes_up(desk: Workbench, arbiter: Client) -> None:
    row = over("text")
    response = decide(arbiter, row, take="replica")
    assert response.headers["Location"] == address_of(over("priority"))
    row.refresh_from_db()
    assert (row.state, row.decided_by) == ("resolved", "olive")
    assert "Tell <b>the papers</b> about it" in desk.texts("launch.md")
    assert told(arbiter)[0].startswith("Decided: text of “Tell the radio about it” – take the file's value.")


def test_taking_the_hub_changes_the_file(desk: Workbench, arbiter: Client) -> None:
    decide(arbiter, over("due"), take="hub")
    assert "Choose a date #due:2026-06-01" in desk.read("launch.md")


def test_the_next_one_is_of_the_same_filtered_queue_and_then_the_queue_itself(arbiter: Client) -> None:
    row = over("due")
    response = decide(arbiter, row, "?field=due", take="hub")
    assert response.headers["Location"] == f"{QUEUE}?field=due"


def test_a_typed_value_goes_to_both_sides(desk: Workbench, arbiter: Client) -> None:
    decide(arbiter, over("due"), take="value", value="2026-09-09")
    assert "#due:2026-09-09" in desk.read("launch.md")
    assert str(desk.task("Choose a date").due_date) == "2026-09-09"


def test_a_value_that_the_field_cannot_hold_is_refused_beside_the_field(
    desk: Workbench, arbiter: Client
) -> None:
    response = decide(arbiter, over("due"), take="value", value="soon")
    assert response.status_code == 422
    shown = response.content.decode()
    assert "due cannot be “soon”: give a date" in shown
    assert 'value="soon" aria-invalid="true" autofocus' in shown
    assert over("due").state == "open"


def test_a_value_that_moved_on_is_never_decided(desk: Workbench, arbiter: Client, settings: Any) -> None:
    row = over("due")
    stamp = stamp_in(page(arbiter, address_of(row)))
    settings.PLANNING_SYNC_FOLLOW = False
    desk.edit("launch.md", "2026-07-01", "2026-08-08")
    desk.sync()
    response = arbiter.post(address_of(row), {"stamp": stamp, "take": "replica"})
    assert response.headers["Location"] == address_of(row)
    assert told(arbiter, address_of(row)) == [
        "The values changed while you looked. Nothing was decided; here they are now."
    ]
    assert "2026-08-08" in page(arbiter, address_of(row))
    assert over("due").state == "open"


def test_who_comes_second_sees_who_was_faster_and_changes_nothing(desk: Workbench, arbiter: Client) -> None:
    row = over("due")
    stamp = stamp_in(page(arbiter, address_of(row)))
    services.resolve(row.pk, take="replica", actor="bob")
    arbiter.post(address_of(row), {"stamp": stamp, "take": "hub"})
    shown = page(arbiter, address_of(row))
    assert "Someone was faster" in shown
    assert "Settled by bob: take the file&#x27;s value." in shown
    assert 'name="take"' not in shown
    assert "2026-07-01" in desk.read("launch.md")


def test_a_form_without_what_was_seen_decides_nothing(arbiter: Client) -> None:
    arbiter.post(address_of(over("due")), {"take": "hub"})
    assert over("due").state == "open"


def test_a_decision_that_does_not_fit_is_refused(arbiter: Client) -> None:
    decide(arbiter, over("due"), take="unlink")
    assert over("due").state == "open"
    assert "Nothing was changed" in told(arbiter)[0]


# ------------------------------------------------------------------------------ other than values


OTHER = "# Other\n\n- [ ] Feed the cat\n- [ ] Feed the dog\n"


@pytest.fixture
def emptied(desk: Workbench, settings: Any) -> Conflict:
    """What the guard made of a plan whose file is empty all of a sudden."""
    settings.PLANNING_SYNC_FOLLOW = False
    desk.write("other.md", OTHER)
    desk.sync()
    desk.write("other.md", "")
    desk.try_sync()
    settings.PLANNING_SYNC_FOLLOW = True
    return over("guard")


def test_a_plan_that_was_suddenly_empty_is_brought_back_by_one_click(
    desk: Workbench, arbiter: Client, emptied: Conflict
) -> None:
    shown = page(arbiter, address_of(emptied))
    for words in (
        "The plan was suddenly empty on one side.",
        "2 items go to the bin of the hub.",
        "Bring back what was there",
    ):
        assert words in shown
    assert "Or another value" not in shown
    decide(arbiter, emptied, take="restore")
    assert desk.read("other.md") == OTHER


def test_a_plan_that_was_meant_to_be_empty_is_emptied(
    desk: Workbench, arbiter: Client, emptied: Conflict
) -> None:
    assert page(arbiter, QUEUE).index("Other") < page(arbiter, QUEUE).index("Tag the version")
    decide(arbiter, emptied, take="go_on")
    assert desk.texts("other.md") == []


def test_a_folder_that_was_suddenly_empty_is_a_conflict_of_no_plan(
    desk: Workbench, arbiter: Client, settings: Any
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    (desk.folder / "launch.md").unlink()
    desk.try_sync()
    row = Conflict.objects.get(field="guard", plan=None)
    shown = page(arbiter, address_of(row))
    assert "The folder was suddenly empty." in shown
    assert "1 plan goes to the bin." in shown
    assert "1 plan" in page(arbiter, QUEUE)
    decide(arbiter, row, take="restore")
    row.refresh_from_db()
    assert row.taken == "restore"


def test_what_one_side_deleted_and_the_other_edited_can_be_kept(
    desk: Workbench, arbiter: Client, settings: Any
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    desk.write("other.md", OTHER)
    desk.sync()
    desk.set("Feed the cat", status="done")
    desk.edit("other.md", "- [ ] Feed the cat\n", "")
    desk.sync()
    settings.PLANNING_SYNC_FOLLOW = True
    row = over("presence")
    shown = page(arbiter, address_of(row))
    assert "Delete it, as in the file" in shown
    assert "It is written back to other.md." in shown
    decide(arbiter, row, take="hub")
    assert "Feed the cat" in desk.read("other.md")


# ------------------------------------------------------------------------------ hand over, put off


def test_a_conflict_is_taken_over_and_given_back(arbiter: Client) -> None:
    row = over("due")
    assert arbiter.post(address_of(row), {"act": "assign_me"}).headers["Location"] == address_of(row)
    assert page(arbiter, f"{QUEUE}?assigned=me").count("data-open-row") == 1
    assert "assigned to olive" in page(arbiter, address_of(row))
    arbiter.post(address_of(row), {"act": "assign_nobody"})
    assert over("due").assigned_to is None


def test_a_conflict_is_handed_to_somebody_who_decides(arbiter: Client) -> None:
    signed_in("bob", "administrator")
    bob = User.objects.get(username="bob")
    arbiter.post(address_of(over("due")), {"act": "assign", "to": str(bob.pk)})
    assert over("due").assigned_to == bob


def test_a_postponed_conflict_leaves_the_queue_and_can_be_brought_back(arbiter: Client) -> None:
    row = over("text")
    response = arbiter.post(address_of(row), {"act": "postpone_day"})
    assert response.headers["Location"] == address_of(over("priority"))
    assert page(arbiter, QUEUE).count("data-open-row") == 2
    assert page(arbiter, f"{QUEUE}?state=postponed").count("data-open-row") == 1
    arbiter.post(address_of(row), {"act": "bring_back"})
    assert page(arbiter, QUEUE).count("data-open-row") == 3


# ------------------------------------------------------------------------------ many at once


def fingerprint_in(shown: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(act|ids|fingerprint)" value="([^"]*)"', shown))


def previewed(client: Client, act: str, **form: Any) -> str:
    chosen = {"chosen": [str(row.pk) for row in Conflict.objects.filter(state="open")]}
    response = client.post("/conflicts/bulk/", {"act": act, **(form or chosen)})
    assert response.status_code == 200
    return str(response.content.decode())


def test_a_preview_says_what_changes_and_what_is_lost_and_changes_nothing(
    desk: Workbench, arbiter: Client
) -> None:
    before = desk.read("launch.md")
    shown = previewed(arbiter, "take_hub")
    assert "3 conflicts change." in shown
    assert "3 values are then said by neither side" in shown
    assert "In line 6 of launch.md, “2026-07-01” becomes “2026-06-01”." in shown
    assert Conflict.objects.filter(state="open").count() == 3
    assert desk.read("launch.md") == before


def test_what_was_previewed_is_done_in_one_operation(desk: Workbench, arbiter: Client) -> None:
    form = fingerprint_in(previewed(arbiter, "take_hub"))
    response = arbiter.post("/conflicts/bulk/", {**form, "confirm": "yes"})
    assert response.headers["Location"] == QUEUE
    assert set(Conflict.objects.values_list("state", "decided_by")) == {("resolved", "olive")}
    assert Operation.objects.filter(kind="resolve").count() == 1
    assert "#priority:high" in desk.read("launch.md")
    assert "#due:2026-06-01" in desk.read("launch.md")


def test_a_preview_that_is_outdated_is_shown_anew_and_nothing_is_decided(
    desk: Workbench, arbiter: Client
) -> None:
    form = fingerprint_in(previewed(arbiter, "take_hub"))
    services.resolve(over("due").pk, take="replica", actor="bob")
    response = arbiter.post("/conflicts/bulk/", {**form, "confirm": "yes"})
    assert response.status_code == 409
    assert "the conflicts changed since the preview" in response.content.decode()
    assert "2 conflicts change." in response.content.decode()
    assert Conflict.objects.filter(state="open").count() == 2
    again = fingerprint_in(response.content.decode())
    arbiter.post("/conflicts/bulk/", {**again, "confirm": "yes"})
    assert not Conflict.objects.filter(state="open").exists()


def test_all_that_fit_the_filters_can_be_chosen_at_once(arbiter: Client) -> None:
    shown = previewed(arbiter, "take_replica", all="yes", f_severity="medium")
    assert "2 conflicts change." in shown


def test_what_cannot_be_decided_so_is_left_and_said(arbiter: Client) -> None:
    shown = previewed(arbiter, "take_suggestion")
    assert "0 conflicts change." in shown
    assert "3 are left as they are." in shown
    assert "nothing is suggested for it" in shown
    assert 'name="confirm"' not in shown


def test_what_is_suggested_is_taken_of_each(desk: Workbench, arbiter: Client) -> None:
    for field, take in (("due", "hub"), ("priority", "replica")):
        suggestion = {"take": take, "confidence": 0.91, "reason": "as before", "decisions": []}
        Conflict.objects.filter(field=field).update(suggestion=suggestion)
    assert "suggested: Take the hub&#x27;s value, 91 %" in page(arbiter, f"{QUEUE}?suggestion=yes")
    shown = previewed(arbiter, "take_suggestion")
    assert "2 conflicts change." in shown
    assert "1 is left as it is." in shown
    arbiter.post("/conflicts/bulk/", {**fingerprint_in(shown), "confirm": "yes"})
    assert "#due:2026-06-01" in desk.read("launch.md")
    assert desk.task("Tag the version").priority == "medium"
    assert over("text").state == "open"


def test_a_suggestion_names_the_decisions_that_it_rests_on(arbiter: Client) -> None:
    decide(arbiter, over("due"), take="hub")
    suggestion = {"take": "hub", "confidence": 0.8, "reason": "as it was", "decisions": [str(over("due").pk)]}
    Conflict.objects.filter(field="text").update(suggestion=suggestion)
    shown = page(arbiter, address_of(over("text")))
    assert "Suggested: Take the hub&#x27;s value (80 % sure)" in shown
    assert f'<a href="{address_of(over("due"))}">Choose a date</a>' in shown


def test_many_are_assigned_or_postponed_after_a_preview_too(arbiter: Client) -> None:
    for act in ("assign_me", "postpone_week"):
        form = fingerprint_in(previewed(arbiter, act))
        arbiter.post("/conflicts/bulk/", {**form, "confirm": "yes"})
    assert set(Conflict.objects.values_list("assigned_to__username", flat=True)) == {"olive"}
    assert page(arbiter, QUEUE).count("data-open-row") == 0


@pytest.mark.parametrize("form", [{"act": "nonsense"}, {"act": "take_hub", "chosen": "nonsense"}, {}])
def test_a_bulk_form_that_makes_no_sense_changes_nothing(arbiter: Client, form: dict[str, str]) -> None:
    assert arbiter.post("/conflicts/bulk/", form).status_code in (200, 302)
    assert Conflict.objects.filter(state="open").count() == 3


# ------------------------------------------------------------------------------ undo


def test_the_last_decision_is_taken_back_on_both_sides(desk: Workbench, arbiter: Client) -> None:
    before = desk.read("launch.md")
    decide(arbiter, over("due"), take="hub")
    assert desk.read("launch.md") != before
    shown = page(arbiter, "/conflicts/undo/")
    assert "<b>Choose a date</b>" in shown
    response = arbiter.post("/conflicts/undo/")
    assert response.headers["Location"] == address_of(over("due"))
    assert over("due").state == "open"
    assert desk.read("launch.md") == before
    assert "Undone: 1 conflict is open again." in told(arbiter)[0]


def test_a_bulk_decision_is_taken_back_as_one(desk: Workbench, arbiter: Client) -> None:
    before = desk.read("launch.md")
    arbiter.post("/conflicts/bulk/", {**fingerprint_in(previewed(arbiter, "take_hub")), "confirm": "yes"})
    arbiter.post("/conflicts/undo/")
    assert Conflict.objects.filter(state="open").count() == 3
    assert desk.read("launch.md") == before


def test_there_is_nothing_to_undo_before_a_decision_and_after_its_undo(arbiter: Client) -> None:
    for _ in range(2):
        arbiter.post("/conflicts/undo/")
        assert told(arbiter) == ["There is no decision of yours to undo."]
    decide(arbiter, over("due"), take="hub")
    told(arbiter)
    arbiter.post("/conflicts/undo/")
    told(arbiter)
    arbiter.post("/conflicts/undo/")
    assert told(arbiter) == ["There is no decision of yours to undo."]


def test_undo_goes_back_only_to_pages_of_ours(arbiter: Client) -> None:
    response = arbiter.post("/conflicts/undo/", {"next": "https://evil.example/"})
    assert response.headers["Location"] == QUEUE


# ------------------------------------------------------------------------------ who may


def test_a_reader_looks_and_is_offered_no_decision(reader: Client) -> None:
    assert 'name="act"' not in page(reader, QUEUE)
    shown = page(reader, address_of(over("due")))
    assert "In the hub" in shown
    for name in ("take", "act", "value"):
        assert f'name="{name}"' not in shown
    assert "Only people with the arbiter role decide." in shown


def test_a_reader_who_decides_all_the_same_is_refused(
    desk: Workbench, reader: Client, arbiter: Client
) -> None:
    stamp = stamp_in(page(arbiter, address_of(over("due"))))
    forms: list[tuple[str, dict[str, str]]] = [
        (address_of(over("due")), {"stamp": stamp, "take": "hub"}),
        (address_of(over("due")), {"act": "assign_me"}),
        ("/conflicts/bulk/", {"act": "take_hub", "chosen": str(over("due").pk)}),
        ("/conflicts/undo/", {}),
    ]
    for address, form in forms:
        response = reader.post(address, form)
        assert response.status_code == 403, address
        assert "Your account may not do that." in response.content.decode()
    assert Conflict.objects.filter(state="open", assigned_to=None).count() == 3


def test_without_any_role_conflicts_are_neither_seen_nor_counted(desk: Workbench) -> None:
    client = Client()
    client.force_login(User.objects.create_user("sam"))
    for address in (QUEUE, address_of(over("due")), "/conflicts/news/"):
        assert client.get(address).status_code == 403
    assert "Conflicts" not in page(client, "/")


def test_a_visitor_is_asked_to_sign_in(desk: Workbench) -> None:
    for address in (QUEUE, address_of(over("due")), "/conflicts/news/"):
        assert Client().get(address).headers["Location"].startswith("/login/")


def test_a_decision_without_the_token_is_refused(desk: Workbench) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("olive"))
    assert client.post(address_of(over("due")), {"take": "hub"}).status_code == 403
    assert over("due").state == "open"


@pytest.mark.parametrize("name", ["conflicts", "one", "preview"])
def test_no_page_needs_a_script_or_a_style_of_its_own(arbiter: Client, name: str) -> None:
    """So that a policy against scripts and styles in the page can be set."""
    shown = {
        "conflicts": lambda: page(arbiter, QUEUE),
        "one": lambda: page(arbiter, address_of(over("text"))),
        "preview": lambda: previewed(arbiter, "take_hub"),
    }[name]()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", shown)
