"""`/replicas/prove`: what would become of the plans of a place, before it is a replica."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api.describing import described
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, given
from planning_sync.replicas.errors import ReplicaError
from planning_sync.sync import proving, registry, sides
from planning_sync.sync.api import ReplicaOptions
from planning_sync.sync.errors import InvalidOption
from planning_sync.sync.models import Replica
from planning_sync.sync.proving import Proof
from planning_sync.sync.registry import Reach
from plans.api import Strict, Text

PROOF_SECONDS = 10.0


class PlaceToProve(Strict):
    path = Text(max_length=2000, help_text="As for `POST /replicas`.")
    kind = serializers.ChoiceField(Replica.Kind.choices, required=False)
    options = ReplicaOptions(required=False)
    after = Text(
        max_length=2000, required=False, help_text="Go on after this plan: `last` of an earlier answer."
    )


class RemarkSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    line = serializers.IntegerField(help_text="From 1; 0 is the plan as a whole.")
    code = serializers.CharField()
    message = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    path = serializers.CharField(allow_blank=True)
    message = serializers.CharField()


class ProofSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField(help_text="Plans that are listed there.")
    looked = serializers.IntegerField()
    complete = serializers.BooleanField(help_text="Else go on with `after`.")
    holds = serializers.BooleanField(help_text="Whether not a byte would change, as far as was looked.")
    plans = serializers.IntegerField()
    phases = serializers.IntegerField()
    tasks = serializers.IntegerField()
    unrecognised = serializers.IntegerField(help_text="Lines that look like tasks and are none.")
    doubtful = serializers.IntegerField(help_text="Remarks of any other kind.")
    sampled = serializers.IntegerField(help_text="Tasks that were ticked and unticked on trial.")
    unsayable = serializers.IntegerField()
    respelled = serializers.IntegerField()
    codes = serializers.DictField(child=serializers.IntegerField())
    remarks = RemarkSerializer(many=True)
    differing = RemarkSerializer(many=True)
    unreadable = ProblemSerializer(many=True)
    last = serializers.CharField(allow_blank=True)


_PROOF = {
    "total": 12,
    "looked": 12,
    "complete": True,
    "holds": True,
    "plans": 12,
    "phases": 40,
    "tasks": 310,
    "unrecognised": 1,
    "doubtful": 0,
    "sampled": 36,
    "unsayable": 0,
    "respelled": 0,
    "codes": {"unrecognised": 1},
    "remarks": [{"path": "launch.md", "line": 14, "code": "unrecognised", "message": "looks like a task"}],
    "differing": [],
    "unreadable": [],
    "last": "website.md",
}


class Prove(ApiView):
    @described(
        "Prove a round trip",
        tag="replicas",
        operation="replicas_prove",
        body=PlaceToProve,
        body_example={"path": "/srv/plans/notes"},
        answer=ProofSerializer,
        example=_PROOF,
    )
    def post(self, request: Request) -> Response:
        """What would become of the plans of a place that is no replica yet. Writes nothing anywhere.

        Large places take several requests.
        """
        self.who.refuse_if_limited("a new place is in none of them")
        body = given(PlaceToProve, request)
        chosen = {name: body[name] for name in ("kind", "options") if name in body}
        so_far = Proof(last=body["after"]) if "after" in body else None
        try:
            row = registry.described_below(Reach.configured(), body["path"], **chosen)
            proof = proving.prove(sides.connect(row), so_far=so_far, seconds=PROOF_SECONDS)
        except InvalidOption as error:
            raise ValidationError({f"options.{error.name}": [error.reason]}) from error
        except ReplicaError as error:
            raise ValidationError({"path": [str(error)]}) from error
        return Response(proof.as_json())


ROUTES = (Route("replicas/prove", Prove, "replica-prove", {"POST": "sync.add_replica"}),)
