"""What is shown beside a task: what is like it, `similar`, and what replicas say of it besides, `further`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from django.http import HttpRequest

from planning_sync.dashboard import tree
from planning_sync.dashboard.editing import Row
from planning_sync.dashboard.history import SEE_PLANS
from planning_sync.search import services as search
from planning_sync.search import standing
from planning_sync.search.asking import Hit
from planning_sync.search.errors import NotIndexed
from planning_sync.sync import lines
from planning_sync.sync.models import Replica
from plans.models import Task

SIMILAR_MOST = 5


def may_search(request: HttpRequest, row: Row) -> bool:
    return isinstance(row, Task) and standing.is_on() and request.user.has_perm(SEE_PLANS)


def similar(request: HttpRequest, row: Row) -> Sequence[Hit]:
    """What is like the task in all plans; nothing of a task that the index does not have yet."""
    if not may_search(request, row):
        return ()
    try:
        return search.similar(row.pk, user=request.user, limit=SIMILAR_MOST).hits
    except NotIndexed:
        return ()


class Further(NamedTuple):
    """What a replica says of the task in fields that the hub does not have."""

    replica: str
    fields: Mapping[str, str]


def further(request: HttpRequest, row: Row) -> Iterator[Further]:
    if not isinstance(row, Task):
        return
    links = tree.links(request.user).filter(plan=row.plan_id, released_at=None, gone_at=None)
    for link in links.exclude(replica__kind=Replica.Kind.MARKDOWN).order_by("replica__name").defer(None):
        if told := lines.further(link, row.pk.hex):
            yield Further(link.replica.name, {name: _as_text(value) for name, value in told.items()})


def _as_text(value: object) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
