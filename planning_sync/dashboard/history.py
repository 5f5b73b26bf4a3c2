"""The pages of a plan's history: its versions, what changed between two, and getting it back as it was.

The same for one task: `task`, `restore_task`. Looking needs the permissions to see plans and operations,
restoring the one to change plans.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from audit import sight
from audit.models import Entry, Operation
from planning_sync.dashboard import diffs, log, previews, telling
from planning_sync.dashboard.operations import FAILURES, LOOK, failure, undo_link
from planning_sync.dashboard.telling import Change
from planning_sync.sync import restoring, undo_rights, versions
from planning_sync.sync.undo import Outcome
from planning_sync.sync.undo_preview import PlanPreview
from plans import history
from plans.models import Plan, Task

PER_PAGE = 50
SEE_PLANS = "plans.view_plan"
ROWS_MOST = 500

look = permission_required((SEE_PLANS, LOOK), raise_exception=True)


@require_safe
@look
def listed(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """The plan's versions, newest first: who, when, and how much changed."""
    plan = _plan(request, plan_id)
    page = Paginator(history.versions(plan), PER_PAGE).get_page(request.GET.get("page"))
    ids = [version.operation for version in page]
    operations = sight.shown(Operation.objects.all(), request.user).in_bulk(ids)
    rows = log.listed([operations[pk] for pk in ids if pk in operations], request.user)
    context = {
        "plan": plan,
        "page": page,
        "rows": rows,
        "now": timezone.localtime(),
        "may_restore": request.user.has_perm(undo_rights.CHANGE),
    }
    return render(request, "dashboard/history.html", context)


