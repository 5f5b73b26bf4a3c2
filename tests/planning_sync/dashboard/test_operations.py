"""The pages of operations and of undo, as a browser without JavaScript uses them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from audit import services as audit
from audit.models import Entry, Operation
from conflicts import services as conflicts
from conflicts.models import Conflict
from planning_sync.dashboard import diffs, previews
from planning_sync.sync import undo
from planning_sync.sync.undo_preview import ACTIONS
from plans import services as plans
from tests.conflicts.three import three_conflicts
from tests.planning_sync.dashboard.people import field_in, page, signed_in, text_of, told
from tests.planning_sync.sync.test_undo import FACTS, TAG, WRITE, last, state_of
from tests.planning_sync.sync.workbench import Workbench

LIST = "/operations/"


def at(operation_id: UUID) -> str:
    return f"{LIST}{operation_id}/"


def press_undo(client: Client, operation_id: UUID, query: str = "") -> Any:
    """Look at the preview, and press its button; the page that follows."""
    address = f"{at(operation_id)}undo/{query}"
    shown = page(client, address)
    form = {"fingerprint": field_in(shown, "fingerprint")}
    if 'name="with_dependents"' in shown:
        form["with_dependents"] = "1"
    return client.post(address, form, follow=True)


# ------------------------------------------------------------------------------------- the list


def test_the_list_says_what_each_did_in_plain_words(launch: Workbench) -> None:
    launch.set(TAG, status="done")
    plans.delete(launch.task(WRITE), actor="bob")
    launch.sync()
    words = text_of(page(signed_in("tess", "reader"), LIST))
    assert "Sync plan added: Launch, with 4 tasks" in words
    assert f"Edit task changed: {TAG}, status: to do → done Launch alice" in words
    assert "2 tasks deleted" in words
    assert "Sync 1 file written" in words


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("kind=edit", ["Edit", "Edit"]),
        ("actor=BOB", ["Edit"]),
        ("status=failed", []),
        ("plan=laun", ["Edit", "Edit", "Sync"]),
        ("plan=nothing", []),
        ("days=7&kind=sync", ["Sync"]),
        ("days=5000", []),
        ("plan=%00&page=99999999999&kind='", []),
        ("kind=edit&page=2", []),
    ],
)
def test_the_list_is_filtered_by_its_address(launch: Workbench, query: str, kinds: list[str]) -> None:
    launch.set(TAG, status="done")
    plans.set_fields(launch.task(FACTS), {"status": "done"}, actor="bob")
    response = signed_in("tess", "reader").get(f"{LIST}?{query}")
    assert [row.operation.get_kind_display().capitalize() for row in response.context["rows"]] == kinds


def test_the_plan_of_the_address_is_named_and_can_be_left_out(launch: Workbench) -> None:
    plan = launch.plan("launch.md")
    shown = page(signed_in("tess", "reader"), f"{LIST}?plan={plan.pk}&kind=sync")
    assert f'name="plan" value="{plan.pk}"' in shown
    assert 'href="?kind=sync"' in shown


def test_what_is_about_people_is_listed_only_when_asked_for(launch: Workbench) -> None:
    audit.note_done(Operation.Kind.ACCESS, [], actor="mallory")
    client = signed_in("tess", "reader")
    assert "mallory" not in page(client, LIST)
    assert "mallory" in page(client, f"{LIST}?kind=access")
    assert "mallory" in page(client, f"{LIST}?kind=all")


def test_there_are_fifty_on_a_page(launch: Workbench) -> None:
    for _ in range(55):
        audit.note_done(Operation.Kind.EDIT, [], actor="alice")
    client = signed_in("tess", "reader")
    assert len(client.get(LIST).context["rows"]) == 50
    second = client.get(f"{LIST}?page=2")
    assert len(second.context["rows"]) == 6
    assert "Newer" in second.content.decode()


@pytest.mark.parametrize("amount", [3, 40])
def test_the_pages_ask_a_fixed_number_of_queries(
    launch: Workbench, amount: int, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(amount):
        launch.set(TAG, priority=("low", "high")[number % 2])
    client = signed_in("tess", "reader")
    with django_assert_max_num_queries(20):
        page(client, LIST)
    with django_assert_max_num_queries(26):
        page(client, at(last("sync")))


# ------------------------------------------------------------------------------------- one of them


def test_an_operation_shows_what_it_changed_in_words(launch: Workbench) -> None:
    launch.edit("launch.md", "Collect the facts", "Collect all facts")
    launch.edit("launch.md", "publish the packages", "publish the <b>packages</b>")
    plans.set_fields(launch.task("Choose a date that suits everybody"), {"tags": ["a", "b"]}, actor="alice")
    launch.sync()
    shown = page(signed_in("tess", "reader"), at(last("sync")))
    words = text_of(shown)
    assert "Sync by alice" in words
    assert "edit of the file taken in" in words
    assert "file written" in words
    assert "<ins>all</ins>" in shown
    assert "<b>packages</b>" not in shown


def test_a_move_says_from_where_to_where(launch: Workbench) -> None:
    launch.edit("launch.md", f"- [ ] {TAG}\n", "")
    launch.edit("launch.md", "## 1. Preparation\n\n", f"## 1. Preparation\n\n- [ ] {TAG}\n")
    launch.sync()
    words = text_of(page(signed_in("tess", "reader"), at(last("sync"))))
    assert f"task moved {TAG} 2 Release → 1 Preparation" in words


def test_who_may_not_look_gets_no_page(launch: Workbench) -> None:
    stranger = signed_in("sam")
    for address in (LIST, at(last("sync")), f"{at(last('sync'))}undo/"):
        page(stranger, address, 403)
    assert Client().get(LIST).status_code == 302


def test_nobody_limited_sees_what_others_did(launch: Workbench, tmp_path: Path) -> None:
    other = Workbench.at(tmp_path / "others")
    other.write("secret.md", "# Secret\n\n- [ ] Hush\n")
    other.sync()
    hidden = last("sync")
    launch.set(TAG, status="done")
    client = signed_in("tess", "arbiter", only=launch.row)
    assert "Secret" not in page(client, LIST)
    assert "Launch" in page(client, LIST)
    for address in (at(hidden), f"{at(hidden)}undo/"):
        page(client, address, 404)


# ------------------------------------------------------------------------------------------ undo


def test_the_preview_shows_rows_and_lines_and_changes_nothing(launch: Workbench) -> None:
    launch.set(TAG, status="done")
    edit = last()
    launch.sync()
    client = signed_in("olive", "editor")
    before = state_of(launch), Entry.objects.count()
    shown = page(client, f"{at(edit)}undo/")
    words = text_of(shown)
    assert "Undo the edit by alice" in words
    assert f"task changed {TAG} status done → to do" in words
    assert "The file gets back the exact content that it had before." in words
    assert "16−removed: - [x] Tag the version" in words
    assert "16+added: - [ ] Tag the version" in words
    assert (state_of(launch), Entry.objects.count()) == before


def test_an_undo_is_undone_from_its_own_page(launch: Workbench) -> None:
    before = state_of(launch)
    launch.set(TAG, status="done")
    edit = last()
    launch.sync()
    after = state_of(launch)
    client = signed_in("olive", "editor")
    response = press_undo(client, edit)
    assert "Undone." in told(response)
    undone = last("undo")
    assert response.redirect_chain[-1][0] == at(undone)
    assert state_of(launch) == before
    assert "It was undone." in page(client, at(edit))
    assert "Edit by alice" in text_of(page(client, at(undone)))
    assert "undone" in text_of(page(client, f"{LIST}?kind=edit"))
    press_undo(client, undone)
    assert state_of(launch) == after
    assert "It was undone." not in page(client, at(edit))


def test_newer_work_is_named_and_offered_to_be_undone_as_well(launch: Workbench) -> None:
    before = state_of(launch)
    launch.set(TAG, status="done")
    first = last()
    plans.set_fields(launch.task(TAG), {"status": "blocked"}, actor="bob")
    client = signed_in("olive", "editor")
    shown = page(client, f"{at(first)}undo/")
    words = text_of(shown)
    assert "Newer work depends on it" in words
    assert "Edit by bob" in words
    assert "it changed the same thing later" in words
    assert 'name="confirm"' not in shown
    refused = client.post(f"{at(first)}undo/", {"fingerprint": field_in(shown, "fingerprint")})
    assert refused.status_code == 409
    assert Operation.objects.filter(kind="undo").count() == 0
    press_undo(client, first, "?with_dependents=1")
    assert state_of(launch) == before


def test_a_preview_that_is_out_of_date_is_shown_again(launch: Workbench) -> None:
    launch.set(TAG, status="done")
    edit = last()
    client = signed_in("olive", "editor")
    address = f"{at(edit)}undo/"
    fingerprint = field_in(page(client, address), "fingerprint")
    launch.set(FACTS, status="done")
    response = client.post(address, {"fingerprint": fingerprint})
    assert response.status_code == 409
    assert "The plans changed while you looked." in response.content.decode()
    assert launch.task(TAG).status == "done"
    assert client.post(address, {}).status_code == 409, "without a fingerprint nobody has looked"
    press_undo(client, edit)
    assert (launch.task(TAG).status, launch.task(FACTS).status) == ("todo", "done")


def test_what_was_undone_already_points_to_its_undo(launch: Workbench) -> None:
    launch.set(TAG, status="done")
    edit = last()
    undo.undo(edit, actor="bob")
    response = signed_in("olive", "editor").get(f"{at(edit)}undo/", follow=True)
    assert "It was undone already, by bob." in told(response)
    assert f"{at(last('undo'))}undo/" in response.content.decode()


def test_a_reader_sees_the_preview_without_the_button(launch: Workbench) -> None:
    launch.set(TAG, status="done")
    client = signed_in("tess", "reader")
    shown = page(client, f"{at(last('edit'))}undo/")
    assert 'name="confirm"' not in shown
    assert "plans.change_plan" in shown
    form = {"fingerprint": field_in(shown, "fingerprint")}
    assert client.post(f"{at(last('edit'))}undo/", form).status_code == 403
    assert "undo/" not in page(client, at(last("edit")))
    assert launch.task(TAG).status == "done"


def test_who_may_not_add_plans_brings_none_back(launch: Workbench) -> None:
    plans.delete_plan(launch.plan("launch.md"), actor="bob")
    client = signed_in("tess", "reader")
    User.objects.get(username="tess").user_permissions.add(Permission.objects.get(codename="change_plan"))
    shown = page(client, f"{at(last('edit'))}undo/")
    assert "plans.add_plan" in shown
    assert "The plan comes out of the bin." in shown
    assert (
        client.post(f"{at(last('edit'))}undo/", {"fingerprint": field_in(shown, "fingerprint")}).status_code
        == 403
    )


def test_a_decision_is_undone_by_who_may_decide_and_by_nobody_else(
    tmp_path: Path, transactional_db: None, settings: Any
) -> None:
    desk = three_conflicts(tmp_path / "plans", settings)
    conflict = Conflict.objects.get(field="priority")
    conflicts.resolve(conflict.pk, take="hub", actor="alice")
    decision = last("resolve")
    editor, arbiter = signed_in("tess", "editor"), signed_in("olive", "arbiter")
    assert "undo/" not in page(editor, at(decision))
    shown = page(editor, f"{at(decision)}undo/")
    assert "conflicts.decide_conflict" in shown
    form = {"fingerprint": field_in(shown, "fingerprint")}
    assert editor.post(f"{at(decision)}undo/", form).status_code == 403
    assert "The conflict on “Tag the version” (priority) is open again." in text_of(
        page(arbiter, f"{at(decision)}undo/")
    )
    press_undo(arbiter, decision)
    conflict.refresh_from_db()
    assert conflict.state == "open"
    assert "#priority:medium" in desk.read("launch.md")
    again = f"{at(last('undo'))}undo/"
    refused = editor.post(again, {"fingerprint": field_in(page(editor, again), "fingerprint")})
    assert refused.status_code == 403, "to undo this undo is to decide again"


def test_an_undo_across_replicas_is_refused_to_who_sees_one(launch: Workbench, tmp_path: Path) -> None:
    other = Workbench.at(tmp_path / "others")
    other.write("secret.md", "# Secret\n\n- [ ] Hush\n")
    other.sync()
    launch.set(TAG, status="done")
    first = last()
    audit.record(
        Operation.objects.get(pk=first),
        [audit.Note("changed", other.plan("secret.md").pk, "plan", None, "x")],
    )
    client = signed_in("tess", "editor", only=launch.row)
    shown = page(client, f"{at(first)}undo/")
    assert "It reached plans that you may not see." in shown
    assert "Secret" not in shown
    form = {"fingerprint": field_in(shown, "fingerprint")}
    assert client.post(f"{at(first)}undo/", form).status_code == 403
    assert launch.task(TAG).status == "done"


def test_a_folder_that_is_away_is_no_crash(launch: Workbench) -> None:
    launch.set(TAG, status="done")
    edit = last()
    launch.sync()
    launch.folder.rename(launch.folder.with_name("away"))
    response = signed_in("olive", "editor").get(f"{at(edit)}undo/", follow=True)
    assert "Nothing was changed." in told(response)


def test_a_running_undo_says_how_far_it_is(launch: Workbench) -> None:
    launch.set(TAG, status="done")
    plan = launch.plan("launch.md")
    operation = audit.begin(Operation.Kind.UNDO, actor="bob")
    told = [{"plan": str(plan.pk), "title": "Launch", "outcome": "waiting", "reason": ""}]
    operation.summary = {"undoes": [], "plans": told}
    operation.save(update_fields=["summary"])
    shown = page(signed_in("olive", "editor"), at(operation.pk))
    assert "0 of 1 plans so far." in shown
    assert "undo/" not in shown


def test_every_way_a_file_can_go_has_its_words() -> None:
    assert set(previews.HOW) == set(ACTIONS)
    assert set(previews.BECOMES) == set(Conflict.State.values)


# ------------------------------------------------------------------------------------- lines


def test_lines_in_place_of_others_are_compared_by_words() -> None:
    found = diffs.shown(["@@ -3,2 +3 @@", "-- [ ] Tag it", "-gone", "+- [x] Tag it"])
    out, gone, into = found.hunks[0]
    assert [(each.sign, each.number) for each in (out, gone, into)] == [("-", 3), ("-", 4), ("+", 3)]
    assert ("added", "x") in into.line
    assert "".join(text for _, text in out.line) == "- [ ] Tag it"
    assert "".join(text for _, text in into.line) == "- [x] Tag it"
    assert (found.removed, found.added, found.more) == (2, 1, 0)


def test_a_long_difference_is_cut_and_says_so() -> None:
    lines = ["@@ -0,0 +1,500 @@", *(f"+line {n}" for n in range(500))]
    found = diffs.shown(lines, most=10)
    assert (sum(map(len, found.hunks)), found.more, found.added) == (10, 490, 500)
    assert diffs.shown([]).hunks == ()
