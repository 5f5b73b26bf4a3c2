"""The product's addresses, and beside them bare views: each runs the main SELECT of an answer and dumps it.

No rights are asked for, nothing is counted, checked or described. The middleware is the same for all
addresses of a server. That the SELECTs are those of the API is checked before anything is measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from django.contrib.auth.decorators import login_not_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.urls import path

from conflicts.models import Conflict
from planning_sync.urls import urlpatterns as addresses
from plans.api import PLAN_COLUMNS
from plans.models import Plan, Task

PAGE = 50
_OPEN = Count("conflicts", filter=Q(conflicts__state__in=(Conflict.State.OPEN, Conflict.State.DECIDED)))
_TASK_COLUMNS = (
    *("id", "parent_id", "phase_id", "position", "ref", "text", "status", "priority", "assignee", "due_date"),
    *("tags", "estimate", "depends_on", "unreachable"),
)


@login_not_required
def plans(_: HttpRequest) -> HttpResponse:
    rows = Plan.objects.filter(deleted_at=None).annotate(open_conflicts=_OPEN).order_by("title", "id")
    return _dumped(rows.values(*PLAN_COLUMNS, "open_conflicts")[: PAGE + 1])


@login_not_required
def plan(_: HttpRequest, plan_id: UUID) -> HttpResponse:
    rows = Plan.objects.filter(pk=plan_id).annotate(open_conflicts=_OPEN).order_by("pk")
    return _dumped(rows.values(*PLAN_COLUMNS, "open_conflicts")[:1])


@login_not_required
def tree(_: HttpRequest, plan_id: UUID) -> HttpResponse:
    return _dumped(Task.objects.live().filter(plan_id=plan_id).values(*_TASK_COLUMNS))


def _dumped(rows: Iterable[dict[str, Any]]) -> HttpResponse:
    return HttpResponse(orjson.dumps(list(rows), default=_plain), content_type="application/json")


def _plain(value: Any) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is no value of JSON")


urlpatterns = [
    path("bare/plans", plans),
    path("bare/plans/<uuid:plan_id>", plan),
    path("bare/plans/<uuid:plan_id>/tree", tree),
    *addresses,
]