@require_safe
@look
def difference(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """What one operation made of the plan; with `since`, what all did after that earlier one."""
    plan = _plan(request, plan_id)
    operation = _operation(request, request.GET.get("operation", ""))
    since = _operation(request, request.GET["since"]) if request.GET.get("since") else None
    if since is not None and since.started_at > operation.started_at:
        operation, since = since, operation
    if since == operation:
        since = None
    try:
        found = versions.difference(plan, operation.pk, since=since.pk if since else None)
    except FAILURES as error:
        messages.error(request, _("This cannot be shown. %(reason)s") % {"reason": error})
        return redirect("dashboard:history", plan.pk)
    context = {
        "plan": plan,
        "operation": operation,
        "who": telling.who(operation),
        "since": since,
        "since_who": telling.who(since) if since else "",
        "changes": [telling.of_row(row) for row in found.rows[:ROWS_MOST]],
        "more": max(0, len(found.rows) - ROWS_MOST),
        "diff": None if found.lines is None else diffs.shown(found.lines),
        "may_restore": request.user.has_perm(undo_rights.CHANGE),
    }
    return render(request, "dashboard/history_difference.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@look
def restore(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """The plan as it was: what that would change; a form posted here does it, if it is still the same."""
    plan, moment = _plan(request, plan_id), _moment(request)
    back = reverse("dashboard:history", args=[plan.pk])
    wanted = _Wanted(
        *(plan, plan.title, moment, back),
        preview=partial(restoring.preview_plan_at, plan.pk, **moment.asked),
        act=partial(restoring.restore_plan_at, plan.pk, **moment.asked),
    )
    return _restored(request, wanted)


@require_safe
@look
def task(request: HttpRequest, plan_id: UUID, task_id: UUID) -> HttpResponse:
    """What happened to one task, be it in the bin or not, newest first."""
    found = _task(request, plan_id, task_id)
    rows = sight.shown(Entry.objects.filter(item_id=found.pk), request.user).select_related("operation")
    page = Paginator(rows.order_by("-id"), PER_PAGE).get_page(request.GET.get("page"))
    entries = list(page.object_list)
    labels = log.labels_of(pk for entry in entries for pk in telling.mentioned(entry))
    events: dict[UUID, Event] = {}
    for entry in entries:
        operation = entry.operation
        event = events.setdefault(operation.pk, Event(operation, telling.who(operation), []))
        event.changes.insert(0, telling.of_entry(entry, labels))
    context = {
        "plan": found.plan,
        "task": found,
        "page": page,
        "events": list(events.values()),
        "now": timezone.localtime(),
        "may_restore": request.user.has_perm(undo_rights.CHANGE),
    }
    return render(request, "dashboard/history_task.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@look
def restore_task(request: HttpRequest, plan_id: UUID, task_id: UUID) -> HttpResponse:
    """One task as it was; the rest of the plan stays."""
    found, moment = _task(request, plan_id, task_id), _moment(request)
    back = reverse("dashboard:task_history", args=[plan_id, task_id])
    wanted = _Wanted(
        *(found.plan, str(found), moment, back),
        preview=partial(restoring.preview_item_at, found.pk, **moment.asked),
        act=partial(restoring.restore_item_at, found.pk, **moment.asked),
    )
    return _restored(request, wanted)


class Event(NamedTuple):
    """What one operation did to the task."""

    operation: Operation
    who: str
    changes: list[Change]


# ------------------------------------------------------------------------------------------- restoring


class _Moment(NamedTuple):
    """A time, or right after an operation."""

    at: datetime
    operation: Operation | None

    @property
    def asked(self) -> dict[str, Any]:
        return {"at": self.at} if self.operation is None else {"operation_id": self.operation.pk}


class _Wanted(NamedTuple):
    """A restore: of what, to when, and how it is previewed and done."""

    plan: Plan
    title: str
    moment: _Moment
    back: str
    preview: Callable[[], PlanPreview]
    act: Callable[..., Outcome]


def _restored(request: HttpRequest, wanted: _Wanted) -> HttpResponse:
    try:
        found = wanted.preview()
    except FAILURES as error:
        messages.error(request, failure(error))
        return redirect(wanted.back)
    if request.method != "POST":
        return _preview(request, wanted, found)
    if previews.refusal(request.user, undo_rights.needed_to_restore(found)):
        return _preview(request, wanted, found, status=403)
    if request.POST.get("fingerprint") != previews.fingerprint_of(found, wanted.plan):
        told = _("The plan changed while you looked. Nothing was restored; here is what would change now.")
        return _preview(request, wanted, found, problem=told, status=409)
    try:
        outcome = wanted.act(actor=request.user.get_username())
    except FAILURES as error:
        messages.error(request, failure(error))
        return redirect(wanted.back)
    told = _("Restored: “%(title)s” is as it was.") % {"title": wanted.title}
    remarks = " ".join(each.reason for each in outcome.plans if each.reason)
    messages.success(request, format_html("{} {} {}", told, remarks, undo_link(outcome.operation.pk)))
    return redirect(wanted.back)


def _preview(
    request: HttpRequest, wanted: _Wanted, found: PlanPreview, *, problem: str = "", status: int = 200
) -> HttpResponse:
    (shown,) = previews.shown([found], request.user)
    context = {
        "plan": wanted.plan,
        "title": wanted.title,
        "moment": wanted.moment,
        "who": telling.who(wanted.moment.operation) if wanted.moment.operation else "",
        "plans": [shown] if shown.does_something else [],
        "back": wanted.back,
        "fingerprint": previews.fingerprint_of(found, wanted.plan),
        "refused": previews.refusal(request.user, undo_rights.needed_to_restore(found)),
        "problem": problem,
    }
    return render(request, "dashboard/history_restore.html", context, status=status)


def _moment(request: HttpRequest) -> _Moment:
    given = request.GET
    if given.get("operation"):
        operation = _operation(request, given["operation"])
        return _Moment(operation.started_at, operation)
    try:
        at = parse_datetime(given.get("at", ""))
    except ValueError:
        at = None
    if at is None:
        raise BadRequest("The address names neither a time nor an operation.")
    return _Moment(at if timezone.is_aware(at) else timezone.make_aware(at), None)


# -------------------------------------------------------------------------------------- what is shown


def _plan(request: HttpRequest, plan_id: UUID) -> Plan:
    """The plan, in the bin or not."""
    return get_object_or_404(sight.shown(Plan.objects.all(), request.user), pk=plan_id)


def _task(request: HttpRequest, plan_id: UUID, task_id: UUID) -> Task:
    rows = sight.shown(Task.objects.select_related("plan"), request.user)
    return get_object_or_404(rows, pk=task_id, plan_id=plan_id)


def _operation(request: HttpRequest, given: str) -> Operation:
    pk = log.as_uuid(given)
    if pk is None:
        raise BadRequest("The address names no operation.")
    return get_object_or_404(sight.shown(Operation.objects.all(), request.user), pk=pk)
