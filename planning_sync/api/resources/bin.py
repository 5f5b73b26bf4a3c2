"""`/bin`: what was deleted and can come back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api import editing
from planning_sync.api.describing import described
from planning_sync.api.principals import Principal, visible_plans
from planning_sync.api.resources.moments import RESTORED, RestoredSerializer, find_row, restored
from planning_sync.api.resources.operations import named_dependents
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked, given
from planning_sync.sync import bin as binned
from planning_sync.sync import restoring
from planning_sync.sync.bin import Binned
from plans.api import Strict
from plans.models import Plan


class BinQuery(Strict):
    plan = serializers.UUIDField(required=False, help_text="Only the items of this plan.")
    limit = serializers.IntegerField(min_value=1, max_value=5000, default=1000, help_text="How many at most.")


class BinnedSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField([(name, name) for name in ("plan", "phase", "task")])
    text = serializers.CharField(allow_blank=True)
    plan = serializers.UUIDField()
    plan_title = serializers.CharField(allow_blank=True)
    deleted_at = serializers.DateTimeField()
    deleted_by = serializers.CharField(allow_blank=True)
    operation = serializers.UUIDField(allow_null=True)
    below = serializers.IntegerField(help_text="Items that went with it and come back with it.")
    kept_until = serializers.DateTimeField(help_text="Then it is removed for good, by the daily run.")


class BinSerializer(serializers.Serializer[Any]):
    results = BinnedSerializer(many=True)
    more = serializers.BooleanField(help_text="Whether there are more than `limit`.")


class FromBin(Strict):
    dry_run = serializers.BooleanField(default=False, help_text="Say what would change, and change nothing.")


_EXAMPLE = {
    "id": "01936b7e-2f62-7d11-b0c5-6a2b7f0e9d42",
    "kind": "task",
    "text": "Tag the version",
    "plan": "01936b7e-2f60-7c3a-9d52-0b5a0c4f1e11",
    "plan_title": "Launch",
    "deleted_at": "2026-05-04T10:00:00Z",
    "deleted_by": "alice",
    "operation": "01936b7e-3000-7a00-8000-000000000001",
    "below": 1,
    "kept_until": "2026-06-03T10:00:00Z",
}


class Bin(ApiView):
    @described(
        "List what is in the bin",
        tag="bin",
        operation="bin_list",
        query=BinQuery,
        answer=BinSerializer,
        example={"results": [_EXAMPLE], "more": False},
    )
    def get(self, request: Request) -> Response:
        """Latest first: plans, and items of plans that are not in the bin themselves."""
        query = asked(BinQuery, request)
        plan = _plan(self.who, query["plan"]) if "plan" in query else None
        found = binned.contents(plan)
        if self.who.replica_ids is not None:
            seen = set(visible_plans(self.who).values_list("pk", flat=True))
            found = [each for each in found if each.plan_id in seen]
        limit = query["limit"]
        return Response({"results": [_told(each) for each in found[:limit]], "more": len(found) > limit})


class RestoreFromBin(ApiView):
    @described(
        "Take something out of the bin",
        tag="bin",
        operation="bin_restore",
        answer=RestoredSerializer,
        example=RESTORED,
        body=FromBin,
        body_example={"dry_run": False},
    )
    def post(self, request: Request, item_id: UUID) -> Response:
        """A plan, a phase or a task, with all that went with it, to where it stood. It can be undone."""
        row = find_row(self.who, item_id)
        needed = f"plans.add_{row._meta.model_name}"
        if not self.who.may(needed):
            raise PermissionDenied(f"To take this out of the bin one needs the permission {needed}.")
        if given(FromBin, request)["dry_run"]:
            return restored(self.who, preview=restoring.preview_from_bin(row.pk))
        with named_dependents(str(row)):
            return restored(self.who, outcome=restoring.restore_from_bin(row.pk, **self.who.marks))


def _plan(who: Principal, plan_id: UUID) -> Plan:
    try:
        return editing.find_plan(who, plan_id, binned=None)
    except NotFound:
        raise ValidationError({"plan": [f"There is no plan {plan_id}."]}) from None


def _told(each: Binned) -> dict[str, Any]:
    until = each.deleted_at + timedelta(days=settings.PLANNING_SYNC_BIN_DAYS)
    return {**each.as_json(), "kept_until": until}


ROUTES = (
    Route("bin", Bin, "bin", {"GET": "plans.view_plan"}),
    Route("bin/<uuid:item_id>/restore", RestoreFromBin, "bin-restore", {"POST": "plans.change_plan"}),
)
