"""The page of a plan and its edits, as a browser without JavaScript uses them, and as the scripts ask."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import Operation
from conflicts.models import Conflict
from planning_sync.dashboard import tree, tree_markup
from plans import services
from plans.models import Phase, Plan, Task
from tests.planning_sync.dashboard.people import field_in, page, signed_in, text_of, told
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.django_db

READER = """# Ship the reader

- [ ] Before any phase

## 1. Groundwork

- [x] **1.1** Read the bytes
  - [!] Keep <odd> ends & marks #priority:high #tags:io
- [ ] **1.2** Look at them #due:2026-05-01 #depends:1.1
- [8] odd box

### 1.1 Below it

## 2. Later

- [~] Rest
"""
JSON = {"Accept": "application/json"}


@pytest.fixture
def desk(tmp_path: Path, settings: Any) -> Workbench:
    settings.PLANNING_SYNC_FOLLOW = False
    desk = Workbench.at(tmp_path / "plans")
    desk.write("reader.md", READER)
    desk.sync()
    return desk


@pytest.fixture
def olive(desk: Workbench) -> Client:
    return signed_in("olive", "editor")


def address(desk: Workbench, name: str = "plan", *items: Any) -> str:
    return reverse(f"dashboard:{name}", args=[desk.plan("reader.md").pk, *(item.pk for item in items)])


def sparse(client: Client, desk: Workbench, since: str, **asked: str) -> str:
    """The tree as a script gets it: with what changed since then alone."""
    shown = client.get(address(desk), {"since": since, **asked}).content.decode()
    return shown[shown.index('id="tree"') : shown.index("</article>")]


def version(client: Client, desk: Workbench) -> str:
    found = re.search(r'id="tree" data-version="(\d+)"', page(client, address(desk)))
    assert found is not None
    return found[1]


# -------------------------------------------------------------------------------- the tree


def test_the_tree_shows_items_in_document_order_with_their_fields(olive: Client, desk: Workbench) -> None:
    shown = text_of(page(olive, address(desk)))
    words = (
        *("Before any phase", "1 Groundwork", "1/3", "1.1 Read the bytes", "Keep", "blocked", "high", "#io"),
        *("1.2 Look at them", "1.1 Below it", "2 Later", "0/1", "Rest", "in progress"),
    )
    places = [shown.index(word) for word in words]
    assert places == sorted(places)


def test_text_from_a_file_is_escaped(olive: Client, desk: Workbench) -> None:
    task = desk.task("Rest")
    evil = "<script>alert(1)</script>\"'><svg/onload=alert(1)>"
    fields = {"text": evil, "assignee": evil, "tags": [evil], "estimate": evil, "depends_on": [evil]}
    services.set_fields(task, {**fields}, actor="alice")
    services.set_fields(desk.phase("Later"), {"text": evil, "ref": evil}, actor="alice")
    for name in ("plan", "plan_board", "plan_timeline", "plan_graph", "plan_document"):
        shown = page(olive, address(desk, name))
        assert "<svg/onload" not in shown, name
        assert "<script>alert" not in shown, name
    assert "Keep &lt;odd&gt; ends &amp; marks" in page(olive, address(desk))


def test_phases_have_headings_by_depth(olive: Client, desk: Workbench) -> None:
    shown = page(olive, address(desk))
    assert re.search(r"<h2 id=\"w-\w+\"><span class=\"ref\">1</span> Groundwork</h2>", shown)
    assert re.search(r"<h3 id=\"w-\w+\"><span class=\"ref\">1.1</span> Below it</h3>", shown)


def test_findings_and_conflicts_stand_above_the_tree_with_their_lines(olive: Client, desk: Workbench) -> None:
    desk.set("Rest", text="Rest a bit")
    desk.edit("reader.md", "[~] Rest", "[~] Rest a lot")
    desk.sync()
    assert Conflict.objects.filter(state="open").count() == 1
    shown = page(olive, address(desk))
    assert f'{address(desk, "plan_document")}?replica={desk.row.name}#L10">line 10:' in shown
    assert "Rest a lot" in shown
    assert "Rest a bit" in shown
    assert '<a class="badge warn" href="#conflicts">' in shown
    Conflict.objects.update(state=Conflict.State.CLOSED)
    assert "Rest a lot" not in page(olive, address(desk))


def test_the_number_of_queries_does_not_grow(
    olive: Client, desk: Workbench, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(20):
        services.add_task(desk.plan("reader.md"), f"Task {number}", actor="olive")
    for name in ("plan", "plan_board", "plan_timeline", "plan_graph", "plan_document"):
        with django_assert_max_num_queries(16):
            page(olive, address(desk, name))


def test_a_long_list_comes_in_parts_that_hold_all_of_it_in_order(
    olive: Client, desk: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = page(olive, address(desk))
    monkeypatch.setattr(tree_markup, "PART", 2)
    parted = page(olive, address(desk))
    assert whole.count('<ul class="tasks part">') == 0
    assert (
        parted.count('</ul><ul class="tasks part">') == 1
    )  # of the three tasks of the first phase, below one more
    assert re.findall(r'<li class="task[^>]*', parted) == re.findall(r'<li class="task[^>]*', whole)
    assert parted.count("<ul") == parted.count("</ul>")


# -------------------------------------------------------------------------------- what changed alone


def test_a_script_gets_only_what_changed(olive: Client, desk: Workbench) -> None:
    before = version(olive, desk)
    assert "Rest" not in sparse(olive, desk, before)
    services.set_fields(desk.task("Keep <odd> ends & marks"), {"priority": "low"}, actor="alice")
    told = sparse(olive, desk, before)
    assert "Keep" in told
    assert "Read the bytes" in told  # what stands above a changed item comes with it
    assert told.count("<li data-rest></li>") == 2  # for the tasks beside it, and those before any phase
    assert told.count("<details data-rest></details>") == 2
    for other in (desk.task("Look at them"), desk.phase("Later")):
        assert other.pk.hex not in told


def test_where_items_come_or_go_all_of_that_list_are_named(olive: Client, desk: Workbench) -> None:
    before = version(olive, desk)
    services.add_task(desk.phase("Groundwork"), "One more", actor="alice")
    told = sparse(olive, desk, before)
    assert "One more" in told
    assert f'<li id="i-{desk.task("Look at them").pk.hex}" data-same></li>' in told
    assert f'<details id="i-{desk.phase("Below it").pk.hex}" data-same></details>' in told
    assert desk.phase("Later").pk.hex not in told
    assert told.count("data-rest") == 2


def test_what_is_gone_or_moved_away_is_missing_from_its_list(olive: Client, desk: Workbench) -> None:
    rest, look = desk.task("Rest"), desk.task("Look at them")
    before = version(olive, desk)
    services.delete(rest, actor="alice")
    told = sparse(olive, desk, before)
    assert "Later" in told
    assert rest.pk.hex not in told
    before = version(olive, desk)
    services.move(look, parent=desk.plan("reader.md"), after=None, actor="alice")
    told = sparse(olive, desk, before)
    assert told.index("Look at them") < told.index("Groundwork")
    assert told.count(f'id="i-{look.pk.hex}"') == 1


def test_an_edit_in_the_file_is_what_changed_too(olive: Client, desk: Workbench) -> None:
    before = version(olive, desk)
    desk.edit("reader.md", "[~] Rest", "[x] Rest")
    desk.sync()
    assert re.search(r"<li class=\"task done\"[^>]*><div class=\"row\">.*Rest", sparse(olive, desk, before))


def test_after_too_many_entries_the_whole_tree_comes(
    olive: Client, desk: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = version(olive, desk)
    desk.set("Rest", status="done", priority="high")
    assert "data-rest" in sparse(olive, desk, before)
    monkeypatch.setattr(tree, "MANY_ENTRIES", 1)
    assert "data-rest" not in sparse(olive, desk, before)
    assert "Before any phase" in sparse(olive, desk, before)


# -------------------------------------------------------------------------------- what is folded


def test_what_was_folded_comes_folded(olive: Client, desk: Workbench) -> None:
    phase = desk.phase("Groundwork")
    olive.cookies["folds"] = f"{phase.pk.hex[-8:]}~"
    shown = page(olive, address(desk))
    assert f'id="i-{phase.pk.hex}"><summary>' in shown
    assert f'id="i-{desk.phase("Later").pk.hex}" open><summary>' in shown
    assert "Read the bytes" in shown


def test_a_large_plan_leaves_out_what_is_folded_until_it_is_asked_for(
    olive: Client, desk: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from planning_sync.dashboard import plan_folds

    monkeypatch.setattr(plan_folds, "SHOWN", 3)
    later = desk.phase("Later")
    shown = page(olive, address(desk))
    assert "Read the bytes" in shown
    assert "Rest" not in shown
    assert f'<a href="?open={later.pk.hex}#i-{later.pk.hex}">Show 1 item</a>' in shown
    assert "Rest" in olive.get(address(desk), {"open": later.pk.hex}).content.decode()
    assert "Rest" in olive.get(address(desk), {"open": desk.task("Rest").pk.hex}).content.decode()
    assert "Rest" in sparse(olive, desk, version(olive, desk), open=later.pk.hex)
    olive.cookies["folds"] = f"~{later.pk.hex[-8:]}"
    assert "Rest" in page(olive, address(desk))


# -------------------------------------------------------------------------------- ticks


def tick(client: Client, desk: Workbench, **fields: str) -> int:
    return client.post(address(desk, "tick"), fields).status_code


def test_ticking_marks_the_task_done_in_the_persons_name(olive: Client, desk: Workbench) -> None:
    task = desk.task("Before any phase")
    response = olive.post(address(desk, "tick"), {"done": f"{task.pk.hex} todo"})
    assert response.headers["Location"] == f"{address(desk)}#i-{task.pk.hex}"
    assert desk.task("Before any phase").status == "done"
    assert Operation.objects.latest("started_at").actor == "olive"


def test_the_page_sends_what_a_tick_expects_and_a_second_press_changes_nothing(
    olive: Client, desk: Workbench
) -> None:
    open_, done = desk.task("Before any phase").pk.hex, desk.task("Read the bytes").pk.hex
    shown = page(olive, address(desk))
    assert f'name="done" value="{open_} todo"' in shown
    assert f'name="todo" value="{done} done"' in shown
    for _ in range(2):
        assert tick(olive, desk, todo=f"{done} done") == 302
    assert desk.task("Read the bytes").status == "todo"
    assert Operation.objects.filter(kind="edit").count() == 1


def test_a_tick_on_what_somebody_changed_meanwhile_is_refused_with_the_present_value(
    olive: Client, desk: Workbench
) -> None:
    task = desk.task("Before any phase")
    desk.set("Before any phase", status="cancelled")
    asked = {"done": f"{task.pk.hex} todo"}
    refused = olive.post(address(desk, "tick"), asked, headers=JSON)
    assert refused.status_code == 409
    assert refused.json()["present"] == {"status": "cancelled"}
    shown = olive.post(address(desk, "tick"), asked)
    assert shown.status_code == 409
    assert "Changed meanwhile by alice. Now: cancelled" in text_of(shown.content.decode())
    assert desk.task("Before any phase").status == "cancelled"


@pytest.mark.parametrize(
    ("fields", "status"), [({}, 400), ({"done": "no-id"}, 404), ({"done": "0" * 32}, 404)]
)
def test_a_tick_without_a_task_is_refused(
    olive: Client, desk: Workbench, fields: dict[str, str], status: int
) -> None:
    assert tick(olive, desk, **fields) == status


def test_a_task_of_another_plan_cannot_be_ticked_here(olive: Client, desk: Workbench) -> None:
    other = services.create_plan("Other", actor="alice")
    task = services.add_task(other, "Elsewhere", actor="alice")
    assert tick(olive, desk, done=task.pk.hex) == 404
    assert Task.objects.get(pk=task.pk).status == "todo"


def test_a_reader_looks_and_does_not_edit(desk: Workbench) -> None:
    rita, task = signed_in("rita", "reader"), desk.task("Rest")
    shown = page(rita, address(desk))
    assert shown.count(" disabled>") == 5
    assert "data-may" not in shown
    assert 'class="tools"' not in shown
    assert 'name="status"' not in page(rita, address(desk, "task", task))
    assert "in progress" in text_of(page(rita, address(desk, "task", task)))
    assert tick(rita, desk, done=task.pk.hex) == 403
    assert rita.post(address(desk, "task", task), {"status": "done"}).status_code == 403
    for name in ("plan_move", "plan_delete"):
        assert rita.post(address(desk, name), {"item": task.pk.hex, "way": "up"}).status_code == 403
    assert rita.post(address(desk, "plan_add"), {"text": "New"}).status_code == 403
    assert desk.task("Rest").status == "in_progress"


def test_the_head_tells_how_far_the_file_is(olive: Client, desk: Workbench) -> None:
    assert 'data-written="yes"' in page(olive, address(desk))
    desk.row.options = {"marks": {"!": "todo"}}
    desk.row.save()
    task = desk.task("Rest")
    answer = olive.post(address(desk, "tick"), {"blocked": f"{task.pk.hex} in_progress"}, headers=JSON).json()
    assert answer == {"saved": True, "revision": Plan.objects.get().revision}
    shown = page(olive, address(desk))
    assert f'data-written="no" data-revision="{answer["revision"]}" data-held=""' in shown
    desk.sync()
    assert f'data-held="{task.pk.hex}"' in page(olive, address(desk))  # no mark of this dialect says it
    assert "[~] Rest" in desk.read("reader.md")


# -------------------------------------------------------------------------------- fields


def test_every_field_of_a_task_can_be_edited_on_its_own_page(olive: Client, desk: Workbench) -> None:
    task = desk.task("Rest")
    where = address(desk, "task", task)
    assert field_in(page(olive, where), "was-status") == "in_progress"
    given = {"text": "Rest\r\nwell", "status": "blocked", "priority": "high", "assignee": "bob"}
    given |= {"due": "2026-06-01", "estimate": "2h", "tags": "calm, quiet", "depends_on": "1.1"}
    assert olive.post(where, given).headers["Location"] == f"{address(desk)}#i-{task.pk.hex}"
    task.refresh_from_db()
    assert (task.text, task.status, task.priority, task.assignee) == ("Rest well", "blocked", "high", "bob")
    assert (str(task.due_date), task.estimate) == ("2026-06-01", "2h")
    assert (task.tags, task.depends_on) == (["calm", "quiet"], ["1.1"])


def test_only_what_was_changed_in_the_form_is_written(olive: Client, desk: Workbench) -> None:
    task = desk.task("Rest")
    form = {"text": "Rest", "was-text": "Rest", "assignee": "bob", "was-assignee": ""}
    desk.set("Rest", text="Rest at last")
    assert olive.post(address(desk, "task", task), form).status_code == 302
    task.refresh_from_db()
    assert (task.text, task.assignee) == ("Rest at last", "bob")


def test_an_edit_of_what_changed_meanwhile_is_shown_again_with_both_values_and_can_be_repeated(
    olive: Client, desk: Workbench
) -> None:
    task = desk.task("Rest")
    desk.set("Rest", text="Rest at last")
    response = olive.post(address(desk, "task", task), {"text": "Rest soon", "was-text": "Rest"})
    assert response.status_code == 409
    shown = response.content.decode()
    assert "Rest soon</textarea>" in shown
    assert "Changed meanwhile by alice. Now: Rest at last" in text_of(shown)
    again = {"text": "Rest soon", "was-text": field_in(shown, "was-text")}
    assert olive.post(address(desk, "task", task), again).status_code == 302
    assert desk.task("Rest soon").pk == task.pk


def test_a_value_that_a_field_cannot_hold_is_refused_with_the_reason(olive: Client, desk: Workbench) -> None:
    task = desk.task("Rest")
    for given in ({"status": "maybe"}, {"due": "tomorrow"}, {"text": "  "}):
        response = olive.post(address(desk, "task", task), given)
        assert response.status_code == 409
        assert "Not saved." in response.content.decode()
    refused = olive.post(address(desk, "task", task), {"due": "tomorrow"}, headers=JSON)
    assert refused.status_code == 422
    assert "a date such as" in refused.json()["problem"]
    assert desk.task("Rest").status == "in_progress"


def test_phases_and_the_plan_itself_are_edited_in_the_same_way(olive: Client, desk: Workbench) -> None:
    phase = desk.phase("Later")
    assert olive.post(address(desk, "phase", phase), {"text": "Much later", "ref": "3"}).status_code == 302
    phase.refresh_from_db()
    assert (phase.title, phase.number) == ("Much later", "3")
    assert "Ship the reader" in page(olive, address(desk, "plan_edit"))
    assert olive.post(address(desk, "plan_edit"), {"text": "Ship it"}).headers["Location"] == address(desk)
    assert Plan.objects.get().title == "Ship it"


def test_a_form_comes_alone_for_a_script(olive: Client, desk: Workbench) -> None:
    for name, *items in (("task", desk.task("Rest")), ("phase", desk.phase("Later")), ("plan_add",)):
        shown = olive.get(address(desk, name, *items), headers={"X-Fragment": "1"}).content.decode()
        assert shown.strip().startswith("<form"), name
        assert "<nav" not in shown


# -------------------------------------------------------------------------------- add, move, delete


def below(title: str) -> list[str]:
    rows = Task.objects.live().filter(phase__title=title).order_by("position")
    return list(rows.values_list("text", flat=True))


def test_a_task_is_added_at_its_place(olive: Client, desk: Workbench) -> None:
    phase, task = desk.phase("Later").pk.hex, desk.task("Rest").pk.hex
    assert "Add a task" in page(olive, f"{address(desk, 'plan_add')}?parent={phase}")
    for form in (
        {"text": "Last", "parent": phase},
        {"text": "After it", "parent": phase, "after": task},
        {"text": "Below it", "parent": task},
        {"text": "Of the plan", "parent": ""},
    ):
        assert olive.post(address(desk, "plan_add"), form).status_code == 302
    assert below("Later") == ["Rest", "Below it", "After it", "Last"]
    assert desk.task("Of the plan").phase_id is None
    made = olive.post(address(desk, "plan_add"), {"text": "Told", "parent": phase}, headers=JSON).json()
    assert made["item"] == desk.task("Told").pk.hex


def test_a_phase_is_added_and_not_below_a_task(olive: Client, desk: Workbench) -> None:
    form = {"kind": "phase", "text": "Last of all", "parent": ""}
    assert olive.post(address(desk, "plan_add"), form).status_code == 302
    assert Phase.objects.live().order_by("-position")[0].title == "Last of all"
    wrong = {**form, "parent": desk.task("Rest").pk.hex}
    assert "cannot stand below a task" in told(olive.post(address(desk, "plan_add"), wrong, follow=True))


def test_items_move_by_steps_and_to_places(olive: Client, desk: Workbench) -> None:
    look, rest = desk.task("Look at them"), desk.task("Rest")

    def move(**form: str) -> int:
        return olive.post(address(desk, "plan_move"), form, headers=JSON).status_code

    assert move(item=look.pk.hex, way="up") == 200
    assert below("Groundwork")[0] == "Look at them"
    assert move(item=look.pk.hex, way="up") == 200  # on into what comes before the phase
    look.refresh_from_db()
    assert look.phase is None
    assert move(item=rest.pk.hex, parent=look.pk.hex, after="") == 200
    rest.refresh_from_db()
    assert rest.parent == look
    assert move(item=look.pk.hex, parent=rest.pk.hex, after="") == 422  # below itself
    assert move(item=desk.phase("Groundwork").pk.hex, way="up") == 422
    assert move(item=look.pk.hex) == 400
    assert move(item=look.pk.hex, parent="1" * 32) == 404


def test_a_task_is_deleted_and_comes_back_from_the_bin(olive: Client, desk: Workbench) -> None:
    task = desk.task("Read the bytes")
    answer = olive.post(address(desk, "plan_delete"), {"item": task.pk.hex}, headers=JSON).json()
    assert not Task.objects.live().filter(text__startswith="Keep").exists()
    assert olive.post(answer["undo"]).status_code == 302
    assert desk.task("Read the bytes").pk == task.pk
    assert below("Groundwork")[:2] == ["Read the bytes", "Keep <odd> ends & marks"]
    shown = olive.post(address(desk, "plan_delete"), {"item": task.pk.hex}, follow=True)
    assert reverse("dashboard:bin_restore", args=[task.pk]) in shown.content.decode()


# -------------------------------------------------------------------------------- the other views


def test_the_document_stands_side_by_side_with_its_items_marked_on_both(
    olive: Client, desk: Workbench
) -> None:
    shown, key = page(olive, address(desk, "plan_document")), desk.task("Look at them").pk.hex
    assert f'<span id="d-{key}" class="spot todo"></span><strong>1.2</strong> Look at them' in shown
    assert f'<li id="L9" data-item="{key}"><code>- [ ] **1.2** Look at them' in shown
    assert '<li id="L10"><code>- [8] odd box' in shown


def test_a_plan_without_a_file_says_so(olive: Client, desk: Workbench) -> None:
    made = services.create_plan("In the hub alone", actor="alice")
    for name, words in (
        ("plan_document", "This plan has no file yet."),
        ("plan_timeline", "No task has a due date."),
        ("plan_graph", "No task waits for another one."),
        ("plan", "This plan has no phases and no tasks."),
    ):
        assert words in page(olive, reverse(f"dashboard:{name}", args=[made.pk]))


def test_the_board_has_a_column_for_each_status_and_moves_by_buttons(olive: Client, desk: Workbench) -> None:
    shown, task = page(olive, address(desk, "plan_board")), desk.task("Rest")
    column = shown[shown.index('data-status="in_progress"') : shown.index('data-status="blocked"')]
    assert "Rest" in column
    assert "Later" in column
    assert f'name="blocked" value="{task.pk.hex} in_progress"' in column
    assert tick(olive, desk, blocked=f"{task.pk.hex} in_progress") == 302
    assert desk.task("Rest").status == "blocked"


def test_a_long_column_is_shown_whole_when_it_is_asked_for(
    olive: Client, desk: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from planning_sync.dashboard import board

    monkeypatch.setattr(board, "MOST", 1)
    shown = page(olive, address(desk, "plan_board"))
    assert "Look at them" not in shown
    assert '<a href="?all=todo">1 more</a>' in shown
    assert "Look at them" in page(olive, address(desk, "plan_board") + "?all=todo")


def test_the_timeline_has_what_is_due_and_says_what_is_late(olive: Client, desk: Workbench) -> None:
    shown = text_of(page(olive, address(desk, "plan_timeline")))
    assert re.search(r"1\.2 Look at them .* late", shown)
    assert "3 tasks have no due date." in shown
    desk.set("Look at them", status="done")
    assert "Look at them" not in page(olive, address(desk, "plan_timeline"))
    assert "Look at them" in page(olive, address(desk, "plan_timeline") + "?over=1")


def test_the_graph_tells_what_is_ready_and_what_waits(olive: Client, desk: Workbench) -> None:
    shown = page(olive, address(desk, "plan_graph"))
    ready = shown[shown.index('id="ready-title"') : shown.index('id="critical-title"')]
    assert "Look at them" in ready
    assert "Read the bytes" not in ready  # done
    assert "1.2 Look at them to do waits for 1.1 Read the bytes" in text_of(shown)
    assert '<path class="arrow" d="M' in shown


def test_somebody_limited_to_another_replica_finds_nothing(desk: Workbench, tmp_path: Path) -> None:
    other = Workbench.at(tmp_path / "other", name="other")
    client = signed_in("bob", "editor", only=other.row)
    for name in ("plan", "plan_document", "plan_board", "plan_timeline", "plan_graph", "plan_edit"):
        page(client, address(desk, name), status=404)
    assert tick(client, desk, done=desk.task("Rest").pk.hex) == 404
