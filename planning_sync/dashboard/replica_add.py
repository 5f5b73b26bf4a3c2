"""The wizard that adds a replica: the place, the proof, the options, the pairs, the first sync.

    add (place) --> proof --> options, which adds it, switched off --> pairs, if any --> first sync

Nothing is written before the options are confirmed, and no file before the first sync. The steps before that
keep what was said in the address, so that one can go back to each. The proof may take long: each look at its
page carries it on, and the session keeps it. Every step works without JavaScript.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from audit import sight
from audit.models import Operation
from planning_sync.dashboard import refusals, replica_forms, replicas
from planning_sync.dashboard.replica_forms import OptionsForm, PlaceForm
from planning_sync.replicas.errors import ReplicaError, ReplicaMissing
from planning_sync.sync import pairing, pairing_act, proving, registry, sides
from planning_sync.sync.errors import SyncError
from planning_sync.sync.models import Replica
from planning_sync.sync.proving import Proof
from planning_sync.sync.registry import Reach

ADD = "sync.add_replica"
STEPS = {
    "place": gettext_lazy("Place"),
    "proof": gettext_lazy("Proof"),
    "options": gettext_lazy("Options"),
    "pairs": gettext_lazy("Pairs"),
    "sync": gettext_lazy("First sync"),
}
PROOF_SECONDS = 1.5
"""For so long one look at the page goes on with the proof."""
LISTED_MOST = 50
_SESSION = "replica_proof"

may_add = permission_required(ADD, raise_exception=True)


@require_safe
@may_add
def place(request: HttpRequest) -> HttpResponse:
    """Where, and what kind. The proof follows once the place can be read."""
    _refuse_limited(request)
    form = PlaceForm(request.GET) if "path" in request.GET else PlaceForm(initial={"kind": "markdown"})
    if form.is_bound and form.is_valid() and "change" not in request.GET:
        return redirect(_address("replica_proof", request))
    reach = Reach.configured()
    suggested = replica_forms.suggested(reach)
    context = {"form": form, "reach": reach, "suggested": suggested, **_steps("place")}
    return render(request, "dashboard/replica_add.html", context)


@require_safe
@may_add
def proof(request: HttpRequest) -> HttpResponse:
    """What a round trip would do to the plans there; each look goes on with it until it is complete."""
    _refuse_limited(request)
    form = PlaceForm(request.GET)
    if not form.is_valid():
        return redirect(_address("replica_add", request))
    try:
        found = _carried_on(request, form.row)
    except ReplicaMissing:
        return redirect(_address("replica_add", request))
    context = {
        "row": form.row,
        "proof": found,
        "around": _overlapping(request, form.row),
        "query": request.GET.urlencode(),
        "again": _address("replica_add", request, change="1"),
        **_steps("proof"),
    }
    return render(request, "dashboard/replica_proof.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@may_add
def options(request: HttpRequest) -> HttpResponse:
    """The options; confirmed, the replica is added, switched off until its first sync is asked for."""
    _refuse_limited(request)
    there = PlaceForm(request.GET)
    if not there.is_valid():
        return redirect(_address("replica_add", request))
    form = OptionsForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        row = _added(request, there.row, form.cleaned_data)
        if row is not None:
            waiting = pairing_act.look(row)
            return redirect("dashboard:replica_unpaired" if waiting else "dashboard:replica_first", row.pk)
    context = {
        "form": form,
        "row": there.row,
        "back": _address("replica_proof", request),
        **_steps("options"),
    }
    return render(request, "dashboard/replica_options.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@may_add
@permission_required(replicas.CHANGE, raise_exception=True)
def first(request: HttpRequest, replica_id: UUID) -> HttpResponse:
    """The first sync: what it will do, its progress, what came of it."""
    row = replicas.found_replica(request, replica_id)
    if request.method == "POST":
        registry.switch(row, on=True, actor=request.user.get_username())
        replicas.sync(request, row)
        return redirect("dashboard:replica_first", row.pk)
    running = Operation.objects.filter(replica_id=row.pk, status=Operation.Status.RUNNING).first()
    context = {
        "replica": row,
        "running": running,
        "progress": running.summary.get("progress") if running is not None else None,
        "found": None if row.enabled else _listed(row),
        "plans": row.links.filter(gone_at=None).count(),
        "unpaired": pairing.unpaired_at(row).count(),
        **_steps("sync"),
    }
    return render(request, "dashboard/replica_first.html", context)


# ------------------------------------------------------------------------------------------- details


def _steps(current: str) -> dict[str, Any]:
    return {"steps": list(STEPS.items()), "step": current}


def _address(name: str, request: HttpRequest, **more: str) -> str:
    """The step with all that was said so far."""
    said = {**{name: value for name, value in request.GET.items() if name != "change"}, **more}
    return f"{reverse(f'dashboard:{name}')}?{urlencode(said)}"


def _refuse_limited(request: HttpRequest) -> None:
    if sight.limited(request.user):
        raise PermissionDenied(_("You are limited to some replicas, and a new one is none of them."))


def _carried_on(request: HttpRequest, row: Replica) -> Proof:
    """The proof as far as it is known after a little more work on it."""
    about = [row.kind, row.path, json.dumps(row.options, sort_keys=True)]
    kept: Mapping[str, Any] = request.session.get(_SESSION, {})
    so_far = (
        Proof.from_json(kept["proof"]) if kept.get("about") == about and "again" not in request.GET else None
    )
    if so_far is None or not so_far.complete:
        so_far = proving.prove(sides.connect(row), so_far=so_far, seconds=PROOF_SECONDS)
        so_far = so_far.listing(LISTED_MOST)
        request.session[_SESSION] = {"about": about, "proof": so_far.as_json()}
    return so_far


def _overlapping(request: HttpRequest, row: Replica) -> list[Replica]:
    """Replicas that the place lies in, or that lie in it: a plan would then be in both."""
    place = Path(row.path)
    return [
        each
        for each in sight.shown(Replica.objects.order_by("name"), request.user)
        if place.is_relative_to(each.path) or Path(each.path).is_relative_to(place)
    ]


def _added(request: HttpRequest, there: Replica, said: Mapping[str, Any]) -> Replica | None:
    chosen = {**there.options, **({"pairing": "off"} if said["pairing"] == "off" else {})}
    if said["commit"]:
        chosen["commit"] = True
    actor = request.user.get_username()
    try:
        row = registry.add_below(
            Reach.configured(),
            there.path,
            kind=there.kind,
            name=said["name"],
            options=chosen,
            actor=actor,
        )
    except (SyncError, ReplicaError) as error:
        messages.error(request, refusals.told(error))
        return None
    registry.switch(row, on=False, actor=actor)
    request.session.pop(_SESSION, None)
    return row


def _listed(row: Replica) -> int | None:
    """How many plans the first sync will see; None where that cannot be said now."""
    try:
        return len(sides.connect(row).scan().stamps)
    except ReplicaError:
        return None
