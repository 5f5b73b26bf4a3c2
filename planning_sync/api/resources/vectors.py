"""`/vectors`: near to a vector, vectors made elsewhere, and ours for elsewhere."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api.describing import described
from planning_sync.api.resources.search import ANSWER, AnswerSerializer, Narrowed, filters_of, sight
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, given
from planning_sync.search import services
from planning_sync.search.models import Kind
from planning_sync.search.services import vectors
from plans.api import Strict

MOST = 200
_LONGEST = 4096
_LONGEST_TEXT = 10_000


def _numbers() -> serializers.ListField:
    return serializers.ListField(child=serializers.FloatField(), min_length=1, max_length=_LONGEST)


class Near(Narrowed):
    vector = _numbers()
    model = serializers.CharField(max_length=200, help_text="That the vector is of: the index's own.")
    kind = serializers.ChoiceField([(kind, kind) for kind in Kind.values], default=Kind.TASK.value)


class NewVector(Strict):
    vector = _numbers()
    text = serializers.CharField(required=False, max_length=_LONGEST_TEXT, help_text="That it is of, or else")
    id = serializers.UUIDField(required=False, help_text="the plan, phase or task whose text it is of.")


class NewVectors(Strict):
    model = serializers.CharField(max_length=200)
    vectors = serializers.ListField(child=NewVector(), min_length=1, max_length=MOST)


class TakenSerializer(serializers.Serializer[Any]):
    stored = serializers.IntegerField()
    unknown = serializers.IntegerField(help_text="Without a text, and of nothing that search knows.")


_MODEL = "all-MiniLM-L6-v2"


class SearchVectors(ApiView):
    keeps_answers = False

    @described(
        "What is near to a vector",
        tag="search",
        operation="vectors_search",
        body=Near,
        body_example={"vector": [0.1, 0.2], "model": _MODEL, "kind": "task", "limit": 5},
        answer=AnswerSerializer,
        example=ANSWER,
    )
    def post(self, request: Request) -> Response:
        """In meaning alone; the score is the cosine. Its dimension and model have to be the index's."""
        told = given(Near, request)
        vectors.index_of(told["model"])
        answer = services.near(
            told["vector"],
            kind=told["kind"],
            filters=filters_of(self.who, told),
            limit=told["limit"],
            **sight(self.who),
        )
        return Response(answer.as_json())


class UpsertVectors(ApiView):
    @described(
        "Store vectors that were made elsewhere",
        tag="search",
        operation="vectors_upsert",
        body=NewVectors,
        body_example={"model": _MODEL, "vectors": [{"text": "Tag the version", "vector": [0.1, 0.2]}]},
        answer=TakenSerializer,
        example={"stored": 1, "unknown": 0},
    )
    def post(self, request: Request) -> Response:
        """Over those that are there for the same texts; the index follows. All of them, or none."""
        self.who.refuse_if_limited("vectors are of texts, wherever these stand")
        told = given(NewVectors, request)
        if any("text" not in each and "id" not in each for each in told["vectors"]):
            raise ValidationError({"vectors": ["Each needs a `text`, or the `id` of an item."]})
        some = [
            vectors.Given(each["vector"], each.get("text", ""), each.get("id")) for each in told["vectors"]
        ]
        taken = vectors.upsert(some, model=told["model"], **self.who.marks)
        return Response(taken._asdict())


class ExportVectors(ApiView):
    also_answers: ClassVar[list[int]] = [409]

    @described(
        "All tasks with their vectors",
        tag="search",
        operation="vectors_export",
        answer=OpenApiTypes.OBJECT,
        example={"model": _MODEL, "dimension": 384, "tasks": [], "count": 0, "checksum": ""},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """A task_vectors.json, piece by piece, as `planning-sync vectors import` takes it in."""
        self.who.refuse_if_limited("the export has all tasks")
        pieces = vectors.exported(settings.PLANNING_SYNC_SEARCH_MODEL)
        response = StreamingHttpResponse(pieces, content_type="application/json")
        response.headers["Content-Disposition"] = 'attachment; filename="task_vectors.json"'
        return response


ROUTES = (
    Route("vectors/search", SearchVectors, "vectors-search", {"POST": "plans.view_task"}),
    Route("vectors/upsert", UpsertVectors, "vectors-upsert", {"POST": "search.change_collection"}),
    Route("vectors/export", ExportVectors, "vectors-export", {"GET": "search.view_embedding"}),
)
