"""Between rows and outlines: `load` reads a plan's rows as an outline, `save` writes the difference.

Keys of items are the hex form of the row's UUID. Nothing here decides anything or keeps a log:
`plans.services` does.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from audit import bulk
from plans.models import Phase, Plan, Task
from plans.outline import ROOT, Item, Kind, Outline, Status, longest_increasing

GAP = 1024
"""Between the positions of neighbours in a plan that was just written."""

NO_METADATA: dict[str, object] = {}


@dataclass(frozen=True)
class Stored:
    """A plan's outline with the position that each of its items has in the table."""

    outline: Outline
    positions: Mapping[str, int]


class Counts(NamedTuple):
    """Tasks that count, and those of them that are done; cancelled tasks do not count."""

    done: int
    total: int

    @property
    def percent(self) -> Decimal:
        if not self.total:
            return Decimal(0)
        share = Decimal(100 * self.done) / Decimal(self.total)
        return share.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


_saved = threading.local()
"""`last`: (plan id, revision, content) of the plan that a thread saved last, which a sync then looks at.

A revision stands for one content, as each committed change of a plan's items raises it.
"""

_PHASE_FIELDS = ("id", "parent_id", "position", "number", "title", "status", "declared_progress")
_TASK_FIELDS = (
    *("id", "phase_id", "parent_id", "position", "ref", "text", "status", "priority", "assignee"),
    *("due_date", "tags", "estimate", "depends_on"),
)


def load(plan: Plan) -> Stored:
    """The plan as its live rows say. Two queries, or none for the plan that this thread saved last."""
    known = getattr(_saved, "last", None)
    if known is not None and known[:2] == (plan.pk, plan.revision):
        stored: Stored = known[2]
        return stored
    rows: list[tuple[int, Item]] = []
    phases = Phase.objects.filter(plan_id=plan.pk, deleted_at=None)
    for pk, parent, position, number, title, status, declared in bulk.select(phases, _PHASE_FIELDS):
        item = Item(_key(pk), Kind.PHASE, _key(parent), title, number, status, _percent_text(declared))
        rows.append((position, item))
    tasks = Task.objects.filter(plan_id=plan.pk, deleted_at=None)
    for row in bulk.select(tasks, _TASK_FIELDS):
        pk, phase, parent, position, ref, text, status, priority, assignee, due, tags, estimate, needs = row
        above = _key(parent) or _key(phase)
        item = Item(
            *(_key(pk), Kind.TASK, above, text, ref, status, "", priority, assignee),
            *(str(due or ""), _words(tags), estimate, _words(needs)),
        )
        rows.append((position, item))
    rows.sort(key=itemgetter(0))
    outline = Outline(plan_item(plan), tuple([item for _, item in rows]))
    return Stored(outline, {item.key: position for position, item in rows})


def _key(pk: UUID | str | None) -> str:
    """The key of the row with this id, which SQLite keeps as hex text; `ROOT` for none."""
    if pk is None:
        return ROOT
    return pk if isinstance(pk, str) else pk.hex


def _words(packed: str) -> tuple[str, ...]:
    """The words of a column of JSON."""
    return () if packed == "[]" else tuple(json.loads(packed))


def _percent_text(stored: Decimal | float | None) -> str:
    """As `percent_text`, of a number that SQLite may have kept as a binary fraction."""
    if stored is None or isinstance(stored, Decimal):
        return percent_text(stored)
    return percent_text(Decimal(stored).quantize(Decimal("0.01")))


def plan_item(plan: Plan) -> Item:
    """The plan row as the root of its outline."""
    declared = percent_text(plan.declared_progress)
    return Item(
        ROOT, Kind.PLAN, ROOT, plan.title, "", plan.status, declared, version=plan.version, date=plan.date
    )


def percent_text(percent: Decimal | None) -> str:
    """A percentage as outlines spell it: no trailing zeros, "" for none."""
    if percent is None:
        return ""
    return f"{percent.normalize():f}"


def count(outline: Outline) -> dict[str, Counts]:
    """The counts of every phase (all that stands below it) and of the plan, under `ROOT`."""
    done: dict[str, int] = {}
    total: dict[str, int] = {}
    for item in reversed(outline.items):
        key, parent = item.key, item.parent
        own_done, own_total = done.get(key, 0), total.get(key, 0)
        if item.kind is Kind.TASK and item.status != Status.CANCELLED:
            own_total += 1
            own_done += item.status == Status.DONE
        if own_total:
            done[parent] = done.get(parent, 0) + own_done
            total[parent] = total.get(parent, 0) + own_total
    phases = (item.key for item in outline.items if item.kind is Kind.PHASE)
    return {key: Counts(done.get(key, 0), total.get(key, 0)) for key in (ROOT, *phases)}


