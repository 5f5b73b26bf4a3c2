"""The document view of a plan: the file as it was last seen, rendered and as source, side by side."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from typing import Any, NamedTuple
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from planning_sync.dashboard import tree
from planning_sync.dashboard.plan import find, frame
from planning_sync.sync import lines
from planning_sync.sync.lines import Read
from planning_sync.sync.models import Link, Replica
from plans import html
from plans.document import text
from plans.errors import NotRenderable
from plans.models import Plan


class Pages(NamedTuple):
    """One file in its two forms."""

    rendered: SafeString
    """Empty where the file is no Markdown."""
    problem: str
    """Why it is not rendered."""
    source: SafeString


@require_safe
@gzip_page
def document(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """`?replica=` names the replica whose file is meant, else that of the oldest one."""
    plan = find(request, plan_id)
    links = _links(request, plan)
    asked = request.GET.get("replica", "")
    link = next((each for each in links if each.replica.name == asked), links[0] if links else None)
    context: dict[str, Any] = {**frame(request, plan, "plan_document"), "files": links, "link": link}
    if link is not None:
        found = lines.read(Link.objects.select_related("replica").get(pk=link.pk))
        markdown = link.replica.kind == Replica.Kind.MARKDOWN
        context["pages"] = _pages(found, markdown=markdown) if found is not None else None
    return render(request, "dashboard/plan_document.html", context)


def _links(request: HttpRequest, plan: Plan) -> list[Link]:
    present = tree.links(request.user).filter(plan=plan, gone_at=None).exclude(checksum="")
    return list(present.order_by("replica__created_at", "replica_id"))


_rendered = lru_cache(maxsize=16)(html.marked_page_of)
"""Rendering takes far longer than anything else here, and a file is looked at many times."""


def _pages(found: Read, *, markdown: bool) -> Pages:
    source = mark_safe(source_markup(found))  # noqa: S308  # escaped line by line
    if not markdown:
        return Pages(mark_safe(""), "", source)
    problem = ""
    lines = tuple(map(text.display, found.document.lines))
    try:
        rendered = _rendered(lines, html.marks_of(found.document, found.keys))
    except NotRenderable as error:
        rendered, problem = "", str(error)
    return Pages(mark_safe(rendered), problem, source)  # noqa: S308  # cleaned by nh3


def source_markup(found: Read) -> str:
    """The lines with their numbers; those of an item lead to it, and have its key."""
    owners = {spot.text_line: key for key, spot in zip(found.keys, found.document.spots, strict=True) if key}
    parts = ['<ol class="source">']
    for number, line in enumerate(found.document.lines):
        shown = escape(text.display(line.rstrip("\r\n")).removeprefix(text.BOM))
        of_item = f' data-item="{owners[number]}"' if number in owners else ""
        parts.append(f'<li id="L{number + 1}"{of_item}><code>{shown or " "}</code></li>')
    parts.append("</ol>")
    return "".join(parts)
