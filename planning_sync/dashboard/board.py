"""The board of a plan: its tasks in columns by status."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from planning_sync.dashboard.plan import find, frame
from plans import storage
from plans.models import Priority, Status
from plans.outline import ROOT, Item, Kind, Outline

MOST = 40
_ORDER = (Status.TODO, Status.IN_PROGRESS, Status.BLOCKED, Status.DONE, Status.CANCELLED)


class Card(NamedTuple):
    item: Item
    task_id: UUID
    phase: str
    priority: str
    """As it is called."""
    due: date | None
    late: bool


class Column(NamedTuple):
    status: Status
    size: int
    cards: list[Card]
    before: Status | None
    """The column to the left."""
    after: Status | None

    @property
    def more(self) -> int:
        return self.size - len(self.cards)


@require_safe
@gzip_page
def board(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """The first tasks of each status; `?all=STATUS` shows the whole of one column."""
    plan = find(request, plan_id)
    columns = columns_of(storage.load(plan).outline, request.GET.get("all", ""))
    return render(request, "dashboard/board.html", {**frame(request, plan, "plan_board"), "columns": columns})


def columns_of(outline: Outline, whole: str = "") -> list[Column]:
    tasks: dict[str, list[Item]] = {status: [] for status in _ORDER}
    for item in outline.tasks():
        tasks[item.status].append(item)
    neighbours = zip((None, *_ORDER), _ORDER, (*_ORDER[1:], None), strict=False)
    return [
        Column(
            *(status, len(tasks[status])),
            [_card(item, outline) for item in tasks[status][: None if status == whole else MOST]],
            *(before, after),
        )
        for before, status, after in neighbours
    ]


def _card(item: Item, outline: Outline) -> Card:
    above = outline.by_key[item.parent]
    while above.kind is Kind.TASK:
        above = outline.by_key[above.parent]
    over = item.status in (Status.DONE, Status.CANCELLED)
    due = date.fromisoformat(item.due) if item.due else None
    return Card(
        *(item, UUID(item.key), above.text if above.key != ROOT else ""),
        str(Priority(item.priority).label) if item.priority in Priority.values else item.priority,
        *(due, due is not None and not over and due < timezone.localdate()),
    )
