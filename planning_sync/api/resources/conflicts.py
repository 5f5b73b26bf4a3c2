"""`/conflicts`: what waits for a decision, and the decisions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from conflicts import api, errors, queue, services
from conflicts.api import (
    COLUMNS,
    UNSETTLED,
    Assignment,
    BulkDecision,
    BulkSerializer,
    ConflictFilter,
    ConflictSerializer,
    Decision,
    Postponement,
    WholeConflictSerializer,
    bulk_json,
    conflict_json,
    whole_conflict_json,
)
from conflicts.models import Conflict
from planning_sync.api import paging, problems
from planning_sync.api.describing import described
from planning_sync.api.paging import PageQuery, page_serializer
from planning_sync.api.principals import Principal
from planning_sync.api.resources.operations import named_dependents
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked, given
from planning_sync.roles import access
from planning_sync.sync import reopening
from planning_sync.sync.models import Replica

ORDER = ("rank", "opened_at", "id")
"""The most severe first, and of those the oldest."""


def _present(error: errors.ValuesMoved) -> dict[str, Any]:
    return {"present": {"replica": error.replica, "hub": error.hub}}


problems.tell("not-found", 404, "There is no such thing", errors.ConflictNotFound)
problems.tell("stale", 409, "It changed since you looked", errors.ValuesMoved, more=_present)
problems.tell(
    *("settled", 409, "It is settled already"),
    errors.AlreadySettled,
    more=lambda error: {"by": error.decided_by},
)
problems.tell(
    *("preview-outdated", 409, "It would do something else by now"),
    errors.PreviewOutdated,
    more=lambda error: {"preview": bulk_json(error.preview, dry_run=True)},
)
problems.tell("invalid-decision", 422, "It cannot be decided so", errors.InvalidDecision)
problems.tell("refused", 409, "This cannot be done as things are", errors.ConflictsError)


def visible_conflicts(who: Principal) -> QuerySet[Conflict]:
    return access.within(Conflict.objects.all(), who.replica_ids)


class ConflictQuery(ConflictFilter, PageQuery):
    pass


_OPERATION = "01936b7e-3100-7a00-8000-000000000002"
EXAMPLE = {
    "id": "01936b7e-4000-7a00-8000-000000000001",
    "status": "open",
    "severity": "high",
    "kind": "progress_inconsistency",
    "rule": "",
    "plan": "01936b7e-2f60-7c3a-9d52-0b5a0c4f1e11",
    "replica": "notes",
    "item": {"id": "01936b7e-2f62-7d11-b0c5-6a2b7f0e9d42", "kind": "task", "label": "1.1 Tag the version"},
    "field": "status",
    "values": {"base": "todo", "replica": "in_progress", "hub": "done"},
    "changed": {
        "replica": {"at": "2026-05-04T09:58:00Z", "by": "alice"},
        "hub": {"at": "2026-05-04T09:59:00Z", "by": "bob"},
    },
    "suggestion": {
        "take": "hub",
        "confidence": 0.91,
        "reason": "in 20 of 22 similar conflicts the hub's value was taken",
        "decisions": [],
    },
    "assigned_to": None,
    "postponed_until": None,
    "opened_at": "2026-05-04T10:00:00Z",
    "changed_at": "2026-05-04T10:00:00Z",
    "closed_at": None,
    "decision": None,
}
_HUB = {
    "take": "hub",
    "hub": "done",
    "replica": "done",
    "drops": ["in_progress"],
    "changes_hub": False,
    "changes_replica": True,
}
WHOLE = {
    **EXAMPLE,
    "path": "launch.md",
    "line": 3,
    "excerpt": [{"line": 3, "text": "- [/] 1.1 Tag the version"}],
    "found_by": _OPERATION,
    "options": [_HUB],
    "takes_value": True,
}
_DECIDED = {
    **WHOLE,
    "status": "resolved",
    "options": [],
    "takes_value": False,
    "closed_at": "2026-05-04T10:05:00Z",
    "decision": {
        "take": "hub",
        "value": None,
        "by": "carol",
        "at": "2026-05-04T10:05:00Z",
        "operation": _OPERATION,
        "applied_by": _OPERATION,
    },
}
_BULK = {
    "dry_run": True,
    "decided": [{"conflict": EXAMPLE["id"], **_HUB}],
    "left": [],
    "dropped": 1,
    "fingerprint": "5f2c9a0112ab34cd",
}


_PAGE = page_serializer(ConflictSerializer)


class _List(ApiView):
    def page(self, rows: QuerySet[Conflict], query: dict[str, Any]) -> Response:
        names = Replica.names()
        rows = api.filtered(rows, query, self.who.user)
        if query.get("replica"):
            rows = rows.filter(replica_id__in=[pk for pk, name in names.items() if name == query["replica"]])
        ranked = rows.annotate(rank=api.RANK)
        page = paging.page(self.request, ranked, COLUMNS, ORDER, query)
        return Response(page.as_json(lambda row: conflict_json(row, names)))


class Conflicts(_List):
    @described(
        "List conflicts",
        tag="conflicts",
        operation="conflicts_list",
        query=ConflictQuery,
        answer=_PAGE,
        example={"results": [EXAMPLE], "next": None},
    )
    def get(self, request: Request) -> Response:
        """The most severe first, and of those the oldest; settled ones as well, unless `status` says."""
        return self.page(visible_conflicts(self.who), asked(ConflictQuery, request))


class ActiveConflicts(_List):
    @described(
        "List the conflicts that are not settled",
        tag="conflicts",
        operation="conflicts_active",
        query=ConflictQuery,
        answer=_PAGE,
        example={"results": [EXAMPLE], "next": None},
    )
    def get(self, request: Request) -> Response:
        """Open, postponed, or decided and not yet applied by a sync."""
        rows = visible_conflicts(self.who).filter(state__in=UNSETTLED)
        return self.page(rows, asked(ConflictQuery, request))


class OneConflict(ApiView):
    @described(
        "One conflict",
        tag="conflicts",
        operation="conflicts_read",
        answer=WholeConflictSerializer,
        example=WHOLE,
    )
    def get(self, request: Request, conflict_id: UUID) -> Response:
        """Its three values, who changed them and when, the lines of the file, and what can be decided."""
        return Response(told(self.who, conflict_id))


class Resolve(ApiView):
    @described(
        "Decide a conflict",
        tag="conflicts",
        operation="conflicts_resolve",
        answer=WholeConflictSerializer,
        example=_DECIDED,
        body=Decision,
        body_example={"take": "hub", "seen": {"replica": "in_progress", "hub": "done"}},
    )
    def post(self, request: Request, conflict_id: UUID) -> Response:
        """The sync that applies it starts at once. Where the values moved on, 409 with those of now."""
        row = _found(self.who, conflict_id)
        body = given(Decision, request)
        seen = (body["seen"]["replica"], body["seen"]["hub"])
        services.resolve(row.pk, take=body["take"], value=body.get("value"), seen=seen, **self.who.marks)
        return Response(told(self.who, conflict_id))


class Bulk(ApiView):
    @described(
        "Decide many conflicts one way",
        tag="conflicts",
        operation="conflicts_bulk",
        answer=BulkSerializer,
        example=_BULK,
        body=BulkDecision,
        body_example={"ids": [EXAMPLE["id"]], "take": "hub", "dry_run": True},
    )
    def post(self, request: Request) -> Response:
        """First with `dry_run`, then with the fingerprint of that answer: exactly what was shown, or nothing.

        All of them in one operation. Those that cannot be decided so are left as they are, and named.
        """
        body = given(BulkDecision, request)
        _check_visible(self.who, body["ids"])
        if body["dry_run"]:
            return Response(bulk_json(services.preview(body["ids"], take=body["take"]), dry_run=True))
        done = services.resolve_many(
            body["ids"], take=body["take"], fingerprint=body["fingerprint"], **self.who.marks
        )
        return Response(bulk_json(done, dry_run=False))


class Reopen(ApiView):
    @described(
        "Take the decision on a conflict back",
        tag="conflicts",
        operation="conflicts_reopen",
        answer=WholeConflictSerializer,
        example=WHOLE,
    )
    def post(self, request: Request, conflict_id: UUID) -> Response:
        """Both sides get their own values back. Refused where newer work stands on what was decided."""
        row = _found(self.who, conflict_id)
        with named_dependents("The decision"):
            reopening.reopen(row.pk, **self.who.marks)
        return Response(told(self.who, conflict_id))


class Assign(ApiView):
    @described(
        "Hand a conflict to somebody",
        tag="conflicts",
        operation="conflicts_assign",
        answer=WholeConflictSerializer,
        example={**WHOLE, "assigned_to": "carol"},
        body=Assignment,
        body_example={"to": "carol"},
    )
    def post(self, request: Request, conflict_id: UUID) -> Response:
        """To a person who may decide conflicts, or to nobody. Only while it is open."""
        row = _open(self.who, conflict_id)
        person = _decider(given(Assignment, request)["to"])
        services.assign([row.pk], to=person, **self.who.marks)
        return Response(told(self.who, conflict_id))


class Postpone(ApiView):
    @described(
        "Put a conflict off",
        tag="conflicts",
        operation="conflicts_postpone",
        answer=WholeConflictSerializer,
        example={**WHOLE, "status": "postponed", "postponed_until": "2026-05-11T10:00:00Z"},
        body=Postponement,
        body_example={"until": "2026-05-11T10:00:00Z"},
    )
    def post(self, request: Request, conflict_id: UUID) -> Response:
        """Until then it is not among the open ones. Only while it is open."""
        row = _open(self.who, conflict_id)
        services.postpone([row.pk], until=given(Postponement, request)["until"], **self.who.marks)
        return Response(told(self.who, conflict_id))


def told(who: Principal, conflict_id: UUID) -> dict[str, Any]:
    return whole_conflict_json(_found(who, conflict_id), Replica.names())


def _found(who: Principal, conflict_id: UUID) -> Conflict:
    row = visible_conflicts(who).select_related("assigned_to").filter(pk=conflict_id).first()
    if row is None:
        raise NotFound
    return row


def _open(who: Principal, conflict_id: UUID) -> Conflict:
    row = _found(who, conflict_id)
    if row.state != Conflict.State.OPEN:
        raise errors.AlreadySettled(row.pk, row.get_state_display(), row.decided_by)
    return row


def _check_visible(who: Principal, ids: Collection[UUID]) -> None:
    seen = visible_conflicts(who)
    missing = set(ids)
    wanted = list(missing)
    for start in range(0, len(wanted), 500):
        missing -= set(seen.filter(pk__in=wanted[start : start + 500]).values_list("pk", flat=True))
    if missing:
        raise ValidationError({"ids": [f"There is no conflict {min(missing)}."]})


def _decider(name: str | None) -> User | None:
    if name is None:
        return None
    found = queue.deciders().filter(username=name).first()
    if not isinstance(found, User):
        raise ValidationError({"to": [f"There is nobody called {name!r} who may decide conflicts."]})
    return found


_DECIDE = {"POST": queue.DECIDE}

ROUTES = (
    Route("conflicts", Conflicts, "conflicts", {"GET": queue.LOOK}),
    Route("conflicts/active", ActiveConflicts, "conflicts-active", {"GET": queue.LOOK}),
    Route("conflicts/bulk", Bulk, "conflicts-bulk", _DECIDE),
    Route("conflicts/<uuid:conflict_id>", OneConflict, "conflict", {"GET": queue.LOOK}),
    Route("conflicts/<uuid:conflict_id>/resolve", Resolve, "conflict-resolve", _DECIDE),
    Route("conflicts/<uuid:conflict_id>/reopen", Reopen, "conflict-reopen", _DECIDE),
    Route("conflicts/<uuid:conflict_id>/assign", Assign, "conflict-assign", _DECIDE),
    Route("conflicts/<uuid:conflict_id>/postpone", Postpone, "conflict-postpone", _DECIDE),
)
