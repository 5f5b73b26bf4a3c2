"""Carrying a case of an undo out, so that the plan is wholly undone or not at all: `carry_out`.

    one transaction: hub rows, conflicts, entries, the links' memory or the intents of their writes -- commit
    the files: checksum again, atomic replace, the links advance

What was killed in between is finished by the next sync from the intents, as with any other write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from conflicts.learning import services as learning
from conflicts.models import Conflict
from conflicts.services.merging import note
from planning_sync.replicas import atomic
from planning_sync.replicas.base import ABSENT, Replica, Write
from planning_sync.sync import acting, exchange, locks, memory, services, sides, state
from planning_sync.sync.acting import Overtaken
from planning_sync.sync.ledger import AGREEMENT, DOCUMENT
from planning_sync.sync.memory import Memory
from planning_sync.sync.models import Intent, Link
from planning_sync.sync.passes import Options
from planning_sync.sync.undo_model import Case, ConflictBack, LinkCase
from plans import outline as outlines
from plans import services as plans
from plans.models import Plan
from plans.outline import Changed, Kind, Outline
from plans.storage import Stored

ATTEMPTS = 4


class Target(NamedTuple):
    """A link's next memory, and the write that its file needs, if any."""

    link: Link
    side: Replica
    memory: Memory
    write: Write | None


def carry_out(case: Case, operation: Operation, *, actor: str) -> str:
    """Do it; what there is to say about the files afterwards, "" where all went as foreseen.

    Raises `Overtaken` with nothing changed where a side moved on since the case was examined, and the
    replica's errors. The caller sees to it that no follower syncs the plan meanwhile.
    """
    remark = ""
    with ExitStack() as held:
        for each in sorted(case.links, key=lambda each: (str(each.link.replica_id), each.link.path)):
            held.enter_context(locks.hold(each.link.replica_id, each.link.path))
        for each in case.links:
            if Intent.objects.filter(pk=each.link.pk).exists():
                raise Overtaken
        remark = _merged(case, operation) if _by_merge(case) else _remembered(case, operation)
    undone = [*(operation.pk for operation in case.operations), *case.along]
    learning.note_taken_back(Entry.objects.filter(plan_id=case.plan.pk, operation__in=undone))
    _let_follow(case, actor)
    return remark


def _by_merge(case: Case) -> bool:
    """Whether one file alone is concerned, and follows by its lines."""
    return [each.how for each in case.links if each.how != "leave"] == ["lines"]


def _let_follow(case: Case, actor: str) -> None:
    """Have the files follow that the undo itself did not write, and new edits of the hub as ever."""
    waiting = [each for each in case.links if each.how in ("sync", "attach")]
    if not _by_merge(case):
        waiting += [each for each in case.links if each.how == "lines"]
    if settings.PLANNING_SYNC_FOLLOW and not waiting:
        behind = [
            each
            for each in case.links
            if each.memory is not None and not memory.in_step(each.memory, case.hub)
        ]
        waiting = behind
    if waiting:
        services.sync_plan(case.plan.pk, Options(actor=actor, allow_mass_delete=True, settle_seconds=0.0))


# --------------------------------------------------------------------------------- line by line


def _merged(case: Case, operation: Operation) -> str:
    """The hub and the lines concerned, as in any sync."""
    (each,) = [each for each in case.links if each.how == "lines"]
    link = Link.objects.select_related("replica", "plan").get(pk=each.link.pk)
    _check_unmoved(link, each.link)
    side = sides.connect(link.replica)
    world = exchange.examine(link, side)
    if world.plan.revision != case.plan.revision:
        raise Overtaken
    verdict = imagined(case, world, side)
    if case.conflicts:
        with write_transaction():
            _put_conflicts_back(case, operation)
    acting.act(verdict, side, lambda: operation)
    return ""


