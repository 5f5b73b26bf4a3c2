"""What changed between two versions of a plan, on its tasks and on its lines: `difference`."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from django.utils.translation import gettext_noop

from audit.models import Entry, Snapshot
from planning_sync.sync.errors import NotRestorable
from planning_sync.sync.preview import row_of
from planning_sync.sync.undo_preview import kept_lines
from plans import history
from plans import outline as outlines
from plans.models import Plan
from plans.outline import Outline


class Difference(NamedTuple):
    rows: list[dict[str, Any]]
    """Items created, deleted, moved, updated."""
    lines: list[str] | None
    """Of the file, as a unified difference without context; None where a content is not kept any more."""
    before: str
    after: str
    """Checksums of the file."""

    def as_json(self) -> dict[str, Any]:
        return self._asdict()


def difference(plan: Plan, operation_id: UUID, *, since: UUID | None = None) -> Difference:
    """What the plan became by the operation; with `since`, from right after that earlier operation on."""
    after = history.moment_of(plan, operation_id=operation_id)
    if since is not None:
        before = history.moment_of(plan, operation_id=since)
    else:
        own = Entry.objects.filter(plan_id=plan.pk, operation_id=operation_id).order_by("id")
        first = own.values_list("pk", flat=True).first()
        if first is None:
            raise NotRestorable(plan.title, f"operation {operation_id} did nothing to this plan")
        before = first - 1
    then, now = (history.outline_at(plan, after_entry=moment) for moment in (before, after))
    if now is None:
        raise NotRestorable(plan.title, gettext_noop("it was not there yet at that time"))
    then = then if then is not None else Outline(now.plan)
    rows = [row_of(change, then, now) for change in outlines.diff(then, now)]
    checksums = [history.document_at(plan, after_entry=moment) for moment in (before, after)]
    return Difference(rows, _lines(*checksums), *checksums)


def _lines(before: str, after: str) -> list[str] | None:
    if before == after:
        return []
    wanted = {each for each in (before, after) if each}
    if Snapshot.objects.filter(pk__in=wanted).count() != len(wanted):
        return None
    return kept_lines(before, after)
