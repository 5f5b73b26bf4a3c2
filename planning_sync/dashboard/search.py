"""The page of the search: the view `search`, which asks `planning_sync.search` while one types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from audit import sight
from conflicts.presentation.differences import Segment
from planning_sync.dashboard.log import as_uuid
from planning_sync.dashboard.parameters import Parameters
from planning_sync.search import services
from planning_sync.search.asking import Filters, Hit
from planning_sync.sync.models import Replica
from plans.models import Priority, Status

LOOK = "plans.view_plan"
MOST = 50
LONGEST = 500
"""Letters of a question that are looked at."""

KINDS: Mapping[str, Promise] = {"task": _("tasks"), "phase": _("phases"), "plan": _("plans")}


@dataclass(frozen=True)
class Asked(Parameters):
    """What is looked for, and among what; each "" leaves all in."""

    q: str = ""
    kind: str = ""
    status: str = ""
    replica: str = ""
    tag: str = ""

    def kinds(self) -> frozenset[str]:
        return frozenset({self.kind}) if self.kind in KINDS else services.ALL_KINDS

    def filters(self) -> Filters:
        replica = as_uuid(self.replica)
        return Filters(
            statuses=frozenset(filter(None, [self.status])),
            replicas=frozenset([str(replica)] if replica else []),
            tags=frozenset(filter(None, [self.tag.removeprefix("#")])),
        )


class Found(NamedTuple):
    """A hit as the page shows it."""

    hit: Hit
    address: str
    text: tuple[Segment, ...]
    """With what was asked for marked as "added"."""
    status: str
    priority: str


@require_safe
@permission_required(LOOK, raise_exception=True)
def search(request: HttpRequest) -> HttpResponse:
    """What fits `q`, the best first; nothing was asked where it is empty."""
    asked = Asked.of(request.GET)
    text = asked.q[:LONGEST]
    answer = None
    if text:
        answer = services.search(
            text, user=request.user, kinds=asked.kinds(), filters=asked.filters(), limit=MOST
        )
    context = {
        "asked": asked.given(),
        "answer": answer,
        "found": [_found(hit) for hit in answer.hits] if answer is not None else [],
        "kinds": KINDS.items(),
        "statuses": Status.choices,
        "replicas": sight.shown(Replica.objects.order_by("name"), request.user).values_list("pk", "name"),
    }
    return render(request, "dashboard/search.html", context)


def _found(hit: Hit) -> Found:
    plan = reverse("dashboard:plan", args=[hit.plan])
    address = plan if hit.kind == "plan" else f"{plan}#i-{hit.id.hex}"
    status = dict(Status.choices).get(hit.status, "") if hit.kind == "task" else ""
    priority = dict(Priority.choices).get(hit.priority, "")
    return Found(hit, address, tuple(_marked(hit)), str(status), str(priority))


def _marked(hit: Hit) -> Iterator[Segment]:
    at = 0
    for start, end in hit.marks:
        if start > at:
            yield Segment("same", hit.text[at:start])
        yield Segment("added", hit.text[start:end])
        at = end
    if at < len(hit.text):
        yield Segment("same", hit.text[at:])
