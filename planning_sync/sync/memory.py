"""What a link held at an earlier time: the file's bytes, what was seen in them, what was agreed: `Memory`.

Public: `Memory`, `memory_before`, `as_read`, `reachable`, `in_step`, `carried_by`. Reads, never writes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from audit import services as audit
from audit.ids import new_id
from audit.models import Entry, Snapshot
from conflicts import merge
from planning_sync.replicas.base import ABSENT, Replica
from planning_sync.sync import exchange, state
from planning_sync.sync.ledger import AGREEMENT, DOCUMENT, Ledger, LinkStep
from planning_sync.sync.models import Link
from planning_sync.sync.recognition import recognise
from planning_sync.sync.state import Held
from plans import history
from plans.errors import BeyondHistory
from plans.models import Plan
from plans.outline import Kind, Outline


class Memory(NamedTuple):
    checksum: str
    """Of the file; `ABSENT` where there was none."""
    seen: Outline
    base: Outline
    held: Held


def reachable(
    ledger: Ledger,
    link: Link,
    wanted: Collection[UUID],
) -> tuple[LinkStep, str] | None:
    """The oldest step of the operations `wanted` on this link, with the document's checksum before it.

    None where they did nothing to the link, or where newer work on the file stands on top of theirs.
    """
    steps = ledger.link_steps(link)
    left = {step.operation.pk for step in steps} & set(wanted)
    checksum = link.checksum
    for step in steps:
        if not left:
            break
        if step.operation.pk not in wanted and step.operation.pk not in ledger.cancelled:
            return None
        checksum = checksum if step.before is None else step.before
        left.discard(step.operation.pk)
        if not left:
            return step, checksum
    return None


def memory_before(plan: Plan, link: Link, side: Replica, step: LinkStep, checksum: str) -> Memory | None:
    """What the link held before the step, when its file had this checksum.

    None where the bytes, or the columns, are not kept any more.
    """
    if step.agreement is not None:
        return _kept(step.agreement, checksum)
    if checksum == ABSENT:
        seen = state.unpack(link.seen)
        return Memory(ABSENT, seen, seen, {})
    if not Snapshot.objects.filter(pk=checksum).exists():
        return None
    return as_read(link, side, checksum, _outline_then(plan, link, step))


def _outline_then(plan: Plan, link: Link, step: LinkStep) -> Outline:
    """What the plan said when the file was left as the step found it: the ids of what the file says."""
    try:
        then = history.outline_at(plan, after_entry=_previous(plan, step))
    except BeyondHistory:
        then = None
    return then or state.unpack(link.seen)


def as_read(link: Link, side: Replica, checksum: str, known: Outline) -> Memory:
    """The link's memory right after it read the kept bytes, whose items are those of `known`."""
    document = side.prepare_restore(link.path, ABSENT, audit.snapshot(checksum)).document
    assert document is not None, "bytes make a document"
    found = recognise(document, known, {})
    document = document.rekeyed([found.keys.get(item.key) or new_id().hex for item in document.outline.items])
    seen = exchange.with_kept(document.recalled(known).outline, known, found.unreachable)
    return Memory(checksum, seen, seen, {})


def in_step(memory: Memory, hub: Outline) -> bool:
    """Whether a link that holds this memory would have nothing to do with such a hub."""
    decision = merge.decide(memory.base, hub, memory.seen, held=memory.held)
    return not decision.clashes and decision.hub == hub and decision.replica == memory.seen


def carried_by(plan: Plan, step: LinkStep) -> QuerySet[Entry]:
    """The entries between the last look at the file and the step, whose edits a write carried into it."""
    return Entry.objects.filter(plan_id=plan.pk, pk__gt=_previous(plan, step), pk__lt=step.first_entry)


def _kept(agreement: dict[str, str | None], checksum: str) -> Memory | None:
    wanted = [each for each in (*agreement.values(), checksum) if each]
    if Snapshot.objects.filter(pk__in=wanted).count() != len(set(wanted)):
        return None
    columns = {name: audit.snapshot(each) if each else None for name, each in agreement.items()}
    assert columns["seen"] is not None, "a link has always seen something"
    seen = state.unpack(columns["seen"])
    base = state.unpack(columns["base"]) if columns["base"] is not None else seen
    return Memory(checksum, seen, base, state.unpack_held(columns["held"]))


def _previous(plan: Plan, step: LinkStep) -> int:
    """The last entry of the operation that had left the file as the step found it."""
    earlier = Entry.objects.filter(plan_id=plan.pk, pk__lt=step.first_entry)
    told = Q(field__in=(DOCUMENT, AGREEMENT)) | Q(action=Entry.Action.CREATED, item_kind=Kind.PLAN)
    last = earlier.filter(told).order_by("-id").first()
    if last is None:
        return 0
    own = earlier.filter(operation_id=last.operation_id).order_by("-id")
    return own.values_list("pk", flat=True).first() or 0
