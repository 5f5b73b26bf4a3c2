"""`conflicts` and `resolve` for many conflicts, and for those of guards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conflicts.models import Conflict
from tests.planning_sync.sync.console import ask, run
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.django_db(transaction=True)

PLAN = "# Plan\n\n" + "".join(f"- [ ] Task number {number} #web\n" for number in range(3))


@pytest.fixture
def bench(tmp_path: Path, settings: Any) -> Workbench:
    """Three tasks, each in conflict over its status: done in the hub, in progress in the file."""
    settings.PLANNING_SYNC_FOLLOW = False
    bench = Workbench.at(tmp_path / "plans")
    bench.write("plan.md", PLAN)
    bench.sync()
    for number in range(3):
        bench.set(f"Task number {number}", status="done")
    bench.write("plan.md", PLAN.replace("[ ]", "[~]"))
    bench.sync()
    settings.PLANNING_SYNC_FOLLOW = True
    return bench


def test_one_conflict_is_shown_with_all_that_helps(bench: Workbench) -> None:
    conflict = ask("conflicts")[0]
    whole = ask("conflicts", conflict["id"][-8:])
    assert {name: whole[name] for name in conflict} == conflict
    assert whole["hub_changed"]["by"] == "alice"
    assert whole["line"] == whole["excerpt"][2]["line"] == 3
    assert [(option["take"], option["dropped"]) for option in whole["options"]] == [
        ("hub", ["in_progress"]),
        ("replica", ["done"]),
    ]
    told = run("conflicts", conflict["id"][-8:]).out
    assert ">     3  - [~] Task number 0 #web" in told
    assert "--take replica   (drops done)" in told


def test_filters_narrow_the_list_down(bench: Workbench) -> None:
    assert len(ask("conflicts", "--plan", "plan.md", "--field", "status", "--severity", "high")) == 3
    assert ask("conflicts", "--field", "text") == []
    assert ask("conflicts", "--rule", "emptied") == []
    assert len(ask("conflicts", "--replica", "plans", "--kind", "progress_inconsistency")) == 3


def test_many_are_previewed_and_then_decided_as_previewed(bench: Workbench) -> None:
    preview = ask("resolve", "--plan", "plan.md", "--take", "hub", "--dry-run")
    assert preview["dry_run"]
    assert preview["dropped"] == 3
    assert [row["dropped"] for row in preview["decided"]] == [["in_progress"]] * 3
    assert Conflict.objects.filter(state="open").count() == 3
    done = ask("resolve", "--plan", "plan.md", "--take", "hub", "--fingerprint", preview["fingerprint"])
    assert len(done["decided"]) == 3
    assert bench.read("plan.md").count("[x]") == 3
    bench.assert_in_step()


def test_a_fingerprint_of_another_state_decides_nothing(bench: Workbench) -> None:
    preview = ask("resolve", "--plan", "plan.md", "--take", "hub", "--dry-run")
    first = preview["decided"][0]["id"]
    run("resolve", first, "--take", "replica")
    answer = run("resolve", "--plan", "plan.md", "--take", "hub", "--fingerprint", preview["fingerprint"])
    assert answer.code == 1
    assert "2 would be decided" in answer.err
    assert Conflict.objects.filter(state="open").count() == 2


def test_ids_and_filters_exclude_one_another(bench: Workbench) -> None:
    conflict = ask("conflicts")[0]["id"]
    assert run("resolve", conflict, "--plan", "plan.md", "--take", "hub").code == 2
    assert run("resolve", "--take", "hub").code == 2
    assert run("resolve", "--plan", "plan.md", "--value", "done").code == 2


def test_what_cannot_be_decided_so_is_named(bench: Workbench) -> None:
    answer = run("resolve", "--plan", "plan.md", "--take", "both", "--dry-run")
    assert answer.code == 4
    assert "take 'both' is not one of hub, replica, value" in answer.err
    assert "0 would be decided, 0 values dropped, 3 left" in answer.out


def test_a_guards_refusal_is_listed_and_decided_by_command(bench: Workbench) -> None:
    for conflict in ask("conflicts"):
        run("resolve", conflict["id"], "--take", "hub")
    settled = bench.read("plan.md")
    bench.write("plan.md", "")
    assert run("sync").code == 3
    (conflict,) = ask("conflicts", "--rule", "emptied")
    assert (conflict["field"], conflict["severity"]) == ("guard", "critical")
    told = run("conflicts").out
    assert "3 items" in told
    assert "`--take go_on`, `--take restore`, `--take unlink`" in told
    assert run("resolve", conflict["id"], "--take", "restore").code == 0
    assert bench.read("plan.md") == settled
    bench.assert_in_step()


def test_a_folder_that_is_empty_is_listed_without_a_plan(bench: Workbench) -> None:
    (bench.folder / "plan.md").unlink()
    assert run("sync").code == 3
    (conflict,) = ask("conflicts", "--rule", "folder_emptied")
    assert (conflict["plan"], conflict["item"]) == (None, None)
    assert "plans" in run("conflicts").out
    assert run("resolve", conflict["id"], "--take", "restore").code == 0
    assert (bench.folder / "plan.md").exists()


def test_a_plan_and_its_file_can_be_unlinked_and_linked_again(bench: Workbench) -> None:
    for conflict in ask("conflicts"):
        run("resolve", conflict["id"], "--take", "hub")
    assert ask("unlink", "plan.md") == [
        {"plan": str(bench.plan("plan.md").pk), "replica": "plans", "path": "plan.md"}
    ]
    assert run("unlink", "plan.md").code == 2
    bench.set("Task number 0", status="todo")
    bench.edit("plan.md", "Task number 1", "Task number one")
    assert run("sync").code == 0
    assert "Task number 1" in bench.texts("plan.md")
    assert bench.read("plan.md").count("[x]") == 3
    assert run("link", "plan.md").code == 0
    assert run("sync").code == 0
    assert "Task number one" in bench.texts("plan.md")
    assert bench.read("plan.md").count("[x]") == 2
    bench.assert_in_step()


def test_a_decision_is_taken_back_by_command(bench: Workbench) -> None:
    first = ask("conflicts")[0]["id"]
    run("resolve", first, "--take", "hub")
    assert bench.read("plan.md").count("[x]") == 1
    answer = run("reopen", first)
    assert answer.code == 0, answer.err
    assert "planning-sync undo" in answer.out
    assert bench.read("plan.md").count("[~]") == 3
    assert Conflict.objects.get(pk=first).state == "open"
    assert run("reopen", first).code == 3
    assert run("reopen").code == 2


def test_what_a_strategy_settled_is_listed_and_can_be_asked_about(bench: Workbench, settings: Any) -> None:
    assert ask("conflicts", "--automatic") == []
    settings.PLANNING_SYNC_FOLLOW = False
    bench.set("Task number 0", tags=["web", "new"])
    bench.edit("plan.md", "Task number 0 #web", "Task number 0 #web #old")
    settings.PLANNING_SYNC_FOLLOW = True
    bench.sync()
    (settled,) = ask("conflicts", "--automatic")
    assert (settled["field"], settled["strategy"], settled["take"]) == ("tags", "auto_merge", "value")
    assert sorted(settled["outcome"]) == ["new", "old", "web"]
    assert "auto_merge" in run("conflicts", "--automatic").out
    assert run("reopen", "--entry", str(settled["entry"])).code == 0
    (conflict,) = ask("conflicts", "--field", "tags")
    assert (conflict["base"], conflict["hub"]) == (["web"], ["web", "new"])
    assert conflict["replica"] == ["web", "old"]
    bench.sync()
    assert len(ask("conflicts", "--field", "tags")) == 1, "the strategy leaves it alone from now on"
