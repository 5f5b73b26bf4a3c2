"""Many rounds of work on one plan that stands in Markdown, in the hub and in Task Master.

In each round the tool does one thing, and we do some others, in the hub and in Markdown, before or while it
does. The tool is the real one, or its `Twin`: it reads the file when it begins and writes all of it when it
ends, whatever became of it meanwhile, which the real one does only now and then.
"""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

from conflicts.models import Conflict
from planning_sync.replicas import atomic
from plans import services as plans
from plans.models import Task
from plans.outline import Status
from tests import task_master
from tests.planning_sync.replicas.taskmaster_world import task
from tests.planning_sync.sync.project import FILE, Project
from tests.planning_sync.sync.workbench import Workbench

TAG = "launch"
STATUSES = {
    "pending": Status.TODO,
    "in-progress": Status.IN_PROGRESS,
    "done": Status.DONE,
    "review": Status.IN_PROGRESS,
    "deferred": Status.TODO,
    "cancelled": Status.CANCELLED,
    "blocked": Status.BLOCKED,
}
NAMES = ("a1", "a2", "a3", "b1", "b2")
START = (
    "# Launch\n\n## Audit\n\n- [ ] a1 List the modules\n  - [ ] a2 Ask\n    - [ ] a3 Ask again\n\n"
    "## Build\n\nProse.\n\n- [ ] b1 Paint\n- [ ] b2 Sand\n"
)
CHECKPOINTS = (*atomic.CHECKPOINTS, "decided", "written", "advanced")


class Killed(BaseException):
    """The process dies here."""


class Tool(Protocol):
    def begin(self, folder: Path, *arguments: str) -> Any: ...
    def end(self, running: Any) -> None: ...


class RealTool:
    def begin(self, folder: Path, *arguments: str) -> subprocess.Popen[str]:
        return task_master.begin(folder, *arguments)

    def end(self, running: subprocess.Popen[str]) -> None:
        task_master.ended(running)


class Twin:
    """What the tool does to the file, with all its time between reading and writing."""

    def begin(self, folder: Path, *arguments: str) -> tuple[Path, dict[str, Any]]:
        tags: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        name, *rest = arguments
        told = dict(each.removeprefix("--").split("=", 1) for each in rest)
        getattr(self, f"_{name.replace('-', '_')}")(tags[TAG]["tasks"], told)
        return folder / FILE, tags

    def end(self, running: tuple[Path, dict[str, Any]]) -> None:
        file, tags = running
        file.write_text(json.dumps(tags, indent=2, ensure_ascii=False), encoding="utf-8")

    def _set_status(self, tasks: list[dict[str, Any]], told: dict[str, str]) -> None:
        _found(tasks, told["id"]).update(status=told["status"], updatedAt=str(time.time_ns()))
        for each in tasks:
            each["id"] = str(each["id"])

    def _add_task(self, tasks: list[dict[str, Any]], told: dict[str, str]) -> None:
        tasks.append(task(max(int(each["id"]) for each in tasks) + 1, told["title"]))

    def _add_subtask(self, tasks: list[dict[str, Any]], told: dict[str, str]) -> None:
        below = _found(tasks, told["parent"])["subtasks"]
        number = max((int(each["id"]) for each in below), default=0) + 1
        below.append({"id": number, "title": told["title"], "status": "pending", "dependencies": []})

    def _add_dependency(self, tasks: list[dict[str, Any]], told: dict[str, str]) -> None:
        dependencies = _found(tasks, told["id"])["dependencies"]
        if told["depends-on"] not in map(str, dependencies):
            dependencies.append(told["depends-on"])


def _found(tasks: list[dict[str, Any]], own: str) -> dict[str, Any]:
    number, _, below = own.partition(".")
    (found,) = [each for each in tasks if str(each["id"]) == number]
    if below:
        (found,) = [each for each in found["subtasks"] if str(each["id"]) == below]
    return found


