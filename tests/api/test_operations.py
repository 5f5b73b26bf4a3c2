"""Operations over the API: the list, undo and its refusals, plans as they were, the bin."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from audit.models import Entry, Operation
from plans import services as plans
from plans.models import Plan
from tests.api.programs import Program, person
from tests.planning_sync.sync.workbench import Workbench


def last(kind: str = "edit") -> str:
    return str(Operation.objects.filter(kind=kind).order_by("-started_at").values_list("pk", flat=True)[0])


def ticked(desk: Workbench, text: str = "Rest", status: str = "done") -> str:
    """The operation of an edit."""
    desk.set(text, status=status)
    return last()


@pytest.fixture
def elsewhere(desk: Workbench, tmp_path: Path) -> Workbench:
    other = Workbench.at(tmp_path / "elsewhere", name="elsewhere")
    other.write("secret.md", "# Secret\n\n- [ ] Whisper\n")
    other.sync()
    return other


# --------------------------------------------------------------------------------------- the list


def test_operations_are_listed_newest_first_with_what_they_changed(desk: Workbench, reader: Program) -> None:
    pk = ticked(desk)
    rows = reader.get("operations?kind=edit")["results"]
    assert [row["id"] for row in rows] == [pk]
    one = reader.get(f"operations/{pk}")
    assert (one["actor"], one["entry_count"] >= 1) == ("alice", True)
    assert one["plans"] == [str(desk.plan("launch.md").pk)]
    entries = reader.get(f"operations/{pk}/entries")["results"]
    assert ("status", "todo", "done") in [(each["field"], each["before"], each["after"]) for each in entries]


def test_operations_are_found_by_their_filters(desk: Workbench, reader: Program) -> None:
    pk = ticked(desk)
    plan = desk.plan("launch.md").pk
    now = timezone.now().isoformat().replace("+", "%2B")
    for query in (f"plan={plan}&kind=edit", "actor=alice&kind=edit", "status=done&kind=edit", f"until={now}"):
        assert pk in [row["id"] for row in reader.get(f"operations?{query}")["results"]], query
    for query in ("replica=plans", "actor=nobody", f"since={now}", "status=failed"):
        assert pk not in [row["id"] for row in reader.get(f"operations?{query}")["results"]], query


# ------------------------------------------------------------------------------------------- undo


def test_an_operation_is_undone_in_the_hub_and_in_the_file(desk: Workbench, editor: Program) -> None:
    before = desk.read("launch.md")
    pk = ticked(desk)
    assert desk.read("launch.md") != before
    shown = editor.get(f"operations/{pk}/undo")
    assert shown["possible"]
    assert "+- [ ] Rest" in shown["plans"][0]["files"][0]["lines"]
    assert desk.task("Rest").status == "done"
    done = editor.post(f"operations/{pk}/undo", {"fingerprint": shown["fingerprint"]}, status=200)
    assert [each["outcome"] for each in done["plans"]] == ["done"]
    assert desk.read("launch.md") == before
    assert Operation.objects.get(pk=done["operation"]).actor == "olive"
    editor.post(f"operations/{done['operation']}/undo", status=200)
    assert desk.task("Rest").status == "done"


def test_what_is_undone_is_not_undone_again(desk: Workbench, editor: Program) -> None:
    pk = ticked(desk)
    by = editor.post(f"operations/{pk}/undo", status=200)["operation"]
    for problem in (
        editor.post(f"operations/{pk}/undo", status=409),
        editor.get(f"operations/{pk}/undo", 409),
    ):
        assert (problem["type"].rpartition(":")[2], problem["by"]) == ("already-undone", by)


def test_newer_work_is_named_and_undone_as_well_when_asked(desk: Workbench, editor: Program) -> None:
    first, second = ticked(desk), ticked(desk, status="blocked")
    assert editor.get(f"operations/{first}/undo")["possible"] is False
    problem = editor.post(f"operations/{first}/undo", status=409)
    assert problem["type"].endswith("dependent-work")
    assert [each["operation"] for each in problem["dependents"]] == [second]
    assert "with_dependents" in problem["detail"]
    assert desk.task("Rest").status == "blocked"
    done = editor.post(f"operations/{first}/undo", {"with_dependents": True}, status=200)
    assert set(done["undoes"]) >= {first, second}
    assert desk.task("Rest").status == "todo"


def test_an_undo_after_the_plans_moved_on_is_refused_with_the_present_preview(
    desk: Workbench, editor: Program
) -> None:
    pk = ticked(desk)
    shown = editor.get(f"operations/{pk}/undo")
    ticked(desk, "Tag the version")
    problem = editor.post(f"operations/{pk}/undo", {"fingerprint": shown["fingerprint"]}, status=409)
    assert problem["type"].endswith("preview-outdated")
    assert problem["preview"]["fingerprint"] not in ("", shown["fingerprint"])
    assert desk.task("Rest").status == "done"


def test_an_undo_needs_what_the_same_by_hand_would_need(
    desk: Workbench, editor: Program, reader: Program, settings: Any
) -> None:
    pk = ticked(desk)
    reader.post(f"operations/{pk}/undo", status=403)
    small = person("sam", "reader")
    small.user_permissions.add(Permission.objects.get(codename="change_plan"))
    plan = plans.create_plan("Brief", actor="alice")
    made = last()
    assert Entry.objects.filter(operation_id=UUID(made), plan_id=plan.pk, action="created").exists()
    problem = Program.of(small).post(f"operations/{made}/undo", {"with_dependents": True}, status=403)
    assert "plans.delete_plan" in problem["detail"]
    assert Plan.objects.get(pk=plan.pk).deleted_at is None


def test_a_decision_is_undone_by_those_who_may_decide(
    desk: Workbench, editor: Program, settings: Any
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    desk.set("Rest", status="done")
    desk.edit("launch.md", "- [ ] Rest", "- [/] Rest")
    desk.sync()
    settings.PLANNING_SYNC_FOLLOW = True
    arbiter = Program.of(person("arthur", "arbiter"))
    (row,) = arbiter.get("conflicts")["results"]
    seen = {side: row["values"][side] for side in ("replica", "hub")}
    done = arbiter.post(f"conflicts/{row['id']}/resolve", {"take": "hub", "seen": seen}, status=200)
    path = f"operations/{done['decision']['operation']}/undo"
    assert "conflicts.decide_conflict" in editor.post(path, status=403)["detail"]
    undone = arbiter.post(path, status=200)
    assert arbiter.get(f"conflicts/{row['id']}")["status"] == "open"
    # The undo of the undo decides again.
    again = f"operations/{undone['operation']}/undo"
    assert "conflicts.decide_conflict" in editor.post(again, status=403)["detail"]
    assert arbiter.get(f"conflicts/{row['id']}")["status"] == "open"


def test_a_key_limited_to_a_replica_sees_and_undoes_only_what_lies_in_it(
    desk: Workbench, elsewhere: Workbench, admin: Program
) -> None:
    robot = Program.with_key(User.objects.get(username="ada"), replicas=(desk.row,))
    mine = ticked(desk)
    hidden = ticked(elsewhere, "Whisper")
    seen = [row["id"] for row in robot.get("operations")["results"]]
    assert mine in seen
    assert hidden not in seen
    for path in ("", "/entries", "/undo"):
        robot.get(f"operations/{hidden}{path}", status=404)
    robot.post(f"operations/{hidden}/undo", status=404)
    entries = robot.get("audit?limit=500")["results"]
    assert {each["plan"] for each in entries} == {str(desk.plan("launch.md").pk)}
    robot.get("audit/export.csv", status=403)
    robot.post(f"operations/{mine}/undo", status=200)
    assert elsewhere.task("Whisper").status == "done"


def test_an_operation_over_plans_of_others_is_not_undone_by_a_limited_key(
    desk: Workbench, elsewhere: Workbench, admin: Program
) -> None:
    both = Operation.objects.get(pk=ticked(desk))
    Entry.objects.create(
        operation=both,
        at=timezone.now(),
        plan_id=elsewhere.plan("secret.md").pk,
        action="changed",
        field="text",
    )
    robot = Program.with_key(User.objects.get(username="ada"), replicas=(desk.row,))
    assert robot.get(f"operations/{both.pk}")["plans"] == [str(desk.plan("launch.md").pk)]
    robot.post(f"operations/{both.pk}/undo", status=403)
    assert desk.task("Rest").status == "done"


# -------------------------------------------------------------------------------- as it was, and back


def test_a_plan_is_told_as_it_was_at_a_time_or_after_an_operation(desk: Workbench, reader: Program) -> None:
    then = timezone.now().isoformat().replace("+", "%2B")
    pk = ticked(desk)
    ticked(desk, status="blocked")
    plan = desk.plan("launch.md").pk

    def status(query: str) -> str:
        items = reader.get(f"plans/{plan}/at?{query}")["items"]
        return next(str(each["status"]) for each in items if each["text"] == "Rest")

    assert status(f"at={then}") == "todo"
    assert status(f"operation={pk}") == "done"
    for query in ("", f"at={then}&operation={pk}", "operation=01936b7e-2f60-7c3a-9d52-0b5a0c4f1e11"):
        reader.get(f"plans/{plan}/at?{query}", status=400)
    reader.get(f"plans/{plan}/at?at=2001-01-01T00:00:00Z", status=409)


def test_what_an_operation_made_of_a_plan_is_told_by_items_and_lines(
    desk: Workbench, reader: Program
) -> None:
    pk = ticked(desk)
    plan = desk.plan("launch.md").pk
    found = reader.get(f"plans/{plan}/changes?operation={pk}")
    assert [(each["field"], each["before"], each["after"]) for each in found["rows"]] == [
        ("status", "todo", "done")
    ]
    reader.get(f"plans/{plan}/changes", status=400)


def test_a_plan_is_brought_back_to_what_it_was_byte_for_byte(desk: Workbench, editor: Program) -> None:
    before, then = desk.read("launch.md"), timezone.now().isoformat()
    ticked(desk)
    ticked(desk, "Tag the version")
    plan = desk.plan("launch.md").pk
    shown = editor.post(f"plans/{plan}/restore-at", {"at": then, "dry_run": True}, status=200)
    assert (shown["dry_run"], shown["outcome"]) == (True, None)
    assert len(shown["preview"]["rows"]) == 2
    assert desk.task("Rest").status == "done"
    done = editor.post(f"plans/{plan}/restore-at", {"at": then}, status=200)
    assert done["outcome"]["status"] == "done"
    assert desk.read("launch.md") == before
    editor.post(f"plans/{plan}/restore-at", {"at": then}, status=409)


def test_one_task_is_brought_back_and_the_rest_stays(
    desk: Workbench, editor: Program, reader: Program
) -> None:
    then = timezone.now().isoformat()
    ticked(desk)
    ticked(desk, "Tag the version")
    task = desk.task("Rest").pk
    reader.post(f"tasks/{task}/restore-at", {"at": then}, status=403)
    editor.post(f"phases/{task}/restore-at", {"at": then}, status=404)
    editor.post(f"tasks/{task}/restore-at", {"at": then}, status=200)
    assert (desk.task("Rest").status, desk.task("Tag the version").status) == ("todo", "done")


def test_what_is_in_the_bin_is_listed_and_comes_back_from_there(
    desk: Workbench, elsewhere: Workbench, editor: Program, reader: Program, admin: Program
) -> None:
    task, plan = desk.task("Tag the version"), elsewhere.plan("secret.md")
    editor.delete(f"tasks/{task.pk}")
    editor.delete(f"plans/{plan.pk}")
    rows = reader.get("bin")["results"]
    assert [(row["kind"], row["text"], row["below"]) for row in rows] == [
        ("plan", "Secret", 1),
        ("task", "Tag the version", 1),
    ]
    assert [row["kind"] for row in reader.get(f"bin?plan={desk.plan('launch.md').pk}")["results"]] == ["task"]
    assert reader.get("bin?limit=1")["more"]
    reader.get(f"bin?plan={task.pk}", status=400)
    robot = Program.with_key(User.objects.get(username="ada"), replicas=(desk.row,))
    assert [row["kind"] for row in robot.get("bin")["results"]] == ["task"]
    robot.post(f"bin/{plan.pk}/restore", status=404)
    reader.post(f"bin/{task.pk}/restore", status=403)
    assert editor.post(f"bin/{task.pk}/restore", {"dry_run": True}, status=200)["preview"]["rows"]
    for pk in (task.pk, plan.pk):
        editor.post(f"bin/{pk}/restore", status=200)
    assert reader.get("bin")["results"] == []
    assert "- [ ] Tag the version\n  - [ ] Sign it" in desk.read("launch.md")
    editor.post(f"bin/{task.pk}/restore", status=409)
