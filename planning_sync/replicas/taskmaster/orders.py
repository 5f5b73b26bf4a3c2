"""What the tool's own commands can do of a write: `orders`, and whether they have done it: `obeyed`. Pure.

The tool has commands for states and dependencies that leave the rest alone. It has none for a title but by an
AI; its command for a new task chooses the number and knows nothing of our link, and those that remove tasks
and tags write into every other tag. So that remains to be written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from planning_sync.replicas.taskmaster.format import Tag, Task

Order = tuple[str, ...]
"""A command of the tool and its arguments."""

MOST_ORDERS = 12
"""Each takes seconds; what would take more of them is written as a whole."""
_WORDS = frozenset({"pending", "in-progress", "done", "review", "deferred", "cancelled", "blocked"})
"""The states that `set-status` takes."""
_NOTED = frozenset({"id", "subtasks", "updatedAt", "parentId", "parentTaskId"})
"""What the tool itself keeps account of, or what each task says for itself."""


def orders(present: Tag, wanted: Tag) -> tuple[Order, ...]:
    """The commands that bring `present` as near to `wanted` as there are commands for."""
    staying = present.tasks.keys() & wanted.tasks.keys()
    found = [
        *_dependencies(present, wanted, staying),
        *_statuses(present, wanted, staying),
    ]
    return tuple(found) if len(found) <= MOST_ORDERS else ()


def obeyed(present: Tag, wanted: Tag, found: Tag) -> bool:
    """Whether `found` is `present` with what the orders make of it, and with nothing else."""
    expected = {own: _said(present, task) for own, task in present.tasks.items()}
    for own in present.tasks.keys() & wanted.tasks.keys():
        expected[own]["status"] = _ordered_status(present.tasks[own], wanted.tasks[own])
        expected[own]["dependencies"] = _ordered_targets(present, wanted, own)
    return {own: _said(found, task) for own, task in found.tasks.items()} == expected


def _said(tag: Tag, task: Task) -> dict[str, Any]:
    """What the task says, however it is written: the tool turns numbers into text and adds empty fields."""
    told = {name: value for name, value in task.said.items() if value and name not in _NOTED}
    return {**told, "status": task.said.get("status"), "dependencies": _targets(tag, task.own)}


def _ordered_status(task: Task, wanted: Task) -> Any:
    word = wanted.said.get("status")
    return word if word in _WORDS else task.said.get("status")


def _ordered_targets(present: Tag, wanted: Tag, own: str) -> set[str]:
    before, after = _targets(present, own), _targets(wanted, own)
    return {other for other in before if other in after or other not in wanted.tasks} | {
        other for other in after if other in present.tasks
    }


def _dependencies(present: Tag, wanted: Tag, staying: Iterable[str]) -> Iterator[Order]:
    for own in sorted(staying):
        before, after = _targets(present, own), _targets(wanted, own)
        for other in sorted(before - after):
            if other in wanted.tasks:
                yield "remove-dependency", f"--id={own}", f"--depends-on={other}"
        for other in sorted(after - before):
            if other in present.tasks:
                yield "add-dependency", f"--id={own}", f"--depends-on={other}"


def _targets(tag: Tag, own: str) -> set[str]:
    task = tag.tasks[own]
    return {tag.target(task, dependency) for dependency in task.dependencies}


def _statuses(present: Tag, wanted: Tag, staying: Iterable[str]) -> Iterator[Order]:
    owns: dict[str, list[str]] = defaultdict(list)
    for own in sorted(staying):
        word = wanted.tasks[own].said.get("status")
        if word in _WORDS and word != present.tasks[own].said.get("status"):
            owns[word].append(own)
    for word, those in sorted(owns.items()):
        yield "set-status", f"--id={','.join(those)}", f"--status={word}"
