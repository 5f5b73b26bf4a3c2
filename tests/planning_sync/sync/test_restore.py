"""Plans and items as they were at a time: on the hub, and in the file byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from audit.models import Operation
from planning_sync.sync import restoring, undo, versions
from planning_sync.sync.errors import NotRestorable
from plans import services as plans
from plans.models import Phase, Plan, Task
from tests.planning_sync.sync.console import ask, run
from tests.planning_sync.sync.test_undo import DATE, FACTS, LAUNCH, TAG, WRITE, last, state_of
from tests.planning_sync.sync.workbench import Workbench


@pytest.fixture(autouse=True)
def _nobody_follows(settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False


@pytest.fixture
def launch(desk: Workbench) -> Workbench:
    desk.write("launch.md", LAUNCH)
    desk.sync()
    return desk


def test_a_plan_is_as_it_was_after_an_operation(launch: Workbench) -> None:
    imported = last("sync")
    before = state_of(launch)
    launch.edit("launch.md", "Some words.", "Other words.")
    launch.set(TAG, status="done")
    launch.sync()
    plans.delete(launch.task(WRITE), actor="alice")
    launch.sync()
    after = state_of(launch)
    outcome = restoring.restore_plan_at(launch.plan("launch.md").pk, operation_id=imported, actor="bob")
    assert state_of(launch) == before
    launch.assert_in_step()
    undo.undo(outcome.operation.pk, actor="bob")
    assert state_of(launch) == after
    launch.assert_in_step()


def test_a_plan_is_as_it_was_at_a_time_also_out_of_the_bin(launch: Workbench) -> None:
    before = state_of(launch)
    at = timezone.now()
    launch.edit("launch.md", "- [ ] Tag", "- [x] Tag")
    launch.sync()
    pk = launch.plan("launch.md").pk
    plans.delete_plan(launch.plan("launch.md"), actor="alice")
    launch.sync()
    assert not (launch.folder / "launch.md").exists()
    restoring.restore_plan_at(pk, at=at, actor="bob")
    assert state_of(launch) == before
    launch.assert_in_step()


def test_a_plan_of_the_hub_alone_is_as_it_was(transactional_db: None) -> None:
    plan = plans.create_plan("Garden", actor="alice")
    task = plans.add_task(plan, "Dig", actor="alice")
    at = timezone.now()
    plans.set_fields(task, {"text": "Sow"}, actor="alice")
    restoring.restore_plan_at(plan.pk, at=at, actor="bob")
    assert Task.objects.get().text == "Dig"


def test_a_time_before_the_plan_is_refused(launch: Workbench) -> None:
    at = Operation.objects.order_by("started_at")[0].started_at.replace(year=2001)
    with pytest.raises(NotRestorable):
        restoring.restore_plan_at(launch.plan("launch.md").pk, at=at, actor="bob")


def test_one_task_is_as_it_was_and_the_rest_stays(launch: Workbench) -> None:
    at = timezone.now()
    task = launch.task(FACTS)
    launch.set(FACTS, text="Collect nothing at all", status="done")
    launch.set(TAG, status="done")
    plans.move(launch.task("Collect nothing at all"), parent=launch.phase("Release"), after=None, actor="bob")
    launch.sync()
    restoring.restore_item_at(task.pk, at=at, actor="bob")
    task.refresh_from_db()
    assert (task.text, task.status, task.parent) == (FACTS, "todo", launch.task(WRITE))
    assert launch.task(TAG).status == "done"
    launch.assert_in_step()


def test_a_phase_that_is_gone_comes_back_with_what_stood_in_it(launch: Workbench) -> None:
    at = timezone.now()
    before = state_of(launch)
    phase = launch.phase("Preparation")
    plans.delete(phase, actor="alice")
    launch.sync()
    restoring.restore_item_at(phase.pk, at=at, actor="bob")
    assert state_of(launch) == before
    launch.assert_in_step()


def test_a_task_whose_place_is_now_below_it_keeps_its_place(launch: Workbench) -> None:
    facts, write = launch.task(FACTS), launch.task(WRITE)
    at = timezone.now()
    plans.move(facts, parent=launch.phase("Preparation"), after=None, actor="alice")
    plans.move(launch.task(WRITE), parent=launch.task(FACTS), after=None, actor="alice")
    launch.set(FACTS, text="Collect nothing at all")
    restoring.restore_item_at(facts.pk, at=at, actor="bob")
    facts.refresh_from_db()
    write.refresh_from_db()
    assert (facts.text, facts.parent, facts.phase) == (FACTS, None, launch.phase("Preparation"))
    assert write.parent_id == facts.pk


def test_nothing_to_restore_is_told(launch: Workbench) -> None:
    with pytest.raises(NotRestorable):
        restoring.restore_item_at(launch.task(TAG).pk, at=timezone.now(), actor="bob")


def test_the_difference_of_an_operation_is_told_on_tasks_and_on_lines(launch: Workbench) -> None:
    launch.edit("launch.md", "- [ ] Tag", "- [x] Tag")
    launch.edit("launch.md", "Some words.", "Other words.")
    launch.sync()
    found = versions.difference(launch.plan("launch.md"), last("sync"))
    assert [(row["change"], row["field"], row["after"]) for row in found.rows] == [
        ("update", "status", "done")
    ]
    assert found.lines is not None
    assert {line for line in found.lines if line[0] in "+-"} == {
        "-Some words.",
        "+Other words.",
        "-- [ ] Tag the version and publish the packages",
        "+- [x] Tag the version and publish the packages",
    }


def test_the_commands_undo_and_restore(launch: Workbench) -> None:
    launch.set(TAG, text="Tag it")
    edit = str(last())
    launch.set("Tag it", text="Tag them")
    launch.sync()
    before = state_of(launch)
    shown = ask("undo", edit, "--dry-run", code=3)
    assert [each["what"] for each in shown["dependents"]] == ["changed text of task 'Tag them'"]
    refused = run("undo", edit)
    assert refused.code == 3
    assert "--with-dependents" in refused.err
    assert state_of(launch) == before
    shown = ask("undo", edit, "--dry-run", "--with-dependents")
    assert state_of(launch) == before
    assert shown["plans"][0]["rows"][0]["after"] == TAG
    (file,) = shown["plans"][0]["files"]
    assert file["lines"][1:] == ["-- [ ] Tag them", f"+- [ ] {TAG}"]
    answer = ask("undo", edit, "--with-dependents")
    assert answer["plans"][0]["outcome"] == "done"
    assert launch.read("launch.md") == LAUNCH
    again = run("undo", edit)
    assert again.code == 3
    assert "already undone" in again.err
    assert run("undo", "ffffffff-ffff-7fff-8fff-ffffffffffff").code == 2
    assert "Tag them" in run("history", "launch.md", "--diff", str(last("edit"))).out


def test_the_command_restore_takes_a_time_or_an_operation(launch: Workbench) -> None:
    imported = str(last("sync"))
    pk = str(launch.plan("launch.md").pk)
    launch.set(DATE, status="todo")
    at = timezone.now().isoformat()
    launch.sync()
    launch.set(TAG, status="done")
    shown = ask("restore", "launch.md", "--at", at, "--dry-run")
    assert [row["text"] for row in shown["rows"]] == [TAG]
    ask("restore", pk, "--at", at)
    assert launch.task(TAG).status == "todo"
    assert launch.task(DATE).status == "todo"
    ask("restore", pk, "--at", imported)
    assert launch.read("launch.md") == LAUNCH
    assert run("restore", pk, "--at", "2026-99-01").code == 2
    assert run("restore", pk).code == 1


def test_live_rows_are_all_there_after_a_restore(launch: Workbench) -> None:
    imported = last("sync")
    plans.delete(launch.phase("Release"), actor="alice")
    launch.sync()
    restoring.restore_plan_at(Plan.objects.get().pk, operation_id=imported, actor="bob")
    assert Phase.objects.live().count() == 2
    assert Task.objects.live().count() == 4
