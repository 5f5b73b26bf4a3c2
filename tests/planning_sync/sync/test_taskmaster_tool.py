"""The real Task Master and the product at work on one project: alternately, and at the same time.

The quick tests make a few calls of the real one, and many of its twin. The soak makes TASK_MASTER_ROUNDS of
the real one, random by SOAK_SEED, and SOAK_CAMPAIGNS long campaigns with the twin.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from conflicts.models import Conflict
from plans import services as plans
from plans.outline import Status
from tests import task_master
from tests.planning_sync.replicas.task_master_double import installed
from tests.planning_sync.replicas.taskmaster_world import task
from tests.planning_sync.sync.campaign import START, TAG, Campaign, RealTool, Tool, Twin
from tests.planning_sync.sync.project import Project
from tests.planning_sync.sync.test_taskmaster import sent
from tests.planning_sync.sync.workbench import Workbench

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


BINARY = {"binary": "env:PLANNING_SYNC_REPLICA_TASK_MASTER"}


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Makes it the command that replicas with the option `BINARY` call."""
    return lambda command: monkeypatch.setenv("PLANNING_SYNC_REPLICA_TASK_MASTER", str(command))


def test_the_tool_and_the_hub_work_on_one_project(tmp_path: Path, named: Callable[[Path], None]) -> None:
    """Some edits of the hub are made by the tool's command, others in its file."""
    named(task_master.command())
    tasks = (task(1, "Audit"), task(2, "Build", dependencies=[1]))
    project = Project.at(tmp_path / "shop", *tasks, **BINARY)
    project.sync()
    plans.add_task(project.plan(), "Ours", actor="alice", priority="high", depends_on=("2",))
    process = task_master.begin(project.folder, "set-status", "--id=1", "--status=review")
    project.set("Build", status="in_progress")
    task_master.ended(process)
    project.sync()
    project.set("Ours", text="Ours, renamed", depends_on=())
    plans.add_task(project.hub("Build"), "Below", actor="alice")
    project.sync()
    task_master.run(project.folder, "add-dependency", "--id=3", "--depends-on=2.1")
    project.sync()
    assert project.hub("Audit").status == Status.IN_PROGRESS
    assert project.task("Audit")["status"] == "review"
    assert project.hub("Ours, renamed").depends_on == ["2.1"]
    assert {each["title"] for each in project.all_tasks()} == {*("Audit", "Build", "Below", "Ours, renamed")}
    assert "No invalid dependencies found" in task_master.run(project.folder, "validate-dependencies")
    project.assert_in_step()
    assert Conflict.objects.count() == 0


def test_what_the_command_does_beyond_its_order_comes_to_the_hub(
    tmp_path: Path, named: Callable[[Path], None]
) -> None:
    below = [{"id": 1, "title": "Below", "status": "pending"}]
    project = Project.at(tmp_path / "shop", task(1, "Audit", subtasks=below), **BINARY)
    named(installed(project.folder))
    project.sync()
    project.set("Below", status="done")
    project.sync()
    assert {each["status"] for each in project.all_tasks()} == {"done"}
    assert project.hub("Audit").status == Status.DONE
    assert "updatedAt" in project.task("Below"), "the command has been there"
    project.assert_in_step()


def test_a_command_that_refuses_leaves_the_edit_waiting(
    tmp_path: Path, named: Callable[[Path], None]
) -> None:
    project = Project.at(tmp_path / "shop", task(1, "Audit"), **BINARY)
    project.sync()
    named(installed(project.folder, "refuses"))
    project.set("Audit", status="done")
    (told,) = project.try_sync().errors
    assert "Not today" in told["error"]
    named(installed(project.folder))
    project.sync()
    assert project.task("Audit")["status"] == "done"
    project.assert_in_step()


def campaign(tmp_path: Path, tool: Tool, seed: int) -> Campaign:
    desk = Workbench.at(tmp_path / "notes")
    desk.write("launch.md", START)
    desk.sync()
    project = sent(desk, tmp_path)
    (project.folder / ".taskmaster" / "state.json").write_text(json.dumps({"currentTag": TAG}))
    return Campaign(desk, project, tool, random.Random(seed))


def test_nothing_is_lost_beside_a_tool_that_writes_what_it_had_read_before(tmp_path: Path) -> None:
    work = campaign(tmp_path, Twin(), seed=1)
    for number in range(16):
        work.round(number)


@pytest.mark.soak
def test_nothing_is_lost_in_long_campaigns_beside_its_twin(tmp_path: Path) -> None:
    first = int(os.environ.get("SOAK_SEED", "1"))
    for seed in range(first, first + int(os.environ.get("SOAK_CAMPAIGNS", "5"))):
        folder = tmp_path / str(seed)
        folder.mkdir()
        work = campaign(folder, Twin(), seed)
        for number in range(60):
            work.round(number)
        print(f"seed {seed}: {len(work.wanted)} tasks", flush=True)


@pytest.mark.soak
def test_nothing_is_lost_in_a_long_campaign_beside_the_real_tool(tmp_path: Path) -> None:
    seed = int(os.environ.get("SOAK_SEED", "1"))
    rounds = int(os.environ.get("TASK_MASTER_ROUNDS", "200"))
    work = campaign(tmp_path, RealTool(), seed)
    work.pause_seconds = 1.5
    for number in range(rounds):
        work.round(number)
        if number % 20 == 19:
            told = task_master.run(work.project.folder, "validate-dependencies")
            assert "No invalid dependencies found" in told, f"seed {seed}, round {number}"
            print(f"seed {seed}: {number + 1} rounds, {len(work.wanted)} tasks", flush=True)
