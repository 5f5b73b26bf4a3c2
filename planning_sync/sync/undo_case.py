"""What it takes to undo operations on one plan, decided from the log: `examine`. Nothing is written here.

The inverse of an operation is a merge: its outcome is the base, the plan as it was before is one side, the
plan as it is now the other. What both changed is newer work that depends on it, and a reason to refuse.

    before <--operation-- after ... newer work ... now      target = merge(after; now, before)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from uuid import UUID

from audit.models import Entry, Operation
from conflicts import merge
from conflicts.merge import STRUCTURAL, Clash
from conflicts.merge.model import ORDER, PRESENCE
from conflicts.models import Conflict
from planning_sync.sync import ledger as ledgers
from planning_sync.sync import memory as memories
from planning_sync.sync.ledger import Ledger
from planning_sync.sync.models import Link
from planning_sync.sync.undo_conflicts import conflicts_back, spots_of, turn
from planning_sync.sync.undo_files import link_case
from planning_sync.sync.undo_model import (
    CHANGED_LATER,
    DELETED_LATER,
    Case,
    Examined,
    Presence,
    is_work,
    key_of,
)
from plans import history, storage
from plans.history import Step
from plans.models import Plan
from plans.outline import Outline


def examine(plan_id: UUID, wanted: Collection[UUID]) -> Case | None:
    """The case of the plan; None where none of the operations stands on it. Raises the replicas' errors."""
    plan = Plan.objects.filter(pk=plan_id).first()
    if plan is None:
        return None
    ledger = Ledger.since(plan_id, wanted)
    own = [
        operation
        for pk, operation in ledger.operations.items()
        if pk in wanted and ledger.undone_by(pk) is None
    ]
    return _case(_examined(plan, ledger, own)) if own else None


def _examined(plan: Plan, ledger: Ledger, own: Sequence[Operation]) -> Examined:
    links = list(Link.objects.select_related("replica", "plan").filter(plan=plan).order_by("pk"))
    at = Examined(plan, ledger, storage.load(plan), own, links)
    at.along = _along(at)
    at.spots = spots_of(at)
    if at.along and at.spots:  # one decision applied alone, another one among other work
        at.along = frozenset()
        at.spots = spots_of(at)
    return at


def _case(at: Examined) -> Case:
    at.presence = _presence(at)
    if at.creates:
        at.depend((entry for entry in at.ledger.newer(at.unit) if is_work(entry)), CHANGED_LATER)
    else:
        _revert(at)
    conflicts = tuple(conflicts_back(at))
    links = tuple(link_case(at, link) for link in at.links)
    return Case(
        *(at.plan, at.stored, tuple(at.own), at.along, at.hub, at.presence),
        links=links,
        conflicts=conflicts,
        dependents=tuple(at.dependents.values()),
        refusal=at.refusal,
    )


# ------------------------------------------------------------------------------- what goes along


def _along(at: Examined) -> frozenset[UUID]:
    """Syncs that did nothing on this plan but apply what is to be undone, if they can be undone whole."""
    found = {*_appliers(at), *_repairs_taken_in(at)}
    unit = at.own_ids | found
    live = [link for link in at.links if link.released_at is None]
    if all(memories.reachable(at.ledger, link, unit) or not at.touches(link, unit) for link in live):
        return frozenset(found - at.own_ids)
    return frozenset()


def _appliers(at: Examined) -> Iterator[UUID]:
    rows = Conflict.objects.filter(plan=at.plan, decision__in=at.own_ids, state=Conflict.State.RESOLVED)
    for applier in {row.applied_by_id for row in rows if row.applied_by_id is not None}:
        entries = at.ledger.of({applier})
        if entries and entries[0].operation.kind == Operation.Kind.SYNC and _only_applies(at, entries):
            yield applier


def _only_applies(at: Examined, entries: Sequence[Entry]) -> bool:
    """Without an edit found in the file, all that a sync does to the hub is to apply decisions."""
    if any(entry.field == ledgers.DOCUMENT and entry.action == "changed" for entry in entries):
        return False
    if any(entry.action == Entry.Action.DECIDED for entry in entries):
        return False
    applied = Conflict.objects.filter(plan=at.plan, applied_by=entries[0].operation_id)
    return all(row.decision_id in at.own_ids for row in applied)


def _repairs_taken_in(at: Examined) -> Iterator[UUID]:
    """Syncs that took a repair of the file into the hub, and nothing else."""
    for repair in at.own:
        if repair.kind != Operation.Kind.REPAIR:
            continue
        for link in at.links:
            steps = at.ledger.link_steps(link)
            mended = next((step for step in steps if step.operation.pk == repair.pk), None)
            taken = [step for step in steps if mended and step.first_entry > mended.first_entry][-1:]
            for step in taken:
                if mended and (step.before, step.after) == (mended.before, mended.after):
                    yield step.operation.pk


# ---------------------------------------------------------------------------------------- the hub


def _presence(at: Examined) -> Presence:
    told = [entry for entry in at.ledger.of(at.unit) if ledgers.tells_of_presence(entry)]
    live = at.plan.deleted_at is None
    if not told:
        return ""
    newer = [entry for entry in at.ledger.newer(at.unit) if ledgers.tells_of_presence(entry)]
    at.depend((entry for entry in newer if entry.pk > told[0].pk), CHANGED_LATER)
    if told[0].action == Entry.Action.DELETED:
        return "" if live else "recover"
    return "discard" if live else ""


def _revert(at: Examined) -> None:
    if any(ledgers.tells_of_items(entry) for entry in at.ledger.of(at.unit)):
        if at.plan.deleted_at is not None and at.presence != "recover":
            _stays_in_the_bin(at)
            return
        for step in history.steps_of(at.plan, at.unit):
            _take_back(at, step)
    for spot in at.spots:
        turn(at, spot)


def _stays_in_the_bin(at: Examined) -> None:
    gone = [entry for entry in at.ledger.newer(at.unit) if ledgers.tells_of_presence(entry)]
    at.depend(gone, DELETED_LATER)
    at.refusal = at.refusal or ("" if gone else "the plan is in the bin")


def _take_back(at: Examined, step: Step) -> None:
    if step.before is None:
        return
    decision = merge.decide(step.after, at.hub, step.before)
    if decision.clashes:
        _clashed(at, step, decision.clashes)
    else:
        at.hub = decision.hub


def _clashed(at: Examined, step: Step, clashes: Sequence[Clash]) -> None:
    newer = [
        entry
        for entry in at.ledger.newer(at.unit)
        if entry.pk > step.first_entry and ledgers.tells_of_items(entry)
    ]
    concerned = [entry for entry in newer if any(_concerns(entry, clash, step, at.hub) for clash in clashes)]
    at.depend(concerned or newer, CHANGED_LATER)
    if not newer:
        named = ", ".join(sorted({clash.field for clash in clashes}))
        at.refusal = f"what the plan says by now stands in the way ({named})"


def _concerns(entry: Entry, clash: Clash, step: Step, hub: Outline) -> bool:
    key = key_of(entry)
    if clash.field not in STRUCTURAL:
        return key == clash.key and entry.field in (clash.field, "")
    keys = {clash.key}
    for outline in (step.before, step.after, hub):
        if outline is not None and clash.key in outline.by_key:
            if clash.field == ORDER:
                keys.update(outline.children.get(clash.key, ()))
            elif clash.field == PRESENCE:
                keys.update(item.key for item in outline.subtree(clash.key))
    return key in keys