def save(plan: Plan, before: Stored, after: Outline, *, at: datetime) -> Stored:
    """Make the plan's rows say `after`; rows that say it already are not touched.

    Items that are gone go to the bin, with everything about them. Raises the revision by one.
    The caller holds the lock on the plan's row and is in a transaction.
    """
    positions = _positions(before, after)
    counts = count(after)
    old_rows = _rows(before.outline, before.positions, count(before.outline))
    new_rows = _rows(after, positions, counts)
    for kind in (Kind.PHASE, Kind.TASK):
        _write(kind, plan, old_rows[kind], new_rows[kind], at)
    _bin(plan, [key for kind in old_rows for key in old_rows[kind] if key not in positions], at)
    _save_plan(plan, after, counts[ROOT], at)
    stored = Stored(after, positions)
    remembered = (plan.pk, plan.revision, stored)
    transaction.on_commit(lambda: setattr(_saved, "last", remembered))
    return stored


def _positions(before: Stored, after: Outline) -> dict[str, int]:
    """A position for each item, ascending in document order; as many as possible stay as they are."""
    known = [(item.key, before.positions[item.key]) for item in after.items if item.key in before.positions]
    kept = {known[index] for index in longest_increasing([position for _, position in known])}
    fixed = dict(kept)
    found: dict[str, int] = {}
    waiting: list[str] = []
    low = 0
    for item in after.items:
        high = fixed.get(item.key)
        if high is None:
            waiting.append(item.key)
            continue
        if not _spread(found, waiting, low, high):
            return {each.key: GAP * rank for rank, each in enumerate(after.items, 1)}
        found[item.key] = low = high
        waiting = []
    _spread(found, waiting, low, low + GAP * (len(waiting) + 1))
    return found


def _spread(found: dict[str, int], keys: list[str], low: int, high: int) -> bool:
    """Give `keys` numbers evenly between `low` and `high`; False where there is no room."""
    step = (high - low) // (len(keys) + 1)
    if keys and step < 1:
        return False
    for rank, key in enumerate(keys, 1):
        found[key] = low + step * rank
    return True


Rows = dict[str, tuple[Any, ...]]
_PHASE_COLUMNS = ("parent_id", "position", "number", "title", "status", "declared_progress", "progress")
_TASK_COLUMNS = _TASK_FIELDS[1:]


def _rows(outline: Outline, positions: Mapping[str, int], counts: Mapping[str, Counts]) -> dict[Kind, Rows]:
    """The columns of every item, by kind and key."""
    phases: Rows = {}
    tasks: Rows = {}
    section: dict[str, str] = {ROOT: ROOT}
    for item in outline.items:
        key, parent, position = item.key, item.parent, positions[item.key]
        if item.kind is Kind.PHASE:
            section[key] = key
            declared, computed = Decimal(item.progress) if item.progress else None, counts[key].percent
            phases[key] = (parent, position, item.ref, item.text, item.status, declared, computed)
            continue
        section[key] = phase = section[parent]
        tasks[key] = (
            *(phase, "" if parent == phase else parent, position, item.ref, item.text, item.status),
            *(item.priority, item.assignee, item.due, item.tags, item.estimate, item.depends_on),
        )
    return {Kind.PHASE: phases, Kind.TASK: tasks}


def _write(kind: Kind, plan: Plan, old: Rows, new: Rows, at: datetime) -> None:
    fresh = [key for key in new if key not in old]
    binned = _binned(kind, plan) if fresh and plan.revision else set()
    changed = [key for key in new if (key in old and new[key] != old[key]) or key in binned]
    inserted = {key: new[key] for key in fresh if key not in binned}
    if kind is Kind.PHASE:
        _insert_phases(plan, inserted, at)
        _update_phases(plan, {key: new[key] for key in changed}, at)
    else:
        _insert_tasks(plan, inserted, at)
        _update_tasks(plan, {key: (old.get(key), new[key]) for key in changed}, at)


