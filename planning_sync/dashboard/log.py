"""Operations as the pages list them: `Filters`, `page_of`, `entries_of`, `labels_of`, `undone`.

Every function makes a fixed number of queries, and shows a person only what this person may see.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from audit import sight
from audit.models import Entry, Operation
from conflicts.queue import Someone
from planning_sync.dashboard import telling
from planning_sync.dashboard.parameters import Parameters
from planning_sync.dashboard.telling import Change, Labels, Tally
from planning_sync.sync.ledger import AGREEMENT
from planning_sync.sync.models import Replica
from plans.models import Phase, Plan, Task

WORK = (
    *(Operation.Kind.IMPORT, Operation.Kind.SYNC, Operation.Kind.EDIT, Operation.Kind.RESOLVE),
    *(Operation.Kind.REPAIR, Operation.Kind.UNDO, Operation.Kind.RESTORE),
)
"""What is done to plans; the other kinds are about people and about the log itself."""
EVERYTHING = "all"
DAYS = ("1", "7", "30", "90")
_PLANS_NAMED = 3
_UNDOS_MOST = 1000
_CHUNK = 500


@dataclass(frozen=True)
class Filters(Parameters):
    """Which operations; each "" leaves all in, but for `kind`, whose "" is work on plans."""

    kind: str = ""
    status: str = ""
    actor: str = ""
    """Part of who did it, or on whose behalf."""
    plan: str = ""
    """The id of a plan, or words of its title."""
    days: str = ""

    @property
    def plan_id(self) -> UUID | None:
        return as_uuid(self.plan)

    def choose(self, user: Someone, *, now: datetime | None = None) -> QuerySet[Operation]:
        """The operations, newest first."""
        rows = sight.shown(Operation.objects.all(), user)
        if self.kind != EVERYTHING:
            rows = rows.filter(kind__in=[self.kind] if self.kind else WORK)
        if self.status:
            rows = rows.filter(status=self.status)
        if self.actor:
            rows = rows.filter(Q(actor__icontains=self.actor) | Q(on_behalf_of__icontains=self.actor))
        if self.plan:
            rows = rows.filter(pk__in=self._on_plan(user).values("operation_id"))
        if self.days:
            rows = rows.filter(self._recent(now or timezone.now()))
        return rows.order_by("-started_at", "-id")

    def _on_plan(self, user: Someone) -> QuerySet[Entry]:
        # Not a look at each operation in turn: a plan has thousands of entries, the log many more operations.
        entries = sight.shown(Entry.objects.order_by(), user)
        if self.plan_id is not None:
            return entries.filter(plan_id=self.plan_id)
        plans = sight.shown(Plan.objects.filter(title__icontains=self.plan), user)
        return entries.filter(plan_id__in=plans.values("pk"))

    def _recent(self, now: datetime) -> Q:
        if self.days not in DAYS:
            return Q(pk__in=())
        return Q(started_at__gte=now - timedelta(days=int(self.days)))


class Listed(NamedTuple):
    """One operation in a list."""

    operation: Operation
    who: str
    told: str
    """What it did, in one line."""
    plans: tuple[str, ...]
    """The titles of the first few."""
    more_plans: int
    replica: str
    undone_by: UUID | None


def page_of(rows: QuerySet[Operation], number: int, length: int, user: Someone) -> tuple[list[Listed], bool]:
    """The page with that number, from 1 on; and whether there is another one after it."""
    start = (number - 1) * length
    found = list(rows[start : start + length + 1])
    return listed(found[:length], user), len(found) > length


def listed(operations: list[Operation], user: Someone) -> list[Listed]:
    """In a fixed number of queries, however many they are."""
    ids = [operation.pk for operation in operations]
    entries = sight.shown(Entry.objects.filter(operation__in=ids), user)
    tallies = _tallies(entries)
    touched: dict[UUID, list[UUID]] = {}
    for operation_id, plan_id in (
        entries.exclude(plan_id=None).order_by().values_list("operation_id", "plan_id").distinct()
    ):
        assert plan_id is not None, "entries without a plan are left out"
        touched.setdefault(operation_id, []).append(plan_id)
    named = {pk for plan_ids in touched.values() for pk in plan_ids[:_PLANS_NAMED]}
    titles = dict(Plan.objects.filter(pk__in=named).values_list("pk", "title"))
    replicas = dict(sight.shown(Replica.objects.all(), user).values_list("pk", "name"))
    told = _told(entries, tallies)
    back = undone(min((each.started_at for each in operations), default=None))
    return [
        Listed(
            *(operation, telling.who(operation), told.get(operation.pk, "")),
            tuple(titles[pk] for pk in touched.get(operation.pk, ())[:_PLANS_NAMED] if pk in titles),
            max(0, len(touched.get(operation.pk, ())) - _PLANS_NAMED),
            replicas.get(operation.replica_id, "") if operation.replica_id else "",
            back.get(str(operation.pk)),
        )
        for operation in operations
    ]


def _tallies(entries: QuerySet[Entry]) -> dict[UUID, list[Tally]]:
    found: dict[UUID, list[Tally]] = {}
    sorts = entries.order_by().values_list("operation_id", "operation__kind", "action", "item_kind", "field")
    for operation_id, kind, action, *sort in sorts.annotate(number=Count("pk")):
        by_rule = kind == Operation.Kind.SYNC and action == Entry.Action.DECIDED
        tally = Tally(telling.SETTLED if by_rule else action, *sort)
        found.setdefault(operation_id, []).append(tally)
    return found


def _told(entries: QuerySet[Entry], tallies: Mapping[UUID, list[Tally]]) -> dict[UUID, str]:
    """What each operation did: one change in its own words, more by their number."""
    found = {pk: telling.tallied(each) for pk, each in tallies.items()}
    ones = [pk for pk, each in tallies.items() if telling.is_single(each)]
    rows = list(entries.filter(operation__in=ones).exclude(field__in=telling.ABOUT_FILES))
    labels = labels_of(pk for entry in rows for pk in telling.mentioned(entry))
    return found | {entry.operation_id: telling.sentence(telling.of_entry(entry, labels)) for entry in rows}


def undone(since: datetime | None) -> dict[str, UUID]:
    """What does not stand any more, of what came after `since`, by the undo that took it back.

    By the id of an operation, or as `entry:ID` of what a strategy had settled. An undo and what it undid
    cancel each other, as in `planning_sync.sync.ledger`.
    """
    if since is None:
        return {}
    undos = Operation.objects.filter(kind=Operation.Kind.UNDO, status=Operation.Status.DONE)
    rows = undos.filter(started_at__gte=since).order_by("-started_at", "-id")
    found: dict[str, UUID] = {}
    for pk, summary in rows.values_list("pk", "summary")[:_UNDOS_MOST]:
        if str(pk) in found:
            continue
        told = [*summary.get("undoes", ())]
        if "reinstates" in summary:
            told.append(f"entry:{summary['reinstates']}")
        for plan_id, along in summary.get("along", {}).items():
            told += along if plan_id else ()
        found |= {each: pk for each in told if each not in found}
    return found


class PlanEntries(NamedTuple):
    """What an operation did to one plan; `plan` is None for what is about no plan."""

    plan: Plan | None
    changes: list[Change]


def entries_of(entries: list[Entry]) -> list[PlanEntries]:
    """The entries by plan, in their order. Five queries."""
    labels = labels_of(pk for entry in entries for pk in telling.mentioned(entry))
    plans = Plan.objects.in_bulk({entry.plan_id for entry in entries if entry.plan_id})
    found: dict[UUID | None, PlanEntries] = {}
    for entry in entries:
        plan = plans.get(entry.plan_id) if entry.plan_id else None
        each = found.setdefault(entry.plan_id, PlanEntries(plan, []))
        each.changes.append(telling.of_entry(entry, labels))
    return list(found.values())


def told_entries(operation: Operation, user: Someone) -> QuerySet[Entry]:
    """Those that a person can make sense of, in the order in which they were recorded."""
    rows = Entry.objects.filter(operation=operation).exclude(field=AGREEMENT).order_by("id")
    return sight.shown(rows, user)


def labels_of(item_ids: Iterable[UUID]) -> Labels:
    """What the plans, phases and tasks are called, those in the bin included."""
    wanted: Collection[UUID] = set(item_ids)
    found: dict[UUID, str] = {}
    for model in (Plan, Phase, Task):
        ids = sorted(wanted)
        for start in range(0, len(ids), _CHUNK):
            found |= {row.pk: str(row) for row in model.objects.filter(pk__in=ids[start : start + _CHUNK])}
    return found


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
