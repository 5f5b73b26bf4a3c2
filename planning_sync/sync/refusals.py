"""What becomes of a guard's refusal: a critical conflict, and what people decide about it.

    go on     the sync does it after all, once, for exactly the world that was refused
    restore   the side that lost so much gets it back: the file its last content, the hub its items
    unlink    both sides stay as they are, and neither follows the other any more

Public: `face`, `goes_on`, `passed` for one plan; `face_folder`, `folder_passed` for the replica as a whole;
`release`.
"""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone

from audit import services as audit
from audit.models import Entry
from audit.services import Note
from audit.transactions import write_transaction
from conflicts import services as conflicts
from conflicts.merge import Clash
from conflicts.merge.model import PRESENCE
from conflicts.services import Evidence
from planning_sync.sync import acting
from planning_sync.sync.acting import Overtaken
from planning_sync.sync.errors import Refused
from planning_sync.sync.evidence import evidence_of
from planning_sync.sync.exchange import World, with_kept
from planning_sync.sync.models import Link
from planning_sync.sync.passes import Pass
from plans import services as plans
from plans.outline import ROOT, Kind


def goes_on(world: World) -> bool:
    """Whether a person said go on, and nothing has changed since."""
    if not world.at_work.guarded:
        return False
    decision = conflicts.guard_decision(world.plan.pk, world.link.replica_id)
    return decision is not None and decision.take == "go_on" and decision.world.endswith(world.guard_world)


def passed(this: Pass, world: World) -> int:
    """Close what stood about an earlier refusal; how many conflicts."""
    if not world.at_work.guarded:
        return 0
    with write_transaction():
        return conflicts.guard_passed(world.plan.pk, world.link.replica_id, begin=this.begin)


def face(this: Pass, world: World, refusal: Refused) -> None:
    """Do what was decided about this very refusal; raises `Overtaken` once done. Else have people asked."""
    link = world.link
    decision = conflicts.guard_decision(world.plan.pk, link.replica_id)
    if decision is not None and decision.world == refusal.world:
        _TAKEN[decision.take](this, world, refusal)
        raise Overtaken
    evidence = evidence_of(world.plan.pk, link.replica_id, this.side, link.path, world.reading)
    with write_transaction():
        this.report.opened += conflicts.refuse(
            *(world.plan.pk, link.replica_id),
            rule=refusal.rule,
            label=world.plan.title,
            held=refusal.held,
            left=refusal.left,
            reason=refusal.reason,
            world=refusal.world,
            begin=this.begin,
            evidence=evidence(Clash(ROOT, PRESENCE, None, None, None)),
        )


def _restore(this: Pass, world: World, refusal: Refused) -> None:
    if refusal.side == "hub":
        _restore_file(this, world)
    else:
        _restore_items(this, world)


def _restore_file(this: Pass, world: World) -> None:
    """The file gets the content back that it had at the last sync; what it says now is kept as a snapshot."""
    link, reading = world.link, world.reading
    write = this.side.prepare_restore(link.path, reading.checksum, audit.snapshot(link.checksum))
    with write_transaction():
        plan = acting.lock(link.plan_id)
        audit.keep_snapshot(reading.data, reading.checksum)
        acting.intend_content(link, write, link.revision)
        plan_id = plan.pk
        note = Note(
            *(Entry.Action.WRITTEN, plan_id, Kind.PLAN, plan_id, "document"), write.before, write.after
        )
        audit.record(this.begin(), [note])
    acting.carry_out(link, write, this.side)
    this.wrote(link.path)


def _restore_items(this: Pass, world: World) -> None:
    """The hub gets back what it lost and the file still has."""
    hub, found = world.stored.outline, world.found
    missing = found.by_key.keys() & world.base.by_key.keys() - hub.by_key.keys()
    with write_transaction():
        plan = acting.lock(world.plan.pk)
        if plan.revision != world.plan.revision:
            raise Overtaken
        plans.write(plan, world.stored, with_kept(hub, found, missing), operation=this.begin())
    this.touched.add(plan.pk)


def _unlink(this: Pass, world: World, refusal: Refused) -> None:
    release(this, world.link)
    with write_transaction():
        conflicts.guard_passed(world.plan.pk, world.link.replica_id, begin=this.begin)


_TAKEN: dict[str, Callable[[Pass, World, Refused], None]] = {
    "restore": _restore,
    "unlink": _unlink,
}


def release(this: Pass, link: Link) -> None:
    """Leave both sides of the link as they are, from now on."""
    with write_transaction():
        Link.objects.filter(pk=link.pk).update(released_at=timezone.now())
        note = Note(Entry.Action.RELEASED, link.plan_id, Kind.PLAN, link.plan_id, "path", link.path)
        audit.record(this.begin(), [note])


# ------------------------------------------------------------------------------------ whole replica


def face_folder(this: Pass, refusal: Refused) -> str:
    """What was decided about this very refusal of the whole replica; "" where people are asked instead."""
    decision = conflicts.guard_decision(None, this.row.pk)
    if decision is not None and decision.world == refusal.world:
        return decision.take
    with write_transaction():
        this.report.opened += conflicts.refuse(
            *(None, this.row.pk),
            rule=refusal.rule,
            label=this.row.name,
            held=refusal.held,
            left=refusal.left,
            reason=refusal.reason,
            world=refusal.world,
            begin=this.begin,
            evidence=Evidence(path=this.row.path),
        )
    return ""


def folder_passed(this: Pass) -> None:
    """Close what stood about an earlier refusal of the whole replica."""
    with write_transaction():
        this.report.closed += conflicts.guard_passed(None, this.row.pk, begin=this.begin)
