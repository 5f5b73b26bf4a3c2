"""`/plans`: plans, with where they stand and how many conflicts they have."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from conflicts.models import Conflict
from planning_sync.api import editing, paging, principals
from planning_sync.api.describing import described
from planning_sync.api.paging import PageQuery, page_serializer
from planning_sync.api.placing import Placed, PlaceSerializer, placed, places_of
from planning_sync.api.principals import Principal
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked, etag, given, location
from plans import api, services
from plans.api import PLAN_COLUMNS, NewPlan, PlanEdit, PlanFilter, filtered_plans, plan_json
from plans.models import Plan

ORDERINGS: dict[str, paging.Order] = {
    "title": ("title", "id"),
    "-title": ("-title", "-id"),
    "modified_at": ("modified_at", "id"),
    "-modified_at": ("-modified_at", "-id"),
    "progress": ("progress", "id"),
    "-progress": ("-progress", "-id"),
    "created_at": ("created_at", "id"),
}
_OPEN = (Conflict.State.OPEN, Conflict.State.DECIDED)


class PlanQuery(PlanFilter, Placed, PageQuery):
    ordering = serializers.ChoiceField([(name, name) for name in ORDERINGS], default="title")


class PlacedPlanSerializer(api.PlanSerializer):
    open_conflicts = serializers.IntegerField(help_text="How many wait for a person.")
    replicas = PlaceSerializer(many=True)


PLACE = {
    "replica": "notes",
    "path": "launch.md",
    "in_step": True,
    "gone": False,
    "released": False,
    "problem": "",
    "synced_at": "2026-05-04T10:00:00Z",
}
EXAMPLE = {
    "id": "01936b7e-2f60-7c3a-9d52-0b5a0c4f1e11",
    "title": "Launch",
    "version": "1.0",
    "date": "",
    "status": "",
    "progress": 50.0,
    "declared_progress": None,
    "phases": 1,
    "tasks": 2,
    "done": 1,
    "revision": 12,
    "created_at": "2026-05-04T10:00:00Z",
    "modified_at": "2026-05-04T10:00:00Z",
    "deleted_at": None,
    "open_conflicts": 0,
    "replicas": [PLACE],
}


def _counted(who: Principal, rows: QuerySet[Plan]) -> QuerySet[Plan]:
    """With how many conflicts of theirs wait, of those that one may see."""
    waiting = Q(conflicts__state__in=_OPEN)
    if who.replica_ids is not None:
        waiting &= Q(conflicts__replica_id__in=who.replica_ids)
    return rows.annotate(open_conflicts=Count("conflicts", filter=waiting))


_COLUMNS = (*PLAN_COLUMNS, "open_conflicts")


def told(who: Principal, plan_id: UUID) -> dict[str, Any]:
    """The plan as it is now, in the bin or not. Two queries."""
    row = _counted(who, principals.visible_plans(who).filter(pk=plan_id)).values(*_COLUMNS).first()
    if row is None:
        raise NotFound
    return _told(row, places_of(who, [row]))


def _told(row: dict[str, Any], places: dict[UUID, list[dict[str, Any]]]) -> dict[str, Any]:
    return {**plan_json(row), "open_conflicts": row["open_conflicts"], "replicas": places[row["id"]]}


def answer(who: Principal, plan_id: UUID, status: int = 200) -> Response:
    document = told(who, plan_id)
    headers = {"ETag": etag(document["revision"])}
    if status == 201:
        headers["Location"] = location("plans", plan_id)
    return Response(document, status=status, headers=headers)


class Plans(ApiView):
    @described(
        "List plans",
        tag="plans",
        operation="plans_list",
        query=PlanQuery,
        answer=page_serializer(PlacedPlanSerializer),
        example={"results": [EXAMPLE], "next": None},
    )
    def get(self, request: Request) -> Response:
        query = asked(PlanQuery, request)
        rows = filtered_plans(placed(principals.visible_plans(self.who), query, "pk"), query)
        page = paging.page(request, _counted(self.who, rows), _COLUMNS, ORDERINGS[query["ordering"]], query)
        places = places_of(self.who, page.rows)
        return Response(page.as_json(lambda row: _told(row, places)))

    @described(
        "Make a plan",
        tag="plans",
        operation="plans_create",
        status=201,
        answer=PlacedPlanSerializer,
        example=EXAMPLE,
        body=NewPlan,
        body_example={"title": "Launch"},
    )
    def post(self, request: Request) -> Response:
        """Without items. The oldest replica gets a file for it."""
        self.who.refuse_if_limited("a new plan is in none of them yet")
        plan = services.create_plan(given(NewPlan, request)["title"], **self.who.marks)
        return answer(self.who, plan.pk, 201)


class OnePlan(ApiView):
    @described("One plan", tag="plans", operation="plans_read", answer=PlacedPlanSerializer, example=EXAMPLE)
    def get(self, request: Request, plan_id: UUID) -> Response:
        """Its items are at `/tree`. A plan in the bin has `deleted_at`."""
        return answer(self.who, plan_id)

    @described(
        "Change a plan",
        tag="plans",
        operation="plans_update",
        answer=PlacedPlanSerializer,
        example=EXAMPLE,
        body=PlanEdit,
        body_example={"title": "Launch of the reader", "version": "1.1"},
    )
    def patch(self, request: Request, plan_id: UUID) -> Response:
        """Only what is sent changes. The replicas follow before the answer."""
        plan = editing.find_plan(self.who, plan_id)
        fields = given(PlanEdit, request)
        with editing.in_step(request, plan, lambda: told(self.who, plan_id)):
            editing.change(self.who, plan, fields)
        return answer(self.who, plan_id)

    @described("Delete a plan", tag="plans", operation="plans_delete", status=204)
    def delete(self, request: Request, plan_id: UUID) -> Response:
        """Into the bin; its files are removed, and their content is kept."""
        plan = editing.find_plan(self.who, plan_id)
        with editing.in_step(request, plan, lambda: told(self.who, plan_id)):
            editing.delete(self.who, plan)
        return Response(status=204)


class RestorePlan(ApiView):
    @described(
        "Take a plan out of the bin",
        tag="plans",
        operation="plans_restore",
        answer=PlacedPlanSerializer,
        example=EXAMPLE,
    )
    def post(self, request: Request, plan_id: UUID) -> Response:
        """Its files come back byte for byte."""
        editing.restore(self.who, editing.find_plan(self.who, plan_id, binned=True))
        return answer(self.who, plan_id)


ROUTES = (
    Route("plans", Plans, "plans", {"GET": "plans.view_plan", "POST": "plans.add_plan"}),
    Route(
        *("plans/<uuid:plan_id>", OnePlan, "plan"),
        {"GET": "plans.view_plan", "PATCH": "plans.change_plan", "DELETE": "plans.delete_plan"},
    ),
    Route("plans/<uuid:plan_id>/restore", RestorePlan, "plan-restore", {"POST": "plans.add_plan"}),
)
