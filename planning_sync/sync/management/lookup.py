"""Which plan, phase, task or conflict a person means: `plan`, `task`, `phase`, `conflict`.

An id may be given whole, by its first characters, or by its last ones (which is what tables show, because
ids made together begin alike). What fits several things is `Ambiguous`; what fits none, `NotFound`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from audit.models import Operation
from conflicts.errors import ConflictNotFound
from conflicts.models import Conflict
from planning_sync.replicas import names
from planning_sync.sync.errors import UnknownOperation
from planning_sync.sync.management.failures import UsageError
from planning_sync.sync.models import Link, Replica
from plans.errors import NotFound
from plans.models import BinQuerySet, Phase, Plan, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORT = 8
"""How many of an id's last characters a table shows."""
_SHOWN = 10
_HEX = re.compile(r"[0-9a-f]{4,32}")

Row = TypeVar("Row", Plan, Phase, Task, Conflict, Operation)


class Ambiguous(UsageError):
    def __init__(self, kind: str, given: str, candidates: Sequence[str]) -> None:
        listed = "".join(f"\n  {line}" for line in candidates[:_SHOWN])
        more = f"\n  and {len(candidates) - _SHOWN} more" if len(candidates) > _SHOWN else ""
        super().__init__(f"{given!r} fits {len(candidates)} {kind}s; say which one:{listed}{more}")
        self.candidates = tuple(candidates)


def short(pk: UUID) -> str:
    return pk.hex[-SHORT:]


def plan(given: str) -> Plan:
    """By id, path in a replica, title, start or end of an id, file on disk, file name, or part of a title."""
    live = Plan.objects.live()
    for found in _plans(live, given):
        rows = list(found.distinct().order_by("title", "pk")[: _SHOWN * 5])
        if rows:
            return _only("plan", given, rows, _plan_line)
    raise NotFound("plan", given)


def task(given: str) -> Task:
    live = Task.objects.live().filter(plan__deleted_at=None).select_related("plan")
    return _only("task", given, _by_id(live, given, "task"), _task_line)


def phase(plan: Plan, given: str) -> Phase:
    """A phase of the plan, by id, number or title."""
    live = Phase.objects.live().filter(plan=plan)
    bare = given.strip().rstrip(".")
    titled = live.filter(Q(title__iexact=given) | Q(number__iexact=given) | Q(number__iexact=bare))
    rows = list(titled) or [row for row in live if str(row).casefold() == given.strip().casefold()]
    if rows:
        return _only("phase", given, rows, _phase_line)
    return _only("phase", given, _by_id(live, given, "phase"), _phase_line)


def conflict(given: str) -> UUID:
    rows = list(_with_id(Conflict.objects.all(), given)[: _SHOWN + 1])
    if not rows:
        raise ConflictNotFound(given)
    return _only("conflict", given, rows, lambda row: f"{row.pk}  {row}").pk


def operation(given: str) -> UUID:
    """An operation, by its id or the start or end of it."""
    rows = list(_with_id(Operation.objects.order_by("-started_at"), given)[: _SHOWN + 1])
    if not rows:
        raise UnknownOperation(given)
    return _only("operation", given, rows, _operation_line).pk


def anything(given: str) -> Plan | Phase | Task:
    """A plan, phase or task by its id, live or in the bin; else a live plan by any name."""
    rows: list[Plan | Phase | Task] = [
        *_with_id(Plan.objects.all(), given)[:_SHOWN],
        *_with_id(Phase.objects.all(), given)[:_SHOWN],
        *_with_id(Task.objects.all(), given)[:_SHOWN],
    ]
    if len(rows) > 1:
        raise Ambiguous("item", given, [f"{row.pk}  {row}" for row in rows])
    return rows[0] if rows else plan(given)


# ------------------------------------------------------------------------------------------- by what


def _plans(live: BinQuerySet[Plan], given: str) -> Iterator[QuerySet[Plan]]:
    """What the words may mean, the surest reading first."""
    whole = _uuid(given)
    if whole is not None:
        yield live.filter(pk=whole)
    at = Q(links__gone_at=None)
    yield live.filter(at, links__path=given)
    yield live.filter(title__iexact=given)
    yield _with_id(live, given)
    yield from _by_file(live, given)
    name = given.rpartition("/")[2]
    yield live.filter(at, Q(links__path__endswith=f"/{name}") | Q(links__path=name))
    yield live.filter(at, Q(links__path__endswith=f"/{name}.md") | Q(links__path=f"{name}.md"))
    yield live.filter(title__icontains=given)


def _by_file(live: BinQuerySet[Plan], given: str) -> Iterator[QuerySet[Plan]]:
    """The plan that stands in this file, named as the operating system names it."""
    place = Path(given).expanduser()
    if not place.exists():
        return
    real = place.resolve()
    for row in Replica.objects.all():
        if real.is_relative_to(row.path) and real != Path(row.path):
            path = names.from_os(os.fspath(real.relative_to(row.path)))
            yield live.filter(links__replica=row, links__path=path, links__gone_at=None)


def _by_id(rows: QuerySet[Row], given: str, kind: str) -> list[Row]:
    found = list(_with_id(rows, given)[: _SHOWN * 5])
    if not found:
        raise NotFound(kind, given)
    return found


def _with_id(rows: QuerySet[Row], given: str) -> QuerySet[Row]:
    whole = _uuid(given)
    if whole is not None:
        return rows.filter(pk=whole)
    digits = given.strip().lower().replace("-", "").removeprefix("…")
    if not _HEX.fullmatch(digits):
        return rows.none()
    first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    found = rows.filter(pk__gte=first, pk__lte=last)
    if found.exists() or len(digits) > 12:
        return found
    return rows.annotate(id_text=Cast("pk", TextField())).filter(id_text__endswith=digits)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def _only(kind: str, given: str, rows: Iterable[Row], told: Callable[[Row], str]) -> Row:
    rows = list(rows)
    if len(rows) > 1:
        raise Ambiguous(kind, given, [told(row) for row in rows])
    return rows[0]


def _plan_line(row: Plan) -> str:
    path = Link.objects.filter(plan=row).values_list("path", flat=True).first()
    return f"{row.pk}  {row.title}" + (f"  ({path})" if path else "")


def _task_line(row: Task) -> str:
    return f"{row.pk}  {row}  ({row.plan.title})"


def _operation_line(row: Operation) -> str:
    return f"{row.pk}  {row.kind} by {row.actor}, {row.started_at:%Y-%m-%d %H:%M:%S}"


def _phase_line(row: Phase) -> str:
    return f"{row.pk}  {row}"
