"""`/plans/{id}/at`, `/changes` and `/restore-at`: a plan as it was, what changed, and getting it back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api import editing
from planning_sync.api.describing import described
from planning_sync.api.principals import Principal
from planning_sync.api.resources.operations import (
    OUTCOME,
    PLAN_PREVIEW,
    PlanPreviewSerializer,
    UndoOutcomeSerializer,
    find_operation,
    named_dependents,
    plan_preview_json,
)
from planning_sync.api.resources.previews import RowSerializer
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked, given
from planning_sync.sync import restoring, versions
from planning_sync.sync.errors import NotRestorable
from plans import history
from plans.api import Strict
from plans.models import Plan
from plans.outline import FIELDS, Item, Outline, value


class Moment(Strict):
    """A time, or an operation: then right after it."""

    at = serializers.DateTimeField(required=False)
    operation = serializers.UUIDField(required=False, help_text="Right after it, in place of a time.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len({"at", "operation"} & attrs.keys()) != 1:
            raise serializers.ValidationError({"at": ["Give a time or an operation: one of the two."]})
        return attrs


class RestoreRequest(Moment):
    dry_run = serializers.BooleanField(default=False, help_text="Say what would change, and change nothing.")


class Changes(Strict):
    operation = serializers.UUIDField(help_text="What it made of the plan.")
    since = serializers.UUIDField(required=False, help_text="From right after this earlier operation on.")


class PastItemSerializer(serializers.Serializer[Any]):
    """A phase or a task as it was; those fields that its kind has not are left out."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField([("phase", "phase"), ("task", "task")])
    parent = serializers.UUIDField(allow_null=True)  # type: ignore[assignment]  # shadows it, to no harm
    ref = serializers.CharField(allow_blank=True)
    text = serializers.CharField(allow_blank=True)
    status = serializers.CharField(allow_blank=True)
    progress = serializers.CharField(required=False, allow_blank=True)
    priority = serializers.CharField(required=False, allow_blank=True)
    assignee = serializers.CharField(required=False, allow_blank=True)
    due = serializers.CharField(required=False, allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    estimate = serializers.CharField(required=False, allow_blank=True)
    depends_on = serializers.ListField(child=serializers.CharField(), required=False)


class PastPlanSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(allow_blank=True, help_text="The title.")
    version = serializers.CharField(allow_blank=True)
    date = serializers.CharField(allow_blank=True)
    status = serializers.CharField(allow_blank=True)
    progress = serializers.CharField(allow_blank=True)
    checksum = serializers.CharField(allow_blank=True, help_text="SHA-256 of the document of that time.")
    items = PastItemSerializer(many=True)


class DifferenceSerializer(serializers.Serializer[Any]):
    rows = RowSerializer(many=True)
    lines = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="Of the file, as a unified difference without context; null: not kept any more.",
    )
    before = serializers.CharField(allow_blank=True, help_text="Checksum of the file.")
    after = serializers.CharField(allow_blank=True)


_AT = {"at": "2026-05-04T10:00:00Z"}
_ITEM: dict[str, Any] = {
    "id": "01936b7e-2f62-7d11-b0c5-6a2b7f0e9d42",
    "kind": "task",
    "parent": None,
    "ref": "1.1",
    "text": "Tag the version",
    "status": "todo",
    "priority": "",
    "assignee": "",
    "due": "",
    "tags": [],
    "estimate": "",
    "depends_on": [],
}
_PLAN = {
    "text": "Launch",
    "version": "",
    "date": "",
    "status": "",
    "progress": "",
    "checksum": "",
    "items": [_ITEM],
}
_CHANGES = {"rows": PLAN_PREVIEW["rows"], "lines": [], "before": "", "after": ""}


class PlanAt(ApiView):
    also_answers = (409,)

    @described(
        "A plan as it was",
        tag="history",
        operation="plans_at",
        query=Moment,
        answer=PastPlanSerializer,
        example=_PLAN,
    )
    def get(self, request: Request, plan_id: UUID) -> Response:
        """In document order. Walked back through the log, which may not reach so far: then 409."""
        plan = editing.find_plan(self.who, plan_id, binned=None)
        at, operation_id = _moment(self.who, asked(Moment, request))
        entry = history.moment_of(plan, at=at, operation_id=operation_id)
        outline = history.outline_at(plan, after_entry=entry)
        if outline is None:
            raise NotRestorable(plan.title, "it was not there yet at that time")
        checksum = history.document_at(plan, after_entry=entry)
        return Response({**_outline_json(outline), "checksum": checksum})


class PlanChanges(ApiView):
    also_answers = (409,)

    @described(
        "What an operation made of a plan",
        tag="history",
        operation="plans_changes",
        query=Changes,
        answer=DifferenceSerializer,
        example=_CHANGES,
    )
    def get(self, request: Request, plan_id: UUID) -> Response:
        """Its items and the lines of its file; with `since`, of all that happened after that operation."""
        plan = editing.find_plan(self.who, plan_id, binned=None)
        query = asked(Changes, request)
        for operation_id in query.values():
            _check_operation(self.who, operation_id)
        found = versions.difference(plan, query["operation"], since=query.get("since"))
        return Response(found.as_json())


class RestoredSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    outcome = UndoOutcomeSerializer(allow_null=True, help_text="null of a dry run.")
    preview = PlanPreviewSerializer(allow_null=True, help_text="Of a dry run.")


RESTORED = {"dry_run": False, "outcome": {**OUTCOME, "undoes": []}, "preview": None}


class RestorePlanAt(ApiView):
    @described(
        "Bring a plan back to what it was",
        tag="history",
        operation="plans_restore_at",
        answer=RestoredSerializer,
        example=RESTORED,
        body=RestoreRequest,
        body_example=_AT,
    )
    def post(self, request: Request, plan_id: UUID) -> Response:
        """Its file gets the bytes of that time where they are kept. It can be undone."""
        plan = editing.find_plan(self.who, plan_id, binned=None)
        body = given(RestoreRequest, request)
        at, operation_id = _moment(self.who, body)
        if body["dry_run"]:
            shown = restoring.preview_plan_at(plan.pk, at=at, operation_id=operation_id)
            return restored(self.who, preview=shown)
        with named_dependents(str(plan)):
            done = restoring.restore_plan_at(plan.pk, at=at, operation_id=operation_id, **self.who.marks)
        return restored(self.who, outcome=done)


class _RestoreItemAt(ApiView):
    def restore(self, request: Request, item_id: UUID, kind: str) -> Response:
        row = find_row(self.who, item_id)
        if row._meta.model_name != kind:
            raise NotFound
        body = given(RestoreRequest, request)
        at, operation_id = _moment(self.who, body)
        if body["dry_run"]:
            shown = restoring.preview_item_at(item_id, at=at, operation_id=operation_id)
            return restored(self.who, preview=shown)
        with named_dependents(str(row)):
            done = restoring.restore_item_at(item_id, at=at, operation_id=operation_id, **self.who.marks)
        return restored(self.who, outcome=done)


class RestoreTaskAt(_RestoreItemAt):
    @described(
        "Bring a task back to what it was",
        tag="history",
        operation="tasks_restore_at",
        answer=RestoredSerializer,
        example=RESTORED,
        body=RestoreRequest,
        body_example=_AT,
    )
    def post(self, request: Request, task_id: UUID) -> Response:
        """Its fields, and its place as near as can be; one that is gone comes back with what was below."""
        return self.restore(request, task_id, "task")


class RestorePhaseAt(_RestoreItemAt):
    @described(
        "Bring a phase back to what it was",
        tag="history",
        operation="phases_restore_at",
        answer=RestoredSerializer,
        example=RESTORED,
        body=RestoreRequest,
        body_example=_AT,
    )
    def post(self, request: Request, phase_id: UUID) -> Response:
        """Its fields, and its place as near as can be; one that is gone comes back with what was below."""
        return self.restore(request, phase_id, "phase")


def restored(who: Principal, *, outcome: Any = None, preview: Any = None) -> Response:
    return Response(
        {
            "dry_run": outcome is None,
            "outcome": None if outcome is None else outcome.as_json(),
            "preview": None if preview is None else plan_preview_json(who, preview.as_json()),
        }
    )


def find_row(who: Principal, row_id: UUID) -> restoring.Row:
    """A plan, phase or task, in the bin or not, of a plan that one may see; raises `NotFound`."""
    row = restoring.row_of(row_id)
    editing.find_plan(who, row.pk if isinstance(row, Plan) else row.plan_id, binned=None)
    return row


def _moment(who: Principal, told: dict[str, Any]) -> tuple[datetime | None, UUID | None]:
    if "operation" in told:
        _check_operation(who, told["operation"])
    return told.get("at"), told.get("operation")


def _check_operation(who: Principal, operation_id: UUID) -> None:
    try:
        find_operation(who, operation_id)
    except NotFound:
        raise ValidationError({"operation": [f"There is no operation {operation_id}."]}) from None


def _outline_json(outline: Outline) -> dict[str, Any]:
    plan = outline.plan
    return {
        **{name: value(plan, name) for name in FIELDS[plan.kind]},
        "items": [_item_json(item) for item in outline.items],
    }


def _item_json(item: Item) -> dict[str, Any]:
    return {
        "id": UUID(item.key),
        "kind": item.kind,
        "parent": UUID(item.parent) if item.parent else None,
        **{name: value(item, name) for name in FIELDS[item.kind]},
    }


ROUTES = (
    Route("plans/<uuid:plan_id>/at", PlanAt, "plan-at", {"GET": "audit.view_entry"}),
    Route("plans/<uuid:plan_id>/changes", PlanChanges, "plan-changes", {"GET": "audit.view_entry"}),
    Route("plans/<uuid:plan_id>/restore-at", RestorePlanAt, "plan-restore-at", {"POST": "plans.change_plan"}),
    Route("tasks/<uuid:task_id>/restore-at", RestoreTaskAt, "task-restore-at", {"POST": "plans.change_task"}),
    Route(
        "phases/<uuid:phase_id>/restore-at",
        RestorePhaseAt,
        "phase-restore-at",
        {"POST": "plans.change_phase"},
    ),
)
