"""The JSON shapes of what commands list: `plans`, `tasks`, `task`, `conflicts`, `replicas`, `operations`.

Each is made with a fixed number of queries, or one for each plan where lines are looked up in its file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from audit.models import Entry, Operation
from conflicts import choices
from conflicts.models import Conflict
from planning_sync.sync import lines
from planning_sync.sync.management.output import clean
from planning_sync.sync.models import Link, Replica
from plans.models import Phase, Plan, Task

AT_WORK = (Conflict.State.OPEN, Conflict.State.DECIDED)


def plans() -> list[dict[str, Any]]:
    """The plans by title, each with where it stands in its oldest replica."""
    places = _places()
    return [_plan(row, places.get(row.pk)) for row in Plan.objects.live().order_by("title", "pk")]


def _places() -> dict[UUID, tuple[str, str]]:
    """(replica, path) of each plan that has a file."""
    found: dict[UUID, tuple[str, str]] = {}
    rows = Link.objects.filter(gone_at=None).order_by("replica__created_at", "replica_id")
    for plan_id, replica, path in rows.values_list("plan_id", "replica__name", "path"):
        found.setdefault(plan_id, (replica, path))
    return found


def _plan(row: Plan, place: tuple[str, str] | None) -> dict[str, Any]:
    replica, path = place or (None, None)
    return {
        "id": str(row.pk),
        "path": path,
        "title": row.title,
        "version": row.version,
        "date": row.date,
        "status": row.status,
        "progress": _number(row.progress),
        "declared_progress": _number(row.declared_progress),
        "phases": row.phase_count,
        "tasks": row.task_count,
        "done": row.done_count,
        "replica": replica,
    }


def _number(percent: Decimal | None) -> float | None:
    return None if percent is None else float(percent)


def tasks(plan: Plan | None = None) -> Iterator[dict[str, Any]]:
    """The tasks of one plan, or of all by title, in document order."""
    for row in [plan] if plan is not None else Plan.objects.live().order_by("title", "pk"):
        rows = Task.objects.live().filter(plan=row).order_by("position")
        yield from _tasks(rows, lines.of_tasks(row.pk))


def task(row: Task) -> dict[str, Any]:
    """One task, be it in the bin or not."""
    return next(_tasks(Task.objects.filter(pk=row.pk), lines.of_tasks(row.plan_id)))


_TASK_COLUMNS = (
    *("pk", "plan_id", "ref", "text", "status", "parent_id", "phase_id"),
    *("priority", "assignee", "due_date", "tags", "depends_on"),
)


def _tasks(rows: QuerySet[Task], lines_by_id: Mapping[UUID, int]) -> Iterator[dict[str, Any]]:
    for row in rows.values_list(*_TASK_COLUMNS).iterator():
        pk, plan_id, ref, text, status, parent, phase, priority, assignee, due, tags, needs = row
        yield {
            "id": str(pk),
            "plan": str(plan_id),
            "ref": ref,
            "text": text,
            "status": status,
            "line": lines_by_id.get(pk),
            "parent": _id(parent),
            "phase": _id(phase),
            "priority": priority,
            "assignee": assignee,
            "due": due.isoformat() if due else None,
            "tags": tags,
            "depends_on": needs,
        }


def _id(pk: UUID | None) -> str | None:
    return str(pk) if pk else None


def conflicts(rows: QuerySet[Conflict], states: Iterable[str] = AT_WORK) -> list[Conflict]:
    """Those in these states, the worst first, and of those the oldest."""
    rank = {severity: number for number, severity in enumerate(reversed(Conflict.Severity.values))}
    rows = rows.filter(state__in=list(states)).order_by("opened_at", "pk")
    return sorted(rows, key=lambda row: rank[row.severity])


def as_conflict(row: Conflict) -> dict[str, Any]:
    plan = str(row.plan_id) if row.plan_id else None
    return {
        "id": str(row.pk),
        "kind": row.kind,
        "severity": row.severity,
        "state": row.state,
        "plan": plan,
        "item": str(UUID(row.item_key)) if row.item_key else plan,
        "field": row.field,
        "base": row.base_value,
        "replica": row.replica_value,
        "hub": row.hub_value,
        "suggestion": row.suggestion,
        "opened_at": row.opened_at.isoformat(),
    }


def whole_conflict(row: Conflict) -> dict[str, Any]:
    """With all that helps to decide, and what was decided."""
    return {
        **as_conflict(row),
        "label": row.item_label,
        "rule": row.rule,
        "path": row.path,
        "line": row.line,
        "excerpt": [{"line": number, "text": text} for number, text in row.excerpt],
        "replica_changed": {"at": _time(row.replica_changed_at), "by": row.replica_changed_by},
        "hub_changed": {"at": _time(row.hub_changed_at), "by": row.hub_changed_by},
        "found_by": _id(row.operation_id),
        "options": [
            {"take": option.take, "becomes": option.hub, "dropped": list(option.dropped)}
            for option in (choices.options(row) if row.state == Conflict.State.OPEN else ())
        ],
        "assigned_to": str(row.assigned_to) if row.assigned_to else None,
        "postponed_until": _time(row.postponed_until),
        "taken": row.taken,
        "taken_value": row.taken_value,
        "decided_by": row.decided_by,
        "decided_at": _time(row.decided_at),
        "decision": _id(row.decision_id),
    }


def automatic_decisions(limit: int) -> list[dict[str, Any]]:
    """What strategies settled without a person, the latest first."""
    rows = Entry.objects.filter(action=Entry.Action.DECIDED, after__has_key="strategy").order_by("-id")
    found = list(rows[:limit])
    titles = Plan.objects.in_bulk([row.plan_id for row in found if row.plan_id])
    return [_automatic(row, titles) for row in found]


def _automatic(row: Entry, plans: Mapping[UUID, Plan]) -> dict[str, Any]:
    before, after = row.before or {}, row.after or {}
    plan = plans.get(row.plan_id) if row.plan_id else None
    return {
        "entry": row.pk,
        "at": row.at.isoformat(),
        "operation": str(row.operation_id),
        "plan": _id(row.plan_id),
        "plan_title": plan.title if plan else "",
        "item": _id(row.item_id),
        "field": row.field,
        "base": before.get("base"),
        "replica": before.get("replica"),
        "hub": before.get("hub"),
        "strategy": after["strategy"],
        "take": after["take"],
        "outcome": after["value"] if after["take"] == "value" else before.get(after["take"]),
    }


def told(value: Any) -> str:
    """A conflict's value in one line."""
    if value is None:
        return "(not there)"
    if isinstance(value, dict):
        return f"{value['items']} items"
    return clean(", ".join(map(str, value)) if isinstance(value, list) else value) or '""'


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def replicas() -> list[dict[str, Any]]:
    found = []
    for row in Replica.objects.order_by("created_at", "pk"):
        links = Link.objects.filter(replica=row, gone_at=None, plan__deleted_at=None)
        waiting = [old != new for old, new in links.values_list("revision", "plan__revision")]
        found.append(
            {
                "name": row.name,
                "kind": row.kind,
                "path": row.path,
                "enabled": row.enabled,
                "plans": len(waiting),
                "waiting": sum(waiting),
                "problems": links.exclude(problem="").count(),
                "last_sync_at": _time(row.last_sync_at),
                "last_status": row.last_status,
                "last_problem": row.last_problem,
                "seen_at": _time(row.seen_at),
                "lost_at": _time(row.lost_at),
                "retry_at": _time(row.retry_at),
            }
        )
    return found


