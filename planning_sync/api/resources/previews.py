"""`/plans/{id}/preview`: what edits would change, in the hub and in the files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit.transactions import write_transaction
from planning_sync.api import editing, principals
from planning_sync.api.describing import described
from planning_sync.api.principals import Principal
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, given
from planning_sync.replicas.base import Scan
from planning_sync.sync import preview, sides
from planning_sync.sync.models import Link
from planning_sync.sync.passes import Options, Pass, Survey
from planning_sync.sync.report import Report
from plans import outline as outlines
from plans import storage
from plans.api import Move, NewPhase, NewTask, PhaseEdit, PlanEdit, Strict, TaskEdit
from plans.models import Plan
from plans.outline import Kind

MOST_EDITS = 100
_ACTS = ("set", "add_task", "add_phase", "move", "delete")
_EDITS: Mapping[Kind, type[Strict]] = {Kind.PLAN: PlanEdit, Kind.PHASE: PhaseEdit, Kind.TASK: TaskEdit}
_NEW: Mapping[str, tuple[Kind, type[Strict]]] = {
    "add_task": (Kind.TASK, NewTask),
    "add_phase": (Kind.PHASE, NewPhase),
}


class Edit(Strict):
    act = serializers.ChoiceField([(name, name) for name in _ACTS])
    item = serializers.UUIDField(
        required=False, help_text="Of `set`, `move`, `delete`: the plan, phase or task."
    )
    fields_ = serializers.DictField(required=False, help_text="As the body of that act's own request.")

    def get_fields(self) -> dict[str, Any]:
        found = super().get_fields()
        found["fields"] = found.pop("fields_")
        return found


class Edits(Strict):
    edits = serializers.ListField(child=Edit(), min_length=1, max_length=MOST_EDITS)


class RowSerializer(serializers.Serializer[Any]):
    change = serializers.ChoiceField([(name, name) for name in ("create", "update", "move", "delete")])
    kind = serializers.CharField()
    id = serializers.CharField(allow_blank=True, help_text="Empty for the plan itself.")
    text = serializers.CharField(allow_blank=True)
    field = serializers.CharField(required=False)
    before = serializers.JSONField(required=False)
    after = serializers.JSONField(required=False)


class FileSerializer(serializers.Serializer[Any]):
    replica = serializers.CharField()
    path = serializers.CharField()
    lines = serializers.ListField(
        child=serializers.CharField(), help_text="A unified difference without context."
    )
    problem = serializers.CharField(allow_blank=True, help_text="Why it cannot be told, or would be refused.")


class PreviewSerializer(serializers.Serializer[Any]):
    revision = serializers.IntegerField(help_text="The plan's; send it as If-Match with the edit itself.")
    rows = RowSerializer(many=True)
    files = FileSerializer(many=True)


_EXAMPLE = {
    "revision": 12,
    "rows": [
        {
            "change": "update",
            "kind": "task",
            "id": "01936b7e2f627d11b0c56a2b7f0e9d42",
            "field": "status",
            "text": "Tag the version",
            "before": "todo",
            "after": "done",
        }
    ],
    "files": [
        {
            "replica": "notes",
            "path": "launch.md",
            "problem": "",
            "lines": ["@@ -3 +3 @@", "-- [ ] Tag the version", "+- [x] Tag the version"],
        }
    ],
}


class _Enough(Exception):
    """Rolls the trial back."""


class Preview(ApiView):
    takes_if_match = False

    @described(
        "What edits would change",
        tag="plans",
        operation="plans_preview",
        body=Edits,
        answer=PreviewSerializer,
        example=_EXAMPLE,
        body_example={
            "edits": [
                {"act": "set", "item": "01936b7e-2f62-7d11-b0c5-6a2b7f0e9d42", "fields": {"status": "done"}}
            ]
        },
    )
    def post(self, request: Request, plan_id: UUID) -> Response:
        """Rows of the hub and lines of the files, for all edits together. Nothing is written.

        A file that was edited since its last sync shows those edits, too.
        """
        plan = editing.find_plan(self.who, plan_id)
        return Response(_tried(self.who, plan, given(Edits, request)["edits"]))


def _tried(who: Principal, plan: Plan, edits: list[dict[str, Any]]) -> dict[str, Any]:
    """The edits are made by the very services that make them, in a transaction that is rolled back."""
    told: dict[str, Any] = {}
    try:
        with write_transaction():
            before = storage.load(plan).outline
            for number, edit in enumerate(edits):
                _apply(who, plan, number, edit)
            plan.refresh_from_db()
            after = storage.load(plan).outline
            changes = outlines.diff(before, after)
            told["rows"] = [preview.row_of(change, before, after) for change in changes]
            told["files"] = [_file(who, link) for link in _links(who, plan)]
            raise _Enough
    except _Enough:
        plan.refresh_from_db()
        return {"revision": plan.revision, **told}


def _apply(who: Principal, plan: Plan, number: int, edit: dict[str, Any]) -> None:
    act, fields = edit["act"], edit.get("fields", {})
    if act in _NEW:
        kind, shape = _NEW[act]
        editing.add(who, kind, _checked(shape, fields, number), within=plan.pk)
        return
    if "item" not in edit:
        raise ValidationError({f"edits.{number}.item": ["Say which item."]})
    item = editing.find_item(who, edit["item"], within=plan.pk)
    if act == "set":
        editing.change(who, item, _checked(_EDITS[editing.kind_of(item)], fields, number))
    elif isinstance(item, Plan):
        raise ValidationError({f"edits.{number}.item": ["This act is for phases and tasks."]})
    elif act == "move":
        editing.move(who, item, _checked(Move, fields, number))
    else:
        editing.delete(who, item)


def _checked(shape: type[Strict], fields: dict[str, Any], number: int) -> dict[str, Any]:
    found = shape(data=fields)
    if not found.is_valid():
        raise ValidationError({f"edits.{number}.fields.{name}": told for name, told in found.errors.items()})
    return dict(found.validated_data)


def _links(who: Principal, plan: Plan) -> list[Link]:
    rows = principals.visible_links(who).filter(plan=plan, gone_at=None, released_at=None)
    return list(rows.order_by("replica__created_at", "replica_id"))


def _file(who: Principal, link: Link) -> dict[str, Any]:
    row = link.replica
    options = Options(actor=who.actor, dry_run=True)
    this = Pass(row, sides.connect(row), options, Report(replica=row.name, dry_run=True))
    preview.show(this, Survey(scan=Scan({}), links=(link.pk,)))
    report = this.report
    problems = [each["error"] for each in report.errors] + [each["reason"] for each in report.refused]
    lines = [each for shown in report.previews for each in shown.get("lines", [])]
    return {"replica": row.name, "path": link.path, "lines": lines, "problem": "\n".join(problems)}


ROUTES = (Route("plans/<uuid:plan_id>/preview", Preview, "plan-preview", {"POST": "plans.change_task"}),)
