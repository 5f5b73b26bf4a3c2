"""`/search`: what fits a text, what is like a task, what is there twice, themes, recommendations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api import editing, principals, problems
from planning_sync.api.describing import described
from planning_sync.api.principals import Principal
from planning_sync.api.routes import SIGNED_IN, Route
from planning_sync.api.views import ApiView, asked, given
from planning_sync.search import errors, services, standing
from planning_sync.search.asking import Filters, Hit
from planning_sync.search.models import Kind, Verdict
from plans.api import Strict
from plans.models import Priority, Status

problems.tell("not-found", 404, "There is no such thing", errors.NotIndexed)
problems.tell("unavailable", 503, "It cannot be reached now", errors.EmbedderAway, errors.IndexAway)
problems.tell("refused", 409, "This cannot be done as things are", errors.SearchError)
problems.tell(
    "invalid-value",
    422,
    "A value cannot be taken",
    *(errors.WrongDimension, errors.InvalidVector),
    more=lambda error: {"errors": {"vector": [str(error)]}},
)

_LONGEST_TEXT = 2000


def _choices(values: list[str]) -> serializers.ListField:
    child = serializers.ChoiceField([(value, value) for value in values])
    return serializers.ListField(child=child, required=False, max_length=20)


class Narrowed(Strict):
    """How a search is narrowed, in all that search."""

    plan = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=100)
    replica = serializers.ListField(child=serializers.CharField(), required=False, max_length=100)
    status = _choices(Status.values)
    priority = _choices(Priority.values)
    tag = serializers.ListField(child=serializers.CharField(), required=False, max_length=20)
    limit = serializers.IntegerField(min_value=1, max_value=services.MOST, default=services.LIMIT)


class SearchQuery(Narrowed):
    q = serializers.CharField(max_length=_LONGEST_TEXT, help_text="Words, a sentence, a ref such as 1.2.3.")
    kind = _choices(Kind.values)


class HitSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField([(kind, kind) for kind in Kind.values])
    id = serializers.UUIDField()
    plan = serializers.UUIDField()
    plan_title = serializers.CharField()
    phase = serializers.UUIDField(allow_null=True)
    phase_title = serializers.CharField(allow_blank=True)
    ref = serializers.CharField(allow_blank=True)
    text = serializers.CharField(allow_blank=True)
    status = serializers.CharField(allow_blank=True)
    priority = serializers.CharField(allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField())
    score = serializers.FloatField(help_text="From 0 to 1; compares the hits of one answer.")
    exact = serializers.BooleanField(help_text="It has, or names, the ref that was asked for.")
    marks = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2),
        help_text="Where in `text` the words asked for stand: [start, end].",
    )


class AnswerSerializer(serializers.Serializer[Any]):
    results = HitSerializer(many=True)
    engine = serializers.CharField(help_text="`qdrant-edge`, `qdrant`, or `full-text`.")
    degraded = serializers.BooleanField(help_text="Whether words alone were compared.")
    reason = serializers.CharField(allow_blank=True, help_text="Why it is degraded.")
    took_ms = serializers.FloatField()


HIT = {
    "kind": "task",
    "id": "01936b7e-2f62-7d11-b0c5-6a2b7f0e9d42",
    "plan": "01936b7e-2f60-7c3a-9d52-0b5a0c4f1e11",
    "plan_title": "Launch",
    "phase": "01936b7e-2f61-7b06-8a41-5f1f0f0a2c31",
    "phase_title": "Release",
    "ref": "1.1",
    "text": "Tag the version",
    "status": "todo",
    "priority": "high",
    "tags": ["release"],
    "score": 0.91,
    "exact": False,
    "marks": [[0, 3]],
}
ANSWER = {"results": [HIT], "engine": "qdrant-edge", "degraded": False, "reason": "", "took_ms": 8.4}


def filters_of(who: Principal, told: Mapping[str, Any]) -> Filters:
    """Replicas are told by name; raises `ValidationError` for one that is not to be seen."""
    names = set(told.get("replica", []))
    replicas = dict(principals.visible_replicas(who).filter(name__in=names).values_list("name", "pk"))
    unknown = sorted(names - set(replicas))
    if unknown:
        raise ValidationError({"replica": [f"There is no replica {unknown[0]!r}."]})
    return Filters(
        plans=frozenset(map(str, told.get("plan", []))),
        replicas=frozenset(map(str, replicas.values())),
        statuses=frozenset(told.get("status", [])),
        priorities=frozenset(told.get("priority", [])),
        tags=frozenset(told.get("tag", [])),
    )


def sight(who: Principal) -> dict[str, Any]:
    """The arguments by which a service is told what may be seen."""
    return {"user": who.user, "replica_ids": who.replica_ids}


class Search(ApiView):
    @described(
        "Search plans, phases and tasks",
        tag="search",
        operation="search",
        query=SearchQuery,
        answer=AnswerSerializer,
        example=ANSWER,
    )
    def get(self, request: Request) -> Response:
        """By meaning and words together; by words alone, and saying so, where no embedder answers."""
        told = asked(SearchQuery, request)
        answer = services.search(
            told["q"],
            kinds=told.get("kind") or services.ALL_KINDS,
            filters=filters_of(self.who, told),
            limit=told["limit"],
            **sight(self.who),
        )
        return Response(answer.as_json())


class Similar(ApiView):
    @described(
        "Tasks like this one",
        tag="search",
        operation="search_similar",
        query=Narrowed,
        answer=AnswerSerializer,
        example=ANSWER,
    )
    def get(self, request: Request, task_id: UUID) -> Response:
        """The likest first. A plan or a phase may be named as well, and gives plans or phases."""
        told = asked(Narrowed, request)
        chosen = filters_of(self.who, told)
        answer = services.similar(task_id, filters=chosen, limit=told["limit"], **sight(self.who))
        return Response(answer.as_json())


class DuplicatesQuery(Strict):
    limit = serializers.IntegerField(min_value=1, max_value=services.MOST, default=services.LIMIT)


class DuplicateSerializer(serializers.Serializer[Any]):
    first = HitSerializer()
    second = HitSerializer()
    score = serializers.FloatField(help_text="1 for the same words, else the cosine of their meanings.")
    proposal = serializers.ChoiceField([(name, name) for name in Verdict.Choice.values])
    why = serializers.CharField()


class DuplicatesSerializer(serializers.Serializer[Any]):
    results = DuplicateSerializer(many=True)
    degraded = serializers.BooleanField(help_text="Whether only the same words were looked for.")
    reason = serializers.CharField(allow_blank=True)


class DuplicateDecision(Strict):
    first = serializers.UUIDField()
    second = serializers.UUIDField()
    choice = serializers.ChoiceField([(name, name) for name in Verdict.Choice.values])


class VerdictSerializer(DuplicateDecision):
    decided_by = serializers.CharField()
    decided_at = serializers.DateTimeField()


_OTHER = "01936b7e-2f62-7d11-b0c5-6a2b7f0e9d43"
_DECISION = {"first": HIT["id"], "second": _OTHER, "choice": "link"}
_WHY = "Two plans mean to do the same."


class DuplicateTasks(ApiView):
    @described(
        "Tasks that are there twice",
        tag="search",
        operation="search_duplicates",
        query=DuplicatesQuery,
        answer=DuplicatesSerializer,
        example={
            "results": [
                {"first": HIT, "second": {**HIT, "id": _OTHER}, "score": 1.0, "proposal": "link", "why": _WHY}
            ],
            "degraded": False,
            "reason": "",
        },
    )
    def get(self, request: Request) -> Response:
        """Pairs that nobody has decided on yet, the nearest first, each with a proposal."""
        found = services.duplicates(limit=asked(DuplicatesQuery, request)["limit"], **sight(self.who))
        pairs = [
            {
                "first": pair.first.as_json(),
                "second": pair.second.as_json(),
                "score": round(pair.score, 4),
                "proposal": str(pair.proposal),
                "why": pair.why,
            }
            for pair in found.pairs
        ]
        return Response({"results": pairs, "degraded": found.degraded, "reason": found.reason})

    @described(
        "Decide on two tasks that look the same",
        tag="search",
        operation="search_duplicates_decide",
        body=DuplicateDecision,
        body_example=_DECISION,
        answer=VerdictSerializer,
        example={**_DECISION, "decided_by": "alice", "decided_at": "2026-05-04T10:00:00Z"},
    )
    def post(self, request: Request) -> Response:
        """They are not proposed again. `merge` puts the second into the bin, for who may delete tasks."""
        told = given(DuplicateDecision, request)
        first, second = (editing.find_task(self.who, told[name]) for name in ("first", "second"))
        if first.pk == second.pk:
            raise ValidationError({"second": ["It is the same task."]})
        if told["choice"] == Verdict.Choice.MERGE and not self.who.may("plans.delete_task"):
            raise PermissionDenied("To merge two tasks one has to be allowed to delete tasks.")
        row = services.decide(first, second, told["choice"], **self.who.marks)
        answer = {"decided_by": row.decided_by, "decided_at": row.decided_at.isoformat()}
        return Response({**{name: str(value) for name, value in told.items()}, **answer})


class ClustersQuery(Strict):
    kind = serializers.ChoiceField([(kind, kind) for kind in Kind.values], default=Kind.PHASE.value)
    number = serializers.IntegerField(min_value=0, max_value=60, default=0, help_text="0: as many as fit.")


class ClusterSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # a name that the base has too
    size = serializers.IntegerField()
    plans = serializers.IntegerField(help_text="In how many plans its members stand.")
    cohesion = serializers.FloatField(help_text="How near they are to each other, from 0 to 1.")
    examples = HitSerializer(many=True)


class ClustersSerializer(serializers.Serializer[Any]):
    results = ClusterSerializer(many=True)
    degraded = serializers.BooleanField(help_text="Whether no embedder answers: then there are none.")
    reason = serializers.CharField(allow_blank=True)


class Clusters(ApiView):
    @described(
        "Themes of all plans",
        tag="search",
        operation="search_clusters",
        query=ClustersQuery,
        answer=ClustersSerializer,
        example={
            "results": [
                {"label": "release, version", "size": 12, "plans": 4, "cohesion": 0.71, "examples": [HIT]}
            ],
            "degraded": False,
            "reason": "",
        },
    )
    def get(self, request: Request) -> Response:
        """Phases (or plans, or tasks) of like meaning, the largest group first. Needs an embedder."""
        told = asked(ClustersQuery, request)
        found = services.clusters(kind=told["kind"], number=told["number"], **sight(self.who))
        groups = [{**asdict(each), "examples": _told(each.examples)} for each in found.groups]
        return Response({"results": groups, "degraded": found.degraded, "reason": found.reason})


class ProposalSerializer(serializers.Serializer[Any]):
    field = serializers.ChoiceField([(name, name) for name in ("priority", "assignee", "estimate")])
    value = serializers.CharField()
    confidence = serializers.FloatField()
    evidence = serializers.ListField(child=serializers.UUIDField(), help_text="Tasks that say so.")


class PrecedentSerializer(serializers.Serializer[Any]):
    plan = serializers.UUIDField()
    title = serializers.CharField()
    score = serializers.FloatField()
    tasks = serializers.IntegerField()


class RecommendationSerializer(serializers.Serializer[Any]):
    proposals = ProposalSerializer(many=True)
    dependencies = HitSerializer(many=True, help_text="Of this plan, like what the neighbours waited for.")
    plans = PrecedentSerializer(many=True, help_text="Plans that did this before.")
    neighbours = HitSerializer(many=True, help_text="The done tasks that this rests on.")
    reason = serializers.CharField(allow_blank=True, help_text="Why nothing can be said now.")


class Recommendations(ApiView):
    @described(
        "What work that is done says of a task",
        tag="search",
        operation="search_recommendations",
        answer=RecommendationSerializer,
        example={
            "proposals": [
                {"field": "estimate", "value": "2h", "confidence": 0.62, "evidence": [_OTHER]},
            ],
            "dependencies": [],
            "plans": [{"plan": HIT["plan"], "title": "Launch", "score": 0.83, "tasks": 2}],
            "neighbours": [HIT],
            "reason": "",
        },
    )
    def get(self, request: Request, task_id: UUID) -> Response:
        """Likely priority, assignee, estimate and dependencies, each with its evidence."""
        found = services.recommend(task_id, **sight(self.who))
        return Response(
            {
                "proposals": [asdict(each) for each in found.proposals],
                "dependencies": _told(found.dependencies),
                "plans": [asdict(each) for each in found.plans],
                "neighbours": _told(found.neighbours),
                "reason": found.reason,
            }
        )


class SearchIndexSerializer(serializers.Serializer[Any]):
    engine = serializers.CharField(allow_blank=True)
    model = serializers.CharField(allow_blank=True)
    expected = serializers.IntegerField()
    found = serializers.IntegerField()
    differing = serializers.IntegerField(help_text="Points that were apart when it was last compared.")
    waiting = serializers.IntegerField(help_text="Changes that the index was not told yet.")
    checked_at = serializers.DateTimeField(allow_null=True)
    problem = serializers.CharField(allow_blank=True, help_text="Why only words are compared now.")


_STANDING = {
    "engine": "qdrant-edge",
    "model": "all-MiniLM-L6-v2",
    "expected": 1200,
    "found": 1200,
    "differing": 0,
    "waiting": 0,
    "checked_at": "2026-05-04T10:00:00Z",
    "problem": "",
}


class Index(ApiView):
    @described(
        "How the search index stands",
        tag="search",
        operation="search_index",
        answer=SearchIndexSerializer,
        example=_STANDING,
    )
    def get(self, request: Request) -> Response:
        return Response(standing.standing().as_json())

    @described(
        "Build the search index anew",
        tag="search",
        operation="search_reindex",
        status=202,
        answer=SearchIndexSerializer,
        example=_STANDING,
    )
    def post(self, request: Request) -> Response:
        """The present one answers until the new one is whole. Follow it with GET."""
        services.reindex(**self.who.marks)
        return Response(standing.standing().as_json(), status=202)


def _told(hits: tuple[Hit, ...]) -> list[dict[str, Any]]:
    return [hit.as_json() for hit in hits]


ROUTES = (
    Route("search", Search, "search", {"GET": "plans.view_task"}),
    Route("search/similar/<uuid:task_id>", Similar, "search-similar", {"GET": "plans.view_task"}),
    Route(
        *("search/duplicates", DuplicateTasks, "search-duplicates"),
        {"GET": "plans.view_task", "POST": "plans.change_task"},
    ),
    Route("search/clusters", Clusters, "search-clusters", {"GET": "plans.view_task"}),
    Route(
        *("search/recommendations/<uuid:task_id>", Recommendations, "search-recommendations"),
        {"GET": "plans.view_task"},
    ),
    Route(
        *("search/index", Index, "search-index"),
        {"GET": SIGNED_IN, "POST": "search.change_collection"},
    ),
)
