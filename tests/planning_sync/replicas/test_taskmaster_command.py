"""Edits made by the command of Task Master: what it is asked for, and whatever it answers, nothing is lost.

The command is a double, started as the real one. TASK_MASTER_CONTRACT=1 has the real one keep the contract,
which takes minutes; `tests.planning_sync.sync.test_taskmaster_tool` has it make some edits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from planning_sync.replicas.base import checksum
from planning_sync.replicas.errors import OptionRefused, PlanChanged, WriteFailed
from planning_sync.replicas.taskmaster import KIND, CommandedFile, TaskMasterFile
from planning_sync.replicas.taskmaster.format import Tag, tasks_of
from planning_sync.replicas.taskmaster.orders import MOST_ORDERS, orders
from planning_sync.replicas.taskmaster.tool import Tool
from tests import task_master
from tests.planning_sync.replicas.contract import ReplicaContract, Samples, tick
from tests.planning_sync.replicas.task_master_double import installed
from tests.planning_sync.replicas.taskmaster_world import TaskMasterWorld, tag, task
from tests.planning_sync.replicas.test_taskmaster import TAGS

pytestmark = pytest.mark.once

NAME = "PLANNING_SYNC_REPLICA_TASK_MASTER"
PLACE = Path(".taskmaster", "tasks", "tasks.json")


class CommandedWorld(TaskMasterWorld):
    def __init__(self, project: Path, monkeypatch: pytest.MonkeyPatch, *, seconds: float = 60.0) -> None:
        super().__init__((project / PLACE).parent, monkeypatch)
        self.replica: TaskMasterFile = CommandedFile(self.file, f"env:{NAME}", timeout_seconds=seconds)
        self.project = project
        self._patch = monkeypatch
        real = os.environ.get("TASK_MASTER_CONTRACT")
        self.use(task_master.command() if real else installed(project))

    def use(self, command: Path) -> None:
        self._patch.setenv(NAME, str(command))

    def fail_next_write(self) -> None:
        self.use(installed(self.project, "refuses once"))

    def said(self, name: str = "master") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.file.read_text(encoding="utf-8"))[name]["tasks"]
        return found

    def write(self, name: str, wanted: str) -> None:
        """Commit the text of a tag, decided on what is there now."""
        present = self.contents()[name]
        self.replica.commit(self.replica.prepare_restore(name, checksum(present), wanted.encode()))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandedWorld:
    return CommandedWorld(tmp_path / "shop", monkeypatch)


class TestCommandedFile(ReplicaContract):
    samples: ClassVar[Samples] = TAGS

    @pytest.fixture
    def world(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandedWorld:
        return CommandedWorld(tmp_path / "shop", monkeypatch)


BELOW = [{"id": 1, "title": "First", "status": "pending"}, {"id": 2, "title": "Second", "status": "pending"}]
BEFORE = (
    task(1, "Audit", odd={"kept": [1]}),
    task(2, "Build", dependencies=[1]),
    task(3, "Ship", subtasks=BELOW),
    task(4, "Rest", dependencies=["3"]),
)


def parsed(*tasks: dict[str, Any]) -> Tag:
    return tasks_of(tag(*tasks))


def without(*owns: int, **fields: Any) -> list[dict[str, Any]]:
    """The tasks but those, the second one with other fields."""
    return [{**each, **(fields if each["id"] == 2 else {})} for each in BEFORE if each["id"] not in owns]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (without(), ()),
        (without(title="Build it", priority="high"), ()),
        (without(status="review"), (("set-status", "--id=2", "--status=review"),)),
        (without(status="completed"), ()),
        (without(dependencies=["1", "3.1"]), (("add-dependency", "--id=2", "--depends-on=3.1"),)),
        (without(dependencies=[]), (("remove-dependency", "--id=2", "--depends-on=1"),)),
        ([*without(4), task(5, "New")], ()),
    ],
)
def test_what_the_tool_has_commands_for_is_asked_of_it(
    wanted: list[dict[str, Any]], told: tuple[tuple[str, ...], ...]
) -> None:
    assert orders(parsed(*BEFORE), parsed(*wanted)) == told


def test_states_take_one_command_each_and_too_many_edits_none() -> None:
    many = [task(number, "x") for number in range(1, 40)]
    done = [{**each, "status": "done"} for each in many]
    chained = [{**each, "dependencies": [1]} if each["id"] > 1 else each for each in many]
    (order,) = orders(parsed(*many), parsed(*done))
    assert order[2] == "--status=done"
    assert len(orders(parsed(*many), parsed(*chained[: MOST_ORDERS + 1], *many[MOST_ORDERS + 1 :]))) == 12
    assert orders(parsed(*many), parsed(*chained)) == ()


def test_an_edit_by_the_command_leaves_what_the_command_drops_and_respells(world: CommandedWorld) -> None:
    text = tag(*BEFORE).replace('{\n    "tasks"', '{\n    "odd": 3,\n    "tasks"', 1)
    world.put("master", text.encode())
    wanted = text.replace('"pending"', '"done"', 1).replace('"Audit"', '"Audit it"', 1)
    world.write("master", wanted)
    assert world.contents() == {"master": wanted.encode()}
    assert world.leftovers() == []


def test_what_the_tool_does_by_its_own_rules_is_news_for_the_next_look(world: CommandedWorld) -> None:
    world.put("master", tag(*BEFORE).encode())
    below = [{**each, "status": "done"} for each in BELOW]
    wanted = tag(*(without(3, 4)), task(3, "Ship", subtasks=below), BEFORE[3])
    with pytest.raises(PlanChanged):
        world.write("master", wanted)
    assert [each["status"] for each in world.said()] == ["pending", "pending", "done", "pending"]
    assert world.said()[0]["odd"] == {"kept": [1]}


def test_an_edit_that_somebody_makes_while_the_command_runs_stays(
    world: CommandedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("master", tag(*BEFORE).encode())
    obey = Tool.obey

    def meddled(self: Any, name: str, told: Any) -> None:
        obey(self, name, told)
        text = world.file.read_text(encoding="utf-8")
        world.file.write_text(text.replace('"details": ""', '"details": "Mind the gap"', 1), encoding="utf-8")

    monkeypatch.setattr(Tool, "obey", meddled)
    with pytest.raises(PlanChanged):
        world.write("master", tag(*without(status="done")))
    assert (world.said()[0]["details"], world.said()[1]["status"]) == ("Mind the gap", "done")


@pytest.mark.parametrize(
    ("mood", "told"),
    [
        ("refuses", r"`task-master set-status --id=1 --status=done` ended with 1: \[ERROR\] Not today"),
        ("hangs", r"did not end within 1 s"),
        ("floods", r"printed more than 1,048,576 bytes"),
        ("lies", r"did nothing to tasks\.json"),
        ("is old", r"is of version 0\.42, and 0\.43 or newer is needed"),
        ("is odd", r"does not say which version it is, but Good morning!"),
    ],
)
def test_a_command_that_fails_is_told_and_the_file_stays(
    mood: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = CommandedWorld(tmp_path / "shop", monkeypatch, seconds=1.0 if mood == "hangs" else 60.0)
    world.put("a.md", TAGS.plan)
    write = tick(world.replica, "a.md")
    world.use(installed(world.project, mood))
    with pytest.raises(WriteFailed, match=told):
        world.replica.commit(write)
    assert world.contents() == {"a.md": TAGS.plan}


def test_a_file_that_the_command_leaves_broken_is_not_written(world: CommandedWorld) -> None:
    world.put("a.md", TAGS.plan)
    write = tick(world.replica, "a.md")
    world.use(installed(world.project, "garbles"))
    with pytest.raises(PlanChanged, match="cannot be read any more"):
        world.replica.commit(write)
    assert world.file.read_text(encoding="utf-8") == '{"a.md": {"tasks": ['


def test_a_command_that_is_not_there_is_told(world: CommandedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("a.md", TAGS.plan)
    write = tick(world.replica, "a.md")
    world.use(Path("/nowhere/task-master"))
    with pytest.raises(WriteFailed, match="/nowhere/task-master cannot be run"):
        world.replica.commit(write)
    monkeypatch.delenv(NAME)
    with pytest.raises(WriteFailed, match=f"env:{NAME} is not set"):
        world.replica.commit(write)
    assert world.contents() == {"a.md": TAGS.plan}


def test_the_command_gets_nothing_of_our_environment_but_the_way(
    world: CommandedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANNING_SYNC_SECRET_KEY", "s3cr3t")
    spy = world.project / "spy"
    spy.write_text(f'#!/bin/sh\nenv > "{world.project}/seen"\nexec "{world.project}/task-master" "$@"\n')
    spy.chmod(0o755)
    world.use(spy)
    world.put("a.md", TAGS.plan)
    world.replica.commit(tick(world.replica, "a.md"))
    seen = (world.project / "seen").read_text()
    assert "TASKMASTER_TAG=a.md" in seen
    assert "PLANNING_SYNC" not in seen


def test_the_option_names_a_variable_and_works_on_a_project_alone(tmp_path: Path) -> None:
    options = {"binary": f"env:{NAME}", "timeout_seconds": 30}
    connected: Callable[[Path], object] = lambda place: KIND.connect(str(place), options)  # noqa: E731
    assert isinstance(connected(tmp_path / PLACE), CommandedFile)
    with pytest.raises(OptionRefused, match="of a project only"):
        connected(tmp_path / "tasks.json")
    with pytest.raises(OptionRefused, match="name the variable"):
        KIND.connect(str(tmp_path / PLACE), {"binary": "/bin/sh"})
    with pytest.raises(OptionRefused, match="has no command"):
        KIND.connect("https://tasks.example.org", {"binary": f"env:{NAME}"})
