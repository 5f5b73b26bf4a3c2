"""The steps of a pass, each for one plan: `import_plan`, `export_plan`, `sync_link`, `rename`.

A step holds the lock of its plan, finishes what a dead worker left, looks at both sides, decides, acts;
and looks again where a side moved meanwhile.
"""

from __future__ import annotations

import time
from dataclasses import replace
from uuid import UUID

from django.utils import timezone

from audit import services as audit
from audit.ids import new_id
from audit.models import Entry
from audit.services import Note
from audit.transactions import write_transaction
from conflicts import services as conflicts
from conflicts.merge import Clash
from planning_sync.replicas.base import ABSENT, RACY, Reading, Write, rules_of
from planning_sync.sync import acting, exchange, locks, refusals, state
from planning_sync.sync.acting import Overtaken
from planning_sync.sync.errors import Refused, Unsettled
from planning_sync.sync.evidence import evidence_of
from planning_sync.sync.exchange import Verdict
from planning_sync.sync.ledger import DOCUMENT
from planning_sync.sync.models import Link, Unpaired
from planning_sync.sync.passes import SAME_PLAN, Pass
from planning_sync.sync.recognition import recognise
from plans import identity, storage
from plans import outline as outlines
from plans import services as plans
from plans.models import Plan
from plans.outline import ROOT, Kind, Outline, Place

ATTEMPTS = 8


def import_plan(this: Pass, path: str) -> None:
    """A file that no link knows becomes a plan of the hub."""
    with locks.hold(this.row.pk, path):
        if Link.objects.filter(replica=this.row, path=path).exists():
            return
        reading = this.side.read(path)
        if wait_if_known(this, reading):
            return
        this.check_rules(reading)
        reading = reading.rekeyed([new_id().hex for _ in reading.document.outline.items])
        outline = reading.document.outline
        with write_transaction():
            plan = plans.admit(outline, operation=this.begin(), checksum=reading.checksum)
            audit.keep_snapshot(reading.data, reading.checksum)
            link = Link(replica=this.row, plan=plan, path=path, revision=plan.revision)
            acting.store_reading(link, reading, seen=outline, base=outline)
            Unpaired.objects.filter(replica=this.row, path=path).delete()
    _count_all(this, plan.pk, outline, "created")


def wait_if_known(this: Pass, reading: Reading) -> bool:
    """Whether it may be a plan that the hub has already: then a person is asked before it is doubled."""
    twin = this.twin_of(reading)
    if twin is not None:
        told = {"plan_id": twin.plan_id, "score": twin.score, "found_at": timezone.now()}
        with write_transaction():
            Unpaired.objects.update_or_create(replica=this.row, path=reading.path, defaults=told)
    return twin is not None


def export_plan(this: Pass, plan_id: UUID) -> None:
    """A plan that was made in the hub gets a file."""
    with locks.hold(this.row.pk, str(plan_id)):
        for _ in range(ATTEMPTS):
            plan = Plan.objects.live().filter(pk=plan_id).exclude(links__replica=this.row).first()
            if plan is None:
                return
            write = this.side.prepare_new(storage.load(plan).outline)
            with write_transaction():
                Link.objects.filter(replica=this.row, path=write.path).exclude(gone_at=None).delete()
                link = Link(replica=this.row, plan=plan, path=write.path, synced_at=timezone.now())
                link.seen = state.pack(Outline(storage.plan_item(plan)))
                link.save()
                acting.intend_outline(link, write, plan.revision)
                _note_written(this, plan.pk, write)
            try:
                acting.carry_out(link, write, this.side)
            except Overtaken:
                link.delete()
                continue
            this.wrote(write.path)
            return
    raise Unsettled(str(plan_id))


def sync_link(this: Pass, link_id: int, path: str) -> None:
    """A plan that both sides know, or knew, and that stands at `path`."""
    with locks.hold(this.row.pk, path):
        for _ in range(ATTEMPTS):
            link = Link.objects.select_related("plan").filter(pk=link_id).first()
            if link is None:
                break
            if link.released_at is not None:
                acting.recover(link, this.side)
                return
            try:
                _step(this, link)
            except Overtaken:
                continue
            return
        else:
            raise Unsettled(path)
    if this.side.probe(path).checksum != ABSENT:
        import_plan(this, path)


def rename(this: Pass, link_id: int, path: str) -> None:
    """The link's file goes by another name now; its content is synced as ever."""
    link = Link.objects.get(pk=link_id)
    with write_transaction():
        Link.objects.filter(replica=this.row, path=path).exclude(gone_at=None).delete()
        if Link.objects.filter(pk=link.pk, path=link.path).update(path=path, stamp=acting.UNREAD):
            note = Note(Entry.Action.RENAMED, link.plan_id, Kind.PLAN, link.plan_id, "path", link.path, path)
            audit.record(this.begin(), [note])
    this.touched.add(link.plan_id)
    sync_link(this, link_id, path)