def _binned(kind: Kind, plan: Plan) -> set[str]:
    """Keys of the plan's rows that are in the bin: one that comes back is taken out of it."""
    model = Phase if kind is Kind.PHASE else Task
    rows = model.objects.filter(plan_id=plan.pk).exclude(deleted_at=None)
    return {pk.hex for pk in rows.values_list("pk", flat=True)}


def _id(key: str) -> UUID | None:
    return UUID(key) if key else None


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _insert_phases(plan: Plan, rows: Rows, at: datetime) -> None:
    names = ("id", "plan", *_bare(_PHASE_COLUMNS), "metadata", "created_at", "modified_at", "deleted_at")
    bulk.insert(
        Phase,
        names,
        [(key, plan.pk, row[0] or None, *row[1:], NO_METADATA, at, at, None) for key, row in rows.items()],
    )


def _insert_tasks(plan: Plan, rows: Rows, at: datetime) -> None:
    names = (
        *("id", "plan", *_bare(_TASK_COLUMNS), "unreachable", "metadata", "created_at", "modified_at"),
        *("completed_at", "deleted_at"),
    )
    values = []
    for key, row in rows.items():
        phase, parent, position, ref, text, status, priority, assignee, due, tags, estimate, needs = row
        values.append(
            (
                *(key, plan.pk, phase or None, parent or None, position, ref, text, status, priority),
                *(assignee, _day(due), tags, estimate, needs, False, NO_METADATA, at, at),
                *(at if status == Status.DONE else None, None),
            )
        )
    bulk.insert(Task, names, values)


def _bare(columns: Iterable[str]) -> list[str]:
    return [name.removesuffix("_id") for name in columns]


def _update_phases(plan: Plan, rows: Rows, at: datetime) -> None:
    phases = [
        Phase(
            id=UUID(key),
            plan_id=plan.pk,
            parent_id=_id(row[0]),
            **dict(zip(_PHASE_COLUMNS[1:], row[1:], strict=True)),
            created_at=at,
            modified_at=at,
        )
        for key, row in rows.items()
    ]
    _upsert(Phase, phases, (*_bare(_PHASE_COLUMNS), "modified_at", "deleted_at"))


def _update_tasks(
    plan: Plan, rows: Mapping[str, tuple[tuple[Any, ...] | None, tuple[Any, ...]]], at: datetime
) -> None:
    status = _TASK_COLUMNS.index("status")
    same: list[Task] = []
    finished: list[Task] = []
    for key, (old, new) in rows.items():
        named = dict(zip(_TASK_COLUMNS, new, strict=True))
        named |= {
            "phase_id": _id(named["phase_id"]),
            "parent_id": _id(named["parent_id"]),
            "due_date": _day(named["due_date"]),
        }
        task = Task(id=UUID(key), plan_id=plan.pk, **named, created_at=at, modified_at=at)
        if old is not None and old[status] == new[status]:
            same.append(task)
        else:
            task.completed_at = at if new[status] == Status.DONE else None
            finished.append(task)
    _upsert(Task, same, (*_bare(_TASK_COLUMNS), "modified_at", "deleted_at"))
    _upsert(Task, finished, (*_bare(_TASK_COLUMNS), "modified_at", "completed_at", "deleted_at"))


def _upsert(model: type[Phase | Task], instances: list[Any], fields: Iterable[str]) -> None:
    # Far faster than `bulk_update`, whose statement repeats every key once per field.
    if instances:
        model.objects.bulk_create(
            instances, batch_size=500, update_conflicts=True, unique_fields=["id"], update_fields=list(fields)
        )


def _bin(plan: Plan, keys: list[str], at: datetime) -> None:
    for start in range(0, len(keys), 500):
        ids = [UUID(key) for key in keys[start : start + 500]]
        for model in (Phase, Task):
            model.objects.filter(plan_id=plan.pk, pk__in=ids).update(deleted_at=at)


def _save_plan(plan: Plan, after: Outline, counts: Counts, at: datetime) -> None:
    root = after.plan
    plan.title, plan.version, plan.date, plan.status = root.text, root.version, root.date, root.status
    plan.declared_progress = Decimal(root.progress) if root.progress else None
    plan.progress = counts.percent
    plan.task_count = sum(1 for _ in after.tasks())
    plan.phase_count = len(after.items) - plan.task_count
    plan.done_count = counts.done
    plan.revision += 1
    plan.modified_at = at
    plan.save(
        update_fields=[
            *("title", "version", "date", "status", "declared_progress", "progress", "task_count"),
            *("phase_count", "done_count", "revision", "modified_at"),
        ]
    )
