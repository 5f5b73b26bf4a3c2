"""Carrying a verdict out, so that a failure at any instant leaves every side old or new: `act`, `recover`.

    one transaction: hub rows, entries, snapshots, conflicts, link at what was read, intent  -- commit
    the file: checksum again, atomic replace                                                 -- rename
    one transaction: link at what was written, intent gone                                   -- commit

Killed before the first commit, nothing happened. Killed later, the intent says which write was under
way; the file is `before` (write it), `after` (done), or something else: then someone edited it meanwhile,
the intent is dropped, and the next merge starts from the link, which is true of what was read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from conflicts import services as conflicts
from conflicts.policy import Settled
from conflicts.services import Outcome
from conflicts.strategies import STRATEGIES
from planning_sync.replicas import atomic
from planning_sync.replicas.base import ABSENT, Reading, Replica, Write
from planning_sync.replicas.errors import PlanChanged
from planning_sync.sync import state
from planning_sync.sync.evidence import evidence_of
from planning_sync.sync.exchange import Verdict
from planning_sync.sync.models import Intent, Link
from planning_sync.sync.state import Held
from plans import services as plans
from plans.document import Finding
from plans.errors import NotFound
from plans.models import Plan
from plans.outline import Kind, Outline

UNREAD = ""
"""The stamp of a link whose file is to be read again at the next pass, changed or not."""

_LOOKED_AT = ("path", "stamp", "checksum", "revision", "gone_at")
"""What another worker would have changed in the link."""

Begin = Callable[[], Operation]
"""Gives the operation of the pass, and makes it at the first call."""


class Overtaken(Exception):
    """The hub or the replica moved on since the verdict; look again."""


def act(verdict: Verdict, replica: Replica, begin: Begin) -> Outcome:
    """Make both sides what the verdict says.

    Raises `Overtaken` with nothing changed where a side moved on, or the replica's errors.
    """
    world = verdict.world
    link, reading = world.link, world.reading
    with write_transaction():
        plan = lock(link.plan_id)
        _check_unmoved(link, plan, world.plan.revision)
        notes = _document_notes(verdict)
        if notes or verdict.hub_changes:
            notes += _agreement_notes(link)
        if verdict.hub_changes:
            plans.write(plan, world.stored, verdict.hub, operation=begin())
        if notes:
            audit.record(begin(), notes)
        outcome = _reconciled(verdict, replica, begin)
        plans.mark_unreachable(plan, world.unreachable)
        _keep_content(plan, reading)
        _store(link, verdict, plan.revision)
        if verdict.write is not None:
            _intend(link, verdict.write, verdict, plan.revision)
    atomic.checkpoint("decided")
    if verdict.write is not None:
        carry_out(link, verdict.write, replica)
    return outcome


def _reconciled(verdict: Verdict, replica: Replica, begin: Begin) -> Outcome:
    world = verdict.world
    # Nobody else opens conflicts of this link while its lock is held.
    if not verdict.clashes and not world.at_work.any:
        return Outcome(0, 0)
    plan_id, link = world.plan.pk, world.link
    return conflicts.reconcile(
        *(plan_id, link.replica_id, verdict.clashes, _labels(verdict)),
        begin=begin,
        stale=verdict.decision.stale,
        rules=verdict.rules,
        evidence=evidence_of(plan_id, link.replica_id, replica, link.path, world.reading),
    )


def lock(plan_id: UUID, *, deleted: bool = False) -> Plan:
    """The plan's row, locked; raises `Overtaken` where it went into the bin, or out of it, meanwhile."""
    try:
        return plans.lock(plan_id, deleted=deleted)
    except NotFound:
        raise Overtaken from None


def carry_out(link: Link, write: Write, replica: Replica) -> None:
    """Do the intended write and advance the link.

    Where the file is another one by now, the intent is dropped and `Overtaken` raised.
    """
    try:
        stamp = replica.commit(write)
    except PlanChanged:
        Intent.objects.filter(pk=link.pk).delete()
        raise Overtaken from None
    atomic.checkpoint("written")
    with write_transaction():
        _advance(link, stamp)
    atomic.checkpoint("advanced")


