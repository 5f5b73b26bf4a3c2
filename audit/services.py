"""Every write to the log: operations with their entries, and snapshots of contents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import zstandard
from django.db import transaction
from django.utils import timezone

from audit import signals
from audit.models import Entry, Operation, Snapshot


class Note(NamedTuple):
    """What one entry is to say."""

    action: str
    plan_id: UUID | None = None
    item_kind: str = ""
    item_id: UUID | None = None
    field: str = ""
    before: Any = None
    after: Any = None


def begin(kind: str, *, actor: str, on_behalf_of: str = "", replica_id: UUID | None = None) -> Operation:
    """A running operation, saved."""
    return Operation.objects.create(
        kind=kind,
        actor=actor,
        on_behalf_of=on_behalf_of,
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
        plan_ids=plan_ids,
        replica_id=operation.replica_id,
    )


def finish(operation: Operation, status: str, summary: dict[str, Any] | None = None) -> None:
    operation.status = status
    operation.finished_at = timezone.now()
    operation.summary = summary or {}
    operation.save(update_fields=["status", "finished_at", "summary"])


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
    if not Snapshot.objects.filter(pk=checksum).exists():
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


def snapshot(checksum: str) -> bytes:
    """The bytes kept under `checksum`; raises `Snapshot.DoesNotExist`."""
    packed = Snapshot.objects.values_list("data", flat=True).get(pk=checksum)
    return zstandard.decompress(bytes(packed))
