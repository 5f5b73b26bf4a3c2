"""A plan's file with other bytes, and the hub with what they say: `preview`, `rewrite`.

For what mends files, such as the fixes of validation. One operation, that can be undone as any other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.utils.translation import gettext_noop

from audit import services as audit
from audit.models import Operation
from audit.transactions import write_transaction
from conflicts import merge
from planning_sync.sync import memory as memories
from planning_sync.sync import sides, state, undo
from planning_sync.sync.errors import NotMendable
from planning_sync.sync.models import Link
from planning_sync.sync.undo import Outcome
from planning_sync.sync.undo_model import Case, LinkCase
from planning_sync.sync.undo_preview import PlanPreview, plan_preview
from plans import storage

Change = Callable[[bytes], bytes]


def preview(link: Link, change: Change) -> PlanPreview:
    """What `rewrite` would do; raises what it raises."""
    return plan_preview(_case(link.pk, change))


def rewrite(
    link: Link, change: Change, *, actor: str, on_behalf_of: str = "", summary: dict[str, Any] | None = None
) -> Outcome:
    """Have the link's file hold what `change` makes of its bytes. Edits that no sync saw are taken in first.

    Raises `NotMendable` where that changes nothing, or where hub and file are not in step about the plan.
    """
    return undo.carried(
        partial(_case, link.pk, change),
        Operation.Kind.REPAIR,
        dict(summary or {}),
        actor=actor,
        on_behalf_of=on_behalf_of,
    )


def _case(link_id: int, change: Change) -> Case:
    link = Link.objects.select_related("replica", "plan").get(pk=link_id)
    plan, side = link.plan, sides.connect(link.replica)
    present = side.read(link.path).data
    data = change(present)
    if data == present:
        raise NotMendable(plan.title, gettext_noop("there is nothing to mend in its file"))
    with write_transaction():
        checksum = audit.keep_snapshot(data)
    memory = memories.as_read(link, side, checksum, state.unpack(link.seen))
    stored = storage.load(plan)
    base = state.unpack(link.base if link.base is not None else link.seen)
    decision = merge.decide(base, stored.outline, memory.seen, held=state.unpack_held(link.held))
    if decision.clashes or decision.replica != memory.seen:
        raise NotMendable(
            plan.title, gettext_noop("hub and file differ; settle its conflicts, or sync it, first")
        )
    memory = memory._replace(base=decision.base, held=decision.held)
    links = (LinkCase(link, "rewrite", memory), *_others(link, decision.hub != stored.outline))
    return Case(plan, stored, (), hub=decision.hub, links=links)


def _others(link: Link, follow: bool) -> list[LinkCase]:
    """The plan's other links, whose files say the same by their own lines."""
    rows = Link.objects.select_related("replica", "plan").filter(
        plan=link.plan_id, released_at=None, gone_at=None
    )
    return [
        LinkCase(each, "lines" if follow else "leave") for each in rows.exclude(pk=link.pk).order_by("pk")
    ]
