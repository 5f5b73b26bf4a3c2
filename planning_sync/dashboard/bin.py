"""The pages of the bin: what was deleted and can come back, and its return by one click.

Looking needs the permission to see plans; taking something out needs those to change plans and to add one
of its kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from audit import sight
from conflicts.queue import Someone
from planning_sync.dashboard import previews
from planning_sync.dashboard.history import SEE_PLANS
from planning_sync.dashboard.operations import FAILURES, failure, undo_link
from planning_sync.sync import bin as binned
from planning_sync.sync import restoring, undo_rights
from planning_sync.sync.bin import Binned
from planning_sync.sync.models import Link
from planning_sync.sync.restoring import Row
from plans.errors import NotFound
from plans.models import Phase, Plan, Task
from plans.outline import Kind

PER_PAGE = 50
_look = permission_required(SEE_PLANS, raise_exception=True)


class Listed(NamedTuple):
    """Something in the bin."""

    found: Binned
    place: str
    """Where it goes back to."""
    days_left: int | None
    """None where it stays for good."""
    may_restore: bool


@require_safe
@_look
def listed(request: HttpRequest) -> HttpResponse:
    """What is in the bin, latest first."""
    found = binned.contents()
    seen = set(sight.shown(Plan.objects.all(), request.user).values_list("pk", flat=True))
    page = Paginator([each for each in found if each.plan_id in seen], PER_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "page": page,
        "rows": _rows(list(page.object_list), request.user),
        "days": settings.PLANNING_SYNC_BIN_DAYS,
    }
    return render(request, "dashboard/bin.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@_look
def restore(request: HttpRequest, row_id: UUID) -> HttpResponse:
    """What its return would change; a form posted here brings it back."""
    row = _row(request, row_id)
    refused = previews.refusal(request.user, _needed(row))
    try:
        if request.method != "POST" or refused:
            return _preview(request, row, refused)
        outcome = restoring.restore_from_bin(row.pk, actor=request.user.get_username())
    except FAILURES as error:
        messages.error(request, failure(error))
        return redirect("dashboard:bin")
    remarks = " ".join(each.reason for each in outcome.plans if each.reason)
    told = format_html("{} {} {}", _told(row), remarks, undo_link(outcome.operation.pk))
    messages.success(request, told)
    return redirect("dashboard:bin")


def _preview(request: HttpRequest, row: Row, refused: str) -> HttpResponse:
    (shown,) = previews.shown([restoring.preview_from_bin(row.pk)], request.user)
    context = {"row": row, "plans": [shown], "refused": refused}
    status = 403 if request.method == "POST" else 200
    return render(request, "dashboard/bin_restore.html", context, status=status)


def _told(row: Row) -> str:
    """What came back, and where to: looked up once it is there."""
    if isinstance(row, Plan):
        return _("“%(title)s” is back.") % {"title": row.title}
    words = {"title": str(row), "place": _places([row.pk]).get(row.pk, ""), "plan": row.plan.title}
    if not words["place"]:
        return _("“%(title)s” is back in %(plan)s.") % words
    return _("“%(title)s” is back in %(plan)s, below “%(place)s”.") % words


def _needed(row: Row) -> tuple[str, ...]:
    return (undo_rights.CHANGE, f"plans.add_{row._meta.model_name}")


def _row(request: HttpRequest, row_id: UUID) -> Row:
    try:
        row = restoring.row_of(row_id)
    except NotFound:
        raise Http404 from None
    plan_id = row.pk if isinstance(row, Plan) else row.plan_id
    if not sight.shown(Plan.objects.filter(pk=plan_id), request.user).exists():
        raise Http404
    return row


# ------------------------------------------------------------------------------------------ the list


def _rows(found: list[Binned], user: Someone) -> list[Listed]:
    """A fixed number of queries, but for one more with each item above that is in the bin as well."""
    plans = [each.id for each in found if each.kind == Kind.PLAN]
    places = _places([each.id for each in found if each.kind != Kind.PLAN]) | _paths(plans, user)
    links = Link.objects.filter(plan__in=plans).exclude(released_at=None)
    stay = set(links.values_list("plan_id", flat=True))
    may = {
        kind: user.has_perms((undo_rights.CHANGE, f"plans.add_{kind}"))  # type: ignore[union-attr]
        for kind in (Kind.PLAN, Kind.PHASE, Kind.TASK)
    }
    now = timezone.now()
    return [
        Listed(
            *(each, places.get(each.id, "")),
            None if each.id in stay else days_left(each.deleted_at, now),
            may[each.kind],
        )
        for each in found
    ]


def days_left(deleted_at: datetime, now: datetime) -> int:
    """Whole days until the daily run removes it, begun ones counted; 0 where it is due."""
    left = deleted_at + timedelta(days=settings.PLANNING_SYNC_BIN_DAYS) - now
    return max(0, -(-left // timedelta(days=1)))


def _paths(plan_ids: Iterable[UUID], user: Someone) -> dict[UUID, str]:
    """By plan, the files that it had."""
    links = sight.shown(Link.objects.filter(plan__in=list(plan_ids)), user)
    found: dict[UUID, str] = {}
    for plan_id, replica, path in links.order_by("pk").values_list("plan_id", "replica__name", "path"):
        found[plan_id] = ", ".join(filter(None, (found.get(plan_id), f"{replica}: {path}")))
    return found


def _places(item_ids: Iterable[UUID]) -> dict[UUID, str]:
    """By item, the nearest one above it that is not in the bin; without it, the plan itself."""
    above = {row.pk: _above(row) for row in _items(item_ids)}
    found: dict[UUID, str] = {}
    while waiting := {pk: parent for pk, parent in above.items() if parent is not None}:
        parents = {row.pk: row for row in _items(waiting.values())}
        above = {}
        for pk, parent_id in waiting.items():
            parent = parents.get(parent_id)
            if parent is not None and parent.deleted_at is None:
                found[pk] = str(parent)
            elif parent is not None:
                above[pk] = _above(parent)
    return found


def _items(ids: Iterable[UUID]) -> list[Phase | Task]:
    wanted = list(ids)
    return [*Phase.objects.filter(pk__in=wanted), *Task.objects.filter(pk__in=wanted)]


def _above(row: Phase | Task) -> UUID | None:
    return row.parent_id or (row.phase_id if isinstance(row, Task) else None)
