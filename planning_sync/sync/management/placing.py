"""Where an edited task is to stand (`for_new`, `for_known`), and which files have the edit (`files_of`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from planning_sync.sync import state
from planning_sync.sync.management import lookup
from planning_sync.sync.management.failures import UsageError
from planning_sync.sync.models import Intent, Link
from plans import outline as outlines
from plans import storage
from plans.models import Phase, Plan, Task


class Place(NamedTuple):
    parent: Plan | Phase | Task
    after: Task | None
    """The sibling before it; None for the first place."""


def for_new(plan: Plan, options: Mapping[str, Any]) -> Place:
    """The place that the options name; without any, the end of the plan's own tasks."""
    return _place(plan, plan, options)


def for_known(task: Task, options: Mapping[str, Any]) -> Place:
    """The place that the options name, of which one at least is needed."""
    if not any(options[name] for name in ("parent", "phase", "after", "first")):
        raise UsageError("Say where to: --parent ID, --phase PHASE, --after ID or --first.")
    return _place(task.plan, _parent_of(task), options, moving=task)


def _place(
    plan: Plan, default: Plan | Phase | Task, options: Mapping[str, Any], *, moving: Task | None = None
) -> Place:
    if options["parent"] and options["phase"]:
        raise UsageError(
            "Give --parent or --phase, not both: a task below another one is in that one's phase."
        )
    parent = default
    if options["parent"]:
        parent = _task_of(plan, options["parent"])
    elif options["phase"]:
        parent = lookup.phase(plan, options["phase"])
    if options["after"]:
        after = _task_of(plan, options["after"])
        return Place(parent if options["parent"] or options["phase"] else _parent_of(after), after)
    return Place(parent, None if options["first"] else _last(parent, moving))


def _task_of(plan: Plan, given: str) -> Task:
    task = lookup.task(given)
    if task.plan_id != plan.pk:
        raise UsageError(f"The task {given} belongs to the plan {task.plan.title!r}, not to {plan.title!r}.")
    return task


def _parent_of(task: Task) -> Plan | Phase | Task:
    return task.parent or task.phase or task.plan


def _last(parent: Plan | Phase | Task, moving: Task | None) -> Task | None:
    """The last of the tasks right below `parent`, other than the one that moves."""
    live = Task.objects.live().exclude(pk__in=[moving.pk] if moving else [])
    match parent:
        case Plan():
            found = live.filter(plan=parent, phase=None, parent=None)
        case Phase():
            found = live.filter(phase=parent, parent=None)
        case Task():
            found = live.filter(parent=parent)
    return found.order_by("position").last()


def files_of(task: Task) -> list[dict[str, Any]]:
    """Each file of the task's plan, and whether it says what the hub says of the task."""
    links = Link.objects.filter(plan_id=task.plan_id, gone_at=None).select_related("replica", "plan")
    return [_file(link, task.pk.hex) for link in links.order_by("replica__created_at", "pk")]


def _file(link: Link, key: str) -> dict[str, Any]:
    held = [field for held_key, field in state.unpack_held(link.held) if held_key == key]
    differing = _differing(link, key)
    waiting = link.revision != link.plan.revision or Intent.objects.filter(pk=link.pk).exists()
    return {
        "replica": link.replica.name,
        "path": link.path,
        "in_step": not waiting and not differing,
        "held": held,
        "reason": _reason(link, held, differing, waiting=waiting),
    }


def _differing(link: Link, key: str) -> list[str]:
    """In which fields the task as the file says it differs from the hub's."""
    hub, seen = storage.load(link.plan).outline.by_key.get(key), state.unpack(link.seen).by_key.get(key)
    if hub is None or seen is None:
        return [] if hub is seen else ["presence"]
    moved = ["parent"] if hub.parent != seen.parent else []
    return [*moved, *(field for field, _, _ in outlines.differing_fields(seen, hub))]


def _reason(link: Link, held: list[str], differing: list[str], *, waiting: bool) -> str:
    if link.problem:
        return link.problem
    if waiting:
        return "the next sync brings it"
    if held:
        return f"this file has no way to write {', '.join(held)}; the hub keeps it"
    return f"the file says something else in {', '.join(differing)}" if differing else ""
