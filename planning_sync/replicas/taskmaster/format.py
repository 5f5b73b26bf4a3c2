"""What one tag of Task Master says, as records: `read`, `Task`, `tasks_of`, and the words of its fields.

A tag is an object with a list `tasks`, each of which may have a list `subtasks`. A task goes by its `id`, a
subtask by those of both: `3.2`. The tool itself writes ids and dependencies as numbers in some commands and
as strings in others, so both mean the same here. A number among the dependencies of a subtask is a subtask
beside it, if there is one, as the tool takes it.

The link: the tool keeps whatever `metadata` holds, so a task that the hub brought has there

    "planningSync": {"id": the hub's id, "ref": its ref there if that is not the task's id,
                     "without": fields that the tool wants and that the hub has no value for}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from planning_sync.replicas import structured
from planning_sync.replicas.jsontext import Node, parse
from planning_sync.replicas.structured import Record, Records, Words
from plans.document.model import Finding
from plans.document.text import display
from plans.outline import Status

LINK = "planningSync"
LEVELS = 2
NO_TITLE = "(no title)"
"""What a task is called of which the hub says nothing: the tool reads no list with an empty title in it."""
USUAL_PRIORITY = "medium"
"""What a task has that nobody gave a priority: the tool reads no list in which one has none."""

STATUSES = Words(
    {
        "pending": Status.TODO,
        "in-progress": Status.IN_PROGRESS,
        "done": Status.DONE,
        "blocked": Status.BLOCKED,
        "cancelled": Status.CANCELLED,
        "review": Status.IN_PROGRESS,
        "deferred": Status.TODO,
        "completed": Status.DONE,
    }
)
PRIORITIES = Words({name: name for name in ("low", "medium", "high", "critical")})

_NUMBER = re.compile(r"[1-9]\d*\Z")


@dataclass(frozen=True)
class Task:
    """A task or subtask, as it stands in the text."""

    own: str
    above: str
    node: Node

    @property
    def said(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.node.value
        return found

    @cached_property
    def link(self) -> Mapping[str, Any]:
        """What we keep with the task."""
        metadata = self.said.get("metadata")
        link = metadata.get(LINK) if isinstance(metadata, dict) else None
        return link if isinstance(link, dict) else {}

    @property
    def key(self) -> str:
        """The hub's id of the task, if it has a link."""
        found = self.link.get("id")
        return found if isinstance(found, str) else ""

    @property
    def ref(self) -> str:
        found = self.link.get("ref", self.own)
        return display(found) if isinstance(found, str) else self.own

    @property
    def dependencies(self) -> Sequence[int | str]:
        found: Sequence[int | str] = self.said.get("dependencies") or ()
        return found

    @property
    def is_subtask(self) -> bool:
        return bool(self.above)


@dataclass(frozen=True)
class Tag:
    """The tasks of one tag, by `own`, each followed by its subtasks."""

    node: Node
    tasks: Mapping[str, Task]

    @cached_property
    def refs(self) -> Mapping[str, str]:
        """What each task is called in the hub.

        One without a ref that another one depends on goes by its number there, as long as that is so: the
        dependency could not be named otherwise. Not where the number is the ref of another task.
        """
        refs = {own: task.ref for own, task in self.tasks.items()}
        needed = {self.target(task, each) for task in self.tasks.values() for each in task.dependencies}
        bare = {own for own in needed if refs.get(own) == ""}
        taken = {*refs.values()} if bare else set()
        return {**refs, **{own: own for own in bare if own not in taken}}

    def ref_of(self, own: str) -> str:
        """What the task is called in the hub; of one that is not there, what it is called here."""
        return self.refs.get(own, display(own))

    def target(self, task: Task, dependency: int | str) -> str:
        """`own` of the task that a dependency of `task` names, whether there is such a one or not."""
        name = str(dependency)
        if isinstance(dependency, int) and task.is_subtask and f"{task.above}.{name}" in self.tasks:
            return f"{task.above}.{name}"
        return name


def read(text: str, data: bytes, title: str) -> Records:
    """The document that the text of a tag is. Raises `Malformed`."""
    tag = tasks_of(text)
    findings: list[Finding] = []
    records = [_record(tag, task, findings) for task in tag.tasks.values()]
    return structured.document(
        data, records, title=title, levels=LEVELS, text=text, findings=findings, source=tag
    )


