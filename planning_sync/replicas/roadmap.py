"""Roadmaps: `roadmap.json` files with items and milestones, and services that keep such documents: `KIND`.

    {"milestones": [{"id": "m1", "title": "Beta", "target_date": "2026-07-15T00:00:00Z"}],
     "items": [{"id": "i1", "title": "Sign in", "status": "in_progress", "priority": "high",
                "milestone_id": "m1", "parent_id": "", "tags": ["web"], "assignee": "ann"}]}

A milestone is a task, and the items of it hang below. A mapping may give items other names and words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from planning_sync.replicas import http_plans, listing
from planning_sync.replicas.base import Replica
from planning_sync.replicas.http_plans import PlanService
from planning_sync.replicas.kinds import Kind
from planning_sync.replicas.listing import ListFolder, mapping_of
from planning_sync.replicas.listing_format import ListFormat, empty_json, open_json
from planning_sync.replicas.mapping import PRIORITY_WORDS, STATUS_WORDS, Above, Column, Table
from planning_sync.replicas.mapping import Mapping as ListMapping
from plans.outline import Status

SUFFIX = ".roadmap.json"
DEFAULT_INCLUDE = ("**/roadmap.json", f"**/*{SUFFIX}")

_STATUS_WORDS = {"planned": Status.TODO, "completed": Status.DONE, **STATUS_WORDS}
_ITEMS = Table(
    name="items",
    items="/items",
    date_suffix="T00:00:00Z",
    columns={
        "text": Column("text", "title"),
        "status": Column(
            "status", "status", {"planned": Status.TODO, "completed": Status.DONE, **STATUS_WORDS}
        ),
        "priority": Column("priority", "priority", PRIORITY_WORDS),
        "assignee": Column("assignee", "assignee"),
        "due": Column("due", "target_date"),
        "tags": Column("tags", "tags"),
        "estimate": Column("estimate", "effort"),
        "depends_on": Column("depends_on", "dependencies"),
    },
    above=(Above("parent_id", "items"), Above("milestone_id", "milestones")),
)
_MILESTONES = Table(
    name="milestones",
    items="/milestones",
    date_suffix="T00:00:00Z",
    columns={
        "text": Column("text", "title"),
        "status": Column("status", "status", _STATUS_WORDS),
        "due": Column("due", "target_date"),
    },
)
USUAL = ListMapping(tables=(_ITEMS, _MILESTONES), title="/title")


class RoadmapFolder(ListFolder):
    kind: ClassVar[str] = "roadmap"


class RoadmapService(PlanService):
    kind: ClassVar[str] = "roadmap"


def _connect(path: str, options: Mapping[str, Any]) -> Replica:
    remote = http_plans.is_address(path)
    plan_format = ListFormat(
        lambda: mapping_of(path, options, USUAL), open_json, empty_json, suffix="" if remote else SUFFIX
    )
    if remote:
        patches = options.get("patch") is True
        return RoadmapService(http_plans.service_at(path, options), plan_format, patches=patches)
    return RoadmapFolder.of(path, options, plan_format, DEFAULT_INCLUDE)


KIND = Kind(_connect, (*listing.OPTIONS, *http_plans.OPTIONS), http_plans.locate)
