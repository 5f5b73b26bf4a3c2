"""Which task of a tag is to wait for which, once what is asked is done: `admitted`, `of_task`, `of_new`."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from planning_sync.replicas.taskmaster import waiting
from planning_sync.replicas.taskmaster.format import Task
from planning_sync.replicas.taskmaster.numbering import Numbering
from planning_sync.replicas.taskmaster.waiting import Edge
from plans.outline import Item


def admitted(numbers: Numbering) -> frozenset[Edge]:
    """What is to wait for what and did not yet, less what would close a circle."""
    return waiting.admitted(list(_kept_edges(numbers)), list(_new_edges(numbers)))


def of_task(numbers: Numbering, task: Task) -> list[int | str]:
    """Those of a task that stays, as they are to be written: first those that stay, as they are."""
    wanted = _wanted(numbers, task)
    mine = numbers.renamed(task.own)
    stays, below = mine == task.own, "." in mine
    kept: list[int | str] = []
    for dependency, own, _ in _kept(numbers, task, wanted):
        now = numbers.renamed(own)
        if now:
            kept.append(dependency if stays and now == own else _written(numbers, now, below))
    new = [own for own in _new(numbers, task, wanted) if (mine, own) in numbers.waits]
    return [*kept, *(_written(numbers, own, below) for own in new)]


def of_new(numbers: Numbering, item: Item) -> list[int | str]:
    """Those of a task that comes."""
    mine = numbers.then[item.key]
    others = (own for own in numbers.named(mine, item.depends_on) if (mine, own) in numbers.waits)
    return [_written(numbers, own, "." in mine) for own in others]


def _kept(
    numbers: Numbering, task: Task, wanted: Collection[str] | None
) -> Iterator[tuple[int | str, str, str]]:
    """Of each dependency that stays: how it is written, which task it names, and the ref of that."""
    for dependency in task.dependencies:
        own = numbers.tag.target(task, dependency)
        ref = numbers.tag.ref_of(own)
        if wanted is None or not ref or ref in wanted:
            yield dependency, own, ref


def _new(numbers: Numbering, task: Task, wanted: Collection[str] | None) -> Iterator[str]:
    """The tasks, by their numbers then, that this one is to wait for and does not yet."""
    said = {ref for _, _, ref in _kept(numbers, task, wanted)}
    return numbers.named(numbers.renamed(task.own), (ref for ref in wanted or () if ref not in said))


def _wanted(numbers: Numbering, task: Task) -> Collection[str] | None:
    """The refs of what the task is to wait for; None where nothing is asked of that."""
    refs = numbers.asked.changed.get(numbers.keys[task.own], {}).get("depends_on")
    return refs if isinstance(refs, tuple) else None


def _kept_edges(numbers: Numbering) -> Iterator[Edge]:
    for own, task in numbers.tag.tasks.items():
        mine = numbers.renamed(own)
        others = (numbers.renamed(other) for _, other, _ in _kept(numbers, task, _wanted(numbers, task)))
        yield from ((mine, other) for other in others if mine and other)


def _new_edges(numbers: Numbering) -> Iterator[Edge]:
    for own, task in numbers.tag.tasks.items():
        mine = numbers.renamed(own)
        yield from ((mine, other) for other in _new(numbers, task, _wanted(numbers, task)) if mine)
    for item in numbers.asked.added:
        mine = numbers.then[item.key]
        yield from ((mine, other) for other in numbers.named(mine, item.depends_on))


def _written(numbers: Numbering, own: str, for_subtask: bool) -> int | str:
    """As the tool writes a dependency: a number among those of a subtask would be one beside it."""
    if "." in own or for_subtask or numbers.ids_are_text:
        return own
    return int(own)
