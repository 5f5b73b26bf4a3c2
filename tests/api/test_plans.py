"""Plans, phases and tasks over the API."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Entry, Operation
from planning_sync.sync import background
from plans import api, services
from plans.models import Phase, Plan, Task
from tests.api.programs import Program
from tests.planning_sync.sync.workbench import Workbench
from tests.waiting import PATIENCE_SECONDS

# ----------------------------------------------------------------------------------------- reading


def test_a_plan_tells_its_figures_and_where_it_stands(desk: Workbench, reader: Program) -> None:
    (plan,) = reader.get("plans")["results"]
    assert (plan["title"], plan["tasks"], plan["done"], plan["progress"]) == ("Launch", 4, 1, 25.0)
    (place,) = plan["replicas"]
    assert (place["replica"], place["path"], place["in_step"]) == ("plans", "launch.md", True)
    assert reader.get(f"plans/{plan['id']}") == plan


def test_what_is_answered_is_what_the_schema_names(desk: Workbench, reader: Program) -> None:
    task = reader.get("tasks")["results"][0]
    phase = reader.get("phases")["results"][0]
    plan = reader.get("plans")["results"][0]
    assert set(task) == set(api.TaskSerializer().fields)
    assert set(phase) == set(api.PhaseSerializer().fields)
    assert set(plan) - {"open_conflicts", "replicas"} == set(api.PlanSerializer().fields)


def test_tasks_come_in_document_order_page_by_page(desk: Workbench, reader: Program) -> None:
    seen, address = [], "tasks?limit=1"
    while address:
        page = reader.get(address)
        seen += [task["text"] for task in page["results"]]
        address = page["next"]
    assert seen == ["Tag the version", "Sign it", "Publish it", "Rest"]


@pytest.mark.parametrize("ordering", ["position", "text", "due", "priority", "modified_at", "-modified_at"])
def test_pages_of_any_order_hold_each_task_once(desk: Workbench, reader: Program, ordering: str) -> None:
    desk.set("Sign it", due="2026-05-01", priority="high")
    desk.set("Rest", due="2026-05-01")
    seen, address = [], f"tasks?limit=1&ordering={ordering}"
    while address:
        page = reader.get(address)
        seen += [task["text"] for task in page["results"]]
        address = page["next"]
    assert sorted(seen) == ["Publish it", "Rest", "Sign it", "Tag the version"]
    assert seen == [task["text"] for task in reader.get(f"tasks?ordering={ordering}")["results"]]


def test_a_page_does_not_shift_when_a_row_before_it_goes(desk: Workbench, reader: Program) -> None:
    first = reader.get("tasks?limit=2")
    services.delete(desk.task("Sign it"), actor="alice")
    assert [task["text"] for task in reader.get(first["next"])["results"]] == ["Publish it", "Rest"]


FILTERS = {
    "q=tag": {"Tag the version"},
    "q=1.9": {"Rest"},
    "status=done": {"Publish it"},
    "status=done&status=todo": {"Tag the version", "Sign it", "Publish it", "Rest"},
    "assignee=bob": {"Rest"},
    "priority=high": {"Sign it"},
    "tag=caf%C3%A9": {"Sign it"},
    "tag=caf": set(),
    "due_before=2026-05-01": {"Sign it"},
    "due_after=2026-05-02": {"Rest"},
    "replica=plans&path=launch": {"Tag the version", "Sign it", "Publish it", "Rest"},
    "replica=elsewhere": set(),
    "path=other/": set(),
    "unreachable=true": set(),
    "modified_after=2999-01-01T00:00:00Z": set(),
}


@pytest.mark.parametrize("query", FILTERS)
def test_tasks_are_filtered(desk: Workbench, reader: Program, query: str) -> None:
    desk.set("Sign it", due="2026-05-01", priority="high", tags=["café", "x"])
    desk.set("Rest", due="2026-05-02", assignee="bob", ref="1.9")
    assert {task["text"] for task in reader.get(f"tasks?{query}")["results"]} == FILTERS[query]


PLAN_FILTERS = {
    "q=aunc": 1,
    "q=nothing": 0,
    "assignee=bob": 1,
    "assignee=carol": 0,
    "tag=io": 1,
    "priority=high": 1,
    "due_before=2026-05-01": 1,
    "due_after=2026-05-02": 0,
    "path=launch.md&replica=plans": 1,
    "status=done": 0,
    "deleted=true": 0,
}


@pytest.mark.parametrize("query", PLAN_FILTERS)
def test_plans_are_filtered_also_by_what_their_tasks_say(
    desk: Workbench, reader: Program, query: str
) -> None:
    desk.set("Sign it", due="2026-05-01", priority="high", tags=["io"], assignee="bob")
    assert len(reader.get(f"plans?{query}")["results"]) == PLAN_FILTERS[query]


def test_a_filter_nobody_knows_is_refused_and_not_passed_over(reader: Program) -> None:
    problem = reader.get("tasks?stauts=done", status=400)
    assert problem["type"] == "urn:planning-sync:problem:invalid-input"
    assert "stauts" in problem["errors"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=x", "cursor=x", "cursor=%00", "plan=1", "due_before=soon", "q=%00"],
)
def test_a_parameter_that_cannot_be_is_refused(reader: Program, query: str) -> None:
    reader.get(f"tasks?{query}", status=400)


def test_a_cursor_of_another_list_or_order_is_refused(desk: Workbench, reader: Program) -> None:
    address = reader.get("tasks?limit=1")["next"]
    cursor = address.partition("cursor=")[2]
    reader.get(f"tasks?limit=1&ordering=text&cursor={cursor}", status=400)
    reader.get(f"plans/{desk.plan('launch.md').pk}/history?cursor={cursor}", status=400)


def test_the_tree_is_nested_or_flat_and_in_document_order(desk: Workbench, reader: Program) -> None:
    plan = desk.plan("launch.md")
    flat = reader.get(f"plans/{plan.pk}/tree?shape=flat")["items"]
    names = [(item["depth"], item.get("text") or item["title"]) for item in flat]
    assert names == [
        *((0, "Release"), (1, "Tag the version"), (2, "Sign it"), (1, "Publish it")),
        *((0, "After"), (1, "Rest")),
    ]
    release, after = reader.get(f"plans/{plan.pk}/tree")["items"]
    assert release["children"][0]["children"][0]["text"] == "Sign it"
    assert [child["text"] for child in after["children"]] == ["Rest"]


def test_the_document_is_the_file_byte_for_byte(desk: Workbench, reader: Program) -> None:
    odd = "\ufeff# Café\r\n\r\n- [ ]  Odd   spacing \r\n"
    desk.write("café\u00a0plan.md", odd)
    desk.sync()
    plan = desk.plan("café\u00a0plan.md")
    answer = reader("GET", f"plans/{plan.pk}/document")
    assert answer.content == odd.encode()
    assert answer.headers["Content-Type"] == "text/markdown"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_a_plan_without_a_file_has_no_document(desk: Workbench, reader: Program, settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    plan = services.create_plan("Only here", actor="alice")
    assert "no file" in reader.get(f"plans/{plan.pk}/document", status=404)["detail"]
    reader.get(f"plans/{plan.pk}/html", status=404)


# ----------------------------------------------------------------------------------------- writing


def test_a_change_is_in_the_hub_in_the_log_and_in_the_file(desk: Workbench, editor: Program) -> None:
    task = desk.task("Tag the version")
    told = editor.patch(
        f"tasks/{task.pk}", {"status": "done", "tags": ["release"], "due": "2026-05-31"}, On_Behalf_Of="Pat"
    )
    assert (told["status"], told["tags"], told["due"]) == ("done", ["release"], "2026-05-31")
    assert "- [x] Tag the version #tags:release #due:2026-05-31" in desk.read("launch.md")
    operation = Operation.objects.get(kind="edit")
    assert (operation.actor, operation.on_behalf_of) == ("olive", "Pat")
    assert Entry.objects.filter(operation=operation).count() == 3


def test_null_and_empty_take_a_value_away(desk: Workbench, editor: Program) -> None:
    desk.set("Rest", due="2026-05-01", assignee="bob", priority="low", tags=["a"])
    told = editor.patch(
        f"tasks/{desk.task('Rest').pk}", {"due": None, "assignee": "", "priority": "", "tags": []}
    )
    assert (told["due"], told["assignee"], told["priority"], told["tags"]) == (None, "", "", [])


def test_plans_and_phases_go_by_their_own_names(desk: Workbench, editor: Program) -> None:
    plan, phase = desk.plan("launch.md"), desk.phase("After")
    assert editor.patch(f"plans/{plan.pk}", {"title": "Lift-off"})["title"] == "Lift-off"
    assert editor.patch(f"phases/{phase.pk}", {"title": "Later", "number": "3"})["number"] == "3"
    assert desk.read("launch.md").startswith("# Lift-off\n")
    problem = editor.patch(f"phases/{phase.pk}", {"title": "two\nlines"}, status=422)
    assert list(problem["errors"]) == ["title"]


def test_a_stale_write_gets_the_present_values_and_changes_nothing(desk: Workbench, editor: Program) -> None:
    task = desk.task("Rest")
    first = editor("GET", f"tasks/{task.pk}").headers["ETag"]
    desk.set("Rest", text="Rest well")
    answer = editor("PATCH", f"tasks/{task.pk}", {"text": "Sleep"}, If_Match=first)
    assert answer.status_code == 409
    problem = answer.json()  # type: ignore[attr-defined]
    assert problem["type"] == "urn:planning-sync:problem:stale"
    assert problem["present"]["text"] == "Rest well"
    assert answer.headers["ETag"] == f'"{problem["revision"]}"'
    assert (
        editor.patch(f"tasks/{task.pk}", {"text": "Sleep"}, If_Match=answer.headers["ETag"])["text"]
        == "Sleep"
    )


@pytest.mark.parametrize("act", ["delete", "move"])
def test_a_stale_move_or_delete_is_refused_too(desk: Workbench, editor: Program, act: str) -> None:
    task = desk.task("Rest")
    if act == "delete":
        editor.delete(f"tasks/{task.pk}", status=409, If_Match='"0"')
    else:
        editor.post(f"tasks/{task.pk}/move", {"parent": str(task.plan_id)}, status=409, If_Match='"0"')
    task.refresh_from_db()
    assert task.deleted_at is None
    assert task.phase is not None


@pytest.mark.parametrize("told", ["12", 'W/"12"', '"12"'])
def test_an_etag_is_taken_in_any_of_its_spellings(desk: Workbench, editor: Program, told: str) -> None:
    Plan.objects.update(revision=12)
    editor.patch(f"tasks/{desk.task('Rest').pk}", {"status": "done"}, If_Match=told)


def test_an_if_match_that_is_none_is_refused(desk: Workbench, editor: Program) -> None:
    editor.patch(f"tasks/{desk.task('Rest').pk}", {"status": "done"}, status=400, If_Match='"never"')


def test_tasks_are_added_first_last_and_after_another(desk: Workbench, editor: Program) -> None:
    phase, tag = desk.phase("Release"), desk.task("Tag the version")
    last = editor.post("tasks", {"parent": str(phase.pk), "text": "Last"})
    editor.post("tasks", {"parent": str(phase.pk), "text": "First", "first": True})
    editor.post("tasks", {"parent": str(phase.pk), "text": "Second", "after": str(tag.pk), "status": "done"})
    editor.post("tasks", {"parent": last["id"], "text": "Below"})
    texts = ["First", "Tag the version", "Sign it", "Second", "Publish it", "Last", "Below", "Rest"]
    assert desk.texts("launch.md") == texts
    lines = [line for line in desk.read("launch.md").splitlines() if "[" in line]
    assert lines[0] == "- [ ] First"
    assert lines[3] == "- [x] Second"


def test_a_phase_is_added_below_a_plan_and_not_below_a_task(desk: Workbench, editor: Program) -> None:
    plan = desk.plan("launch.md")
    made = editor("POST", "phases", {"parent": str(plan.pk), "title": "Retrospect", "number": "3"})
    assert made.status_code == 201
    assert made.headers["Location"] == f"/api/v1/phases/{Phase.objects.get(title='Retrospect').pk}"
    body = {"parent": str(desk.task("Rest").pk), "title": "No"}
    assert editor.post("phases", body, status=422)["type"].endswith("invalid-place")


def test_items_move_within_their_plan_only(desk: Workbench, editor: Program) -> None:
    other = services.create_plan("Other", actor="alice")
    rest, release = desk.task("Rest"), desk.phase("Release")
    editor.post(f"tasks/{rest.pk}/move", {"parent": str(release.pk)}, status=200)
    assert desk.texts("launch.md") == ["Tag the version", "Sign it", "Publish it", "Rest"]
    editor.post(f"tasks/{rest.pk}/move", {"parent": str(release.pk), "first": True}, status=200)
    assert desk.texts("launch.md")[0] == "Rest"
    editor.post(f"tasks/{rest.pk}/move", {"parent": str(rest.pk)}, status=422)
    editor.post(f"tasks/{rest.pk}/move", {"parent": str(other.pk)}, status=422)
    editor.post(f"tasks/{rest.pk}/move", {"parent": "01936b7e-2f60-7c3a-9d52-0b5a0c4f1e11"}, status=400)
    editor.post(f"phases/{release.pk}/move", {"parent": str(rest.plan_id)}, status=200)
    assert [item.text for item in desk.outline("launch.md").phases()] == ["After", "Release"]


def test_what_is_deleted_comes_back_from_the_bin_with_all_below_it(desk: Workbench, editor: Program) -> None:
    task, before = desk.task("Tag the version"), desk.read("launch.md")
    editor.delete(f"tasks/{task.pk}")
    assert "Sign it" not in desk.read("launch.md")
    editor.get(f"tasks/{task.pk}", status=404)
    assert {each["text"] for each in editor.get("tasks?deleted=true")["results"]} == {
        "Tag the version",
        "Sign it",
    }
    assert editor.post(f"tasks/{task.pk}/restore", status=200)["text"] == "Tag the version"
    assert desk.read("launch.md") == before
    editor.post(f"tasks/{task.pk}/restore", status=404)


def test_a_plan_goes_into_the_bin_and_comes_back_with_its_file(desk: Workbench, editor: Program) -> None:
    plan, before = desk.plan("launch.md"), desk.read("launch.md")
    editor.delete(f"plans/{plan.pk}")
    assert not (desk.folder / "launch.md").exists()
    assert editor.get("plans")["results"] == []
    assert editor.get(f"plans/{plan.pk}")["deleted_at"]
    editor.patch(f"plans/{plan.pk}", {"title": "x"}, status=404)
    editor.post(f"plans/{plan.pk}/restore", status=200)
    assert desk.read("launch.md") == before


def test_a_new_plan_gets_a_file(desk: Workbench, editor: Program) -> None:
    made = editor.post("plans", {"title": "Moon landing"})
    assert (desk.folder / "moon-landing.md").exists() or made["replicas"]
    assert made["replicas"][0]["in_step"]


REFUSED: dict[str, Any] = {
    "an unknown field": {"text": "x", "deleted_at": None},
    "a wrong type": {"text": 5},
    "a wrong choice": {"status": "finished"},
    "no date": {"due": "soon"},
    "no list": {"tags": "a"},
    "no object": ["text"],
    "nothing at all": None,
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_that_does_not_fit_is_refused(desk: Workbench, editor: Program, name: str) -> None:
    answer = editor(
        "PATCH", f"tasks/{desk.task('Rest').pk}", b"null" if REFUSED[name] is None else REFUSED[name]
    )
    assert answer.status_code == 400
    assert not Operation.objects.filter(kind="edit").exists()


def test_a_value_that_the_hub_cannot_hold_is_refused_with_its_field(desk: Workbench, editor: Program) -> None:
    problem = editor.patch(f"tasks/{desk.task('Rest').pk}", {"text": "two\nlines"}, status=422)
    assert problem["type"] == "urn:planning-sync:problem:invalid-value"
    assert list(problem["errors"]) == ["text"]


# ------------------------------------------------------------------------------- history and preview


def test_history_tells_each_operation_with_its_entries_newest_first(desk: Workbench, editor: Program) -> None:
    plan = desk.plan("launch.md")
    editor.patch(f"tasks/{desk.task('Rest').pk}", {"status": "done", "priority": "low"}, On_Behalf_Of="Pat")
    page = editor.get(f"plans/{plan.pk}/history?limit=1")
    (latest,) = page["results"]
    if latest["kind"] == "sync":  # the file that followed
        (latest,) = editor.get(page["next"])["results"]
    assert (latest["kind"], latest["actor"], latest["on_behalf_of"]) == ("edit", "olive", "Pat")
    assert {(entry["field"], entry["after"]) for entry in latest["entries"]} == {
        ("status", "done"),
        ("priority", "low"),
    }
    seen, address = [], f"plans/{plan.pk}/history?limit=1"
    while address:
        page = editor.get(address)
        seen += [each["operation"] for each in page["results"]]
        address = page["next"]
    assert len(seen) == len(set(seen)) == len(editor.get(f"plans/{plan.pk}/history")["results"])


def test_a_preview_tells_rows_and_lines_and_writes_nothing(desk: Workbench, editor: Program) -> None:
    plan, before = desk.plan("launch.md"), desk.read("launch.md")
    task, rest = desk.task("Tag the version"), desk.task("Rest")
    log, revision = Entry.objects.count(), plan.revision
    edits = [
        {"act": "set", "item": str(task.pk), "fields": {"status": "done"}},
        {"act": "add_task", "fields": {"parent": str(desk.phase("After").pk), "text": "Celebrate"}},
        {"act": "delete", "item": str(rest.pk)},
    ]
    told = editor.post(f"plans/{plan.pk}/preview", {"edits": edits}, status=200)
    assert [(row["change"], row["text"]) for row in told["rows"]] == [
        *(("delete", "Rest"), ("update", "Tag the version"), ("create", "Celebrate")),
    ]
    (file,) = told["files"]
    assert {"-- [ ] Tag the version", "+- [x] Tag the version", "-- [ ] Rest", "+- [ ] Celebrate"} <= set(
        file["lines"]
    )
    assert told["revision"] == revision
    plan.refresh_from_db()
    assert (plan.revision, Entry.objects.count(), desk.read("launch.md")) == (revision, log, before)
    assert not Task.objects.filter(text="Celebrate").exists()


def test_a_preview_is_what_the_edit_then_does(desk: Workbench, editor: Program) -> None:
    plan, task = desk.plan("launch.md"), desk.task("Rest")
    before = desk.read("launch.md").splitlines()
    edit = {"act": "set", "item": str(task.pk), "fields": {"priority": "high", "text": "Rest well"}}
    (file,) = editor.post(f"plans/{plan.pk}/preview", {"edits": [edit]}, status=200)["files"]
    editor.patch(f"tasks/{task.pk}", edit["fields"])
    after = desk.read("launch.md").splitlines()
    changed = {f"-{line}" for line in before if line not in after} | {
        f"+{line}" for line in after if line not in before
    }
    assert changed == {line for line in file["lines"] if not line.startswith("@@")}


@pytest.mark.parametrize(
    "edit",
    [
        {"act": "set"},
        {"act": "set", "item": "PLAN", "fields": {"owner": "x"}},
        {"act": "delete", "item": "PLAN"},
        {"act": "burn", "item": "PLAN"},
        {"act": "add_task", "fields": {"text": "x"}},
    ],
)
def test_a_preview_refuses_what_the_edit_would_refuse(desk: Workbench, editor: Program, edit: Any) -> None:
    plan = desk.plan("launch.md")
    told = {name: str(plan.pk) if value == "PLAN" else value for name, value in edit.items()}
    editor.post(f"plans/{plan.pk}/preview", {"edits": [told]}, status=400)


# ------------------------------------------------------------------------------------------- figures


@pytest.fixture
def large(desk: Workbench, tmp_path: Path) -> Plan:
    """A plan of 1,000 tasks, beside forty others."""
    lines = [f"- [ ] Task {number}" for number in range(1000)]
    desk.write("large.md", "\n".join(["# Large", "", *lines, ""]))
    for number in range(40):
        desk.write(f"small-{number}.md", f"# Small {number}\n\n- [ ] One\n")
    desk.sync()
    return desk.plan("large.md")


def queries(program: Program, path: str) -> int:
    """Of three requests in a row the most, as a web server answers: the use of a key is noted beside them."""
    counts, noted = [], Event()
    for _ in range(3):
        with background.allowed(), CaptureQueriesContext(connection) as found:
            assert program("GET", path).status_code == 200
        counts.append(len(found))
    with background.allowed():
        background.do(noted, noted.set)
    assert noted.wait(PATIENCE_SECONDS)
    assert min(counts) > 0
    return max(counts)


def test_lists_and_plans_take_few_queries_however_much_they_hold(large: Plan, olive: User) -> None:
    for program in (Program.of(olive), Program.with_key(olive)):
        for path in (
            "plans?limit=500",
            "tasks?limit=500",
            "phases",
            "replicas",
            "sync/status",
            "sync/history",
        ):
            assert queries(program, path) <= 8, path
        for path in ("", "/tree", "/tree?shape=flat", "/document", "/html", "/history"):
            assert queries(program, f"plans/{large.pk}{path}") <= 12, path
