"""What a tag of Task Master shall say, as its text with the fewest characters changed: `splice`, `EMPTY`.

Fields of tasks that stay are set first, each in its place. Then whole tasks come, go, or change between
task and subtask; what depends on a task that goes, or that gets another id, follows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from planning_sync.replicas.jsontext import Node, Splices, parse
from planning_sync.replicas.structured import Asked, Records, Spliced
from planning_sync.replicas.taskmaster import dependencies
from planning_sync.replicas.taskmaster import format as tags
from planning_sync.replicas.taskmaster.format import LINK, NO_TITLE, PRIORITIES, STATUSES, Tag, Task
from planning_sync.replicas.taskmaster.numbering import Numbering
from plans.outline import ROOT, Item, Value

EMPTY = '{\n    "tasks": []\n  }'
"""A tag without tasks, laid out as the tool does in the file of all tags."""


def splice(document: Records, asked: Asked) -> Spliced:
    """The document with what is asked of it."""
    tag = document.source
    assert isinstance(tag, Tag), "the document of a tag is made from it"
    text = tag.node.text
    numbers = Numbering(tag, asked, {name.own: item.key for name, item in _named(document)})
    numbers.waits = dependencies.admitted(numbers)
    text = _with_fields(text, tag, numbers)
    if asked.added or asked.moved or asked.removed:
        text = _with_tasks(text, numbers)
    done = tags.read(text, text.encode(), document.outline.plan.text)
    return Spliced(done, numbers.keys_then, following=frozenset({"depends_on"}))


def _named(document: Records) -> Iterable[tuple[Any, Item]]:
    return (
        (name, item) for name, item in zip(document.names, document.outline.items, strict=True) if name.own
    )


# ------------------------------------------------------------------------------------ fields


def _with_fields(text: str, tag: Tag, numbers: Numbering) -> str:
    splices = Splices(text)
    gone = {*numbers.asked.removed}
    moving = any(numbers.renamed(own) != own for own in tag.tasks)
    for task in tag.tasks.values():
        key = numbers.keys[task.own]
        fields = numbers.asked.changed.get(key, {})
        if key in gone or not (fields or moving or _is_renamed(numbers, task)):
            continue
        if "priority" in fields and _priority(numbers, key, fields) is None:
            fields = {name: value for name, value in fields.items() if name != "priority"}
        _set_words(splices, task, fields, priority=_priority(numbers, key, fields))
        _set_link(splices, numbers, task, fields)
        waits = dependencies.of_task(numbers, task)
        if waits != list(task.dependencies):
            splices.set_member(task.node, "dependencies", waits)
    return splices.done()


def _set_link(splices: Splices, numbers: Numbering, task: Task, fields: Mapping[str, Value]) -> None:
    """Keep with the task what the tool has no field for, where that is something."""
    key = numbers.keys[task.own]
    bare = not fields.get("priority", "") and "." not in numbers.then[key]
    unset = "priority" in fields and (bare or "without" in task.link)
    kept_ref = numbers.then[key] != task.own and numbers.ref_then(key) != numbers.then[key]
    if not ("ref" in fields or unset or kept_ref or _is_renamed(numbers, task)):
        return
    link = _link(numbers, key, {**task.link}, fields)
    metadata = task.node.members.get("metadata")
    if metadata is None or metadata.value is None:
        splices.set_member(task.node, "metadata", {LINK: link})
    elif isinstance(metadata.value, dict):
        splices.set_member(metadata, LINK, link)


def _is_renamed(numbers: Numbering, task: Task) -> bool:
    """Whether it goes by its number because others depend on it, which our link does not say yet."""
    key = numbers.keys[task.own]
    return not task.ref and numbers.tag.refs[task.own] == numbers.ref_then(key) != ""


def _set_words(splices: Splices, task: Task, fields: Mapping[str, Value], *, priority: str | None) -> None:
    if "text" in fields:
        splices.set_member(task.node, "title", fields["text"] or NO_TITLE)
    if "status" in fields:
        word = STATUSES.word(str(fields["status"]))
        if word is not None:
            splices.set_member(task.node, "status", word)
    if "priority" in fields and priority:
        splices.set_member(task.node, "priority", priority)
    elif "priority" in fields and "priority" in task.said:
        splices.remove_member(task.node, "priority")


def _priority(numbers: Numbering, key: str, fields: Mapping[str, Value]) -> str | None:
    """The word for the priority, None where there is no such word; only a subtask can do without one."""
    value = str(fields.get("priority", ""))
    if value:
        return PRIORITIES.word(value)
    return "" if "." in numbers.then[key] else tags.USUAL_PRIORITY


def _link(numbers: Numbering, key: str, link: dict[str, Any], fields: Mapping[str, Value]) -> dict[str, Any]:
    """What we keep with the task, once it says what the fields say."""
    link["id"] = key
    ref = numbers.ref_then(key)
    link.pop("ref", None)
    if ref != numbers.then[key]:
        link["ref"] = ref
    if "priority" in fields:
        link.pop("without", None)
        if not fields["priority"] and "." not in numbers.then[key]:
            link["without"] = ["priority"]
    return link


# ------------------------------------------------------------------------------------ tasks


def _with_tasks(text: str, numbers: Numbering) -> str:
    """The text with tasks taken out and put in: lists of subtasks first, then the list of tasks."""
    tag = tags.tasks_of(text)
    leaving = {numbers.owns[key] for key in (*numbers.asked.moved, *numbers.asked.removed)}
    coming = _coming(tag, numbers)
    below: dict[str, list[str]] = defaultdict(list)
    for own, task in tag.tasks.items():
        below[task.above].append(own)
    splices = Splices(text)
    for own in below[""]:
        if own not in leaving and (own in coming or not leaving.isdisjoint(below[own])):
            _relist(splices, tag.tasks[own].node, "subtasks", _staying(below[own], leaving), coming[own])
    text = splices.done()
    splices = Splices(text)
    if coming[""] or not leaving.isdisjoint(below[""]):
        _relist(splices, parse(text), "tasks", _staying(below[""], leaving), coming[""])
    return splices.done()


def _staying(owns: Sequence[str], leaving: Collection[str]) -> list[bool]:
    return [own not in leaving for own in owns]


def _relist(
    splices: Splices, node: Node, name: str, staying: Sequence[bool], new: Sequence[dict[str, Any]]
) -> None:
    listed = node.members.get(name)
    if listed is None or listed.value is None:
        splices.set_member(node, name, list(new))
    else:
        splices.rearrange(listed, staying, new)


def _coming(tag: Tag, numbers: Numbering) -> dict[str, list[dict[str, Any]]]:
    """The new objects of each list, by the `own` of the task that has it; those of a new task are in it."""
    new: dict[str, dict[str, Any]] = {}
    lists: dict[str, list[dict[str, Any]]] = defaultdict(list)
    added = {item.key: item for item in numbers.asked.added}
    for key, container in numbers.asked.containers.items():
        if key in added:
            told = _created(numbers, added[key], below=container != ROOT)
        elif key in numbers.asked.moved:
            told = _moved(tag.tasks[numbers.owns[key]], numbers.then[key], key)
        else:
            continue
        own = numbers.then[key]
        new[own] = told
        above = own.rpartition(".")[0]
        (new[above]["subtasks"] if above in new else lists[above]).append(told)
    return lists


def _created(numbers: Numbering, item: Item, *, below: bool) -> dict[str, Any]:
    own = numbers.then[item.key]
    title = item.text or NO_TITLE
    told = {
        "id": _id(numbers, own, below=below),
        "title": title,
        "description": title,
        "details": "",
        "testStrategy": "",
        "status": STATUSES.word(item.status) or "pending",
        "dependencies": dependencies.of_new(numbers, item),
        "priority": PRIORITIES.word(item.priority) or tags.USUAL_PRIORITY,
        "subtasks": [],
        "metadata": {LINK: _link(numbers, item.key, {}, {"priority": item.priority})},
    }
    if below:
        del told["testStrategy"], told["subtasks"]
        if not item.priority:
            del told["priority"]
        told["parentTaskId"] = int(own.partition(".")[0])
    return told


def _moved(task: Task, own: str, key: str) -> dict[str, Any]:
    """A task as a subtask, or the other way round, with all else that it says."""
    told = {name: value for name, value in task.said.items() if name not in ("parentTaskId", "parentId")}
    above, _, number = own.rpartition(".")
    told["id"] = int(number) if isinstance(told["id"], int) or above else number
    if above:
        told.pop("subtasks", None)
        told["parentTaskId"] = int(above)
    else:
        told["description"] = told.get("description") or told["title"]
        told["subtasks"] = []
        metadata = told.get("metadata") or {}
        if not told.get("priority") and isinstance(metadata, dict):
            told["priority"] = tags.USUAL_PRIORITY
            told["metadata"] = {**metadata, LINK: {**task.link, "id": key, "without": ["priority"]}}
    return told


def _id(numbers: Numbering, own: str, *, below: bool) -> int | str:
    number = own.rpartition(".")[2]
    return number if numbers.ids_are_text and not below else int(number)