def recover(link: Link, replica: Replica) -> bool:
    """Finish, or drop, the write of a worker that died; False where there is none.

    The caller holds the lock of the plan.
    """
    intent = Intent.objects.filter(pk=link.pk).first()
    if intent is None:
        return False
    replica.cleanup(older_than_seconds=0)
    probe = replica.probe(link.path)
    if probe.checksum == intent.after:
        with write_transaction():
            _advance(link, probe.stamp)
    elif probe.checksum == intent.before:
        data = audit.snapshot(intent.after) if intent.after else None
        try:
            carry_out(link, Write(link.path, intent.before, intent.after, data, None), replica)
        except Overtaken:
            _give_up(link)
    else:
        intent.delete()
        _give_up(link)
    return True


def _give_up(link: Link) -> None:
    """Where the file of a plan made in the hub never came to be, let the plan get another path."""
    if link.revision < 0 and not link.checksum:
        link.delete()


def intend_outline(link: Link, write: Write, revision: int) -> None:
    """Note the write that makes the file of a plan which the replica does not have. Inside a transaction."""
    assert write.document is not None, "a new file has content"
    seen = state.pack(write.document.outline, write.document.keys_by_name)
    _put_intent(link, write, revision, seen=seen, base=None, held=None)


def intend_content(link: Link, write: Write, revision: int) -> None:
    """Note a write that leaves what the link has seen and agreed on as it is. Inside a transaction.

    It deletes the file, or brings back what was read last.
    """
    base, held = link.base, link.held
    _put_intent(
        *(link, write, revision),
        seen=bytes(link.seen),
        base=None if base is None else bytes(base),
        held=None if held is None else bytes(held),
    )


def intend_memory(
    link: Link, write: Write, revision: int, *, seen: bytes, base: bytes | None, held: bytes | None
) -> None:
    """Note a write after which the link holds these columns and has its file read again. In a transaction."""
    _put_intent(link, write, revision, seen=seen, base=base, held=held, owes_hub=True)


def _check_unmoved(link: Link, plan: Plan, revision: int) -> None:
    stored = (
        Link.objects.select_for_update().filter(pk=link.pk).values("stamp", "checksum", "revision").first()
    )
    unmoved = {"stamp": link.stamp, "checksum": link.checksum, "revision": link.revision}
    if plan.revision != revision or stored != unmoved:
        raise Overtaken


def _labels(verdict: Verdict) -> dict[str, Any]:
    """Every item that a clash may concern, whichever side has it."""
    world = verdict.world
    return {**world.base.by_key, **world.found.by_key, **world.stored.outline.by_key}


def _document_notes(verdict: Verdict) -> list[Note]:
    """What happened to the file itself: edited there, to be written here; and what was settled unasked."""
    world = verdict.world
    plan_id = world.plan.pk
    notes = []
    if world.reading.checksum != world.link.checksum:
        before, after = world.link.checksum, world.reading.checksum
        notes.append(Note(Entry.Action.CHANGED, plan_id, Kind.PLAN, plan_id, "document", before, after))
    if verdict.write is not None:
        before, after = verdict.write.before, verdict.write.after
        notes.append(Note(Entry.Action.WRITTEN, plan_id, Kind.PLAN, plan_id, "document", before, after))
    for key, field, side, value in verdict.decision.overruled:
        item = _labels(verdict)[key]
        item_id = plans.item_id(key) if key else plan_id
        told = {"side": side, "value": value}
        notes.append(Note(Entry.Action.OVERRULED, plan_id, item.kind, item_id, field, told))
    return [*notes, *(_settled_note(verdict, settled) for settled in verdict.settled)]


def _agreement_notes(link: Link) -> list[Note]:
    """What was agreed until now, where that was more than what was seen: an undo has to bring it back."""
    if link.base is None and link.held is None:
        return []
    kept = {
        name: audit.keep_snapshot(bytes(column)) if column is not None else None
        for name, column in (("seen", link.seen), ("base", link.base), ("held", link.held))
    }
    plan_id, told = link.plan_id, {"link": link.pk}
    return [Note(Entry.Action.CHANGED, plan_id, Kind.PLAN, plan_id, "agreement", kept, told)]


