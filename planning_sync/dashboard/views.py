"""The pages: the list of plans, one plan as a tree, one task. All of them need a person who is signed in."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit import sight
from conflicts import presentation
from planning_sync.dashboard import tree
from planning_sync.sync.models import Replica
from plans import services
from plans.errors import PlansError
from plans.models import Plan, Status, Task

PLANS_PER_PAGE = 100
_MAY_TICK = "plans.change_task"


@require_safe
def plans(request: HttpRequest) -> HttpResponse:
    """The plans, a page of them at a time; `?q=` keeps those whose title or path contains the words."""
    search = request.GET.get("q", "").strip()
    page = Paginator(tree.listed_plans(request.user, search), PLANS_PER_PAGE).get_page(
        request.GET.get("page")
    )
    live = Q(deleted_at=None)
    totals = sight.shown(Plan.objects.all(), request.user).aggregate(
        plans=Count("pk", filter=live),
        tasks=Sum("task_count", filter=live),
        done=Sum("done_count", filter=live),
    )
    replicas = sight.shown(Replica.objects.order_by("name"), request.user)
    context = {"page": page, "search": search, "totals": totals, "replicas": replicas}
    return render(request, "dashboard/plans.html", context)


@require_safe
def plan(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """One plan: its tree, its open conflicts, and what its files are found to say oddly."""
    found = _plan(request, plan_id)
    conflicts = list(tree.open_conflicts(found, request.user).select_related("plan").defer("excerpt"))
    context = {
        "plan": found,
        "links": tree.links(request.user).filter(plan=found).order_by("replica__name"),
        "conflicts": presentation.briefs(conflicts),
        "rows": tree.rows(found, conflicts),
        "may_tick": request.user.has_perm(_MAY_TICK),
    }
    return render(request, "dashboard/plan.html", context)


@require_POST
@permission_required(_MAY_TICK, raise_exception=True)
def tick(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Set one task's status: the button pressed sends `done=TASK` or `todo=TASK`.

    The button says what is wanted, not "the other one", so that a second press changes nothing.
    """
    for status in (Status.DONE, Status.TODO):
        if status in request.POST:
            return _set_status(request, _task(request, plan_id, _uuid(request.POST[status])), status)
    raise BadRequest("The form names no task.")


@require_http_methods(["GET", "HEAD", "POST"])
def task(request: HttpRequest, plan_id: UUID, task_id: UUID) -> HttpResponse:
    """One task with all its fields, and every status to choose from."""
    found = _task(request, plan_id, task_id)
    if request.method == "POST":
        return _choose(request, found)
    context = {
        "task": found,
        "plan": found.plan,
        "statuses": Status.choices,
        "may_tick": request.user.has_perm(_MAY_TICK),
    }
    return render(request, "dashboard/task.html", context)


@permission_required(_MAY_TICK, raise_exception=True)
def _choose(request: HttpRequest, task: Task) -> HttpResponse:
    return _set_status(request, task, request.POST.get("status", ""))


def _set_status(request: HttpRequest, task: Task, status: str) -> HttpResponse:
    try:
        services.set_fields(task, {"status": status}, actor=request.user.get_username())
    except PlansError as error:
        messages.error(request, _("The task was not changed. %(reason)s") % {"reason": error})
    return redirect(f"{reverse('dashboard:plan', args=[task.plan_id])}#i-{task.pk.hex}")


def _plan(request: HttpRequest, plan_id: UUID) -> Plan:
    return get_object_or_404(sight.shown(Plan.objects.all(), request.user), pk=plan_id, deleted_at=None)


def _task(request: HttpRequest, plan_id: UUID, task_id: UUID) -> Task:
    live = sight.shown(Task.objects.select_related("plan", "phase"), request.user)
    return get_object_or_404(live, pk=task_id, plan_id=plan_id, deleted_at=None, plan__deleted_at=None)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadRequest("The form names no task.") from None