def recreate(this: Pass, link_id: int) -> None:
    """The file that is gone comes back, with the hub's edits."""
    link = Link.objects.select_related("plan").get(pk=link_id)
    with locks.hold(this.row.pk, link.path):
        if this.side.probe(link.path).checksum == ABSENT:
            _recreate_file(this, link)


# --------------------------------------------------------------------------------- one look at a link


def _step(this: Pass, link: Link) -> None:
    if acting.recover(link, this.side):
        raise Overtaken  # by this very recovery: look afresh
    probe = this.side.probe(link.path)
    present, live = probe.checksum != ABSENT, link.plan.deleted_at is None
    gone = link.gone_at is not None
    if present and live:
        _exchange(this, link, probe.checksum, probe.stamp)
    elif present and gone:
        _recover_plan(this, link)
    elif present:
        _delete_file(this, link)
    elif live and gone:
        _recreate_file(this, link)
    elif live:
        _discard_plan(this, link)
    elif not gone:
        _forget(this, link)


def _exchange(this: Pass, link: Link, checksum: str, stamp: str) -> None:
    if _in_step(link, checksum, stamp):
        Link.objects.filter(pk=link.pk).update(stamp=stamp, problem="")
        return
    world = exchange.examine(link, this.side)
    guarded = not this.options.allow_mass_delete and not refusals.goes_on(world)
    try:
        if guarded and world.reading.checksum != link.checksum:
            this.check_rules(world.reading, world.guard_world)
        verdict = exchange.judge(
            *(world, this.side),
            direction=this.options.direction,
            policy=this.arbitration.ownership,
            arbitration=this.arbitration,
            guarded=guarded,
        )
    except Refused as refusal:
        refusals.face(this, world, refusal)
        raise
    _let_settle(this, verdict)
    outcome = acting.act(verdict, this.side, this.begin)
    this.report.closed += refusals.passed(this, world)
    this.report.opened += outcome.opened
    this.report.closed += outcome.closed
    if verdict.hub_changes or verdict.replica_changes:
        this.count(link.plan_id, verdict.hub_changes, verdict.hub)
        this.count(link.plan_id, verdict.replica_changes, verdict.next_seen)
    if verdict.write is not None:
        this.wrote(link.path)


def _in_step(link: Link, checksum: str, stamp: str) -> bool:
    same = checksum == link.checksum and rules_of(stamp) == rules_of(link.stamp)
    same = same and link.revision == link.plan.revision and link.gone_at is None
    return same and link.stamp != acting.UNREAD and not conflicts.is_unsettled(link.plan_id, link.replica_id)


def _let_settle(this: Pass, verdict: Verdict) -> None:
    """Before deleting because of a file that was just written, wait and see that it stays as it is."""
    reading = verdict.world.reading
    deletes = any(isinstance(change, outlines.Removed) for change in verdict.hub_changes)
    if not deletes or not reading.fresh or not this.options.settle_seconds:
        return
    time.sleep(this.options.settle_seconds)
    probe = this.side.probe(reading.path)
    # Equal bytes are not enough: a program that saves again and again may be half way once more.
    rewritten = probe.stamp.removesuffix(RACY) != reading.stamp.removesuffix(RACY)
    if rewritten or probe.checksum != reading.checksum:
        raise Overtaken


def _recover_plan(this: Pass, link: Link) -> None:
    """The file is back: so is the plan that went to the bin with it, if it is still that plan."""
    if this.options.direction == "push":
        return
    reading = this.side.read(link.path)
    known = state.unpack(link.seen)
    if identity.similarity(known, reading.document.outline) < SAME_PLAN and known.items:
        link.delete()
        raise Overtaken
    with write_transaction():
        plans.recover(acting.lock(link.plan_id, deleted=True), operation=this.begin())
        Link.objects.filter(pk=link.pk).update(gone_at=None)
    raise Overtaken  # by this very recovery: look afresh


def _discard_plan(this: Pass, link: Link) -> None:
    """The file is gone: so is the plan, unless the hub has edits that the file never got."""
    if this.options.direction == "push":
        return
    stored = storage.load(link.plan)
    if exchange.edited_in_hub(link, stored.outline):
        title = link.plan.title
        taken = _taken(this, link, Clash(ROOT, "presence", title, title, None))
        if taken == "hub":
            _recreate_file(this, link)
        if taken != "replica":
            return
    with write_transaction():
        plan = _locked(link)
        plans.discard(plan, operation=this.begin())
        _close_conflicts(this, plan)
        Link.objects.filter(pk=link.pk).update(gone_at=timezone.now(), revision=plan.revision, problem="")
    _count_all(this, link.plan_id, stored.outline, "deleted")


def _forget(this: Pass, link: Link) -> None:
    """Both sides let the plan go."""
    with write_transaction():
        plan = _locked(link, deleted=True)
        _close_conflicts(this, plan)
        Link.objects.filter(pk=link.pk).update(gone_at=timezone.now(), revision=plan.revision, problem="")