def tasks_of(text: str) -> Tag:
    """What stands in the text of a tag, checked. Raises `Malformed`."""
    node = parse(text)
    found: dict[str, Task] = {}
    for task in _listed(node, "tasks", ""):
        _admit(found, task)
        if task.said.get("subtasks"):
            for subtask in _listed(task.node, "subtasks", task.own):
                _admit(found, subtask)
    return Tag(node, found)


def _listed(node: Node, name: str, above: str) -> Iterator[Task]:
    if name not in node.value:
        node.fail(f"there is no list {name!r} in this object")
    for each in node.member(name).elements:
        if not isinstance(each.value, dict):
            each.fail("a task is expected here, which is an object")
        yield Task(_own(each, above), above, each)


def _own(node: Node, above: str) -> str:
    told = node.value.get("id")
    number = str(told) if isinstance(told, str | int) and not isinstance(told, bool) else ""
    if above:
        number = number.rpartition(".")[2]
    if not _NUMBER.match(number):
        node.members.get("id", node).fail(f"the id of a task is a whole number above 0, not {told!r}")
    return f"{above}.{number}" if above else number


def _admit(found: dict[str, Task], task: Task) -> None:
    """Take the task in; raises `Malformed` where a field of ours is not what it must be."""
    if task.own in found:
        task.node.members["id"].fail(f"there are two tasks {task.own}")
    for name, wanted, kind in _TYPES:
        value = task.said.get(name)
        if not isinstance(value, wanted) and not (value is None and name != "title"):
            task.node.members.get(name, task.node).fail(f"{name!r} of task {task.own} must be {kind}")
    for dependency in task.dependencies:
        if isinstance(dependency, bool) or not isinstance(dependency, int | str):
            task.node.members["dependencies"].fail(f"a dependency of task {task.own} is {dependency!r}")
    found[task.own] = task


_TYPES = (
    ("title", str, "text"),
    ("status", str, "text"),
    ("priority", str, "text"),
    ("dependencies", list, "a list"),
    ("subtasks", list, "a list"),
)


def _record(tag: Tag, task: Task, findings: list[Finding]) -> Record:
    return Record(
        own=task.own,
        above=task.above,
        said={
            "text": title_said(task.said["title"]),
            "ref": tag.refs[task.own],
            "status": _status(task, findings),
            "priority": _priority(task),
            "depends_on": _depends_on(tag, task, findings),
        },
        start=task.node.start,
        end=task.node.end,
        link=task.key,
        edited=str(task.said.get("updatedAt", "")),
        further=structured.beyond(task.said, _TAKEN),
    )


_TAKEN = frozenset({"id", "metadata", "updatedAt", *(name for name, _type, _told in _TYPES)})
"""Fields that become some of the hub's, and those of bookkeeping."""


def title_said(title: str) -> str:
    """The title on one line, as it can be stored."""
    return display(" ".join(title.split()))


def _status(task: Task, findings: list[Finding]) -> str:
    raw = task.said.get("status") or "pending"
    meaning = STATUSES.meaning(raw)
    if meaning is None:
        message = f"the status {display(raw)!r} of task {task.own} is unknown: it counts as not begun"
        findings.append(_finding(task, "unrecognised", message))
    return meaning or Status.TODO


def _finding(task: Task, code: str, message: str) -> Finding:
    return Finding(task.node.text.count("\n", 0, task.node.start) + 1, code, message)


def _priority(task: Task) -> str:
    raw = task.said.get("priority") or ""
    without = task.link.get("without")
    if raw == USUAL_PRIORITY and isinstance(without, list) and "priority" in without:
        return ""
    return display(raw)


def _depends_on(tag: Tag, task: Task, findings: list[Finding]) -> tuple[str, ...]:
    """The refs of the tasks that this one waits for.

    One that has no ref in the hub cannot be named there: it is left out, told, and stays in the file.
    """
    refs = [tag.ref_of(tag.target(task, dependency)) for dependency in task.dependencies]
    if "" in refs:
        message = f"task {task.own} depends on one without a ref in the hub: the hub does not show that"
        findings.append(_finding(task, "unnamed-dependency", message))
    return tuple(dict.fromkeys(ref for ref in refs if ref))


def is_own(ref: str, above: str) -> bool:
    """Whether a task below `above` could go by that ref."""
    outer, _, number = ref.rpartition(".")
    return outer == above and bool(_NUMBER.match(number))
