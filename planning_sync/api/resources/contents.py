"""`/plans/{id}/tree`, `/document` and `/html`: what a plan holds."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from audit import services as audit
from audit.models import Snapshot
from planning_sync.api import editing
from planning_sync.api.describing import described
from planning_sync.api.errors import NoDocument
from planning_sync.api.principals import Principal, visible_links
from planning_sync.api.rendering import JSONRenderer
from planning_sync.api.resources.plans import EXAMPLE as PLAN
from planning_sync.api.resources.tasks import EXAMPLE as TASK
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked, etag
from planning_sync.sync.models import Link
from plans.api import (
    PLAN_COLUMNS,
    ItemSerializer,
    PlanSerializer,
    Strict,
    items_json,
    line,
    nested,
    plan_json,
)
from plans.html import page_of
from plans.models import Plan


class TreeQuery(Strict):
    shape = serializers.ChoiceField([("nested", "nested"), ("flat", "flat")], default="nested")


class TreeSerializer(PlanSerializer):
    items = ItemSerializer(many=True)


class AtReplica(Strict):
    replica = line(200, help_text="The name of the replica whose file is meant; else the oldest one's.")


_ITEM = {
    "kind": "task",
    "id": TASK["id"],
    "parent": None,
    "depth": 0,
    "ref": "1.1",
    "text": "Tag the version",
    "status": "todo",
    "priority": "high",
    "assignee": "alice",
    "due": "2026-05-31",
    "tags": ["release"],
    "estimate": "2h",
    "depends_on": [],
    "unreachable": False,
    "children": [],
}
_TREE = {
    **{name: value for name, value in PLAN.items() if name not in ("open_conflicts", "replicas")},
    "items": [_ITEM],
}


class Tree(ApiView):
    @described(
        "All phases and tasks of a plan",
        tag="plans",
        operation="plans_tree",
        query=TreeQuery,
        answer=TreeSerializer,
        example=_TREE,
    )
    def get(self, request: Request, plan_id: UUID) -> Response:
        """In document order: each item with its children (`nested`), or one after the other (`flat`)."""
        shape = asked(TreeQuery, request)["shape"]
        plan = editing.find_plan(self.who, plan_id)
        items = items_json(plan.pk)
        told = {**plan_json({name: getattr(plan, name) for name in PLAN_COLUMNS})}
        told["items"] = nested(items) if shape == "nested" else items
        return Response(told, headers={"ETag": etag(plan.revision)})


class _MarkdownRenderer(BaseRenderer):
    """Only says what may be asked for: the answer is made whole by the view."""

    media_type = "text/markdown"
    format = "md"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> Any:
        raise AssertionError("the view answers with bytes")


class _HtmlRenderer(_MarkdownRenderer):
    media_type = "text/html"
    format = "html"


class Document(ApiView):
    renderer_classes = (_MarkdownRenderer, JSONRenderer)

    @described(
        "A plan's file, byte for byte",
        tag="plans",
        operation="plans_document",
        query=AtReplica,
        answer=OpenApiTypes.BINARY,
        media_type="text/markdown",
        example="# Launch\n\n- [ ] Tag the version\n",
    )
    def get(self, request: Request, plan_id: UUID) -> HttpResponse:
        """As it was when it was last seen or written. Its ETag is the SHA-256 of the bytes."""
        link, data = document_of(self.who, plan_id, asked(AtReplica, request).get("replica", ""))
        response = HttpResponse(data, content_type="text/markdown")
        name = "".join(each if each.isprintable() else "_" for each in PurePosixPath(link.path).name)
        response.headers["Content-Disposition"] = str(content_disposition_header(True, name))
        response.headers["ETag"] = f'"{link.checksum}"'
        return response


class Html(ApiView):
    renderer_classes = (_HtmlRenderer, JSONRenderer)

    @described(
        "A plan's file as a page",
        tag="plans",
        operation="plans_html",
        query=AtReplica,
        answer=OpenApiTypes.STR,
        media_type="text/html",
        example="<h1>Launch</h1>",
    )
    def get(self, request: Request, plan_id: UUID) -> HttpResponse:
        """Markdown made HTML, without scripts, styles, forms, frames, and without links that run anything."""
        link, data = document_of(self.who, plan_id, asked(AtReplica, request).get("replica", ""))
        response = HttpResponse(page_of(data), content_type="text/html; charset=utf-8")
        # The page is of other people's making: even if something got through, nothing in it may run or load.
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'self'"
        response.headers["ETag"] = f'"{link.checksum}"'
        return response


def document_of(who: Principal, plan_id: UUID, replica: str) -> tuple[Link, bytes]:
    """The plan's link and the bytes last known there; raises `NoDocument`."""
    plan: Plan = editing.find_plan(who, plan_id)
    links = visible_links(who).filter(plan=plan, gone_at=None).exclude(checksum="")
    if replica:
        links = links.filter(replica__name=replica)
    link = links.order_by("replica__created_at", "replica_id").first()
    if link is None:
        raise NoDocument
    try:
        return link, audit.snapshot(link.checksum)
    except Snapshot.DoesNotExist:
        raise NoDocument from None


ROUTES = (
    Route("plans/<uuid:plan_id>/tree", Tree, "plan-tree", {"GET": "plans.view_task"}),
    Route("plans/<uuid:plan_id>/document", Document, "plan-document", {"GET": "plans.view_plan"}),
    Route("plans/<uuid:plan_id>/html", Html, "plan-html", {"GET": "plans.view_plan"}),
)
