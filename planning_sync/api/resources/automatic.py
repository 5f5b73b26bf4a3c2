"""`/audit/{entry}/reinstate`: what a strategy settled by itself becomes a conflict for a person."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import Entry
from planning_sync.api.describing import described
from planning_sync.api.principals import Principal
from planning_sync.api.resources.operations import (
    OUTCOME,
    UndoOutcomeSerializer,
    named_dependents,
    visible_entries,
)
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView
from planning_sync.sync import reopening


class Reinstate(ApiView):
    also_answers = (409,)

    @described(
        "Have a person decide what was settled automatically",
        tag="conflicts",
        operation="conflicts_reinstate",
        answer=UndoOutcomeSerializer,
        example={**OUTCOME, "undoes": []},
    )
    def post(self, request: Request, entry_id: int) -> Response:
        """By the id of its entry (`GET /audit?action=decided`). Both sides get their own values back."""
        if not _settled(self.who).filter(pk=entry_id).exists():
            raise NotFound
        with named_dependents(f"Entry {entry_id}"):
            outcome = reopening.reinstate(entry_id, **self.who.marks)
        return Response(outcome.as_json())


def _settled(who: Principal) -> QuerySet[Entry]:
    """As conflicts are, a clash is between the hub and one replica, and seen with that replica."""
    found: QuerySet[Any] = visible_entries(who).filter(action=Entry.Action.DECIDED, after__has_key="strategy")
    if who.replica_ids is not None:
        found = found.filter(operation__replica_id__in=who.replica_ids)
    return found


ROUTES = (
    Route(
        "audit/<int:entry_id>/reinstate", Reinstate, "audit-reinstate", {"POST": "conflicts.decide_conflict"}
    ),
)
