"""The log entry by entry: the view `listed`, and `Filters`, which an address says in full.

Pages go back from an entry on (`before`), so that the last page of a long log is as near as the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import permission_required
from django.db.models import Max, Min, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe

from audit import sight
from audit.models import Entry, Operation, Seal
from conflicts.queue import Someone
from planning_sync.dashboard import log, telling
from planning_sync.dashboard.parameters import Parameters
from planning_sync.dashboard.telling import Change
from plans.models import Plan

LOOK = "audit.view_entry"
_SEE_SEALS = "audit.view_seal"
PER_PAGE = 50
_OUT_OF_ORDER = timedelta(minutes=10)
"""How much later than one with a lower number an entry may have been written: transactions overlap."""


@dataclass(frozen=True)
class Filters(Parameters):
    """Which entries; each "" leaves all in, and what makes no sense finds nothing."""

    kind: str = ""
    action: str = ""
    actor: str = ""
    """Who did it, or on whose behalf, in full."""
    plan: str = ""
    """The id of a plan, or words of its title."""
    since: str = ""
    until: str = ""
    """Days, both included."""

    def choose(self, user: Someone) -> QuerySet[Entry]:
        """The entries, newest first."""
        rows = sight.shown(Entry.objects.all(), user)
        if self.kind:
            rows = rows.filter(operation__kind=self.kind)
        if self.action:
            rows = rows.filter(action=self.action)
        if self.actor:
            rows = rows.filter(Q(operation__actor=self.actor) | Q(operation__on_behalf_of=self.actor))
        if self.plan:
            rows = rows.filter(self._of_plan(user))
        return self._within_days(rows).order_by("-pk")

    def _of_plan(self, user: Someone) -> Q:
        plan_id = log.as_uuid(self.plan)
        if plan_id is not None:
            return Q(plan_id=plan_id)
        plans = sight.shown(Plan.objects.filter(title__icontains=self.plan), user)
        return Q(plan_id__in=plans.values("pk"))

    def _within_days(self, rows: QuerySet[Entry]) -> QuerySet[Entry]:
        """The log has no index by time, but its numbers grow with it: the days become numbers first."""
        for value, edge in ((self.since, self.first_moment), (self.until, self.last_moment)):
            if value and edge is None:
                return rows.none()
        if self.first_moment is not None:
            rows = rows.filter(at__gte=self.first_moment, pk__gte=entry_at(self.first_moment - _OUT_OF_ORDER))
        if self.last_moment is not None:
            rows = rows.filter(at__lt=self.last_moment, pk__lte=entry_at(self.last_moment + _OUT_OF_ORDER))
        return rows

    @property
    def first_moment(self) -> datetime | None:
        day = _day(self.since)
        return None if day is None else _midnight(day)

    @property
    def last_moment(self) -> datetime | None:
        """The first moment after the last day."""
        day = _day(self.until)
        return None if day is None else _midnight(day + timedelta(days=1))

    def as_export(self) -> str | None:
        """The parameters of the same export; None where exports know no such filter."""
        plan_id: UUID | None = log.as_uuid(self.plan)
        if self.action or (self.plan and plan_id is None):
            return None
        moments = {"since": self.first_moment, "until": self.last_moment}
        told = {name: at.isoformat() for name, at in moments.items() if at is not None}
        named = {"kind": self.kind, "actor": self.actor, "plan": str(plan_id or "")}
        return urlencode({**told, **{name: value for name, value in named.items() if value}})


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def entry_at(moment: datetime) -> int:
    """About the number of the first entry from then on, by halving; one more than the last for none."""
    ends = Entry.objects.aggregate(first=Min("pk"), last=Max("pk"))
    low, high = ends["first"] or 0, (ends["last"] or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = Entry.objects.filter(pk__gte=middle).order_by("pk").values_list("pk", "at").first()
        if found is None or found[1] >= moment:
            high = middle
        else:
            low = found[0] + 1
    return low


class Detail(NamedTuple):
    name: str
    before: str
    after: str


class Row(NamedTuple):
    """One line of the log."""

    entry: Entry
    who: str
    change: Change
    details: tuple[Detail, ...]
    """Of what is not about a plan: each value that the entry holds."""
    plan: Plan | None


@require_safe
@permission_required(LOOK, raise_exception=True)
def listed(request: HttpRequest) -> HttpResponse:
    """The entries, newest first; the filters are the parameters of the address."""
    filters = Filters.of(request.GET)
    rows = filters.choose(request.user).select_related("operation")
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit():
        rows = rows.filter(pk__lt=min(int(before), 2**62))
    found = list(rows[: PER_PAGE + 1])
    context = {
        "rows": told(found[:PER_PAGE]),
        "oldest": found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None,
        "paged": bool(before),
        "filters": filters.given(),
        "plan": _plan_of(request, filters),
        "export": None if sight.limited(request.user) else filters.as_export(),
        "kinds": Operation.Kind.choices,
        "actions": Entry.Action.choices,
        "seal": Seal.objects.order_by("-number").first() if request.user.has_perm(_SEE_SEALS) else None,
    }
    return render(request, "dashboard/audit.html", context)


def told(entries: list[Entry]) -> list[Row]:
    """In words. Four queries, however many they are."""
    labels = log.labels_of(pk for entry in entries for pk in telling.mentioned(entry))
    plans = Plan.objects.in_bulk({entry.plan_id for entry in entries if entry.plan_id})
    return [
        Row(
            entry,
            telling.who(entry.operation),
            telling.of_entry(entry, labels),
            () if entry.plan_id else tuple(_details(entry)),
            plans.get(entry.plan_id) if entry.plan_id else None,
        )
        for entry in entries
    ]


def _details(entry: Entry) -> Iterator[Detail]:
    before = entry.before if isinstance(entry.before, dict) else {}
    after = entry.after if isinstance(entry.after, dict) else {}
    for name in {**before, **after}:
        old, new = _plain(before.get(name)), _plain(after.get(name))
        if old or new:
            yield Detail(name.replace("_", " "), old if old != new else "", new)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _plan_of(request: HttpRequest, filters: Filters) -> Plan | None:
    plan_id = log.as_uuid(filters.plan)
    if plan_id is None:
        return None
    return sight.shown(Plan.objects.filter(pk=plan_id), request.user).first()