def imagined(case: Case, world: exchange.World, side: Replica) -> exchange.Verdict:
    """What a sync would do if the hub had been edited to say what it is to say."""
    arbitration = sides.arbitration_of(world.link.replica, side).policy
    verdict = exchange.judge(
        *(replace(world, stored=Stored(case.hub, {}), hub=case.hub), side),
        direction="both",
        policy=arbitration.ownership,
        arbitration=arbitration,
        guarded=False,
    )
    present = world.stored.outline
    return replace(
        verdict,
        world=replace(verdict.world, stored=world.stored, hub=world.hub),
        hub_changes=outlines.diff(present, verdict.hub),
    )


# ------------------------------------------------------------------------- from the links' memory


def _remembered(case: Case, operation: Operation) -> str:
    targets = [target for each in case.links if (target := target_of(each)) is not None]
    with write_transaction():
        plan = _locked(case)
        for target in targets:
            _check_unmoved(Link.objects.select_for_update().get(pk=target.link.pk), target.link)
        if case.presence == "recover":
            plans.recover(plan, operation=operation)
        if case.hub != case.stored.outline:
            plans.write(plan, case.stored, case.hub, operation=operation)
        if case.presence == "discard":
            plans.discard(plan, operation=operation)
        _put_conflicts_back(case, operation)
        for target in targets:
            audit.record(operation, _notes_of(target))
            _intend(target, plan.revision)
        audit.record(operation, list(_release(case)))
    atomic.checkpoint("decided")
    left = [target for target in targets if target.write is not None and not _written(target)]
    return "; ".join(
        f"{target.link.path} was edited at this very moment, and is merged by the next sync"
        for target in left
    )


def target_of(each: LinkCase) -> Target | None:
    """What the link's memory and file become; None where the undo leaves them to a sync, or as they are."""
    link = each.link
    if each.how == "reopen":
        return _reopened(each)
    if each.memory is None or each.how not in ("restore", "rewrite", "delete", "attach"):
        return None
    side = sides.connect(link.replica)
    present = side.probe(link.path).checksum
    if present != link.checksum:
        raise Overtaken
    if each.memory.checksum == present:
        return Target(link, side, each.memory, None)
    if each.memory.checksum == ABSENT:
        write = side.prepare_delete(side.read(link.path))
        return Target(link, side, each.memory, write)
    write = side.prepare_restore(link.path, present, audit.snapshot(each.memory.checksum))
    return Target(link, side, each.memory, write)


def _reopened(each: LinkCase) -> Target:
    """Both sides with their own values again, on the fields of the spots alone."""
    link = Link.objects.select_related("replica", "plan").get(pk=each.link.pk)
    side = sides.connect(link.replica)
    world = exchange.examine(link, side)
    if world.reading.checksum != link.checksum:
        raise Overtaken
    document = world.reading.document.outline
    write = side.prepare(world.reading, _with(document, {(s.key, s.field): s.replica for s in each.spots}))
    seen = write.document.outline if write.document is not None else document
    base = _with(world.base, {(s.key, s.field): s.base for s in each.spots})
    held = {spot: value for spot, value in world.held.items() if spot not in {s[1:3] for s in each.spots}}
    kept = exchange.with_kept(seen, world.found, world.unreachable)
    after = Memory(write.after, kept, base, held)
    return Target(link, side, after, None if write.changes_nothing else write)


def _with(outline: Outline, values: Mapping[tuple[str, str], Any]) -> Outline:
    changes = [
        Changed(key, field, outlines.value(outline.by_key[key], field), value)
        for (key, field), value in values.items()
        if key in outline.by_key
    ]
    return outlines.apply(outline, changes)


def _locked(case: Case) -> Plan:
    plan = acting.lock(case.plan.pk, deleted=case.plan.deleted_at is not None)
    if plan.revision != case.plan.revision:
        raise Overtaken
    return plan


def _check_unmoved(now: Link, then: Link) -> None:
    names = ("path", "stamp", "checksum", "revision", "gone_at", "released_at")
    if any(getattr(now, name) != getattr(then, name) for name in names):
        raise Overtaken


