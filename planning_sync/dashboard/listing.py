"""The table of plans: the view `plans`, and `Filters`, which an address says in full.

However many plans there are, a page of them takes the same few queries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from audit import sight
from conflicts.queue import Someone
from planning_sync.dashboard import standing
from planning_sync.dashboard.log import as_uuid
from planning_sync.dashboard.parameters import Parameters
from planning_sync.sync.models import Replica
from plans.models import Plan, Status, Task

PLANS_PER_PAGE = 50
FOLDERS_MOST = 200

_PROGRESS: Mapping[str, tuple[Promise, Q]] = {
    "none": (_("not begun"), Q(task_count__gt=0, done_count=0, progress=0)),
    "some": (_("under way"), Q(progress__gt=0, progress__lt=100)),
    "all": (_("complete"), Q(progress=100)),
    "empty": (_("without tasks"), Q(task_count=0)),
    "differs": (
        _("declared otherwise"),
        Q(declared_progress__isnull=False) & ~Q(declared_progress=F("progress")),
    ),
}
_STATES: Mapping[str, tuple[Promise, Callable[[Someone], Q]]] = {
    "conflicts": (_("with open conflicts"), lambda user: Q(open_conflicts__gt=0)),
    "calm": (_("without conflicts"), lambda user: Q(open_conflicts=0)),
    "behind": (
        _("not in step yet"),
        lambda user: Q(Exists(standing.behind(user).filter(plan=OuterRef("pk")))),
    ),
    "problem": (
        _("with a problem"),
        lambda user: Q(Exists(standing.linked(user).exclude(problem="").filter(plan=OuterRef("pk")))),
    ),
}
SORTS: Mapping[str, tuple[Promise, str]] = {
    "title": (_("Plan"), "title"),
    "progress": (_("Progress"), "progress"),
    "tasks": (_("Tasks"), "task_count"),
    "conflicts": (_("Conflicts"), "open_conflicts"),
    "changed": (_("Last change"), "modified_at"),
}
"""What can be sorted by, and the column for it; a minus in front turns it round."""


@dataclass(frozen=True)
class Filters(Parameters):
    """Which plans, and in which order; each "" leaves all in, and what makes no sense finds nothing."""

    q: str = ""
    """Part of the title or of a path."""
    replica: str = ""
    folder: str = ""
    status: str = ""
    """As the plan declares it."""
    progress: str = ""
    state: str = ""
    assignee: str = ""
    sort: str = ""

    def narrowed(self) -> bool:
        return bool(self.given().keys() - {"sort"})

    def choose(self, user: Someone) -> QuerySet[Plan]:
        """The plans in their order, each with the number of its `open_conflicts`."""
        rows: QuerySet[Any] = sight.shown(Plan.objects.live(), user)
        rows = rows.annotate(open_conflicts=standing.open_conflicts(user))
        for name, value in self.given().items():
            rows = _NARROWING[name](rows, value, user) if name in _NARROWING else rows
        return rows.order_by(*self._order())

    def _order(self) -> tuple[str, ...]:
        column = self.sort.removeprefix("-")
        if column not in SORTS:
            return ("title", "pk")
        return (f"{'-' if self.sort.startswith('-') else ''}{SORTS[column][1]}", "title", "pk")


def _saying(rows: QuerySet[Plan], value: str, user: Someone) -> QuerySet[Plan]:
    paths = standing.linked(user).filter(plan=OuterRef("pk"), path__icontains=value)
    return rows.filter(Q(title__icontains=value) | Exists(paths))


def _at(rows: QuerySet[Plan], value: str, user: Someone) -> QuerySet[Plan]:
    replica_id = as_uuid(value)
    if replica_id is None:
        return rows.none()
    return rows.filter(Exists(standing.linked(user).filter(plan=OuterRef("pk"), replica=replica_id)))


def _below(rows: QuerySet[Plan], value: str, user: Someone) -> QuerySet[Plan]:
    inside = standing.linked(user).filter(plan=OuterRef("pk"), path__startswith=f"{value.rstrip('/')}/")
    return rows.filter(Exists(inside))


def _with_status(rows: QuerySet[Plan], value: str, user: Someone) -> QuerySet[Plan]:
    return rows.filter(status=value)


def _so_far(rows: QuerySet[Plan], value: str, user: Someone) -> QuerySet[Plan]:
    return rows.filter(_PROGRESS[value][1]) if value in _PROGRESS else rows.none()


def _standing(rows: QuerySet[Plan], value: str, user: Someone) -> QuerySet[Plan]:
    return rows.filter(_STATES[value][1](user)) if value in _STATES else rows.none()


def _of_person(rows: QuerySet[Plan], value: str, user: Someone) -> QuerySet[Plan]:
    # One pass over the tasks rather than a look at those of each plan.
    tasks = Task.objects.live().filter(assignee__icontains=value)
    return rows.filter(pk__in=tasks.order_by().values("plan_id"))


_NARROWING: Mapping[str, Callable[[QuerySet[Plan], str, Someone], QuerySet[Plan]]] = {
    "q": _saying,
    "replica": _at,
    "folder": _below,
    "status": _with_status,
    "progress": _so_far,
    "state": _standing,
    "assignee": _of_person,
}


class Column(NamedTuple):
    """The head of a column that sorts."""

    name: str
    label: Promise
    sort: str
    """What a press sorts by."""
    aria: str
    """As `aria-sort` has it; "" where the table is sorted by something else."""


@require_safe
def plans(request: HttpRequest) -> HttpResponse:
    """The plans, a page of them at a time; the filters and the order are the parameters of the address."""
    filters = Filters.of(request.GET)
    links = standing.linked(request.user).select_related("replica").defer("seen", "base", "held", "findings")
    rows = filters.choose(request.user).prefetch_related(Prefetch("links", queryset=links))
    page: Page[Plan] = Paginator(rows, PLANS_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "filters": filters.given(),
        "narrowed": filters.narrowed(),
        "columns": [_column(name, filters.sort) for name in SORTS],
        "replicas": sight.shown(Replica.objects.order_by("name"), request.user).values_list("pk", "name"),
        "folders": _folders(request.user, filters.replica),
        "statuses": Status.choices,
        "progresses": [(name, label) for name, (label, _rule) in _PROGRESS.items()],
        "states": [(name, label) for name, (label, _rule) in _STATES.items()],
    }
    return render(request, "dashboard/plans.html", context)


def _column(name: str, sort: str) -> Column:
    """The first press sorts names upwards and figures downwards; the next one turns it round."""
    present = sort or "title"
    first, other = (name, f"-{name}") if name == "title" else (f"-{name}", name)
    aria = {name: "ascending", f"-{name}": "descending"}.get(present, "")
    return Column(name, SORTS[name][0], other if present == first else first, aria)


def _folders(user: Someone, replica: str) -> list[str]:
    """Every folder that plans stand in, with those around it."""
    links = standing.linked(user).filter(path__contains="/")
    replica_id: UUID | None = as_uuid(replica)
    if replica_id is not None:
        links = links.filter(replica=replica_id)
    found: set[str] = set()
    for path in links.order_by().values_list("path", flat=True):
        while (path := path.rpartition("/")[0]) and path not in found:
            found.add(path)
    return sorted(found)[:FOLDERS_MOST]