@dataclass
class Campaign:
    desk: Workbench
    project: Project
    tool: Tool
    chance: random.Random
    pause_seconds: float = 0.0
    """How long we wait at most before each of our edits while the tool is at work."""
    wanted: dict[str, str] = field(default_factory=lambda: dict.fromkeys(NAMES, "todo"))
    """The status that each task shall have, by the first word of its title."""
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def rows(self) -> dict[str, Task]:
        plan = self.desk.plan("launch.md")
        return {row.text.split()[0]: row for row in Task.objects.live().filter(plan=plan)}

    def owns(self) -> dict[str, str]:
        """The number of each task in the file."""
        found = {}
        for one in self.project.tags()[TAG]["tasks"]:
            found[one["title"].split()[0]] = str(one["id"])
            for below in one["subtasks"]:
                found[below["title"].split()[0]] = f"{one['id']}.{below['id']}"
        return found

    def leaves(self) -> dict[str, str]:
        """As `owns`, without tasks that have subtasks: the tool sets their status by those."""
        owns = self.owns()
        above = {own.partition(".")[0] for own in owns.values() if "." in own}
        return {token: own for token, own in owns.items() if own not in above}

    def round(self, number: int) -> None:
        arguments, token, status = self._command()
        running = self.tool.begin(self.project.folder, *arguments)
        if number % 2:
            for _ in range(self.chance.randint(1, 3)):
                time.sleep(self.chance.random() * self.pause_seconds)
                self._edit(token)
                self._sync()
        self.tool.end(running)
        if token:
            self.wanted[token] = status
        if not number % 2:
            self._edit(token)
        for _ in range(2):
            self.project.sync()
            self.desk.sync()
        self.check((number, arguments))

    def _command(self) -> tuple[list[str], str, str]:
        """A command of the tool, the task that it is about, and the status that this one then has."""
        owns = self.owns()
        token = self.chance.choice(sorted(self.leaves()))
        kind = self.chance.choice(("status", "status", "status", "add", "below", "depend"))
        if kind == "status":
            raw = self.chance.choice(sorted(STATUSES))
            if self.project.task_of(token, TAG)["status"] == "done" and raw == "pending":
                raw = "in-progress"  # the tool refuses to begin anew what is done
            return ["set-status", f"--id={owns[token]}", f"--status={raw}"], token, STATUSES[raw]
        new = f"t{next(self.numbers)}x"
        if kind == "add":
            told = [f"--title={new} by the tool", "--description=x", "--priority=low"]
            return ["add-task", *told], new, Status.TODO
        if kind == "below":
            told = [f"--parent={owns[token].split('.')[0]}", f"--title={new} below", "--description=x"]
            return ["add-subtask", *told], new, Status.TODO
        tops = sorted(int(own) for own in owns.values() if "." not in own)
        one, other = sorted(self.chance.sample(tops, 2))
        return ["add-dependency", f"--id={other}", f"--depends-on={one}"], "", ""

    def _edit(self, taken: str) -> None:
        """One edit of ours, of another task than the one that the tool is at."""
        rows = self.rows()
        token = self.chance.choice(sorted(self.leaves().keys() & rows.keys() - {taken}))
        kind = self.chance.choice(("status", "add", "below", "text", "markdown"))
        status = self.chance.choice(("todo", "in_progress", "done"))
        if kind == "status":
            plans.set_fields(rows[token], {"status": status}, actor="alice")
            self.wanted[token] = status
        elif kind == "text":
            plans.set_fields(rows[token], {"text": f"{token} said {self.chance.random()}"}, actor="alice")
        elif kind == "markdown":
            self._mark(token, status)
        else:
            new = f"t{next(self.numbers)}x"
            parent = rows[token] if kind == "below" else self.desk.plan("launch.md")
            plans.add_task(parent, f"{new} ours", actor="alice")
            self.wanted[new] = "todo"

    def _mark(self, token: str, status: str) -> None:
        lines = self.desk.read("launch.md").splitlines(keepends=True)
        mark = {"todo": " ", "in_progress": "~", "done": "x"}[status]
        for number, line in enumerate(lines):
            if f" {token} " in f"{line.rstrip()} ":
                box = line.index("[")
                lines[number] = f"{line[:box]}[{mark}]{line[box + 3 :]}"
                self.desk.write("launch.md", "".join(lines))
                self.wanted[token] = status
        self.desk.sync()

    def _sync(self) -> None:
        """One pass, which now and then dies on its way."""
        if self.chance.random() < 0.7:
            self.project.sync()
            return
        at = self.chance.choice(CHECKPOINTS)

        def die(name: str) -> None:
            if name == at:
                raise Killed

        try:
            with mock.patch.object(atomic, "checkpoint", die):
                self.project.sync()
        except Killed:
            pass

    def check(self, about: object) -> None:
        rows = self.rows()
        in_file = {one["title"].split()[0]: one["status"] for one in self.project.all_tasks(TAG)}
        in_text = self.desk.read("launch.md")
        assert set(rows) == set(in_file) == set(self.wanted), (about, set(rows) ^ set(in_file))
        for token in self.leaves():
            told = (about, token, self.wanted[token])
            assert rows[token].status == STATUSES[in_file[token]] == self.wanted[token], told
        assert all(f"{token} " in in_text for token in self.wanted), about
        assert "\nProse.\n" in in_text, about
        assert not Conflict.objects.filter(state="open").exists(), about
