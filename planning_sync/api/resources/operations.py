"""`/operations`: what was done, one after the other, and taking it back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api import (
    ENTRY_COLUMNS,
    OPERATION_COLUMNS,
    LogEntrySerializer,
    LogOperationSerializer,
    entry_json,
    operation_json,
)
from audit.models import Entry, Operation
from planning_sync.api import paging, problems
from planning_sync.api.describing import described
from planning_sync.api.errors import ApiError
from planning_sync.api.paging import PageQuery, page_serializer
from planning_sync.api.principals import Principal, visible_plans, visible_replicas
from planning_sync.api.resources.previews import RowSerializer
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked, given
from planning_sync.roles import access
from planning_sync.sync import undo, undo_rights
from planning_sync.sync.errors import AlreadyUndone, DependentWork, PreviewStale, UndoRefused
from planning_sync.sync.undo_model import Dependent
from planning_sync.sync.undo_preview import ACTIONS
from plans.api import Strict, line


class HasDependents(ApiError):
    """`dependents` are the operations that have to be undone as well."""

    def __init__(self, what: str, dependents: Sequence[Dependent], advice: str) -> None:
        super().__init__(f"{what} was not taken back: other work depends on it. See `dependents`. {advice}")
        self.dependents = [undo.dependent_json(each) for each in dependents]


class UndoOutdated(ApiError):
    """`preview` is what the undo would do now."""

    def __init__(self, preview: dict[str, Any]) -> None:
        super().__init__("The plans changed since the preview; nothing was undone. Look at `preview`.")
        self.preview = preview


problems.tell(
    *("undo-refused", 409, "It cannot be taken back"),
    UndoRefused,
    more=lambda error: {"refused": [{"plan": plan, "reason": why} for plan, why in error.refusals]},
)
problems.tell(
    *("already-undone", 409, "It is undone already"), AlreadyUndone, more=lambda error: {"by": str(error.by)}
)
problems.tell(
    *("dependent-work", 409, "Newer work depends on it"),
    HasDependents,
    more=lambda error: {"dependents": error.dependents},
)
problems.tell(
    *("preview-outdated", 409, "It would do something else by now"),
    UndoOutdated,
    more=lambda error: {"preview": error.preview},
)


def visible_entries(who: Principal) -> QuerySet[Entry]:
    return access.within(Entry.objects.all(), who.replica_ids)


def visible_operations(who: Principal) -> QuerySet[Operation]:
    return access.within(Operation.objects.all(), who.replica_ids)


def find_operation(who: Principal, operation_id: UUID) -> Operation:
    found = visible_operations(who).filter(pk=operation_id).first()
    if found is None:
        raise NotFound
    return found


# ------------------------------------------------------------------------------------------- the log


class OperationQuery(PageQuery):
    kind = serializers.MultipleChoiceField(choices=Operation.Kind.choices, required=False)
    status = serializers.MultipleChoiceField(choices=Operation.Status.choices, required=False)
    actor = line(200, help_text="Who did it, or on whose behalf.")
    replica = line(200, help_text="The name of a replica.")
    plan = serializers.UUIDField(required=False, help_text="Did something to this plan.")
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False, help_text="Not included.")


EXAMPLE: dict[str, Any] = {
    "id": "01936b7e-3000-7a00-8000-000000000001",
    "kind": "edit",
    "actor": "key:nightly",
    "on_behalf_of": "alice",
    "via": "key",
    "address": "192.0.2.7",
    "replica": None,
    "status": "done",
    "started_at": "2026-05-04T10:00:00Z",
    "finished_at": "2026-05-04T10:00:00Z",
    "summary": {},
}
ENTRY = {
    "id": 4711,
    "at": "2026-05-04T10:00:00Z",
    "operation": EXAMPLE["id"],
    "operation_kind": "edit",
    "actor": "key:nightly",
    "on_behalf_of": "alice",
    "plan": "01936b7e-2f60-7c3a-9d52-0b5a0c4f1e11",
    "item_kind": "task",
    "item": "01936b7e-2f62-7d11-b0c5-6a2b7f0e9d42",
    "action": "changed",
    "field": "status",
    "before": "todo",
    "after": "done",
}


ENTRY_PAGE = page_serializer(LogEntrySerializer)


class Operations(ApiView):
    @described(
        "List operations",
        tag="operations",
        operation="operations_list",
        query=OperationQuery,
        answer=page_serializer(LogOperationSerializer),
        example={"results": [EXAMPLE], "next": None},
    )
    def get(self, request: Request) -> Response:
        """What people, programs and syncs set out to do, newest first."""
        query = asked(OperationQuery, request)
        names = _replica_names(self.who)
        rows = _chosen(visible_operations(self.who), query, names)
        page = paging.page(request, rows, OPERATION_COLUMNS, ("-started_at", "-id"), query)
        return Response(page.as_json(lambda row: _told(self.who, row, names)))


def _replica_names(who: Principal) -> dict[UUID, str]:
    return dict(visible_replicas(who).values_list("pk", "name"))


def _chosen(rows: QuerySet[Operation], query: dict[str, Any], names: dict[UUID, str]) -> QuerySet[Operation]:
    for name in ("kind", "status"):
        if query.get(name):
            rows = rows.filter(**{f"{name}__in": query[name]})
    if query.get("actor"):
        rows = rows.filter(Q(actor=query["actor"]) | Q(on_behalf_of=query["actor"]))
    if query.get("replica"):
        rows = rows.filter(replica_id__in=[pk for pk, name in names.items() if name == query["replica"]])
    if "plan" in query:
        rows = rows.filter(Exists(Entry.objects.filter(operation=OuterRef("pk"), plan_id=query["plan"])))
    if "since" in query:
        rows = rows.filter(started_at__gte=query["since"])
    if "until" in query:
        rows = rows.filter(started_at__lt=query["until"])
    return rows


def _told(who: Principal, row: dict[str, Any], names: dict[UUID, str]) -> dict[str, Any]:
    told = operation_json(row, names)
    if who.replica_ids is not None and row["replica_id"] not in who.replica_ids:
        told["summary"] = {}  # it may name plans that are not to be seen
    return told


class OneOperationSerializer(LogOperationSerializer):
    entry_count = serializers.IntegerField()
    plans = serializers.ListField(child=serializers.UUIDField(), help_text="Those that it did something to.")


class OneOperation(ApiView):
    @described(
        "One operation",
        tag="operations",
        operation="operations_read",
        answer=OneOperationSerializer,
        example={**EXAMPLE, "entry_count": 1, "plans": [ENTRY["plan"]]},
    )
    def get(self, request: Request, operation_id: UUID) -> Response:
        row = visible_operations(self.who).filter(pk=operation_id).values(*OPERATION_COLUMNS).first()
        if row is None:
            raise NotFound
        entries = visible_entries(self.who).filter(operation=operation_id)
        plan_ids = entries.exclude(plan_id=None).order_by("plan_id").values_list("plan_id", flat=True)
        told = _told(self.who, row, _replica_names(self.who))
        return Response({**told, "entry_count": entries.count(), "plans": list(plan_ids.distinct())})


class OperationEntries(ApiView):
    @described(
        "What an operation changed",
        tag="operations",
        operation="operations_entries",
        query=PageQuery,
        answer=ENTRY_PAGE,
        example={"results": [ENTRY], "next": None},
    )
    def get(self, request: Request, operation_id: UUID) -> Response:
        """In the order in which it was recorded."""
        query = asked(PageQuery, request)
        operation = find_operation(self.who, operation_id)
        rows = visible_entries(self.who).filter(operation=operation)
        return Response(paging.page(request, rows, ENTRY_COLUMNS, ("id",), query).as_json(entry_json))


# -------------------------------------------------------------------------------------------- undo


class FilePreviewSerializer(serializers.Serializer[Any]):
    replica = serializers.CharField()
    path = serializers.CharField()
    how = serializers.ChoiceField([(name, name) for name in ACTIONS])
    says = serializers.CharField(help_text="The same in words.")
    lines = serializers.ListField(
        child=serializers.CharField(), help_text="A unified difference without context."
    )
    edited = serializers.BooleanField(
        help_text="Whether it has edits that no sync has seen; they come first."
    )


class ConflictPreviewSerializer(serializers.Serializer[Any]):
    conflict = serializers.UUIDField()
    field = serializers.CharField()
    item = serializers.CharField(allow_blank=True)
    becomes = serializers.CharField()


class PlanPreviewSerializer(serializers.Serializer[Any]):
    plan = serializers.UUIDField()
    title = serializers.CharField(allow_blank=True)
    presence = serializers.CharField(
        allow_blank=True, help_text="`discard`: it goes to the bin; `recover`: it comes out of it."
    )
    rows = RowSerializer(many=True)
    files = FilePreviewSerializer(many=True)
    conflicts = ConflictPreviewSerializer(many=True)
    remarks = serializers.ListField(child=serializers.CharField())


class DependentSerializer(serializers.Serializer[Any]):
    operation = serializers.UUIDField()
    kind = serializers.CharField()
    actor = serializers.CharField()
    on_behalf_of = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()
    what = serializers.CharField()
    why = serializers.CharField()


class PlanReasonSerializer(serializers.Serializer[Any]):
    plan = serializers.CharField(allow_blank=True)
    reason = serializers.CharField()


class UndoPreviewSerializer(serializers.Serializer[Any]):
    operation = serializers.UUIDField()
    kind = serializers.CharField()
    undoes = serializers.ListField(child=serializers.UUIDField(), help_text="Newest first.")
    possible = serializers.BooleanField()
    dependents = DependentSerializer(many=True, help_text="Without their undo, too, it is refused.")
    refused = PlanReasonSerializer(many=True, help_text="Plans on which it cannot be done at all.")
    plans = PlanPreviewSerializer(many=True)
    fingerprint = serializers.CharField(help_text="Send it with the undo, to have exactly this done.")


class PlanOutcomeSerializer(serializers.Serializer[Any]):
    plan = serializers.UUIDField()
    title = serializers.CharField(allow_blank=True)
    outcome = serializers.ChoiceField([("done", "done"), ("failed", "failed")])
    reason = serializers.CharField(allow_blank=True)


class UndoOutcomeSerializer(serializers.Serializer[Any]):
    operation = serializers.UUIDField(help_text="The new operation; it can be undone as well.")
    undoes = serializers.ListField(child=serializers.UUIDField())
    status = serializers.ChoiceField(Operation.Status.choices)
    plans = PlanOutcomeSerializer(many=True)


class UndoQuery(Strict):
    with_dependents = serializers.BooleanField(
        default=False, help_text="Undo newer work that depends on it as well."
    )


class UndoRequest(UndoQuery):
    fingerprint = line(64, help_text="Of the preview; refused where it would do something else by now.")


PLAN_PREVIEW = {
    "plan": ENTRY["plan"],
    "title": "Launch",
    "presence": "",
    "rows": [
        {
            "change": "update",
            "kind": "task",
            "id": "01936b7e2f627d11b0c56a2b7f0e9d42",
            "field": "status",
            "text": "Tag the version",
            "before": "done",
            "after": "todo",
        }
    ],
    "files": [
        {
            "replica": "notes",
            "path": "launch.md",
            "how": "restore",
            "says": ACTIONS["restore"],
            "lines": ["@@ -3 +3 @@", "-- [x] Tag the version", "+- [ ] Tag the version"],
            "edited": False,
        }
    ],
    "conflicts": [],
    "remarks": [],
}
OUTCOME = {
    "operation": "01936b7e-5000-7a00-8000-000000000001",
    "undoes": [EXAMPLE["id"]],
    "status": "done",
    "plans": [{"plan": ENTRY["plan"], "title": "Launch", "outcome": "done", "reason": ""}],
}
_PREVIEW = {
    "operation": EXAMPLE["id"],
    "kind": "edit",
    "undoes": [EXAMPLE["id"]],
    "possible": True,
    "dependents": [],
    "refused": [],
    "plans": [PLAN_PREVIEW],
    "fingerprint": "5f2c9a0112ab34cd",
}


class Undo(ApiView):
    also_answers = (409,)

    @described(
        "What an undo would change",
        tag="operations",
        operation="operations_undo_preview",
        query=UndoQuery,
        answer=UndoPreviewSerializer,
        example=_PREVIEW,
    )
    def get(self, request: Request, operation_id: UUID) -> Response:
        """Rows of the hub, lines of the files, conflicts, and what stands in the way. Nothing is written."""
        operation = find_operation(self.who, operation_id)
        query = asked(UndoQuery, request)
        found = undo.preview(operation.pk, **query)
        _refuse_hidden(self.who, found)
        return Response(preview_json(self.who, found))

    @described(
        "Undo an operation",
        tag="operations",
        operation="operations_undo",
        answer=UndoOutcomeSerializer,
        example=OUTCOME,
        body=UndoRequest,
        body_example={"fingerprint": "5f2c9a0112ab34cd"},
    )
    def post(self, request: Request, operation_id: UUID) -> Response:
        """In the hub and in the files. An operation of its own; the refusal names what depends on it."""
        operation = find_operation(self.who, operation_id)
        body = given(UndoRequest, request)
        dependents = body["with_dependents"]
        found = undo.preview(operation.pk, with_dependents=dependents)
        _refuse_hidden(self.who, found)
        _check_may(self.who, found)
        if body.get("fingerprint") not in (None, "", found.fingerprint):
            raise UndoOutdated(preview_json(self.who, found))
        advice = "To undo all of them together, send `with_dependents`."
        try:
            with named_dependents(f"Operation {operation.pk}", advice):
                outcome = undo.undo(
                    operation.pk, with_dependents=dependents, fingerprint=found.fingerprint, **self.who.marks
                )
        except PreviewStale:
            again = undo.preview(operation.pk, with_dependents=dependents)
            raise UndoOutdated(preview_json(self.who, again)) from None
        return Response(outcome.as_json())


@contextmanager
def named_dependents(what: str, advice: str = "") -> Iterator[None]:
    """Within the block, `DependentWork` becomes an error that tells programs what stands in the way."""
    try:
        yield
    except DependentWork as error:
        raise HasDependents(what, error.dependents, advice) from error


def preview_json(who: Principal, found: undo.Preview) -> dict[str, Any]:
    told = found.as_json()
    told["plans"] = [plan_preview_json(who, each.as_json()) for each in found.plans]
    return told


def plan_preview_json(who: Principal, told: dict[str, Any]) -> dict[str, Any]:
    """Without files at replicas that are not to be seen."""
    if who.replica_ids is None:
        return told
    names = set(_replica_names(who).values())
    return {**told, "files": [each for each in told["files"] if each["replica"] in names]}


def _refuse_hidden(who: Principal, found: undo.Preview) -> None:
    """One limited to replicas takes back only what lies wholly within them."""
    if who.replica_ids is None:
        return
    touched = Entry.objects.filter(operation__in=[each.pk for each in found.undoes]).exclude(plan_id=None)
    if touched.exclude(plan_id__in=visible_plans(who).values("pk")).exists():
        who.refuse_if_limited("the operation reached plans of others")


def _check_may(who: Principal, found: undo.Preview) -> None:
    for permission in sorted(undo_rights.needed(found)):
        if not who.may(permission):
            raise PermissionDenied(f"To take this back one needs the permission {permission}.")


ROUTES = (
    Route("operations", Operations, "operations", {"GET": "audit.view_operation"}),
    Route("operations/<uuid:operation_id>", OneOperation, "operation", {"GET": "audit.view_operation"}),
    Route(
        *("operations/<uuid:operation_id>/entries", OperationEntries, "operation-entries"),
        {"GET": "audit.view_entry"},
    ),
    Route(
        *("operations/<uuid:operation_id>/undo", Undo, "operation-undo"),
        {"GET": "audit.view_entry", "POST": "audit.view_entry"},
    ),
)
