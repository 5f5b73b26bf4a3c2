"""`/replicas/{id}/unpaired`, `/pairs` and `/link`: the first link of plans that both sides have."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api.describing import described
from planning_sync.api.principals import Principal, visible_plans, visible_replicas
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, given
from planning_sync.sync import pairing, pairing_act, sides
from planning_sync.sync.api import ReportSerializer
from planning_sync.sync.models import Replica
from planning_sync.sync.pairing_act import Wanted
from planning_sync.sync.pairing_base import TAKES
from plans.api import Strict, Text

MOST_LINKS = 200

Choices = serializers.DictField(
    child=serializers.CharField(allow_blank=True, max_length=32),
    required=False,
    help_text="By number of an item of the replica's plan, the id of the hub's item that it is, or nothing.",
)


class UnpairedSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    plan = serializers.UUIDField(help_text="The plan of the hub that it is most like.")
    title = serializers.CharField()
    score = serializers.FloatField(help_text="How much of the two is the same work, 0 to 1.")
    found_at = serializers.DateTimeField()


class UnpairedListSerializer(serializers.Serializer[Any]):
    results = UnpairedSerializer(many=True)


_PLAN = "01936b7e-2f62-7d11-b0c5-6a2b7f0e9d42"
_UNPAIRED = {
    "path": "launch.md",
    "plan": _PLAN,
    "title": "Launch",
    "score": 0.92,
    "found_at": "2026-05-04T10:00:00Z",
}


class Unpaired(ApiView):
    @described(
        "List the plans that wait to be paired",
        tag="replicas",
        operation="replicas_unpaired",
        answer=UnpairedListSerializer,
        example={"results": [_UNPAIRED]},
    )
    def get(self, request: Request, replica_id: UUID) -> Response:
        """They look like plans that the hub has already, and are not imported before somebody says so."""
        rows = pairing.unpaired_at(_found(self.who, replica_id)).filter(plan__in=visible_plans(self.who))
        told = [
            {"path": row.path, "plan": row.plan_id, "title": row.plan.title, "score": row.score}
            | {"found_at": row.found_at}
            for row in rows
        ]
        return Response({"results": told})


class PairsAsked(Strict):
    path = Text(max_length=2000)
    plan = serializers.UUIDField()
    choices = Choices


class PairSerializer(serializers.Serializer[Any]):
    number = serializers.CharField()
    kind = serializers.CharField()
    text = serializers.CharField(allow_blank=True)
    id = serializers.CharField()
    hub_text = serializers.CharField(allow_blank=True)
    score = serializers.FloatField()
    reason = serializers.CharField(allow_blank=True, help_text="Why it is doubtful.")


class PairDifferenceSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(allow_blank=True, help_text="Empty for the plan itself.")
    field = serializers.CharField()
    text = serializers.CharField(allow_blank=True)
    hub = serializers.JSONField()
    replica = serializers.JSONField()


class NewInHubSerializer(serializers.Serializer[Any]):
    number = serializers.CharField()
    kind = serializers.CharField()
    text = serializers.CharField(allow_blank=True)
    suggestions = PairSerializer(many=True)


class NewInReplicaSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    kind = serializers.CharField()
    text = serializers.CharField(allow_blank=True)


class PairsSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    plan = serializers.UUIDField()
    title = serializers.CharField()
    score = serializers.FloatField()
    fingerprint = serializers.CharField(help_text="Send it with the link: then what you saw is linked.")
    pairs = PairSerializer(many=True)
    doubtful = PairSerializer(many=True, help_text="Two items each, unless you choose otherwise.")
    differences = PairDifferenceSerializer(many=True)
    new_in_hub = NewInHubSerializer(many=True)
    new_in_replica = NewInReplicaSerializer(many=True)


_KEY = "01936b7e2f627d11b0c56a2b7f0e9d43"
_PAIR = {
    "number": "2",
    "kind": "task",
    "text": "Tag the version",
    "id": _KEY,
    "hub_text": "Tag the version",
    "score": 1.0,
    "reason": "",
}
_PAIRS = {
    "path": "launch.md",
    "plan": _PLAN,
    "title": "Launch",
    "score": 0.92,
    "fingerprint": "5f0c3e9a1b7d2c44",
    "pairs": [_PAIR],
    "doubtful": [],
    "new_in_hub": [],
    "new_in_replica": [],
    "differences": [
        {"id": _KEY, "field": "status", "text": "Tag the version", "hub": "todo", "replica": "done"}
    ],
}


class Pairs(ApiView):
    @described(
        "Who is who in two plans",
        tag="replicas",
        operation="replicas_pairs",
        body=PairsAsked,
        body_example={"path": "launch.md", "plan": _PLAN},
        answer=PairsSerializer,
        example=_PAIRS,
    )
    def post(self, request: Request, replica_id: UUID) -> Response:
        """What linking a plan of the replica to a plan of the hub would mean. Writes nothing."""
        row, body = _found(self.who, replica_id), given(PairsAsked, request)
        _check_plan(self.who, body["plan"])
        found = pairing.propose(sides.connect(row), body["path"], body["plan"], body.get("choices"))
        return Response(found.as_json())


class LinkSerializer(Strict):
    path = Text(max_length=2000)
    plan = serializers.UUIDField()
    fingerprint = Text(max_length=16, help_text="Of the pairs that were looked at.")
    choices = Choices
    take = serializers.ChoiceField(
        [(name, name) for name in TAKES],
        default="ask",
        help_text="What holds where the two differ: a conflict asks, the hub, or the replica.",
    )


class LinksAsked(Strict):
    links = serializers.ListField(child=LinkSerializer(), max_length=MOST_LINKS, default=list)
    as_new = serializers.ListField(
        child=Text(max_length=2000),
        max_length=MOST_LINKS,
        default=list,
        help_text="Plans that are none of those of the hub: they are imported.",
    )


class LinkedSerializer(serializers.Serializer[Any]):
    operation = serializers.CharField(allow_blank=True, help_text="Its undo unlinks what it linked.")
    linked = serializers.ListField(child=serializers.CharField())
    failed = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))
    reports = ReportSerializer(many=True)


_LINKED = {
    "operation": "01936b7e-2f62-7d11-b0c5-6a2b7f0e9d44",
    "linked": ["launch.md"],
    "failed": [{"path": "site.md", "reason": "it is linked already"}],
    "reports": [],
}


class LinkPlans(ApiView):
    @described(
        "Link plans that both sides have",
        tag="replicas",
        operation="replicas_link",
        body=LinksAsked,
        body_example={
            "links": [{"path": "launch.md", "plan": _PLAN, "fingerprint": "5f0c3e9a1b7d2c44", "take": "hub"}],
            "as_new": ["garden.md"],
        },
        answer=LinkedSerializer,
        example=_LINKED,
    )
    def post(self, request: Request, replica_id: UUID) -> Response:
        """In one operation; then they are synced, unless the replica is switched off.

        What changed since its pairs were shown stays unpaired.
        """
        row, body = _found(self.who, replica_id), given(LinksAsked, request)
        for each in body["links"]:
            _check_plan(self.who, each["plan"])
        wanted = [
            Wanted(each["path"], each["plan"], each["fingerprint"], each.get("choices", {}), each["take"])
            for each in body["links"]
        ]
        told = pairing_act.link(row, wanted, **self.who.marks).as_json()
        if body["as_new"]:
            report = pairing_act.take_as_new(row, body["as_new"], actor=self.who.actor)
            told["reports"] += [report.as_json()] if report is not None else []
        return Response(told)


def _found(who: Principal, replica_id: UUID) -> Replica:
    row = visible_replicas(who).filter(pk=replica_id).first()
    if row is None:
        raise NotFound
    return row


def _check_plan(who: Principal, plan_id: UUID) -> None:
    if not visible_plans(who).filter(pk=plan_id, deleted_at=None).exists():
        raise NotFound


_OF_ONE = "replicas/<uuid:replica_id>"
ROUTES = (
    Route(f"{_OF_ONE}/unpaired", Unpaired, "replica-unpaired", {"GET": "sync.view_replica"}),
    Route(f"{_OF_ONE}/pairs", Pairs, "replica-pairs", {"POST": "sync.view_replica"}),
    Route(f"{_OF_ONE}/link", LinkPlans, "replica-link", {"POST": "sync.change_link"}),
)
