"""The pages of replicas: the list, one replica with its links, what its next sync would change, and acts.

Looking needs the permission to see replicas; syncing and switching the one to change them; linking and
unlinking plans the one to change links. Every page works without JavaScript.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit import sight
from conflicts import queue
from conflicts.models import GUARD, Conflict, Policy
from planning_sync.dashboard import diffs, refusals, standing, telling
from planning_sync.dashboard.diffs import Diff
from planning_sync.dashboard.standing import Drift
from planning_sync.dashboard.telling import Change
from planning_sync.replicas.errors import ReplicaError
from planning_sync.sync import registry, removal, services, sides, tasks
from planning_sync.sync.errors import SyncError
from planning_sync.sync.models import Link, Replica, Unpaired
from planning_sync.sync.passes import Options
from planning_sync.sync.removal import Fate
from planning_sync.sync.report import Report

LOOK, CHANGE, LINK = "sync.view_replica", "sync.change_replica", "sync.change_link"
REMOVE = "sync.delete_replica"
LINKS_PER_PAGE = 100
AT_ONCE = 40
"""Up to so many plans a sync is done while the person waits; more are left to a worker."""
PREVIEWS_MOST, ROWS_MOST = 50, 50

look = permission_required(LOOK, raise_exception=True)

_FOLLOWED = Q(links__gone_at=None, links__released_at=None, links__plan__deleted_at=None, links__isnull=False)


class Row(NamedTuple):
    """A replica in the list."""

    replica: Replica
    state: str
    plans: int
    unpaired: int
    drift: Drift | None
    conflicts: int


@require_safe
@look
def listed(request: HttpRequest) -> HttpResponse:
    """The replicas by name, each with how it stands."""
    rows = Replica.objects.annotate(
        plans=Count("links", filter=_FOLLOWED, distinct=True),
        waiting=Count("unpaired", filter=Q(unpaired__as_new=False), distinct=True),
    )
    drifts, conflicts = standing.drifts(request.user), standing.conflicts_by_replica(request.user)
    found = [
        Row(row, standing.state(row), row.plans, row.waiting, drifts.get(row.pk), conflicts.get(row.pk, 0))
        for row in sight.shown(rows.order_by("name"), request.user)
    ]
    return render(request, "dashboard/replicas.html", {"rows": found})


@require_safe
@look
def one(request: HttpRequest, replica_id: UUID) -> HttpResponse:
    """One replica: where it is, how it stands, and its plans there."""
    row = found_replica(request, replica_id)
    links = (
        sight.shown(Link.objects.filter(replica=row), request.user)
        .exclude(gone_at__isnull=False, plan__deleted_at__isnull=False)
        .select_related("plan")
        .defer("seen", "base", "held")
        .annotate(open_conflicts=standing.open_conflicts_there(request.user))
    )
    chosen = request.GET.get("state", "")
    context = {
        "replica": row,
        "state": standing.state(row),
        "conflicts": standing.conflicts_by_replica(request.user).get(row.pk, 0),
        "drift": standing.drifts(request.user).get(row.pk),
        "next_at": standing.next_sync(row) if row.lost_at else None,
        "links": Paginator(_narrowed(links, chosen).order_by("path"), LINKS_PER_PAGE).get_page(
            request.GET.get("page")
        ),
        "chosen": chosen,
        "counts": {name: links.filter(rule).count() for name, rule in _STATES.items()},
        "options": row.options,
        "policies": Policy.objects.in_force(row.pk)
        if request.user.has_perm("conflicts.view_policy")
        else None,
        "refusals": _refusals(request, row),
        "unpaired": Unpaired.objects.filter(replica=row, as_new=False).count(),
    }
    return render(request, "dashboard/replica.html", context)


@require_POST
@look
@permission_required(CHANGE, raise_exception=True)
def act(request: HttpRequest, replica_id: UUID) -> HttpResponse:
    """Sync it now, or switch it off or on: the button pressed sends `act`."""
    row = found_replica(request, replica_id)
    done = _ACTS.get(request.POST.get("act", ""))
    if done is None:
        raise BadRequest("The form names no act.")
    return done(request, row) or redirect("dashboard:replica", row.pk)


@require_POST
@look
@permission_required(LINK, raise_exception=True)
def link(request: HttpRequest, replica_id: UUID) -> HttpResponse:
    """Unlink a plan and its file, or have them follow each other again: `release=LINK` or `attach=LINK`."""
    row = found_replica(request, replica_id)
    actor = request.user.get_username()
    for name, service in (("release", services.release), ("attach", services.attach)):
        if name in request.POST:
            found = get_object_or_404(
                sight.shown(Link.objects.filter(replica=row), request.user), pk=_number(request.POST[name])
            )
            service(found, actor=actor)
            messages.success(request, _LINKED[name] % {"path": found.path})
            return redirect("dashboard:replica", row.pk)
    raise BadRequest("The form names no link.")


class Previewed(NamedTuple):
    """What the next sync would do with one plan."""

    path: str
    title: str
    action: str
    changes: tuple[Change, ...]
    more: int
    diff: Diff
    conflicts: int


@require_safe
@look
@permission_required(CHANGE, raise_exception=True)
def preview(request: HttpRequest, replica_id: UUID) -> HttpResponse:
    """What a sync would change now, plan by plan; nothing is changed."""
    row = found_replica(request, replica_id)
    report = services.sync_replica(row, Options(actor="", dry_run=True, settle_seconds=0.0))
    context = {
        "replica": row,
        "report": report,
        "previews": [_previewed(each) for each in report.previews[:PREVIEWS_MOST]],
        "more": max(0, len(report.previews) - PREVIEWS_MOST),
        "problems": _problems(report),
    }
    return render(request, "dashboard/replica_preview.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@look
@permission_required(REMOVE, raise_exception=True)
def remove(request: HttpRequest, replica_id: UUID) -> HttpResponse:
    """What removing it from the hub means; a form posted here does it, with `plans=bin` or `plans=keep`."""
    row = found_replica(request, replica_id)
    if request.method != "POST":
        return render(request, "dashboard/replica_remove.html", {"replica": row})
    fate = _FATES.get(request.POST.get("plans", ""))
    if fate is None:
        raise BadRequest("The form says nothing of the plans.")
    try:
        removed = removal.remove(row, fate, actor=request.user.get_username())
    except SyncError as error:
        messages.error(request, refusals.told(error))
        return redirect("dashboard:replica", row.pk)
    messages.success(request, _("%(name)s is removed. Its files are as they were.") % {"name": removed.name})
    return redirect("dashboard:replicas")


# ------------------------------------------------------------------------------ for the other pages


def found_replica(request: HttpRequest, replica_id: UUID) -> Replica:
    return get_object_or_404(sight.shown(Replica.objects.all(), request.user), pk=replica_id)


def sync(request: HttpRequest, row: Replica) -> HttpResponse | None:
    """Sync it, and tell what came of it; where that takes long, the page of the running operation."""
    actor = request.user.get_username()
    try:
        many = len(sides.connect(row).scan().stamps) > AT_ONCE
    except (ReplicaError, SyncError):
        many = False  # the pass tells the reason, and keeps it
    if many:
        operation = tasks.ask_for_sync(row, actor=actor)
        return redirect("dashboard:operation", operation.pk)
    tell_report(request, services.sync_replica(row, Options(actor=actor)))
    return None


def tell_report(request: HttpRequest, report: Report) -> None:
    for problem in _problems(report):
        messages.error(request, problem)
    if report.opened:
        told = ngettext(
            "The sync opened %(n)d conflict: both sides keep their own value until somebody decides.",
            "The sync opened %(n)d conflicts: both sides keep their own values until somebody decides.",
            report.opened,
        )
        messages.warning(request, told % {"n": report.opened})
    if report.status in ("in_step", "conflicts"):
        told = ngettext("Synced: %(n)d plan changed.", "Synced: %(n)d plans changed.", report.changed)
        messages.success(request, told % {"n": report.changed})


# ------------------------------------------------------------------------------------------- details


def _switch(on: bool) -> Callable[[HttpRequest, Replica], None]:
    def switched(request: HttpRequest, row: Replica) -> None:
        registry.switch(row, on=on, actor=request.user.get_username())

    return switched


_ACTS: Mapping[str, Callable[[HttpRequest, Replica], HttpResponse | None]] = {
    "sync": sync,
    "on": _switch(on=True),
    "off": _switch(on=False),
}
_LINKED = {
    "release": _("%(path)s is unlinked: the plan and its file stay as they are."),
    "attach": _("%(path)s is linked again: the next sync merges what happened on both sides."),
}
_FATES: Mapping[str, Fate] = {"bin": "bin", "keep": "keep"}
_STATES = {
    "behind": Q(revision__lt=F("plan__revision"), released_at=None, gone_at=None),
    "problem": ~Q(problem=""),
    "unlinked": Q(released_at__isnull=False),
    "remarks": ~Q(findings=[]),
}
"""What the list of links can be narrowed to."""


def _narrowed(links: QuerySet[Link], chosen: str) -> QuerySet[Link]:
    return links.filter(_STATES[chosen]) if chosen in _STATES else links


def _refusals(request: HttpRequest, row: Replica) -> QuerySet[Conflict]:
    """What a guard refused there, and nobody decided yet."""
    rows = queue.seen_by(request.user).filter(replica_id=row.pk, state=Conflict.State.OPEN, field=GUARD)
    return rows.order_by("opened_at")


def _problems(report: Report) -> list[str]:
    refused = [f"{each['plan']}: {each['reason']}".removeprefix(": ") for each in report.refused]
    return refused + [each["error"] for each in report.errors]


def _previewed(told: Mapping[str, Any]) -> Previewed:
    rows = told.get("rows", [])
    return Previewed(
        path=told["path"],
        title=told.get("title") or told.get("like", ""),
        action=told["action"],
        changes=tuple(telling.of_row(row) for row in rows[:ROWS_MOST]),
        more=max(0, len(rows) - ROWS_MOST),
        diff=diffs.shown(told.get("lines", [])),
        conflicts=len(told.get("conflicts", [])),
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadRequest("The form names no link.")
    return int(text)
