"""The page of what strategies settled without a person, each with a button that has a person decide instead.

Looking needs the permission to see conflicts, the button the one to decide.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from audit import sight
from audit.models import Entry
from conflicts.merge import STRUCTURAL
from conflicts.models import Conflict
from conflicts.presentation import Names, field_name, wording
from conflicts.queue import DECIDE, LOOK, Someone
from planning_sync.dashboard import log, telling
from planning_sync.dashboard.operations import FAILURES, failure, page_number, undo_link
from planning_sync.roles import access
from planning_sync.sync import reopening
from plans.models import Plan
from plans.outline import ROOT, Kind

PER_PAGE = 50
_look = permission_required(LOOK, raise_exception=True)
_decide = permission_required(DECIDE, raise_exception=True)


class Settled(NamedTuple):
    """One clash that a strategy settled."""

    entry: Entry
    plan: Plan | None
    title: str
    field: str
    base: str
    replica: str
    hub: str
    outcome: str
    strategy: str
    caveat: str
    taken_back: UUID | None
    """The undo that took it back."""
    can_ask: bool
    """False for what moved items about: only the whole sync can be undone."""


@require_safe
@_look
def listed(request: HttpRequest) -> HttpResponse:
    """The latest first."""
    number = page_number(request)
    start = (number - 1) * PER_PAGE
    entries = list(_settled_by_strategies(request.user)[start : start + PER_PAGE + 1])
    context = {
        "rows": rows(entries[:PER_PAGE]),
        "number": number,
        "more": len(entries) > PER_PAGE,
        "may_decide": request.user.has_perm(DECIDE),
    }
    return render(request, "dashboard/automatic.html", context)


@require_POST
@_look
@_decide
def ask(request: HttpRequest, entry_id: int) -> HttpResponse:
    """Both sides get their own values back, and the conflict is open."""
    entry = get_object_or_404(_settled_by_strategies(request.user), pk=entry_id)
    try:
        outcome = reopening.reinstate(entry.pk, actor=request.user.get_username())
    except FAILURES as error:
        messages.error(request, failure(error))
        return redirect("dashboard:automatic")
    told = _("It waits for a person, and both sides have their own values back.")
    messages.success(request, format_html("{} {}", told, undo_link(outcome.operation.pk)))
    opened = _conflict(entry)
    if opened is None:
        return redirect("dashboard:automatic")
    return redirect("dashboard:conflict", opened.pk)


def rows(entries: list[Entry]) -> list[Settled]:
    """In four queries, however many they are."""
    plans = Plan.objects.in_bulk({entry.plan_id for entry in entries if entry.plan_id})
    labels = log.labels_of(entry.item_id for entry in entries if entry.item_id)
    clashes = [_as_conflict(entry, plans) for entry in entries]
    names = Names.of(clashes)
    back = log.undone(min((entry.operation.started_at for entry in entries), default=None))
    return [_row(entry, clash, names, labels, back) for entry, clash in zip(entries, clashes, strict=True)]


def _row(
    entry: Entry, clash: Conflict, names: Names, labels: telling.Labels, back: dict[str, UUID]
) -> Settled:
    values = (clash.base_value, clash.replica_value, clash.hub_value, clash.taken_value)
    base, replica, hub, outcome = (wording.told(clash, value, names) for value in values)
    after: dict[str, Any] = entry.after or {}
    title = labels.get(entry.item_id, "") if entry.item_id else ""
    return Settled(
        *(entry, clash.plan, title, field_name(entry.field)),
        *(base, replica, hub, outcome, telling.strategy(after["strategy"])),
        caveat=_(after["caveat"]) if after.get("caveat") else "",
        taken_back=back.get(f"entry:{entry.pk}") or back.get(str(entry.operation_id)),
        can_ask=entry.field not in STRUCTURAL,
    )


def _as_conflict(entry: Entry, plans: dict[UUID, Plan]) -> Conflict:
    """The clash as a conflict that was never one, for the words that conflicts are told in."""
    before, after = entry.before or {}, entry.after or {}
    sides = {"hub": before.get("hub"), "replica": before.get("replica")}
    return Conflict(
        plan=plans.get(entry.plan_id) if entry.plan_id else None,
        item_kind=entry.item_kind,
        item_key=ROOT if entry.item_kind == Kind.PLAN or entry.item_id is None else entry.item_id.hex,
        field=entry.field,
        base_value=before.get("base"),
        replica_value=before.get("replica"),
        hub_value=before.get("hub"),
        taken=after["take"],
        taken_value=sides.get(after["take"], after.get("value")),
    )


def _conflict(entry: Entry) -> Conflict | None:
    """The open conflict that came of the entry."""
    key = ROOT if entry.item_kind == Kind.PLAN or entry.item_id is None else entry.item_id.hex
    found = Conflict.objects.filter(plan=entry.plan_id, item_key=key, field=entry.field)
    return found.filter(state=Conflict.State.OPEN).order_by("-opened_at").first()


def _settled_by_strategies(user: Someone) -> QuerySet[Entry]:
    """As conflicts are, a clash is between the hub and one replica, and seen with that replica."""
    found: QuerySet[Entry] = Entry.objects.filter(action=Entry.Action.DECIDED, after__has_key="strategy")
    ids = access.replica_ids(user)
    if ids is not None:
        found = sight.shown(found, user).filter(operation__replica_id__in=ids)
    return found.select_related("operation").order_by("-id")
