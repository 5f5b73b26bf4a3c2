"""The edits of a plan's items: `tick`, `task`, `phase`, `details`, `add`, `move`, `delete`.

Each is a form that works by itself, and one call of a service. A script that asks for JSON is told what
became of it (`saved` and in which `revision`, or the `problem` and the `present` values); everybody else is
sent back to the plan.
With the header `X-Fragment` a form comes without the page around it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from planning_sync.dashboard import beside, editing, editing_places, refusals
from planning_sync.dashboard.editing import Form, Row, Sent
from planning_sync.dashboard.plan import find, rights_of
from plans import services, storage
from plans.errors import ChangedMeanwhile, InvalidPlace, NotFound, PlansError
from plans.models import Phase, Plan, Status, Task
from plans.outline import ROOT, Kind

CHANGE_TASK, CHANGE_PHASE, CHANGE_PLAN = "plans.change_task", "plans.change_phase", "plans.change_plan"
FRAGMENT = "X-Fragment"
_REFUSED = {ChangedMeanwhile: 409, NotFound: 404}


@require_POST
@permission_required(CHANGE_TASK, raise_exception=True)
def tick(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Set one task's status: the button pressed sends `done=TASK todo`, the status wanted and the one seen.

    The button says what is wanted, not "the other one", so that a second press changes nothing.
    """
    for status in Status.values:
        if status in request.POST:
            key, _space, seen = request.POST[status].partition(" ")
            row = _row(find(request, plan_id), key, Task)
            return _saved(request, row, Sent({"status": status}, {"status": seen} if seen else {}))
    raise BadRequest("The form names no task.")


@require_http_methods(["GET", "HEAD", "POST"])
def task(request: HttpRequest, plan_id: UUID, task_id: UUID) -> HttpResponse:
    """One task with all its fields, and where it can go from here."""
    return _edit(request, _row(find(request, plan_id), task_id.hex, Task), CHANGE_TASK)


@require_http_methods(["GET", "HEAD", "POST"])
def phase(request: HttpRequest, plan_id: UUID, phase_id: UUID) -> HttpResponse:
    return _edit(request, _row(find(request, plan_id), phase_id.hex, Phase), CHANGE_PHASE)


