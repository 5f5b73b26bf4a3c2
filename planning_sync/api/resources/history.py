"""`/plans/{id}/history`: what happened to a plan, operation by operation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core import signing
from django.db.models import Count, Max
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import Entry, Operation
from planning_sync.api import editing
from planning_sync.api.describing import described
from planning_sync.api.errors import InvalidCursor
from planning_sync.api.paging import PageQuery, page_serializer
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked

ENTRIES_SHOWN = 100
_SALT = "planning-sync.api.history"


class EntrySerializer(serializers.Serializer[Any]):
    action = serializers.ChoiceField(Entry.Action.choices)
    kind = serializers.CharField(allow_blank=True, help_text="Of the item: plan, phase or task.")
    item = serializers.UUIDField(allow_null=True)
    field = serializers.CharField(allow_blank=True)
    before = serializers.JSONField()
    after = serializers.JSONField()
    at = serializers.DateTimeField()


class OperationSerializer(serializers.Serializer[Any]):
    operation = serializers.UUIDField()
    kind = serializers.ChoiceField(Operation.Kind.choices)
    actor = serializers.CharField()
    on_behalf_of = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(Operation.Status.choices)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    entry_count = serializers.IntegerField(help_text="What it did to this plan.")
    entries = EntrySerializer(many=True, help_text=f"The first {ENTRIES_SHOWN} of them.")


_ENTRY = {
    "action": "changed",
    "kind": "task",
    "item": "01936b7e-2f62-7d11-b0c5-6a2b7f0e9d42",
    "field": "status",
    "before": "todo",
    "after": "done",
    "at": "2026-05-04T10:00:00Z",
}
EXAMPLE = {
    "operation": "01936b7e-3000-7a00-8000-000000000001",
    "kind": "edit",
    "actor": "key:nightly",
    "on_behalf_of": "alice",
    "status": "done",
    "started_at": "2026-05-04T10:00:00Z",
    "finished_at": "2026-05-04T10:00:00Z",
    "entry_count": 1,
    "entries": [_ENTRY],
}


class History(ApiView):
    @described(
        "What happened to a plan",
        tag="plans",
        operation="plans_history",
        query=PageQuery,
        answer=page_serializer(OperationSerializer),
        example={"results": [EXAMPLE], "next": None},
    )
    def get(self, request: Request, plan_id: UUID) -> Response:
        """Newest first, in the bin or not."""
        query = asked(PageQuery, request)
        plan = editing.find_plan(self.who, plan_id, binned=None)
        rows = Entry.objects.filter(plan_id=plan.pk).values("operation_id")
        rows = rows.annotate(last=Max("id"), number=Count("id")).order_by("-last")
        if "cursor" in query:
            rows = rows.filter(last__lt=_read(query["cursor"]))
        found = list(rows[: query["limit"] + 1])
        more, found = len(found) > query["limit"], found[: query["limit"]]
        return Response(
            {
                "results": _told(plan.pk, {row["operation_id"]: row["number"] for row in found}),
                "next": _address(request, found[-1]["last"]) if more else None,
            }
        )


def _told(plan_id: UUID, numbers: dict[UUID, int]) -> list[dict[str, Any]]:
    operations = Operation.objects.in_bulk(list(numbers))
    few = [pk for pk, number in numbers.items() if number <= ENTRIES_SHOWN]
    entries: dict[UUID, list[dict[str, Any]]] = {pk: [] for pk in numbers}
    _collect(entries, Entry.objects.filter(plan_id=plan_id, operation__in=few).order_by("id"))
    for pk in numbers.keys() - set(few):
        _collect(entries, Entry.objects.filter(plan_id=plan_id, operation=pk).order_by("id")[:ENTRIES_SHOWN])
    return [
        {
            "operation": pk,
            **{name: getattr(operations[pk], name) for name in ("kind", "actor", "on_behalf_of", "status")},
            **{name: getattr(operations[pk], name) for name in ("started_at", "finished_at")},
            "entry_count": number,
            "entries": entries[pk],
        }
        for pk, number in numbers.items()
    ]


def _collect(into: dict[UUID, list[dict[str, Any]]], rows: Iterable[Entry]) -> None:
    for row in rows:
        into[row.operation_id].append(
            {
                "action": row.action,
                "kind": row.item_kind,
                "item": row.item_id,
                "field": row.field,
                "before": row.before,
                "after": row.after,
                "at": row.at,
            }
        )


def _address(request: Request, last: int) -> str:
    query = request.query_params.copy()
    query["cursor"] = signing.dumps(last, salt=_SALT)
    return f"{request.path}?{query.urlencode()}"


def _read(cursor: str) -> int:
    try:
        return int(signing.loads(cursor, salt=_SALT))
    except signing.BadSignature:
        raise InvalidCursor from None


ROUTES = (Route("plans/<uuid:plan_id>/history", History, "plan-history", {"GET": "audit.view_entry"}),)
