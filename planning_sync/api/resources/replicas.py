"""`/replicas`: where plans live outside of the hub."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api.describing import described
from planning_sync.api.principals import Principal, visible_replicas
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked, given, location
from planning_sync.replicas.errors import ReplicaError
from planning_sync.sync import registry, removal
from planning_sync.sync.api import NewReplica, ReplicaSerializer
from planning_sync.sync.errors import InvalidOption
from planning_sync.sync.models import Replica
from planning_sync.sync.registry import Reach
from plans.api import Strict


class ReplicasSerializer(serializers.Serializer[Any]):
    results = ReplicaSerializer(many=True)


class Removal(Strict):
    plans = serializers.ChoiceField(
        [
            ("bin", "they go to the bin"),
            ("keep", "they stay, and the oldest other replica gets files for them"),
        ],
        default="bin",
        help_text="What becomes of plans that stand at no other replica.",
    )


class RemovedSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    binned = serializers.IntegerField(help_text="Plans that went to the bin.")
    kept = serializers.IntegerField(help_text="Plans that no replica has any more.")
    conflicts_closed = serializers.IntegerField()


EXAMPLE = {
    "id": "01936b7e-2e00-7000-8000-000000000001",
    "name": "notes",
    "kind": "markdown",
    "enabled": True,
    "plans": 12,
    "waiting": 0,
    "problems": 0,
    "last_sync_at": "2026-05-04T10:00:00Z",
    "last_status": "in_step",
    "last_problem": "",
    "seen_at": "2026-05-04T10:00:00Z",
    "lost_at": None,
    "retry_at": None,
}

_LIVE = Q(links__gone_at=None, links__released_at=None, links__plan__deleted_at=None, links__isnull=False)
COLUMNS = (
    *("id", "name", "kind", "enabled", "plans", "waiting", "problems", "last_sync_at", "last_status"),
    *("last_problem", "seen_at", "lost_at", "retry_at"),
)


def counted(rows: QuerySet[Replica]) -> QuerySet[Replica]:
    """With `plans`, `waiting` and `problems`."""
    behind = ~Q(links__revision=F("links__plan__revision"))
    return rows.annotate(
        plans=Count("links", filter=_LIVE),
        waiting=Count("links", filter=_LIVE & behind),
        problems=Count("links", filter=_LIVE & ~Q(links__problem="")),
    )


class Replicas(ApiView):
    @described(
        "List the replicas",
        tag="replicas",
        operation="replicas_list",
        answer=ReplicasSerializer,
        example={"results": [EXAMPLE]},
    )
    def get(self, request: Request) -> Response:
        rows = counted(visible_replicas(self.who)).order_by("created_at", "pk")
        return Response({"results": list(rows.values(*COLUMNS))})

    @described(
        "Add a replica",
        tag="replicas",
        operation="replicas_create",
        status=201,
        answer=ReplicaSerializer,
        example={**EXAMPLE, "plans": 0, "last_sync_at": None, "last_status": "", "seen_at": None},
        body=NewReplica,
        body_example={"path": "/srv/plans/notes", "name": "notes"},
    )
    def post(self, request: Request) -> Response:
        """A folder or file of the server, below one of PLANNING_SYNC_REPLICA_ROOTS, or a service, at or below
        one of PLANNING_SYNC_REPLICA_SERVICES. Not synced yet.
        """
        self.who.refuse_if_limited("a new one is none of them")
        body = given(NewReplica, request)
        try:
            row = registry.add_below(
                Reach.configured(),
                body["path"],
                kind=body["kind"],
                name=body.get("name", ""),
                options=body.get("options"),
                **self.who.marks,
            )
        except InvalidOption as error:
            raise ValidationError({f"options.{error.name}": [error.reason]}) from error
        except ReplicaError as error:
            raise ValidationError({"path": [str(error)]}) from error
        return Response(
            told(self.who, row.pk), status=201, headers={"Location": location("replicas", row.pk)}
        )


class OneReplica(ApiView):
    @described(
        "One replica", tag="replicas", operation="replicas_read", answer=ReplicaSerializer, example=EXAMPLE
    )
    def get(self, request: Request, replica_id: UUID) -> Response:
        return Response(told(self.who, replica_id))

    @described(
        "Remove a replica",
        tag="replicas",
        operation="replicas_delete",
        query=Removal,
        answer=RemovedSerializer,
        example={"name": "notes", "binned": 12, "kept": 0, "conflicts_closed": 1},
    )
    def delete(self, request: Request, replica_id: UUID) -> Response:
        """The hub forgets it; the folder and its files stay as they are. Only of one that is switched off.

        Its links, its own policy and its hooks go, and its conflicts are closed. Plans that stand at another
        replica stay as they are; of the others, `plans` says what becomes.
        """
        query = asked(Removal, request)
        row = visible_replicas(self.who).filter(pk=replica_id).first()
        if row is None:
            raise NotFound
        return Response(removal.remove(row, query["plans"], **self.who.marks)._asdict())


def told(who: Principal, replica_id: UUID) -> dict[str, Any]:
    row = counted(visible_replicas(who).filter(pk=replica_id)).values(*COLUMNS).first()
    if row is None:
        raise NotFound
    return dict(row)


ROUTES = (
    Route("replicas", Replicas, "replicas", {"GET": "sync.view_replica", "POST": "sync.add_replica"}),
    Route(
        *("replicas/<uuid:replica_id>", OneReplica, "replica"),
        {"GET": "sync.view_replica", "DELETE": "sync.delete_replica"},
    ),
)