def _notes_of(target: Target) -> Iterator[Note]:
    """The link as it was, then the write."""
    link, plan_id = target.link, target.link.plan_id
    columns = (("seen", link.seen), ("base", link.base), ("held", link.held))
    kept = {
        name: audit.keep_snapshot(bytes(column)) if column is not None else None for name, column in columns
    }
    told = {"link": link.pk}
    yield Note(Entry.Action.CHANGED, plan_id, Kind.PLAN, plan_id, AGREEMENT, kept, told)
    if target.write is not None:
        before, after = target.write.before, target.write.after
        if before != ABSENT:
            audit.keep_snapshot(target.side.read(link.path).data)
        yield Note(Entry.Action.WRITTEN, plan_id, Kind.PLAN, plan_id, DOCUMENT, before, after)


def _intend(target: Target, revision: int) -> None:
    link, after = target.link, target.memory
    seen, held = state.pack(after.seen), state.pack_held(after.held)
    base = None if after.base == after.seen else state.pack(after.base)
    if target.write is not None:
        acting.intend_memory(link, target.write, revision, seen=seen, base=base, held=held)
    else:
        rows = Link.objects.filter(pk=link.pk)
        rows.update(seen=seen, base=base, held=held, revision=revision, stamp=acting.UNREAD)


def _written(target: Target) -> bool:
    assert target.write is not None, "there is something to write"
    try:
        acting.carry_out(Link.objects.get(pk=target.link.pk), target.write, target.side)
    except Overtaken:
        return False
    return True


def _release(case: Case) -> Iterator[Note]:
    """Links that are let go, or taken up again."""
    for each in case.links:
        if each.how in ("release", "delete", "attach"):
            at = None if each.how == "attach" else timezone.now()
            Link.objects.filter(pk=each.link.pk).update(released_at=at, stamp=acting.UNREAD)
            action = Entry.Action.LINKED if at is None else Entry.Action.RELEASED
            plan_id, told = case.plan.pk, {"link": each.link.pk}
            yield Note(action, plan_id, Kind.PLAN, plan_id, "path", each.link.path, told)


# --------------------------------------------------------------------------------------- conflicts


_STATE = (
    *("state", "taken", "taken_value", "decided_by", "decided_at"),
    *("decision_id", "applied_by_id", "closed_at"),
)


def _put_conflicts_back(case: Case, operation: Operation) -> None:
    audit.record(operation, [put_back(each) for each in case.conflicts])


def put_back(back: ConflictBack) -> Note:
    """Give the conflict its fields; the entry tells what they were, so that it can be undone."""
    if back.conflict._state.adding:
        back.conflict.save(force_insert=True)
        return note(back.action, back.conflict)
    row = Conflict.objects.select_for_update().get(pk=back.conflict.pk)
    kept = {name: _plain(getattr(row, name)) for name in _STATE}
    moved = {name: _told(getattr(row, name)) for name in back.fields}
    for name, value in back.fields.items():
        setattr(row, name, value)
    if row.state == Conflict.State.CLOSED and row.closed_at is None:
        row.closed_at = timezone.now()
    row.save(update_fields=[name.removesuffix("_id") for name in (*_STATE, "postponed_until", "assigned_to")])
    item_id = UUID(row.item_key) if row.item_key else row.plan_id
    if back.action in (Entry.Action.ASSIGNED, Entry.Action.POSTPONED):
        ((name, was),) = moved.items()
        told = {"before": was, "after": _told(getattr(row, name)), "conflict": str(row.pk)}
        return Note(back.action, row.plan_id, row.item_kind, item_id, name, was, told)
    before = {
        "base": row.base_value,
        "replica": row.replica_value,
        "hub": row.hub_value,
        "row": kept,
    }
    after = {"conflict": str(row.pk), "state": row.state}
    return Note(back.action, row.plan_id, row.item_kind, item_id, row.field, before, after)


def _told(value: Any) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
