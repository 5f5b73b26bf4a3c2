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

from bench import syncing
from bench.syncing import TASKS, title
from bench.table import Row, median, ms
from bench.workplace import REPOSITORY, Workplace

FILE = Path(".taskmaster", "tasks", "tasks.json")


def rows(place: Workplace) -> Iterator[Row]:
    reference = _listing(place.folder / "listed")
    file = _project(place.folder / "project")
    yield from syncing.rows(place, "Task Master", file, reference, kind="taskmaster")


def _project(folder: Path) -> Path:
    tasks = [_task(number) for number in range(1, TASKS + 1)]
    file = folder / FILE
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"master": {"tasks": tasks}}, indent=2), encoding="utf-8")
    return file


def _task(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "title": title(number),
        "description": f"{title(number)}, and check it against the old one.",
        "details": "Copy the rows.\nCompare the counts.\nSwitch the readers.",
        "testStrategy": "Both stores answer alike.",
        "status": ("pending", "in-progress", "done", "review", "deferred")[number % 5],
        "dependencies": [number - 1] if number % 3 == 0 else [],
        "priority": ("low", "medium", "high")[number % 3],
        "subtasks": [],
    }


def _listing(project: Path) -> str:
    """What the tool itself takes to list the file."""
    _project(project)
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
