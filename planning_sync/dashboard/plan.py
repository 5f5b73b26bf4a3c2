"""The page of a plan, and what all views of one plan share: `find`, `frame`.

The page is the same for everybody. A script that has it already asks with `since`, the number of the latest
entry of the log that it knows, and gets a tree that holds only what changed (see `tree_markup`); with `open`,
keys with dots in between, also what stands in those phases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from audit import sight
from conflicts import presentation
from conflicts.models import Conflict
from planning_sync.dashboard import plan_folds, tree
from planning_sync.dashboard.tree import Touched, Tree
from planning_sync.dashboard.tree_markup import Rights, markup_of
from planning_sync.sync import state
from planning_sync.sync.models import Link
from plans.models import Plan


class Tab(NamedTuple):
    """One view of a plan."""

    name: str
    """Of its address."""
    label: str | Promise


TABS = (
    Tab("plan", _("Tree")),
    Tab("plan_document", _("Document")),
    Tab("plan_board", _("Board")),
    Tab("plan_timeline", _("Timeline")),
    Tab("plan_graph", _("Dependencies")),
    Tab("plan_validation", _("Validation")),
)


class Side(NamedTuple):
    """The plan at one replica."""

    link: Link
    written: bool
    """Whether the file has been told of all that the hub knows."""


@require_safe
@gzip_page
def plan(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """One plan: its tree, its open conflicts, and what its files are found to say oddly."""
    version = tree.newest_entry(plan_id)  # first of all: what comes in between is told again, not missed
    found = find(request, plan_id)
    conflicts = list(tree.open_conflicts(found, request.user).select_related("plan").defer("excerpt"))
    shown = Tree.of(found, conflicts)
    context = {
        **frame(request, found, "plan", conflicts),
        "version": version,
        "briefs": presentation.briefs(conflicts),
        "empty": not shown.outline.items,
        "tree": _markup(request, found, shown),
    }
    return render(request, "dashboard/plan.html", context)


def find(request: HttpRequest, plan_id: UUID) -> Plan:
    """The plan outside the bin, if this person may see it; else 404."""
    return get_object_or_404(sight.shown(Plan.objects.live(), request.user), pk=plan_id)


def frame(
    request: HttpRequest, plan: Plan, tab: str, conflicts: Sequence[Conflict] | None = None
) -> dict[str, Any]:
    """What the head of each view shows."""
    links = tree.links(request.user).filter(plan=plan, released_at=None).order_by("replica__name")
    links = links.defer(None).defer("seen", "base")
    sides = [Side(link, link.revision >= plan.revision or link.gone_at is not None) for link in links]
    count = tree.open_conflicts(plan, request.user).count() if conflicts is None else len(conflicts)
    return {
        "plan": plan,
        "tabs": TABS,
        "tab": tab,
        "sides": sides,
        "written": all(side.written for side in sides) if sides else None,
        "held": sorted({key for side in sides for key, _field in state.unpack_held(side.link.held)}),
        "conflict_count": count,
        "rights": rights_of(request),
    }


def rights_of(request: HttpRequest) -> Rights:
    may = request.user.has_perm
    needed = ("change_task", "change_phase", "add_task", "add_phase", "delete_task", "delete_phase")
    return Rights(*(may(f"plans.{name}") for name in needed))


def _markup(request: HttpRequest, plan: Plan, shown: Tree) -> str:
    asked = [key for key in request.GET.get("open", "").split(".") if key]
    touched = _touched(request, plan)
    if touched is None:
        folds = plan_folds.of(request, shown, asked)
    else:
        folds = plan_folds.NONE
        touched = touched.along_with(key for phase in asked for key in shown.below(phase))
    today = timezone.localdate()
    return markup_of(shown, rights_of(request), today=today, folds=folds, touched=touched)


def _touched(request: HttpRequest, plan: Plan) -> Touched | None:
    since = request.GET.get("since", "")
    return Touched.since(plan, int(since)) if since.isascii() and since.isdigit() else None
