"""The pages of conflicts: the queue, one conflict, a bulk decision with its preview, undo, and what is new.

Whoever may see conflicts may look; deciding needs the permission to decide. Every page works without
JavaScript. A request with the header `HX-Request` gets only the part of the page that changes.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from conflicts import desk, pages, presentation, queue
from conflicts.desk import Bulk, Outdated
from conflicts.errors import ConflictsError
from conflicts.models import Conflict
from conflicts.queue import DECIDE, LOOK, Filters
from planning_sync.dashboard import refusals
from planning_sync.replicas.errors import ReplicaError
from planning_sync.sync import undo as undoing
from planning_sync.sync.errors import SyncError
from plans.errors import PlansError

PER_PAGE = 50
_SHOWN_IN_UNDO = 20
_look = permission_required(LOOK, raise_exception=True)
_decide = permission_required(DECIDE, raise_exception=True)


@require_safe
@_look
@vary_on_headers("HX-Request")
def listed(request: HttpRequest) -> HttpResponse:
    """The queue, a page of it at a time; the filters are the parameters of the address."""
    filters = Filters.of(request.GET)
    rows = filters.choose(request.user)
    paginator = Paginator(range(rows.count()), PER_PAGE)
    page = paginator.get_page(request.GET.get("page"))
    found = queue.page_of(rows, (page.number - 1) * PER_PAGE, PER_PAGE)
    context = {
        "page": page,
        "total": paginator.count,
        "briefs": presentation.briefs(found),
        "filters": filters.given(),
        "query": filters.as_query(),
        "acts": _acts(filters) if _may_decide(request) else (),
        "may_undo": pages.LAST_DECISION in request.session,
        "most": desk.MOST,
    }
    if request.headers.get("HX-Request"):
        return render(request, "dashboard/conflicts_queue.html", context)
    context["offered"] = queue.offered(filters, request.user)
    return render(request, "dashboard/conflicts.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@_look
@vary_on_headers("HX-Request")
def one(request: HttpRequest, conflict_id: UUID) -> HttpResponse:
    """One conflict with all that is known; a form posted here decides it, hands it over or puts it off."""
    row = _row(request, conflict_id)
    if request.method != "POST":
        return _screen(request, row)
    if not _may_decide(request):
        return _refused(request)
    return _take(request, row) if "take" in request.POST else _act(request, row)


@require_POST
@_decide
def bulk(request: HttpRequest) -> HttpResponse:
    """What the chosen act does to the chosen conflicts; with `confirm`, it is done."""
    filters = Filters.of({name[2:]: value for name, value in request.POST.items() if name.startswith("f_")})
    back = _queue(filters)
    name, ids = request.POST.get("act", ""), _chosen(request, filters)
    try:
        if "confirm" not in request.POST:
            return _preview(request, desk.prepare(name, ids), filters)
        fingerprint = request.POST.get("fingerprint", "")
        count = desk.carry_out(name, ids, user=request.user, fingerprint=fingerprint)
    except Outdated as error:
        return _preview(request, error.bulk, filters, refusals.told(error))
    except (ConflictsError, PlansError) as error:
        messages.error(request, refusals.told(error))
        return redirect(back)
    done = ngettext("%d conflict changed.", "%d conflicts changed.", count) % count
    decided = desk.decided_last(name, ids, actor=request.user.get_username()) if count else None
    _remember(request, decided)
    messages.success(request, done, extra_tags="undo" if decided else "")
    return redirect(back)


@require_http_methods(["GET", "HEAD", "POST"])
@_decide
def undo(request: HttpRequest) -> HttpResponse:
    """Take back what this person decided last, be it one conflict or many at once."""
    operation = request.session.get(pages.LAST_DECISION, "")
    back = _safe(request, request.POST.get("next") or request.GET.get("next", ""))
    rows = list(queue.shown(Conflict.objects.filter(decision=operation))) if operation else []
    if not rows:
        messages.info(request, _("There is no decision of yours to undo."))
        return redirect(back)
    if request.method != "POST":
        titles = [
            (presentation.title_of(row), presentation.decision_of(row)) for row in rows[:_SHOWN_IN_UNDO]
        ]
        more = len(rows) - len(titles)
        return render(
            request, "dashboard/conflicts_undo.html", {"titles": titles, "more": more, "back": back}
        )
    try:
        outcome = undoing.undo(UUID(operation), actor=request.user.get_username())
    except (ConflictsError, PlansError, SyncError, ReplicaError) as error:
        messages.error(request, _("Nothing was undone. %(reason)s") % {"reason": error})
        return redirect(back)
    del request.session[pages.LAST_DECISION]
    for plan in outcome.failed:
        words = {"plan": plan.title, "reason": plan.reason}
        messages.error(request, _("Not undone in %(plan)s: %(reason)s") % words)
    opened = Conflict.objects.filter(pk__in=[row.pk for row in rows], state=Conflict.State.OPEN)
    count = opened.count()
    told = ngettext("Undone: %d conflict is open again.", "Undone: %d conflicts are open again.", count)
    messages.success(request, told % count)
    if len(rows) == 1:
        return redirect(reverse("dashboard:conflict", args=[rows[0].pk]))
    return redirect(back)


@require_safe
@_look
def news(request: HttpRequest) -> JsonResponse:
    """How many wait, and a number that grows with every entry of the log: cheap, to be asked often."""
    return JsonResponse({"waiting": queue.waiting_count(request.user), "version": queue.newest_entry()})


# ------------------------------------------------------------------------------------- one conflict


def _screen(
    request: HttpRequest, row: Conflict, *, typed: str | None = None, problem: str = ""
) -> HttpResponse:
    filters = Filters.of(request.GET)
    context = pages.one(
        row,
        filters=filters,
        user=request.user,
        may_decide=_may_decide(request),
        address=lambda pk: _address(pk, filters),
        back=_queue(filters),
    )
    live = row.plan is not None and row.plan.deleted_at is None
    context["plan_url"] = reverse("dashboard:plan", args=[row.plan_id]) if live else ""
    context |= {"typed_value": typed, "problem": problem, "may_undo": pages.LAST_DECISION in request.session}
    whole = "dashboard/conflicts_one.html"
    template = "conflicts/_screen.html" if request.headers.get("HX-Request") else whole
    return render(request, template, context, status=422 if problem else 200)


def _take(request: HttpRequest, row: Conflict) -> HttpResponse:
    filters = Filters.of(request.GET)
    following = queue.next_after(row, filters.choose(request.user))
    typed = request.POST.get("value", "")
    take = request.POST["take"]
    try:
        decided = desk.decide(
            row.pk,
            take=take,
            typed=typed,
            stamp=request.POST.get("stamp", ""),
            actor=request.user.get_username(),
        )
    except PlansError as error:
        return _screen(request, _row(request, row.pk), typed=typed, problem=refusals.told(error))
    except ConflictsError as error:
        messages.error(request, refusals.told(error))
        return redirect(_address(row.pk, filters))
    _remember(request, decided)
    messages.success(request, pages.told(decided), extra_tags="undo")
    return redirect(_address(following, filters) if following else _queue(filters))


def _act(request: HttpRequest, row: Conflict) -> HttpResponse:
    filters = Filters.of(request.GET)
    name = request.POST.get("act", "")
    following = queue.next_after(row, filters.choose(request.user))
    try:
        desk.act(name, [row.pk], user=request.user, to=request.POST.get("to", ""))
    except ConflictsError as error:
        messages.error(request, refusals.told(error))
        return redirect(_address(row.pk, filters))
    if name.startswith("postpone"):
        title = presentation.title_of(row)
        messages.success(request, _("Postponed: “%(title)s”.") % {"title": title})
        return redirect(_address(following, filters) if following else _queue(filters))
    return redirect(_address(row.pk, filters))


# ------------------------------------------------------------------------------------- many at once


def _acts(filters: Filters) -> tuple[desk.Act, ...]:
    """What fits the state that is looked at."""
    if filters.state == "postponed":
        return desk.ACTS
    return tuple(act for act in desk.ACTS if act.name != "bring_back")


def _chosen(request: HttpRequest, filters: Filters) -> list[UUID]:
    """The ids that the form names, or those of the whole queue; at most one more than may be."""
    if "all" in request.POST:
        return [row.pk for row in queue.page_of(filters.choose(request.user), 0, desk.MOST)]
    words = [*request.POST.getlist("chosen"), *request.POST.get("ids", "").split()]
    return queue.visible_among((pk for word in words if (pk := _uuid(word))), request.user)


def _preview(request: HttpRequest, prepared: Bulk, filters: Filters, problem: str = "") -> HttpResponse:
    context = {
        "bulk": prepared,
        "ids": " ".join(str(pk) for pk in prepared.ids),
        "filters": filters.given(),
        "here": reverse("dashboard:conflicts_bulk"),
        "back": _queue(filters),
        "problem": problem,
    }
    return render(request, "dashboard/conflicts_bulk.html", context, status=409 if problem else 200)


# ------------------------------------------------------------------------------------- undo and addresses


def _remember(request: HttpRequest, row: Conflict | None) -> None:
    if row is not None and row.decision_id is not None:
        request.session[pages.LAST_DECISION] = str(row.decision_id)


def _refused(request: HttpRequest) -> HttpResponse:
    return render(request, "403.html", status=403)


def _may_decide(request: HttpRequest) -> bool:
    return request.user.has_perm(DECIDE)


def _row(request: HttpRequest, conflict_id: UUID) -> Conflict:
    return get_object_or_404(queue.shown(queue.seen_by(request.user)), pk=conflict_id)


def _address(pk: UUID, filters: Filters) -> str:
    return _with(reverse("dashboard:conflict", args=[pk]), filters.as_query())


def _queue(filters: Filters) -> str:
    return _with(reverse("dashboard:conflicts"), filters.as_query())


def _with(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def _safe(request: HttpRequest, address: str) -> str:
    """The address to go back to, if it is one of ours."""
    ours = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if ours else reverse("dashboard:conflicts")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
