"""`/access`: the replicas that people and groups are limited to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, User
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api import problems
from planning_sync.api.describing import described
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, given, location
from planning_sync.roles import services
from planning_sync.roles.errors import KnownLimit, LimitedPerson
from planning_sync.roles.models import ReplicaAccess
from planning_sync.sync.models import Replica
from plans.api import Strict, Text

problems.tell("forbidden", 403, "This is not allowed to you", LimitedPerson)
problems.tell("refused", 409, "This cannot be done as things are", KnownLimit)

_WHY = "limits are for those to see whom none limits"


class NewAccess(Strict):
    user = Text(max_length=150, required=False, help_text="A name; this or `group`.")
    group = Text(max_length=150, required=False, help_text="A name; this or `user`.")
    replica = Text(max_length=200, help_text="A name.")


class AccessSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    user = serializers.CharField(allow_null=True)
    group = serializers.CharField(allow_null=True)
    replica = serializers.CharField(allow_null=True, help_text="null: it was deleted. The limit stays.")
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()


class AccessListSerializer(serializers.Serializer[Any]):
    results = AccessSerializer(many=True)


_ACCESS = {
    "id": "01936b7e-3400-7a00-8000-000000000001",
    "user": "bob",
    "group": None,
    "replica": "notes",
    "created_at": "2026-05-04T09:00:00Z",
    "created_by": "alice",
}


class AccessList(ApiView):
    @described(
        "List the limits to replicas",
        tag="access",
        operation="access_list",
        answer=AccessListSerializer,
        example={"results": [_ACCESS]},
    )
    def get(self, request: Request) -> Response:
        """Whom none of them names, nor any of their groups, sees every replica."""
        self.who.refuse_if_limited(_WHY)
        rows = _rows().order_by("created_at", "pk")
        return Response({"results": [_told(row) for row in rows]})

    @described(
        "Limit a person, or a group, to a replica",
        tag="access",
        operation="access_create",
        status=201,
        answer=AccessSerializer,
        example=_ACCESS,
        body=NewAccess,
        body_example={"user": "bob", "replica": "notes"},
    )
    def post(self, request: Request) -> Response:
        """And to the replicas of the other limits of the same person and of their groups."""
        self.who.refuse_if_limited(_WHY)
        told = given(NewAccess, request)
        row = services.limit(_whom(told), _replica(told["replica"]), by=self.who.user, **self.who.marks)
        return Response(_told(row), status=201, headers={"Location": location("access", row.pk)})


class OneAccess(ApiView):
    @described(
        "One limit to a replica",
        tag="access",
        operation="access_read",
        answer=AccessSerializer,
        example=_ACCESS,
    )
    def get(self, request: Request, access_id: UUID) -> Response:
        self.who.refuse_if_limited(_WHY)
        return Response(_told(_row(access_id)))

    @described("Take a limit away", tag="access", operation="access_delete", status=204)
    def delete(self, request: Request, access_id: UUID) -> Response:
        """With the last one of a person and of their groups, that person sees every replica."""
        self.who.refuse_if_limited(_WHY)
        services.lift(_row(access_id), by=self.who.user, **self.who.marks)
        return Response(status=204)


def _rows() -> Any:
    return ReplicaAccess.objects.select_related("user", "group", "replica")


def _row(access_id: UUID) -> ReplicaAccess:
    found: ReplicaAccess | None = _rows().filter(pk=access_id).first()
    if found is None:
        raise NotFound
    return found


def _whom(told: dict[str, Any]) -> User | Group:
    if ("user" in told) == ("group" in told):
        raise ValidationError({"user": ["Name a user or a group."]})
    if "user" in told:
        found: User | Group | None = User.objects.filter(username=told["user"]).first()
    else:
        found = Group.objects.filter(name=told["group"]).first()
    if found is None:
        raise ValidationError({"user" if "user" in told else "group": ["There is none of that name."]})
    return found


def _replica(name: str) -> Replica:
    found = Replica.objects.filter(name=name).first()
    if found is None:
        raise ValidationError({"replica": [f"There is no {name!r}."]})
    return found


def _told(row: ReplicaAccess) -> dict[str, Any]:
    return {
        "id": row.pk,
        "user": row.user.get_username() if row.user else None,
        "group": row.group.name if row.group else None,
        "replica": row.replica.name if row.replica else None,
        "created_at": row.created_at,
        "created_by": row.created_by,
    }


ROUTES = (
    Route(
        *("access", AccessList, "access-list"),
        {"GET": "roles.view_replicaaccess", "POST": "roles.add_replicaaccess"},
    ),
    Route(
        *("access/<uuid:access_id>", OneAccess, "access"),
        {"GET": "roles.view_replicaaccess", "DELETE": "roles.delete_replicaaccess"},
    ),
)
