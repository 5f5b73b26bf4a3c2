"""`/phases`: the heading sections of plans."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api import editing, paging, principals
from planning_sync.api.describing import described
from planning_sync.api.paging import PageQuery, page_serializer
from planning_sync.api.placing import Placed, placed
from planning_sync.api.principals import Principal
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked, etag, given, location
from plans.api import (
    PHASE_COLUMNS,
    Move,
    NewPhase,
    PhaseEdit,
    PhaseFilter,
    PhaseSerializer,
    filtered_phases,
    phase_json,
)
from plans.outline import Kind

ORDERINGS: dict[str, paging.Order] = {
    "position": ("plan_id", "position", "id"),
    "title": ("title", "id"),
    "-modified_at": ("-modified_at", "-id"),
    "modified_at": ("modified_at", "id"),
}


class PhaseQuery(PhaseFilter, Placed, PageQuery):
    ordering = serializers.ChoiceField([(name, name) for name in ORDERINGS], default="position")


EXAMPLE = {
    "id": "01936b7e-2f61-7b06-8a41-5f1f0f0a2c31",
    "plan": "01936b7e-2f60-7c3a-9d52-0b5a0c4f1e11",
    "parent": None,
    "number": "1",
    "title": "Release",
    "status": "",
    "progress": 50.0,
    "declared_progress": None,
    "created_at": "2026-05-04T10:00:00Z",
    "modified_at": "2026-05-04T10:00:00Z",
    "deleted_at": None,
}


def told(who: Principal, phase_id: UUID) -> tuple[dict[str, Any], int]:
    """The phase as it is now, and its plan's revision."""
    rows = principals.visible_phases(who).filter(pk=phase_id)
    row = rows.values(*PHASE_COLUMNS, "plan__revision").first()
    if row is None:
        raise NotFound
    return phase_json(row), row["plan__revision"]


def _answer(who: Principal, phase_id: UUID, status: int = 200) -> Response:
    document, revision = told(who, phase_id)
    headers = {"ETag": etag(revision)}
    if status == 201:
        headers["Location"] = location("phases", phase_id)
    return Response(document, status=status, headers=headers)


class Phases(ApiView):
    @described(
        "List phases",
        tag="phases",
        operation="phases_list",
        query=PhaseQuery,
        answer=page_serializer(PhaseSerializer),
        example={"results": [EXAMPLE], "next": None},
    )
    def get(self, request: Request) -> Response:
        query = asked(PhaseQuery, request)
        rows = filtered_phases(placed(principals.visible_phases(self.who), query, "plan_id"), query)
        page = paging.page(request, rows, PHASE_COLUMNS, ORDERINGS[query["ordering"]], query)
        return Response(page.as_json(phase_json))

    @described(
        "Add a phase",
        tag="phases",
        operation="phases_create",
        status=201,
        body=NewPhase,
        answer=PhaseSerializer,
        example=EXAMPLE,
        body_example={"parent": "01936b7e-2f60-7c3a-9d52-0b5a0c4f1e11", "title": "Release", "number": "1"},
    )
    def post(self, request: Request) -> Response:
        """Below a plan or a phase: after the sibling `after`, else last."""
        made = editing.add(self.who, Kind.PHASE, given(NewPhase, request))
        return _answer(self.who, made, 201)


class Phase(ApiView):
    @described("One phase", tag="phases", operation="phases_read", answer=PhaseSerializer, example=EXAMPLE)
    def get(self, request: Request, phase_id: UUID) -> Response:
        """Its ETag is the revision of its plan."""
        editing.find_phase(self.who, phase_id)
        return _answer(self.who, phase_id)

    @described(
        "Change a phase",
        tag="phases",
        operation="phases_update",
        answer=PhaseSerializer,
        example=EXAMPLE,
        body=PhaseEdit,
        body_example={"title": "Release", "declared_progress": 40},
    )
    def patch(self, request: Request, phase_id: UUID) -> Response:
        """Only what is sent changes. The replicas follow before the answer."""
        phase = editing.find_phase(self.who, phase_id)
        fields = given(PhaseEdit, request)
        with editing.in_step(request, phase.plan, lambda: told(self.who, phase_id)[0]):
            editing.change(self.who, phase, fields)
        return _answer(self.who, phase_id)

    @described("Delete a phase", tag="phases", operation="phases_delete", status=204)
    def delete(self, request: Request, phase_id: UUID) -> Response:
        """With all that stands below it, into the bin."""
        phase = editing.find_phase(self.who, phase_id)
        with editing.in_step(request, phase.plan, lambda: told(self.who, phase_id)[0]):
            editing.delete(self.who, phase)
        return Response(status=204)


class MovePhase(ApiView):
    takes_if_match = True

    @described(
        "Move a phase",
        tag="phases",
        operation="phases_move",
        answer=PhaseSerializer,
        example=EXAMPLE,
        body=Move,
        body_example={"parent": "01936b7e-2f60-7c3a-9d52-0b5a0c4f1e11", "first": True},
    )
    def post(self, request: Request, phase_id: UUID) -> Response:
        """Within its plan, with all that stands below it."""
        phase = editing.find_phase(self.who, phase_id)
        where = given(Move, request)
        with editing.in_step(request, phase.plan, lambda: told(self.who, phase_id)[0]):
            editing.move(self.who, phase, where)
        return _answer(self.who, phase_id)


class RestorePhase(ApiView):
    @described(
        "Take a phase out of the bin",
        tag="phases",
        operation="phases_restore",
        answer=PhaseSerializer,
        example=EXAMPLE,
    )
    def post(self, request: Request, phase_id: UUID) -> Response:
        """With all that went with it, to where it stood."""
        editing.restore(self.who, editing.find_phase(self.who, phase_id, binned=True))
        return _answer(self.who, phase_id)


ROUTES = (
    Route("phases", Phases, "phases", {"GET": "plans.view_phase", "POST": "plans.add_phase"}),
    Route(
        *("phases/<uuid:phase_id>", Phase, "phase"),
        {"GET": "plans.view_phase", "PATCH": "plans.change_phase", "DELETE": "plans.delete_phase"},
    ),
    Route("phases/<uuid:phase_id>/move", MovePhase, "phase-move", {"POST": "plans.change_phase"}),
    Route("phases/<uuid:phase_id>/restore", RestorePhase, "phase-restore", {"POST": "plans.add_phase"}),
)