def _settled_note(verdict: Verdict, settled: Settled) -> Note:
    """A strategy's decision, with all that it takes to see it and to take it back."""
    clash, choice, strategy, grounds = settled
    plan_id = verdict.world.plan.pk
    item_id = plans.item_id(clash.key) if clash.key else plan_id
    before = {"base": clash.base, "replica": clash.replica, "hub": clash.hub}
    after = {"strategy": strategy, "take": choice.take, "value": choice.value, **grounds}
    if choice.take != "value" and STRATEGIES[strategy].caveat:
        after["caveat"] = STRATEGIES[strategy].caveat
    kind = _labels(verdict)[clash.key].kind
    return Note(Entry.Action.DECIDED, plan_id, kind, item_id, clash.field, before, after)


def _keep_content(plan: Plan, reading: Reading) -> None:
    audit.keep_snapshot(reading.data, reading.checksum)
    if plan.checksum != reading.checksum:
        plan.checksum = reading.checksum
        plan.save(update_fields=["checksum"])


def store_reading(
    link: Link,
    reading: Reading,
    *,
    seen: Outline,
    base: Outline,
    held: Held | None = None,
    doubtful: tuple[Finding, ...] = (),
) -> None:
    """Save that the link's plan was read as `reading`, and what of it is agreed. Inside a transaction."""
    link.stamp, link.checksum = reading.stamp, reading.checksum
    link.seen = state.pack(seen, reading.document.keys_by_name)
    link.base, link.held = _base_column(seen, base), state.pack_held(held or {})
    link.findings = [finding._asdict() for finding in (*reading.document.findings, *doubtful)]
    link.problem, link.gone_at, link.synced_at = "", None, timezone.now()
    link.save()


def _store(link: Link, verdict: Verdict, revision: int) -> None:
    """The link as it stands once the hub has acted."""
    reading = verdict.world.reading
    if verdict.owes_hub or verdict.owes_replica:
        reading = replace(reading, stamp=UNREAD)
    told = verdict.write is not None or verdict.owes_replica
    link.revision = link.revision if told else revision
    pending = verdict.write is not None
    store_reading(
        link,
        reading,
        seen=verdict.seen if pending else verdict.next_seen,
        base=verdict.agreed if pending else verdict.next_base,
        held=verdict.decision.held if pending else verdict.next_held,
        doubtful=verdict.world.doubtful,
    )


def _base_column(seen: Outline, base: Outline) -> bytes | None:
    return None if base == seen else state.pack(base)


def _intend(link: Link, write: Write, verdict: Verdict, revision: int) -> None:
    names = write.document.keys_by_name if write.document is not None else None
    _put_intent(
        link,
        write,
        revision,
        seen=state.pack(verdict.next_seen, names),
        base=_base_column(verdict.next_seen, verdict.next_base),
        held=state.pack_held(verdict.next_held),
        owes_hub=verdict.owes_hub,
    )


def _put_intent(
    link: Link,
    write: Write,
    revision: int,
    *,
    seen: bytes,
    base: bytes | None,
    held: bytes | None,
    owes_hub: bool = False,
) -> None:
    if write.data is not None:
        audit.keep_snapshot(write.data, write.after)
    Intent.objects.create(
        link=link,
        before=write.before,
        after=write.after,
        revision=revision,
        seen=seen,
        base=base,
        held=held,
        owes_hub=owes_hub,
        created_at=timezone.now(),
    )


def _advance(link: Link, stamp: str) -> None:
    """The intended write is done: the link says what the intent said."""
    intent = Intent.objects.select_for_update().get(pk=link.pk)
    link.stamp = UNREAD if intent.owes_hub else stamp
    link.checksum, link.revision = intent.after, intent.revision
    link.seen, link.base, link.held = intent.seen, intent.base, intent.held
    link.gone_at = None if intent.after != ABSENT else timezone.now()
    link.synced_at = timezone.now()
    link.save()
    if intent.after != ABSENT:
        Plan.objects.filter(pk=link.plan_id).update(checksum=intent.after)
    intent.delete()
