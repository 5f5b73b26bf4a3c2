"""`/audit`: the log entry by entry, and as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db.models import Q, QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from audit import services as audit
from audit.api import ENTRY_COLUMNS, entry_json
from audit.exports import Filters
from audit.models import Entry, Operation
from planning_sync.api import paging
from planning_sync.api.describing import described
from planning_sync.api.paging import PageQuery
from planning_sync.api.rendering import JSONRenderer
from planning_sync.api.resources.operations import ENTRY, ENTRY_PAGE, visible_entries
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked
from plans.api import Strict, line

PIECES = 500
"""Lines of an export that are read and sent together."""


class LogFilter(Strict):
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False, help_text="Not included.")
    plan = serializers.UUIDField(required=False)
    actor = line(200, help_text="Who did it, or on whose behalf.")
    kind = serializers.ChoiceField(Operation.Kind.choices, required=False, help_text="Of the operation.")


class EntryQuery(LogFilter, PageQuery):
    item = serializers.UUIDField(required=False)
    action = serializers.MultipleChoiceField(choices=Entry.Action.choices, required=False)


class Entries(ApiView):
    @described(
        "List the entries of the log",
        tag="audit",
        operation="audit_list",
        query=EntryQuery,
        answer=ENTRY_PAGE,
        example={"results": [ENTRY], "next": None},
    )
    def get(self, request: Request) -> Response:
        """Newest first. One entry is one thing that an operation changed."""
        query = asked(EntryQuery, request)
        rows = _chosen(visible_entries(self.who), query)
        return Response(paging.page(request, rows, ENTRY_COLUMNS, ("-id",), query).as_json(entry_json))


def _chosen(rows: QuerySet[Entry], query: dict[str, Any]) -> QuerySet[Entry]:
    named = {"since": "at__gte", "until": "at__lt", "plan": "plan_id", "item": "item_id"}
    rows = rows.filter(**{column: query[name] for name, column in named.items() if name in query})
    if query.get("actor"):
        rows = rows.filter(Q(operation__actor=query["actor"]) | Q(operation__on_behalf_of=query["actor"]))
    if query.get("kind"):
        rows = rows.filter(operation__kind=query["kind"])
    if query.get("action"):
        rows = rows.filter(action__in=query["action"])
    return rows


class _LinesRenderer(BaseRenderer):
    """Only says what may be asked for: the answer is made whole by the view."""

    media_type = "application/x-ndjson"
    format = "jsonl"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> Any:
        raise AssertionError("the view answers with a stream")


class _CsvRenderer(_LinesRenderer):
    media_type = "text/csv"
    format = "csv"


class _Export(ApiView):
    format: str

    def export(self, request: Request) -> StreamingHttpResponse:
        query = asked(LogFilter, request)
        self.who.refuse_if_limited("an export holds the whole log")
        filters = Filters(**{_COLUMN.get(name, name): value for name, value in query.items()})
        lines = _pieces(audit.export(self.format, filters, **self.who.marks))
        streams = _awaited(lines) if isinstance(request._request, ASGIRequest) else lines
        media_type = str(self.renderer_classes[0].media_type)
        response = StreamingHttpResponse(streams, content_type=f"{media_type}; charset=utf-8")
        name = f"planning-sync-log-{timezone.now():%Y%m%d-%H%M%S}.{self.format}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


_COLUMN = {"plan": "plan_id"}


def _pieces(lines: Iterator[str]) -> Iterator[str]:
    while chunk := "".join(islice(lines, PIECES)):
        yield chunk


async def _awaited(pieces: Iterator[str]) -> AsyncIterator[str]:
    """The same for an event loop, which must not wait for the database."""
    following = sync_to_async(lambda: next(pieces, None))
    while (piece := await following()) is not None:
        yield piece


class ExportLines(_Export):
    format = "jsonl"
    renderer_classes = (_LinesRenderer, JSONRenderer)

    @described(
        "The log as JSON Lines",
        tag="audit",
        operation="audit_export_jsonl",
        query=LogFilter,
        answer=OpenApiTypes.STR,
        media_type="application/x-ndjson",
        example='{"id":4711,"action":"changed"}\n',
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """From the oldest entry on, up to now. That it was exported is in the log."""
        return self.export(request)


class ExportCsv(_Export):
    format = "csv"
    renderer_classes = (_CsvRenderer, JSONRenderer)

    @described(
        "The log as CSV",
        tag="audit",
        operation="audit_export_csv",
        query=LogFilter,
        answer=OpenApiTypes.STR,
        media_type="text/csv",
        example="id,at,operation\r\n",
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """The same in columns, with JSON in `before` and `after`."""
        return self.export(request)


_LOOK = {"GET": "audit.view_entry"}

ROUTES = (
    Route("audit", Entries, "audit", _LOOK),
    Route("audit/export.jsonl", ExportLines, "audit-export-jsonl", _LOOK),
    Route("audit/export.csv", ExportCsv, "audit-export-csv", _LOOK),
)
