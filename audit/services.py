"""Every write to the log: operations with their entries, and snapshots of contents."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import zstandard
from django.db import transaction
from django.utils import timezone

from audit import context, exports, signals
from audit.addresses import network_of
from audit.exports import Filters
from audit.models import Entry, Operation, Snapshot
from audit.tally import Tally
from audit.transactions import write_transaction

FRESH = timedelta(days=1)
"""A snapshot kept within this time is not pruned, even if nothing names it yet."""


class Note(NamedTuple):
    """What one entry is to say."""

    action: str
    plan_id: UUID | None = None
    item_kind: str = ""
    item_id: UUID | None = None
    field: str = ""
    before: Any = None
    after: Any = None


class Visit(NamedTuple):
    """Somebody came, used a key, or was refused."""

    action: str
    actor: str
    on_behalf_of: str
    after: Mapping[str, Any]


def begin(kind: str, *, actor: str, on_behalf_of: str = "", replica_id: UUID | None = None) -> Operation:
    """A running operation, saved; by which way and from where it came is known from `audit.context`."""
    here = context.current()
    return Operation.objects.create(
        kind=kind,
        actor=actor,
        on_behalf_of=on_behalf_of,
        via=here.via,
        address=here.address,
        replica_id=replica_id,
        started_at=timezone.now(),
    )


def record(operation: Operation, notes: Iterable[Note]) -> None:
    """Add one entry per note, in order; announced to the followers when the transaction commits."""
    at = timezone.now()
    entries = [Entry(operation=operation, at=at, **note._asdict()) for note in notes]
    Entry.objects.bulk_create(entries, batch_size=500)
    plan_ids = frozenset(entry.plan_id for entry in entries if entry.plan_id is not None)
    transaction.on_commit(lambda: _announce(operation, plan_ids))


def _announce(operation: Operation, plan_ids: frozenset[UUID]) -> None:
    """Tell the followers of the log; one that fails is logged and does not stop the others."""
    signals.recorded.send_robust(
        sender=Operation,
        operation_id=operation.id,
        kind=operation.kind,
        plan_ids=plan_ids,
        replica_id=operation.replica_id,
    )


def finish(operation: Operation, status: str, summary: dict[str, Any] | None = None) -> None:
    operation.status = status
    operation.finished_at = timezone.now()
    operation.summary = summary or {}
    operation.save(update_fields=["status", "finished_at", "summary"])


def note_done(kind: str, notes: Iterable[Note], *, actor: str, on_behalf_of: str = "") -> Operation:
    """An operation that is over already, with its entries."""
    with write_transaction():
        operation = begin(kind, actor=actor, on_behalf_of=on_behalf_of)
        record(operation, notes)
        finish(operation, Operation.Status.DONE)
    return operation


def note_access(
    action: str, *, actor: str = "", on_behalf_of: str = "", after: Mapping[str, Any] | None = None
) -> Operation | None:
    """Write down a visit: a sign-in, a refusal, the use of a key. None where it is counted instead.

    Who (unless `actor` is given), for whom and from where are known from `audit.context`.
    """
    visit = count_visit(action, actor=actor, on_behalf_of=on_behalf_of, after=after)
    return note_visit(visit) if visit is not None else None


def count_visit(
    action: str, *, actor: str = "", on_behalf_of: str = "", after: Mapping[str, Any] | None = None
) -> Visit | None:
    """What `note_visit` is to write down of it, if anything; no query.

    The same thing again and again is told the first few times in an hour, and then each time that its number
    has doubled; the entry's `after` has the number. So a flood leaves some dozens of entries, whatever it
    tries.
    """
    actor = actor or context.actor()
    source = network_of(context.current().address) or actor
    if action in _OF_SOMEBODY:
        source = f"{source} {actor}"
    tally = _refusals if action in _REFUSALS else _visits
    count = tally.count((action, source), first=_TOLD_ONE_BY_ONE.get(action, 10), now=time.monotonic())
    if not count:
        return None
    return Visit(
        action, actor, on_behalf_of or context.current().on_behalf_of, {**(after or {}), "count": count}
    )


def note_visit(visit: Visit) -> Operation:
    status = Operation.Status.REFUSED if visit.action in _REFUSALS else Operation.Status.DONE
    with write_transaction():
        operation = begin(Operation.Kind.ACCESS, actor=visit.actor, on_behalf_of=visit.on_behalf_of)
        record(operation, [Note(visit.action, item_kind="access", after=visit.after)])
        finish(operation, status)
    return operation


# Two, so that no flood of refusals hides who was let in.
_visits, _refusals = Tally(), Tally(limit=1_000)
_REFUSALS = frozenset({Entry.Action.REFUSED, Entry.Action.FORBIDDEN})
# Whoever is refused at the door chooses the name, which must not make it another source.
_OF_SOMEBODY = frozenset(Entry.Action) - {Entry.Action.REFUSED}
_TOLD_ONE_BY_ONE: Mapping[str, int] = {Entry.Action.USED: 1, Entry.Action.LOGGED_IN: 50}


def export(
    fmt: str, filters: Filters = exports.EVERYTHING, *, actor: str, on_behalf_of: str = ""
) -> Iterator[str]:
    """The log up to now as pieces of text, `fmt` being "jsonl" or "csv"; the export is logged right away."""
    upto = exports.last_entry()
    note_export(fmt, filters, actor=actor, on_behalf_of=on_behalf_of)
    return exports.lines(fmt, filters, upto)


def note_export(fmt: str, filters: Filters, *, actor: str, on_behalf_of: str = "") -> Operation:
    """Write down that part of the log was handed out in some form."""
    told = {"format": fmt, **filters.as_json()}
    note = Note(Entry.Action.EXPORTED, item_kind="log", after=told)
    return note_done(Operation.Kind.EXPORT, [note], actor=actor, on_behalf_of=on_behalf_of)


def close_abandoned(*, started_before: datetime) -> int:
    """Call every operation failed that has been running since before then: its process died. How many."""
    abandoned = Operation.objects.filter(status=Operation.Status.RUNNING, started_at__lt=started_before)
    return abandoned.update(status=Operation.Status.FAILED, finished_at=timezone.now())


def checksum_of(data: bytes) -> str:
    """The SHA-256 of `data`, in hex: the name of its snapshot."""
    return hashlib.sha256(data).hexdigest()


def keep_snapshot(data: bytes, checksum: str = "") -> str:
    """Store `data` unless it is stored already; its checksum (computed where none is given)."""
    checksum = checksum or checksum_of(data)
    if not _is_kept(checksum):
        Snapshot.objects.bulk_create(
            [
                Snapshot(
                    checksum=checksum,
                    size=len(data),
                    data=zstandard.compress(data, 3),
                    created_at=timezone.now(),
                )
            ],
            ignore_conflicts=True,
        )
    return checksum


def _is_kept(checksum: str) -> bool:
    """Whether it is stored, and safe from `prune_snapshots` until this transaction ends."""
    row = Snapshot.objects.filter(pk=checksum)
    kept_at = row.values_list("created_at", flat=True).first()
    if kept_at is None or kept_at > timezone.now() - FRESH / 2:
        return kept_at is not None
    return bool(row.update(created_at=timezone.now()))


def prune_snapshots(needed: Collection[str], *, now: datetime) -> int:
    """Remove all snapshots but those `needed`, and those of late, which may not be named yet; how many."""
    edge = now - FRESH
    old = set(Snapshot.objects.filter(created_at__lt=edge).values_list("pk", flat=True))
    gone = sorted(old - set(needed))
    removed = 0
    for start in range(0, len(gone), 500):
        with write_transaction():
            # Asked once more by the deletion itself: it may have been kept again meanwhile.
            rows = Snapshot.objects.filter(pk__in=gone[start : start + 500], created_at__lt=edge)
            removed += rows.delete()[0]
    return removed


def snapshot(checksum: str) -> bytes:
    """The bytes kept under `checksum`; raises `Snapshot.DoesNotExist`."""
    packed = Snapshot.objects.values_list("data", flat=True).get(pk=checksum)
    return zstandard.decompress(bytes(packed))
