"""What the pages show, read from the hub: `listed_plans`, `rows`, `open_conflicts`.

Every function makes a fixed number of queries, however large the plans are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from audit import sight
from conflicts import queue
from conflicts.models import Conflict
from conflicts.queue import Someone
from planning_sync.roles import access
from planning_sync.sync.models import Link
from plans.models import Phase, Plan, Task

_PENDING = (Conflict.State.OPEN, Conflict.State.DECIDED)


class Row(NamedTuple):
    """One line of the tree."""

    item: Phase | Task
    is_phase: bool
    depth: int
    """0 directly below the plan."""
    conflicts: int
    """Open ones on this very item."""
    counts: bool
    """Whether progress means anything here: a phase without tasks below it has none."""

    @property
    def heading(self) -> int:
        """The level of a phase's heading: the page has its h1."""
        return min(self.depth + 2, 6)


def links(user: Someone) -> QuerySet[Link]:
    """Without the packed outlines, which are large and of no use on a page."""
    return sight.shown(Link.objects.select_related("replica").defer("seen", "base", "held"), user)


def listed_plans(user: Someone, search: str = "") -> QuerySet[Plan]:
    """The plans outside the bin by title, each with `open_conflicts` and its links.

    `search` keeps those whose title or path contains it.
    """
    found = sight.shown(Plan.objects.filter(deleted_at=None), user)
    if search:
        path = links(user).filter(plan=OuterRef("pk"), path__icontains=search)
        found = found.filter(Q(title__icontains=search) | Exists(path))
    return (
        found.annotate(open_conflicts=Count("conflicts", filter=_pending(user)))
        .prefetch_related(Prefetch("links", queryset=links(user)))
        .order_by("title", "pk")
    )


def _pending(user: Someone) -> Q:
    ids = access.replica_ids(user)
    pending = Q(conflicts__state__in=_PENDING)
    return pending if ids is None else pending & Q(conflicts__replica_id__in=ids)


def open_conflicts(plan: Plan, user: Someone) -> QuerySet[Conflict]:
    return queue.seen_by(user).filter(plan=plan, state__in=_PENDING).order_by("opened_at", "pk")


def rows(plan: Plan, conflicts: Iterable[Conflict]) -> list[Row]:
    """The plan's phases and tasks in document order."""
    clashing = Counter(conflict.item_key for conflict in conflicts)
    items: list[Phase | Task] = [
        *Phase.objects.filter(plan=plan, deleted_at=None),
        *Task.objects.filter(plan=plan, deleted_at=None),
    ]
    items.sort(key=lambda item: item.position)
    counting = _phases_with_tasks(items)
    depths: dict[UUID | None, int] = {None: -1}
    found = []
    for item in items:
        is_phase = isinstance(item, Phase)
        above = item.parent_id or (None if isinstance(item, Phase) else item.phase_id)
        depth = depths[item.pk] = depths.get(above, -1) + 1
        found.append(Row(item, is_phase, depth, clashing[item.pk.hex], item.pk in counting))
    return found


def _phases_with_tasks(items: Iterable[Phase | Task]) -> set[UUID]:
    """Ids of the phases that have tasks anywhere below them."""
    above: dict[UUID, UUID | None] = {}
    found: set[UUID] = set()
    for item in items:
        if isinstance(item, Phase):
            above[item.pk] = item.parent_id
            continue
        phase = item.phase_id
        while phase is not None and phase not in found:
            found.add(phase)
            phase = above.get(phase)
    return found
