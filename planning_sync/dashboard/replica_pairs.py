"""Plans of a replica that the hub may have already: which is which, and item by item who is who.

Looking needs the permission to see replicas; linking the one to change links. Nothing is linked before it is
confirmed, and what changed since it was looked at is not linked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from audit import sight
from conflicts.presentation import field_name
from conflicts.presentation.wording import scalar
from planning_sync.dashboard import refusals, replicas
from planning_sync.dashboard.operations import undo_link
from planning_sync.replicas.errors import ReplicaError
from planning_sync.sync import pairing, pairing_act, sides
from planning_sync.sync.errors import SyncError
from planning_sync.sync.models import Replica
from planning_sync.sync.pairing import NEW, Pair, Proposal
from planning_sync.sync.pairing_act import Linked, Wanted
from planning_sync.sync.pairing_base import TAKES
from plans.models import Plan
from plans.outline import Item, Value

SHOWN_MOST = 200
OTHER_PLANS_MOST = 500


@require_http_methods(["GET", "HEAD", "POST"])
@replicas.look
def unpaired(request: HttpRequest, replica_id: UUID) -> HttpResponse:
    """The plans that wait; a form posted here links those chosen, or takes them as new."""
    row = replicas.found_replica(request, replica_id)
    if request.method == "POST":
        return _decide(request, row)
    seen = sight.shown(Plan.objects.all(), request.user)
    context = {
        "replica": row,
        "rows": pairing.unpaired_at(row).filter(plan__in=seen),
        "may_link": request.user.has_perm(replicas.LINK),
        "adding": not row.enabled,
    }
    return render(request, "dashboard/replica_unpaired.html", context)


@permission_required(replicas.LINK, raise_exception=True)
def _decide(request: HttpRequest, row: Replica) -> HttpResponse:
    paths = request.POST.getlist("path")
    chosen = pairing.unpaired_at(row).filter(path__in=paths)
    if not paths:
        messages.error(request, _("Choose plans first."))
    elif "as_new" in request.POST:
        report = pairing_act.take_as_new(row, paths, actor=request.user.get_username())
        if report is not None:
            replicas.tell_report(request, report)
    else:
        take = _take(request)
        wanted = [
            Wanted(each.path, each.plan_id, take=take) for each in chosen if _sees(request, each.plan_id)
        ]
        _tell(request, pairing_act.link(row, wanted, actor=request.user.get_username()))
    return redirect("dashboard:replica_unpaired", row.pk)


class NewItem(NamedTuple):
    """An item that only the replica has, and what it may be in the hub."""

    item: Item
    suggestions: Sequence[Pair]
    chosen: str


class Difference(NamedTuple):
    text: str
    field: str
    hub: str
    replica: str


@require_http_methods(["GET", "HEAD", "POST"])
@replicas.look
def pairs(request: HttpRequest, replica_id: UUID) -> HttpResponse:
    """Two plans side by side: `?path=` there and `?plan=` in the hub; a form posted here links them."""
    if request.method == "POST" and not request.user.has_perm(replicas.LINK):
        raise PermissionDenied
    row = replicas.found_replica(request, replica_id)
    said = request.POST if request.method == "POST" else request.GET
    path, plan_id = said.get("path", ""), _plan_id(request, row, said)
    choices = {name[2:]: str(value) for name, value in said.items() if name.startswith("i-")}
    if request.method == "POST" and "look" not in said:
        return _link(
            request, row, Wanted(path, plan_id, said.get("fingerprint") or "-", choices, _take(request))
        )
    try:
        found = pairing.propose(sides.connect(row), path, plan_id, choices)
    except (SyncError, ReplicaError) as error:
        messages.error(request, refusals.told(error))
        return redirect("dashboard:replica_unpaired", row.pk)
    return _shown(request, row, found, choices)


def _shown(request: HttpRequest, row: Replica, found: Proposal, choices: dict[str, str]) -> HttpResponse:
    suggested = found.suggestions()
    differences = found.differences
    context = {
        "replica": row,
        "found": found,
        "pairs": sorted(found.pairs, key=lambda pair: pair.score)[:SHOWN_MOST],
        "pairs_more": max(0, len(found.pairs) - SHOWN_MOST),
        "chosen": {number: key for number, key in choices.items() if key != NEW},
        "differences": [
            Difference(
                *(each.text, field_name(each.field)),
                *(_words(each.field, value) for value in (each.hub, each.replica)),
            )
            for each in differences[:SHOWN_MOST]
        ],
        "differences_more": max(0, len(differences) - SHOWN_MOST),
        "new_in_hub": [
            NewItem(item, suggested.get(item.key, ()), choices.get(item.key, NEW))
            for item in found.new_in_hub
        ],
        "new_in_replica": found.new_in_replica,
        "others": sight.shown(Plan.objects.live(), request.user)
        .exclude(links__replica=row)
        .order_by("title")[:OTHER_PLANS_MOST],
        "may_link": request.user.has_perm(replicas.LINK),
        "take": request.POST.get("take", "ask"),
    }
    return render(request, "dashboard/replica_pairs.html", context)


def _link(request: HttpRequest, row: Replica, wanted: Wanted) -> HttpResponse:
    outcome = pairing_act.link(row, [wanted], actor=request.user.get_username())
    _tell(request, outcome)
    if outcome.failed:
        query = urlencode({"path": wanted.path, "plan": str(wanted.plan_id)})
        return redirect(f"{reverse('dashboard:replica_pairs', args=[row.pk])}?{query}")
    return redirect("dashboard:replica_unpaired", row.pk)


# ------------------------------------------------------------------------------------------- details


def _tell(request: HttpRequest, outcome: Linked) -> None:
    for _path, reason in outcome.failed:
        messages.error(request, reason)
    if outcome.operation is not None:
        number = len(outcome.paths)
        told = ngettext("%(n)d plan is linked.", "%(n)d plans are linked.", number) % {"n": number}
        messages.success(request, format_html("{} {}", told, undo_link(outcome.operation.pk)))
    for report in outcome.reports:
        replicas.tell_report(request, report)


def _take(request: HttpRequest) -> Any:
    take = request.POST.get("take", "ask")
    if take not in TAKES:
        raise BadRequest("The form names no side.")
    return take


def _plan_id(request: HttpRequest, row: Replica, said: Any) -> UUID:
    """The plan of the hub that the address names, else the one that the path waits for."""
    try:
        found = UUID(said["plan"]) if said.get("plan") else None
    except ValueError:
        raise Http404 from None
    if found is None:
        found = (
            pairing.unpaired_at(row).filter(path=said.get("path", "")).values_list("plan", flat=True).first()
        )
    if found is None or not _sees(request, found):
        raise Http404
    return found


def _sees(request: HttpRequest, plan_id: UUID) -> bool:
    return sight.shown(Plan.objects.live(), request.user).filter(pk=plan_id).exists()


def _words(field: str, value: Value) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return scalar(field, value) if value else ""
