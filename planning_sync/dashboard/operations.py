"""The pages of operations: the list, one of them with all it changed, and its undo with a preview.

Looking needs the permission to see operations. An undo needs what the changes that it makes need, see
`planning_sync.dashboard.previews`. Every page works without JavaScript.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from audit import sight
from audit.models import Entry, Operation
from conflicts.errors import ConflictsError
from conflicts.queue import DECIDE
from planning_sync.dashboard import log, previews, refusals, telling
from planning_sync.dashboard.log import Filters
from planning_sync.replicas.errors import ReplicaError
from planning_sync.sync import undo as undoing
from planning_sync.sync import undo_rights
from planning_sync.sync.errors import AlreadyUndone, DependentWork, PreviewStale, SyncError, UndoRefused
from planning_sync.sync.undo import Outcome, Preview
from plans.errors import PlansError
from plans.models import Plan

LOOK = "audit.view_operation"
PER_PAGE = 50
ENTRIES_PER_PAGE = 200
FAILURES = (ConflictsError, PlansError, SyncError, ReplicaError)

look = permission_required(LOOK, raise_exception=True)

_DAYS = {
    "1": gettext_lazy("last day"),
    "7": gettext_lazy("last 7 days"),
    "30": gettext_lazy("last 30 days"),
    "90": gettext_lazy("last 90 days"),
}


@require_safe
@look
def listed(request: HttpRequest) -> HttpResponse:
    """What was done, newest first; the filters are the parameters of the address."""
    filters = Filters.of(request.GET)
    number = page_number(request)
    rows, more = log.page_of(filters.choose(request.user), number, PER_PAGE, request.user)
    context = {
        "rows": rows,
        "number": number,
        "more": more,
        "filters": filters.given(),
        "plan": _plan_of(request, filters),
        "kinds": [*Operation.Kind.choices, (log.EVERYTHING, _("everything"))],
        "statuses": Operation.Status.choices,
        "days": list(_DAYS.items()),
    }
    return render(request, "dashboard/operations.html", context)


@require_safe
@look
def one(request: HttpRequest, operation_id: UUID) -> HttpResponse:
    """One operation: who, when, what it changed in each plan, and whether it still stands."""
    operation = _operation(request, operation_id)
    entries = Paginator(log.told_entries(operation, request.user), ENTRIES_PER_PAGE)
    page = entries.get_page(request.GET.get("page"))
    (row,) = log.listed([operation], request.user)
    context = {
        "row": row,
        "operation": operation,
        "page": page,
        "count": entries.count,
        "plans": log.entries_of(list(page.object_list)),
        "outcomes": _outcomes(operation, request.user),
        "progress": _progress(operation, request.user),
        "taken_back": _taken_back(operation, request.user),
        "may_undo": _is_undoable(operation) and row.undone_by is None and _may_undo(request, operation),
    }
    return render(request, "dashboard/operations_one.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@look
def undo(request: HttpRequest, operation_id: UUID) -> HttpResponse:
    """What the undo would change, exactly; a form posted here does it, if it is still the same."""
    operation = _operation(request, operation_id)
    along = bool((request.POST if request.method == "POST" else request.GET).get("with_dependents"))
    try:
        found = undoing.preview(operation.pk, with_dependents=along)
    except FAILURES as error:
        return _not_undone(request, operation, error)
    if request.method != "POST":
        return _preview(request, found, along=along)
    if _refusal(request, found):
        return _preview(request, found, along=along, status=403)
    try:
        outcome = undoing.undo(
            operation.pk,
            actor=request.user.get_username(),
            with_dependents=along,
            fingerprint=request.POST.get("fingerprint") or "-",
        )
    except (PreviewStale, DependentWork):
        return _again(request, operation, along=along)
    except FAILURES as error:
        return _not_undone(request, operation, error)
    _tell_failures(request, outcome)
    if not outcome.failed:
        messages.success(request, _("Undone. Here is what changed; this can be undone, too."))
    return redirect("dashboard:operation", outcome.operation.pk)


# ------------------------------------------------------------------------------ for the other pages


def undo_link(operation_id: UUID) -> SafeString:
    """For a message: the way back."""
    address = reverse("dashboard:operation_undo", args=[operation_id])
    return format_html('<a href="{}">{}</a>', address, _("Undo"))


def page_number(request: HttpRequest) -> int:
    given = request.GET.get("page", "1")
    return max(1, int(given)) if given.isascii() and given.isdigit() and len(given) < 7 else 1


def failure(error: Exception) -> str:
    """Why nothing was changed, for the person who tried."""
    if isinstance(error, DependentWork):
        told = ", ".join(f"{telling.who(each.operation)}: {each.what}" for each in error.dependents)
        return _("Nothing was changed: newer work depends on it (%(work)s).") % {"work": told}
    if type(error) is UndoRefused:
        reason = "; ".join(f"{plan}: {_(why)}" for plan, why in error.refusals) + "."
    else:
        reason = refusals.told(error)
    return _("Nothing was changed. %(reason)s") % {"reason": reason}


# ------------------------------------------------------------------------------------------ the undo


def _preview(
    request: HttpRequest, found: Preview, *, along: bool, problem: str = "", status: int = 200
) -> HttpResponse:
    operation = found.operation
    context = {
        "operation": operation,
        "who": telling.who(operation),
        "found": found,
        "plans": [each for each in previews.shown(found.plans, request.user) if each.does_something],
        "others": [_brief(each) for each in found.undoes if each.pk != operation.pk],
        "dependents": [
            (_brief(each.operation), each.what, telling.why(each.why)) for each in found.dependents
        ],
        "along": along,
        "refused": _refusal(request, found),
        "problem": problem,
    }
    return render(request, "dashboard/operations_undo.html", context, status=409 if problem else status)


def _again(request: HttpRequest, operation: Operation, *, along: bool) -> HttpResponse:
    """The preview as it is by now: the plans moved on since the one that was looked at."""
    try:
        found = undoing.preview(operation.pk, with_dependents=along)
    except FAILURES as error:
        return _not_undone(request, operation, error)
    told = _("The plans changed while you looked. Nothing was undone; here is what it would change now.")
    return _preview(request, found, along=along, problem=told)


def _not_undone(request: HttpRequest, operation: Operation, error: Exception) -> HttpResponse:
    if isinstance(error, AlreadyUndone):
        messages.info(request, _already(error))
    else:
        messages.error(request, failure(error))
    return redirect("dashboard:operation", operation.pk)


def _already(error: AlreadyUndone) -> SafeString:
    told = _("It was undone already, by %(who)s. To bring it back, undo the undo:") % {
        "who": Operation.objects.get(pk=error.by).actor
    }
    return format_html("{} {}", told, undo_link(error.by))


def _refusal(request: HttpRequest, found: Preview) -> str:
    """Why this person cannot do it; "" where nothing stands in the way."""
    if previews.reaches_hidden([each.pk for each in found.undoes], request.user):
        return _("It reached plans that you may not see. Somebody who sees all of them can undo it.")
    return previews.refusal(request.user, undo_rights.needed(found))


def _tell_failures(request: HttpRequest, outcome: Outcome) -> None:
    for each in outcome.failed:
        words = {"plan": each.title, "reason": each.reason}
        messages.error(request, _("Not undone in %(plan)s: %(reason)s") % words)


# ------------------------------------------------------------------------------------- one operation


class Brief(NamedTuple):
    """An operation in a line of another page."""

    pk: UUID
    kind: str
    who: str
    at: Any


def _brief(operation: Operation) -> Brief:
    return Brief(operation.pk, operation.get_kind_display(), telling.who(operation), operation.started_at)


def _taken_back(operation: Operation, user: Any) -> list[Brief]:
    """What an undo undid, as far as the person sees it."""
    ids = [pk for told in operation.summary.get("undoes", ()) if (pk := log.as_uuid(str(told)))]
    rows = sight.shown(Operation.objects.filter(pk__in=ids), user)
    return [_brief(each) for each in rows.order_by("-started_at")]


def _outcomes(operation: Operation, user: Any) -> list[dict[str, str]]:
    """Of an undo or a restore: what became of each plan that there is something to say of."""
    if operation.kind not in (Operation.Kind.UNDO, Operation.Kind.RESTORE):
        return []
    told = [each for each in operation.summary.get("plans", ()) if each.get("reason")]
    seen = sight.shown(Plan.objects.filter(pk__in=[each["plan"] for each in told]), user)
    ids = {str(pk) for pk in seen.values_list("pk", flat=True)}
    return [each for each in told if each["plan"] in ids]


def _progress(operation: Operation, user: Any) -> tuple[int, int] | None:
    """(plans done, all plans) of an undo that is not through, be it running or cut off."""
    if operation.kind != Operation.Kind.UNDO or operation.status != Operation.Status.RUNNING:
        return None
    wanted = [each["plan"] for each in operation.summary.get("plans", ())]
    done = sight.shown(Entry.objects.filter(operation=operation, plan_id__in=wanted), user)
    return done.order_by().values("plan_id").distinct().count(), len(wanted)


def _is_undoable(operation: Operation) -> bool:
    return operation.kind in log.WORK and operation.status != Operation.Status.RUNNING


def _may_undo(request: HttpRequest, operation: Operation) -> bool:
    """Whether the button is worth showing; the preview tells of whatever else it takes."""
    resolves = operation.kind == Operation.Kind.RESOLVE
    return request.user.has_perm(DECIDE if resolves else undo_rights.CHANGE)


def _operation(request: HttpRequest, operation_id: UUID) -> Operation:
    return get_object_or_404(sight.shown(Operation.objects.all(), request.user), pk=operation_id)


def _plan_of(request: HttpRequest, filters: Filters) -> Plan | None:
    if filters.plan_id is None:
        return None
    return sight.shown(Plan.objects.filter(pk=filters.plan_id), request.user).first()
