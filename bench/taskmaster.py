"""A project of Task Master with 5,000 tasks: the first sync, one in which nothing changed, and one edit.

Beside them `task-master list` on the same file, whose time is mostly that of its start.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.table import Row, median, ms
from bench.workplace import DATABASES, REPOSITORY, Hub, Missing, Workplace

NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
TASKS = 5_000
FILE = Path(".taskmaster", "tasks", "tasks.json")


def rows(place: Workplace) -> Iterator[Row]:
    reference = _listing(_project(place.folder / "listed"))
    for database in DATABASES:
        project = _project(place.folder / f"project-{database}")
        try:
            with place.dropping(place.hub(database)) as hub:
                yield from _synced(hub, project, NAMES[database], reference)
        except Missing as error:
            yield Row(f"Task Master, {NAMES[database]}", problem=str(error))


def _synced(hub: Hub, project: Path, name: str, reference: str) -> Iterator[Row]:
    what = f"Task Master, {TASKS:,} tasks, {name}"
    found = hub.run("bench.taskmaster:measure", project=str(project))
    first, edit = found["first"], found["edit"]
    idle = median(found["idle"])
    yield Row(f"{what}: first sync", ms(first), reference, target="under 2 s", met=first < 2)
    yield Row(f"{what}: sync of one edit", ms(edit), reference, target="under 2 s", met=edit < 2)
    yield Row(f"{what}: nothing changed", ms(idle), reference, target="under 100 ms", met=idle < 0.1)


def _project(folder: Path) -> Path:
    tasks = [_task(number) for number in range(1, TASKS + 1)]
    file = folder / FILE
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"master": {"tasks": tasks}}, indent=2), encoding="utf-8")
    return folder


def _task(number: int) -> dict[str, Any]:
    title = f"Move module {number % 97} to the new store, part {number}"
    return {
        "id": number,
        "title": title,
        "description": f"{title}, and check it against the old one.",
        "details": "Copy the rows.\nCompare the counts.\nSwitch the readers.",
        "testStrategy": "Both stores answer alike.",
        "status": ("pending", "in-progress", "done", "review", "deferred")[number % 5],
        "dependencies": [number - 1] if number % 3 == 0 else [],
        "priority": ("low", "medium", "high")[number % 3],
        "subtasks": [],
    }


def _listing(project: Path) -> str:
    """What the tool itself takes to list the file."""
    command = subprocess.run(
        [str(REPOSITORY / "deploy" / "task-master")], capture_output=True, text=True, check=False
    )
    if command.returncode != 0:
        return "task-master is not installed"
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run(
            [command.stdout.strip(), "list", "--json"],
            cwd=project,
            env={**os.environ, "HOME": str(project)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        taken.append(time.perf_counter() - started)
    return f"task-master list: {ms(median(taken))}"


def measure(project: str) -> dict[str, Any]:
    """Seconds of the first sync, of twenty that find nothing, and of one edit in the hub with its write."""
    from planning_sync.sync import services
    from planning_sync.sync.passes import Options
    from plans import services as plans
    from plans.models import Task

    options = Options(actor="bench", settle_seconds=0.0)
    row = services.add_replica(project, actor="bench", kind="taskmaster")
    started = time.perf_counter()
    assert services.sync_replica(row, options).status == "in_step"
    first = time.perf_counter() - started
    idle = []
    for _ in range(20):
        started = time.perf_counter()
        assert services.sync_replica(row, options).status == "in_step"
        idle.append(time.perf_counter() - started)
    started = time.perf_counter()
    plans.set_fields(Task.objects.get(ref="2500"), {"status": "blocked"}, actor="bench")
    assert services.sync_replica(row, options).status == "in_step"
    edit = time.perf_counter() - started
    text = (Path(project) / FILE).read_text(encoding="utf-8")
    assert json.loads(text)["master"]["tasks"][2499]["status"] == "blocked"
    return {"first": first, "idle": idle, "edit": edit}