def operations(plan: Plan, limit: int) -> list[dict[str, Any]]:
    """What happened to the plan, newest first, each operation with its entries on this plan in order."""
    entries = Entry.objects.filter(plan_id=plan.pk).order_by("-id")
    found: dict[UUID, list[Entry]] = {}
    for entry in entries.iterator():
        if entry.operation_id not in found and len(found) == limit:
            break
        found.setdefault(entry.operation_id, []).append(entry)
    rows = Operation.objects.in_bulk(list(found))
    labels = _labels(plan)
    return [_operation(rows[pk], reversed(listed), labels) for pk, listed in found.items()]


def _labels(plan: Plan) -> dict[UUID, str]:
    """What each item of the plan is called, those in the bin included."""
    items: list[Phase | Task] = [*Phase.objects.filter(plan=plan), *Task.objects.filter(plan=plan)]
    return {plan.pk: plan.title, **{item.pk: str(item) for item in items}}


def _operation(row: Operation, entries: Iterable[Entry], labels: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        "operation": str(row.pk),
        "kind": row.kind,
        "actor": row.actor,
        "on_behalf_of": row.on_behalf_of,
        "status": row.status,
        "at": row.started_at.isoformat(),
        "entries": [_entry(entry, labels) for entry in entries],
    }


def _entry(entry: Entry, labels: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        "action": entry.action,
        "item_kind": entry.item_kind,
        "item": _id(entry.item_id),
        "label": labels.get(entry.item_id, "") if entry.item_id else "",
        "field": entry.field,
        "before": _ordered(entry.before),
        "after": _ordered(entry.after),
    }


def _ordered(value: Any) -> Any:
    """Mappings by name, since not every database keeps their order."""
    return dict(sorted(value.items())) if isinstance(value, dict) else value
