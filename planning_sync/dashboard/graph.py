"""The dependencies of a plan: drawn, and told beside it as lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from planning_sync.dashboard.graph_drawing import BOX_HEIGHT, BOX_WIDTH, drawing_of
from planning_sync.dashboard.graph_paths import paths_of
from planning_sync.dashboard.plan import find, frame
from planning_sync.dashboard.timeline_scale import days_of
from plans import storage
from plans.models import Status
from plans.outline import Item

MOST = 250
"""Tasks that are drawn; of more than these only the lists are shown."""
READY_MOST = 20


class Told(NamedTuple):
    """A task in a list."""

    item: Item
    task_id: UUID
    status: str
    """As it is called."""
    needs: list[Item]


@require_safe
@gzip_page
def graph(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    plan = find(request, plan_id)
    items = {item.key: item for item in storage.load(plan).outline.tasks()}
    paths = paths_of(items.values(), days_of)

    def told(keys: Iterable[str]) -> list[Told]:
        return [_told(items, key, paths.needs.get(key, ())) for key in keys]

    context = {
        **frame(request, plan, "plan_graph"),
        "drawing": drawing_of(paths, items) if 0 < len(paths.needs) <= MOST else None,
        "box": (BOX_WIDTH, BOX_HEIGHT),
        "waits": told(key for key, needed in paths.needs.items() if needed),
        "critical": told(paths.critical),
        "days": paths.critical_days,
        "ready": told(paths.ready[:READY_MOST]),
        "more_ready": max(0, len(paths.ready) - READY_MOST),
        "cycles": [told(cycle) for cycle in paths.cycles],
        "unknown": [(_told(items, key, ()), ref) for key, ref in paths.unknown],
    }
    return render(request, "dashboard/graph.html", context)


def _told(items: Mapping[str, Item], key: str, needs: Iterable[str]) -> Told:
    item = items[key]
    return Told(item, UUID(key), str(Status(item.status).label), [items[each] for each in needs])
