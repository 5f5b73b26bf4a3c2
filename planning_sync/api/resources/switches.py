"""`/replicas/{id}/enable`, `/disable` and `/sync`: what operators do with one replica."""

from __future__ import annotations

from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api import jobs
from planning_sync.api.describing import described
from planning_sync.api.jobs import Wanted
from planning_sync.api.principals import Principal, visible_replicas
from planning_sync.api.resources.replicas import EXAMPLE, told
from planning_sync.api.resources.syncs import QUEUED, job_json
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, location
from planning_sync.sync import registry
from planning_sync.sync.api import JobSerializer, ReplicaSerializer
from planning_sync.sync.errors import SyncError
from planning_sync.sync.models import Replica


class SwitchedOff(SyncError):
    def __init__(self, name: str) -> None:
        super().__init__(f"The replica {name} is switched off. Switch it on first: POST .../enable.")


class Enable(ApiView):
    @described(
        "Switch a replica on",
        tag="replicas",
        operation="replicas_enable",
        answer=ReplicaSerializer,
        example=EXAMPLE,
    )
    def post(self, request: Request, replica_id: UUID) -> Response:
        """The next sync brings it up to date."""
        registry.switch(_found(self.who, replica_id), on=True, **self.who.marks)
        return Response(told(self.who, replica_id))


class Disable(ApiView):
    @described(
        "Switch a replica off",
        tag="replicas",
        operation="replicas_disable",
        answer=ReplicaSerializer,
        example={**EXAMPLE, "enabled": False},
    )
    def post(self, request: Request, replica_id: UUID) -> Response:
        """It takes no part in syncs. Nothing is forgotten: switched on again, it goes on from there."""
        registry.switch(_found(self.who, replica_id), on=False, **self.who.marks)
        return Response(told(self.who, replica_id))


class SyncReplica(ApiView):
    @described(
        "Sync a replica",
        tag="replicas",
        operation="replicas_sync",
        status=202,
        answer=JobSerializer,
        example=QUEUED,
    )
    def post(self, request: Request, replica_id: UUID) -> Response:
        """In both directions, all its plans; a job for a worker. `/sync/now` takes options."""
        row = _found(self.who, replica_id)
        if not row.enabled:
            raise SwitchedOff(row.name)
        job = jobs.ask([Wanted(row, "both")], self.who)
        return Response(job_json(job), status=202, headers={"Location": location("sync/jobs", job.pk)})


def _found(who: Principal, replica_id: UUID) -> Replica:
    row = visible_replicas(who).filter(pk=replica_id).first()
    if row is None:
        raise NotFound
    return row


_SWITCH = {"POST": "sync.change_replica"}

ROUTES = (
    Route("replicas/<uuid:replica_id>/enable", Enable, "replica-enable", _SWITCH),
    Route("replicas/<uuid:replica_id>/disable", Disable, "replica-disable", _SWITCH),
    Route("replicas/<uuid:replica_id>/sync", SyncReplica, "replica-sync", _SWITCH),
)