@require_http_methods(["GET", "HEAD", "POST"])
def details(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """What the plan says of itself: its title, version, date, status."""
    return _edit(request, find(request, plan_id), CHANGE_PLAN)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("plans.add_task", raise_exception=True)
def add(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """A new task or phase below `parent` ("" is the plan), right after `after`, else as the last one."""
    plan = find(request, plan_id)
    asked = request.POST if request.method == "POST" else request.GET
    kind = Kind.PHASE if asked.get("kind") == Kind.PHASE else Kind.TASK
    _demand(request, f"plans.add_{kind}")
    parent = _row(plan, asked.get("parent", ROOT))
    context = {"plan": plan, "kind": kind, "parent": parent, "asked": asked}
    if request.method != "POST":
        return _form(request, "dashboard/task_add.html", context)

    def act() -> dict[str, Any]:
        return {"item": _add(plan, kind, parent, asked, request.user.get_username()).pk.hex}

    return _done(request, plan, act, told=_("Added."))


@require_POST
@permission_required(CHANGE_TASK, raise_exception=True)
def move(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Move `item` by one step (`way`: up, down, in, out), or below `parent`, right after `after` or first."""
    plan = find(request, plan_id)
    row = _item(request, plan)
    _demand(request, f"plans.change_{editing.kind_of(row)}")
    return _done(request, plan, lambda: _move(request, plan, row), told=_("Moved."), item=row.pk.hex)


@require_POST
@permission_required("plans.delete_task", raise_exception=True)
def delete(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Put `item`, with all below it, into the bin."""
    plan = find(request, plan_id)
    row = _item(request, plan)
    _demand(request, f"plans.delete_{editing.kind_of(row)}")
    back = reverse("dashboard:bin_restore", args=[row.pk])

    def act() -> dict[str, Any]:
        services.delete(row, actor=request.user.get_username())
        return {"undo": back}

    told = _("“%(title)s” is in the bin.") % {"title": row}
    return _done(request, plan, act, told=format_html('{} <a href="{}">{}</a>', told, back, _("Undo")))


# ------------------------------------------------------------------------------------- what they act on


def _row(plan: Plan, key: str, *kinds: type[Row]) -> Any:
    """The item, of one of the kinds if some are named; else 404."""
    try:
        found = editing.row_of(plan, key)
    except NotFound:
        raise Http404 from None
    if kinds and not isinstance(found, kinds):
        raise Http404
    return found


def _item(request: HttpRequest, plan: Plan) -> Task | Phase:
    if not request.POST.get("item"):
        raise BadRequest("The form names no item.")
    found: Task | Phase = _row(plan, request.POST["item"], Task, Phase)
    return found


def _demand(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


# ----------------------------------------------------------------------------------------- what they do


def _edit(request: HttpRequest, row: Row, permission: str) -> HttpResponse:
    if request.method != "POST":
        return _shown(request, row)
    _demand(request, permission)
    return _saved(request, row, Sent.of(editing.kind_of(row), request.POST.dict()))


def _saved(request: HttpRequest, row: Row, sent: Sent) -> HttpResponse:
    plan = row if isinstance(row, Plan) else row.plan

    def act() -> dict[str, Any]:
        editing.save(row, sent, actor=request.user.get_username())
        return {}

    def again(error: PlansError) -> HttpResponse:
        now = editing.moved_on(row, error) if isinstance(error, ChangedMeanwhile) else {}
        return _shown(request, row, typed=sent.wanted, moved_on=now, problem=_refusal(error))

    return _done(request, plan, act, item=editing.key_of(row), again=again)


def _shown(request: HttpRequest, row: Row, *, problem: str = "", **more: Any) -> HttpResponse:
    """The item's own page with its form, or the form alone."""
    plan = Plan.objects.get(pk=row.pk if isinstance(row, Plan) else row.plan_id)
    kind = editing.kind_of(row)
    try:
        form = Form.of(row, storage.load(plan).outline)
    except NotFound:
        raise Http404 from None
    context = {
        "plan": plan,
        "row": row,
        "kind": kind,
        "form": replace(form, **more),
        "problem": problem,
        "may_change": request.user.has_perm(f"plans.change_{kind}"),
        "rights": rights_of(request),
        "searched": beside.may_search(request, row),
        "similar": () if FRAGMENT in request.headers else beside.similar(request, row),
        "further": () if FRAGMENT in request.headers else tuple(beside.further(request, row)),
    }
    return _form(request, "dashboard/task.html", context, status=409 if problem else 200)


def _add(plan: Plan, kind: Kind, parent: Row, asked: Mapping[str, str], actor: str) -> Task | Phase:
    text = " ".join(asked.get("text", "").splitlines())
    model = Phase if kind is Kind.PHASE else Task
    after = _row(plan, asked["after"], model) if asked.get("after") else None
    if kind is Kind.TASK:
        return services.add_task(parent, text, actor=actor, after=after)
    if isinstance(parent, Task):
        raise InvalidPlace(gettext_noop("a phase cannot stand below a task"))
    return services.add_phase(parent, text, actor=actor, after=after)


def _move(request: HttpRequest, plan: Plan, row: Task | Phase) -> dict[str, Any]:
    way, actor = request.POST.get("way", ""), request.user.get_username()
    if way in editing_places.WAYS:
        outline = storage.load(plan).outline
        if row.pk.hex not in outline.by_key:
            raise NotFound(editing.kind_of(row), str(row.pk))
        place = editing_places.step(outline, row.pk.hex, way)
        if place is None:
            raise InvalidPlace(gettext_noop("there is nothing further in that direction"))
        parent, after = place
    elif "parent" in request.POST:
        parent, after = request.POST["parent"], request.POST.get("after", "")
    else:
        raise BadRequest("The form names no place.")
    before = _row(plan, after, type(row)) if after else None
    services.move(row, parent=_row(plan, parent), after=before, actor=actor)
    return {}


# -------------------------------------------------------------------------------------------- answers


def _done(
    request: HttpRequest,
    plan: Plan,
    act: Callable[[], dict[str, Any]],
    *,
    told: str = "",
    item: str = "",
    again: Callable[[PlansError], HttpResponse] | None = None,
) -> HttpResponse:
    """What came of it; a refusal is told on the form, if there is one to be shown `again`."""
    try:
        more = act()
    except PlansError as error:
        if _wants_json(request):
            return _json_refusal(error)
        if again is not None:
            return again(error)
        messages.error(request, _refusal(error))
        return redirect("dashboard:plan", plan.pk)
    if _wants_json(request):
        return JsonResponse({"saved": True, "revision": _revision(plan), **more})
    if told:
        messages.success(request, told)
    anchor = more.get("item", item)
    return redirect(reverse("dashboard:plan", args=[plan.pk]) + (f"#i-{anchor}" if anchor else ""))


def _revision(plan: Plan) -> int:
    """Of the plan with the edit in it: what is written to a file may be compared with it."""
    return Plan.objects.values_list("revision", flat=True).get(pk=plan.pk)


def _json_refusal(error: PlansError) -> JsonResponse:
    present = error.present if isinstance(error, ChangedMeanwhile) else {}
    told = {name: editing.spelled(held) for name, held in present.items()}
    status = _REFUSED.get(type(error), 422)
    return JsonResponse({"saved": False, "problem": _refusal(error), "present": told}, status=status)


def _refusal(error: PlansError) -> str:
    return _("Not saved. %(reason)s") % {"reason": refusals.told(error)}


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


@vary_on_headers(FRAGMENT)
def _form(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    base = "dashboard/plan_fragment.html" if FRAGMENT in request.headers else "base.html"
    return render(request, template, {**context, "base": base}, status=status)
