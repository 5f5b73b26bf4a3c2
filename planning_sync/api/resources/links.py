"""`/plans/{id}/unlink` and `/link`: a plan and its file at a replica, following each other or not."""

from __future__ import annotations

from uuid import UUID

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api import editing
from planning_sync.api.describing import described
from planning_sync.api.principals import visible_links
from planning_sync.api.resources.plans import EXAMPLE, PlacedPlanSerializer, answer
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, given
from planning_sync.sync import services
from planning_sync.sync.models import Link
from plans.api import Strict


class WhichLink(Strict):
    replica = serializers.UUIDField(help_text="A replica that has the plan, or had it.")


_BODY = {"replica": "01936b7e-2e00-7000-8000-000000000001"}


class _LinkView(ApiView):
    def found(self, request: Request, plan_id: UUID) -> Link:
        plan = editing.find_plan(self.who, plan_id)
        replica_id = given(WhichLink, request)["replica"]
        link = visible_links(self.who).filter(plan=plan, replica=replica_id).first()
        if link is None:
            raise ValidationError({"replica": ["The plan does not stand at this replica."]})
        return link


class Unlink(_LinkView):
    @described(
        "Unlink a plan from its file",
        tag="plans",
        operation="plans_unlink",
        answer=PlacedPlanSerializer,
        example=EXAMPLE,
        body=WhichLink,
        body_example=_BODY,
    )
    def post(self, request: Request, plan_id: UUID) -> Response:
        """Both stay as they are, and from now on neither follows the other."""
        services.release(self.found(request, plan_id), **self.who.marks)
        return answer(self.who, plan_id)


class Relink(_LinkView):
    @described(
        "Link a plan with its file again",
        tag="plans",
        operation="plans_link",
        answer=PlacedPlanSerializer,
        example=EXAMPLE,
        body=WhichLink,
        body_example=_BODY,
    )
    def post(self, request: Request, plan_id: UUID) -> Response:
        """The next sync merges what happened to both meanwhile. No effect on a plan that was not unlinked."""
        services.attach(self.found(request, plan_id), **self.who.marks)
        return answer(self.who, plan_id)


_NEEDS = {"POST": "sync.change_link"}

ROUTES = (
    Route("plans/<uuid:plan_id>/unlink", Unlink, "plan-unlink", _NEEDS),
    Route("plans/<uuid:plan_id>/link", Relink, "plan-link", _NEEDS),
)
