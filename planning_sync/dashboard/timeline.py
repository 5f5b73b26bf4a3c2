"""The timeline of a plan: its tasks by due date, each as long as its estimate."""

from __future__ import annotations

from datetime import date, timedelta
from math import ceil
from typing import NamedTuple
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from planning_sync.dashboard.plan import find, frame
from planning_sync.dashboard.timeline_scale import Scale, days_of
from plans import storage
from plans.models import Status
from plans.outline import Item

MOST = 200
OVER = frozenset({Status.DONE, Status.CANCELLED})
_SHORTEST = 0.8
"""Of a bar, in hundredths of the line."""


class Bar(NamedTuple):
    item: Item
    task_id: UUID
    due: date
    start: float
    length: float
    late: bool
    status: str
    """As it is called."""


@require_safe
@gzip_page
def timeline(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """The tasks with a due date, the next ones first; `?over=1` has those that are over as well."""
    plan = find(request, plan_id)
    today, over = timezone.localdate(), bool(request.GET.get("over"))
    tasks = [item for item in storage.load(plan).outline.tasks() if over or item.status not in OVER]
    dated = sorted((item for item in tasks if item.due), key=lambda item: item.due)
    shown = dated[:MOST]
    spans = [_span(item) for item in shown]
    scale = Scale.over([day for span in spans for day in span], today)
    context = {
        **frame(request, plan, "plan_timeline"),
        "bars": [_bar(item, *span, scale, today) for item, span in zip(shown, spans, strict=True)],
        "more": len(dated) - len(shown),
        "undated": len(tasks) - len(dated),
        "over": over,
        "ticks": scale.ticks(),
        "grid": _grid(scale, today),
    }
    return render(request, "dashboard/timeline.html", context)


def _grid(scale: Scale, today: date) -> SafeString:
    """The lines behind each bar, which are the same in all rows."""
    lines = [*((tick.at, "grid") for tick in scale.ticks()), (scale.at(today), "now")]
    return format_html_join("", '<line x1="{0}%" x2="{0}%" y1="0" y2="100%" class="{1}"/>', lines)


def _span(item: Item) -> tuple[date, date]:
    """The day on which work has to begin, and the one on which it is due."""
    due = date.fromisoformat(item.due)
    days = days_of(item.estimate) or 0
    try:
        return due - timedelta(days=max(0, ceil(days) - 1)), due
    except OverflowError:
        return due, due


def _bar(item: Item, begin: date, due: date, scale: Scale, today: date) -> Bar:
    start = scale.at(begin)
    length = max(_SHORTEST, round(scale.at(due) - start, 2))
    late = due < today and item.status not in OVER
    return Bar(item, UUID(item.key), due, start, length, late, str(Status(item.status).label))
