"""What a person decides of plans that wait to be paired: `link`, `take_as_new`; and `look`, which finds them.

Linking writes the memory of an agreement that never was: what stands in the file is seen, and next to nothing
is agreed. The sync that follows is an ordinary merge: what one side alone says goes to the other, and where
both say something else a conflict asks, unless the person said which side is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from audit import services as audit
from audit.ids import new_id
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from planning_sync.replicas.base import Reading
from planning_sync.replicas.base import Replica as Side
from planning_sync.replicas.errors import ReplicaError
from planning_sync.sync import acting, exchange, locks, pairing, passes, services, sides, steps
from planning_sync.sync.errors import InvalidPairing, PairingStale, SyncError
from planning_sync.sync.models import Link, Replica, Unpaired
from planning_sync.sync.pairing import Choices, Proposal
from planning_sync.sync.pairing_base import Take, agreed, kept_apart
from planning_sync.sync.passes import Options, Pass
from planning_sync.sync.report import Report
from plans import services as plans
from plans.document.model import Finding
from plans.errors import NotFound
from plans.models import Plan
from plans.outline import Kind, Outline


class Wanted(NamedTuple):
    """One link, as a person confirmed it."""

    path: str
    plan_id: UUID
    fingerprint: str = ""
    """Of the proposal that the person saw; "" where nobody looked, and the pairs are taken as they are."""
    choices: Choices = MappingProxyType({})
    take: Take = "ask"


class Linked(NamedTuple):
    operation: Operation | None
    """None where nothing was linked. Its undo unlinks what it linked."""
    paths: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    """(path, reason) of what was left unpaired."""
    reports: tuple[Report, ...]
    """Of the syncs that followed."""

    def as_json(self) -> dict[str, Any]:
        return {
            "operation": str(self.operation.pk) if self.operation else "",
            "linked": list(self.paths),
            "failed": [{"path": path, "reason": reason} for path, reason in self.failed],
            "reports": [report.as_json() for report in self.reports],
        }


def link(row: Replica, wanted: Sequence[Wanted], *, actor: str, on_behalf_of: str = "") -> Linked:
    """Link plans of the replica to plans of the hub, in one operation; then sync them.

    At a replica that is switched off they wait for the sync after it is switched on.
    """
    side, failed = sides.connect(row), []
    begun = _Begun(row, actor, on_behalf_of)
    linked: list[Wanted] = []
    for each in wanted:
        try:
            with locks.hold(row.pk, each.path):
                _link(row, side, each, begun)
            linked.append(each)
        except (SyncError, ReplicaError) as error:
            failed.append((each.path, str(error)))
    if begun.operation is not None:
        audit.finish(begun.operation, Operation.Status.DONE, {"linked": len(linked)})
    paths = tuple(each.path for each in linked)
    reports = (_synced(row, paths, actor),) if paths and row.enabled else ()
    return Linked(begun.operation, paths, tuple(failed), reports)


def take_as_new(row: Replica, paths: Sequence[str], *, actor: str) -> Report | None:
    """Import plans that waited, since they are none of those that the hub has.

    At a replica that is switched off they wait for the sync after it is switched on, and there is no report.
    """
    with write_transaction():
        Unpaired.objects.filter(replica=row, path__in=paths).update(as_new=True)
    return _synced(row, paths, actor) if row.enabled else None


def look(row: Replica) -> int:
    """Find the plans there that the hub may have already, as the first sync would; how many wait."""
    if not Plan.objects.live().exists():
        return 0
    this = Pass(row, sides.connect(row), Options(actor=""), Report(replica=row.name))
    for path in passes.survey(this, guarded=False).fresh:
        with suppress(ReplicaError):  # reported by the sync
            steps.wait_if_known(this, this.side.read(path))
    return pairing.unpaired_at(row).count()


class _Begun:
    """The one operation of all the links, made with the first of them."""

    def __init__(self, row: Replica, actor: str, on_behalf_of: str) -> None:
        self.operation: Operation | None = None
        self._row, self._actor, self._on_behalf_of = row, actor, on_behalf_of

    def __call__(self) -> Operation:
        if self.operation is None:
            # With the replica named, nothing follows the operation: the syncs below know what was chosen.
            self.operation = audit.begin(
                Operation.Kind.EDIT,
                actor=self._actor,
                on_behalf_of=self._on_behalf_of,
                replica_id=self._row.pk,
            )
        return self.operation


def _synced(row: Replica, paths: Sequence[str], actor: str) -> Report:
    return services.sync_replica(row, Options(actor=actor, paths=frozenset(paths)))


# ----------------------------------------------------------------------------------------- one link


def _link(row: Replica, side: Side, wanted: Wanted, begun: _Begun) -> None:
    """Inside the lock of the path."""
    proposal = pairing.propose(side, wanted.path, wanted.plan_id, wanted.choices)
    if wanted.fingerprint and proposal.fingerprint != wanted.fingerprint:
        raise PairingStale(wanted.path)
    _refuse_linked(row, proposal)
    known, there = proposal.hub.by_key, proposal.there.items
    reading = proposal.reading.rekeyed([item.key if item.key in known else new_id().hex for item in there])
    seen = exchange.with_kept(reading.document.outline, proposal.hub, proposal.unreachable)
    base, held = agreed(proposal.hub, seen, _said(side, reading, proposal), take=wanted.take)
    hub = kept_apart(base, proposal.hub, seen)
    with write_transaction():
        try:
            plan = plans.lock(wanted.plan_id)
        except NotFound:
            raise PairingStale(wanted.path) from None
        if plan.revision != proposal.plan.revision:
            raise PairingStale(wanted.path)
        operation = begun()
        if hub != proposal.hub:
            plans.write(plan, proposal.stored, hub, operation=operation)
        Unpaired.objects.filter(replica=row, path=wanted.path).delete()
        made = Link(replica=row, plan=plan, path=wanted.path, revision=plan.revision)
        unread = replace(reading, stamp=acting.UNREAD)
        acting.store_reading(made, unread, seen=seen, base=base, held=held, doubtful=_told(proposal))
        told = {"link": made.pk}
        note = Note(Entry.Action.LINKED, plan.pk, Kind.PLAN, plan.pk, "path", wanted.path, told)
        audit.record(operation, [note])


def _said(side: Side, reading: Reading, proposal: Proposal) -> Outline:
    """What the replica would say if it were told all that the hub says; nothing is written."""
    write = side.prepare(reading, exchange.without(proposal.hub, proposal.unreachable))
    return write.document.outline if write.document is not None else reading.document.outline


def _refuse_linked(row: Replica, proposal: Proposal) -> None:
    links = Link.objects.filter(replica=row)
    if links.filter(path=proposal.path).exists():
        raise InvalidPairing(proposal.path, "it is linked already")
    other = links.filter(plan=proposal.plan).values_list("path", flat=True).first()
    if other is not None:
        raise InvalidPairing(proposal.path, f"{proposal.plan.title!r} is linked to {other} there already")


def _told(proposal: Proposal) -> tuple[Finding, ...]:
    """The doubtful pairs that nobody decided: two items each, and findings of the link."""
    numbers = (item.key for item in proposal.there.items)
    spots = dict(zip(numbers, proposal.reading.document.spots, strict=False))
    return tuple(
        Finding(
            spots[pair.item.key].line + 1 if pair.item.key in spots else 0,
            "doubtful",
            f"taken as new; it may be {pair.hub.text!r} of the hub ({pair.reason})",
        )
        for pair in proposal.doubtful
    )