def _delete_file(this: Pass, link: Link) -> None:
    """The plan went to the bin: so does its file, unless it has edits that the hub never got."""
    if this.options.direction == "pull":
        return
    reading = this.side.read(link.path)
    if reading.checksum != link.checksum or link.base is not None:
        title = reading.document.outline.plan.text
        taken = _taken(this, link, Clash(ROOT, "presence", link.plan.title, None, title))
        if taken == "replica":
            _recover_plan(this, link)
        if taken != "hub":
            return
    write = this.side.prepare_delete(reading)
    with write_transaction():
        plan = _locked(link, deleted=True)
        audit.keep_snapshot(reading.data, reading.checksum)
        Plan.objects.filter(pk=plan.pk).update(checksum=reading.checksum)
        _close_conflicts(this, plan)
        acting.intend_content(link, write, plan.revision)
        _note_written(this, plan.pk, write)
    acting.carry_out(link, write, this.side)
    this.touched.add(link.plan_id)
    this.wrote(link.path)


def _recreate_file(this: Pass, link: Link) -> None:
    """The plan is wanted and its file is gone: the last content comes back, with the hub's edits."""
    if this.options.direction == "pull":
        return
    stored = storage.load(link.plan)
    write = _recreation(this, link, stored.outline)
    with write_transaction():
        plan = _locked(link)
        _close_conflicts(this, plan)
        Link.objects.filter(pk=link.pk).update(gone_at=None)
        acting.intend_outline(link, write, plan.revision)
        _note_written(this, plan.pk, write)
    acting.carry_out(link, write, this.side)
    this.touched.add(link.plan_id)
    this.wrote(link.path)


def _recreation(this: Pass, link: Link, target: Outline) -> Write:
    data = audit.snapshot(_last_content(link))
    restored = this.side.prepare_restore(link.path, ABSENT, data)
    assert restored.document is not None, "a restored plan has content"
    parsed = restored.document.outline
    known = recognise(restored.document, state.unpack(link.seen), state.names(link.seen)).keys
    reading = Reading(link.path, "", restored.after, data, restored.document)
    reading = reading.rekeyed([known.get(item.key) or new_id().hex for item in parsed.items])
    write = this.side.prepare(reading, target)
    return replace(write, before=ABSENT, data=data if write.data is None else write.data)


def _last_content(link: Link) -> str:
    """The checksum of what stood there last: at this replica, as others may write the plan otherwise."""
    if link.checksum != ABSENT:
        return link.checksum
    told = Entry.objects.filter(plan_id=link.plan_id, field=DOCUMENT, action=Entry.Action.WRITTEN)
    own = told.filter(operation__replica_id=link.replica_id).order_by("-id").first()
    return str(own.before) if own is not None and own.before else link.plan.checksum


def _taken(this: Pass, link: Link, clash: Clash) -> str:
    """The side that a person took in this clash over the whole plan; "" while it is open."""
    choice = conflicts.at_work(link.plan_id, this.row.pk).choices.get((clash.key, clash.field))
    if choice is not None and (choice.hub_value, choice.replica_value) == (clash.hub, clash.replica):
        return choice.take
    if conflicts.is_open(link.plan_id, this.row.pk, clash):
        return ""
    with write_transaction():
        root = storage.plan_item(link.plan)
        outcome = conflicts.reconcile(
            *(link.plan_id, this.row.pk, [clash], {ROOT: root}),
            begin=this.begin,
            merged=False,
            evidence=evidence_of(link.plan_id, this.row.pk, this.side, link.path, None),
        )
    this.report.opened += outcome.opened
    this.report.closed += outcome.closed
    return ""


def _close_conflicts(this: Pass, plan: Plan) -> None:
    """There is one side left, so nothing is in conflict any more. Inside a transaction."""
    outcome = conflicts.reconcile(plan.pk, this.row.pk, (), {}, begin=this.begin, merged=False)
    this.report.closed += outcome.closed
    this.report.closed += conflicts.guard_passed(plan.pk, this.row.pk, begin=this.begin)


def _locked(link: Link, *, deleted: bool = False) -> Plan:
    """The link's plan, locked; `Overtaken` where it changed since it was looked at."""
    plan = acting.lock(link.plan_id, deleted=deleted)
    if plan.revision != link.plan.revision:
        raise Overtaken
    return plan


def _note_written(this: Pass, plan_id: UUID, write: Write) -> None:
    note = Note(Entry.Action.WRITTEN, plan_id, Kind.PLAN, plan_id, "document", write.before, write.after)
    audit.record(this.begin(), [note])


def _count_all(this: Pass, plan_id: UUID, outline: Outline, what: str) -> None:
    """Every item of the plan was created, or deleted."""
    anywhere = Place(ROOT, "")
    change = outlines.Added if what == "created" else outlines.Removed
    this.count(plan_id, [change(item, anywhere) for item in outline.items], outline)
