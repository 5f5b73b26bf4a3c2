"""Sealing the log: `seal`, `verify`, `prune`, `head`.

    entries   1 ... 57 | 58 ... 90 | 91 ...        digest n = SHA-256(digest n-1, what seal n says),
    seals       no. 1  |   no. 2   | (unsealed)    which holds the digest of all that its entries say

What an entry says includes who did it: its operation's kind, actor, way and address. A seal covers every
number up to its last one, so that a row slipped into a gap shows as well. Writers never wait for a seal: only
what is surely complete is sealed, and the digests are computed outside of any transaction that writes.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import IntegrityError, connection
from django.db.models import Max
from django.utils import timezone

from audit import bulk, services
from audit.models import Entry, Operation, Seal
from audit.services import Note
from audit.transactions import write_transaction

logger = logging.getLogger(__name__)

BATCH = 10_000
"""Entries under one seal at most: retention goes by whole seals, and a broken one is read as a whole."""
PATIENCE_SECONDS = 5.0
UNDO_DAYS = 30
"""What undo and the bin may need; kept however short the retention."""
_MARK_BYTES = 8
_FORMAT = "planning-sync seal 1"
_START = "0" * 64

_COLUMNS = (
    *("id", "operation_id", "at", "plan_id", "item_kind", "item_id", "action", "field", "before", "after"),
    *("operation__kind", "operation__actor", "operation__on_behalf_of", "operation__via"),
    *("operation__address", "operation__replica_id", "operation__started_at"),
)


@dataclass(frozen=True)
class Broken:
    """The first thing that is not as it was sealed."""

    seal: int
    entry: int | None
    what: str

    def __str__(self) -> str:
        where = f"Seal {self.seal}" if self.entry is None else f"Entry {self.entry} (seal {self.seal})"
        return f"{where}: {self.what}"


@dataclass(frozen=True)
class Verdict:
    seals: int
    entries: int
    """Sealed ones that were read and are as they were."""
    pruned: int
    """Sealed ones that retention removed."""
    unsealed: int
    head: str
    """Number and digest of the last seal; kept elsewhere, it proves later that nothing was cut off."""
    broken: Broken | None


# ------------------------------------------------------------------------------------------ sealing


def seal(*, patience_seconds: float = PATIENCE_SECONDS) -> int:
    """Seal all entries that are complete; how many. Safe to run in several processes at once.

    Where a transaction that may hold older entries goes on for longer than `patience_seconds`, nothing is
    sealed until the next time.
    """
    upto = _complete(patience_seconds)
    sealed = 0
    while True:
        previous = Seal.objects.order_by("-number").first()
        rows = _rows(previous.last_id if previous else 0, upto, BATCH)
        if not rows:
            return sealed
        row = _seal_of(rows, previous)
        if not _append(row):
            return sealed  # another process was faster
        logger.info("Sealed %d entries up to %d: seal %s", row.count, row.last_id, row)
        sealed += row.count


def head() -> str:
    """Number and digest of the last seal, "" where there is none."""
    last = Seal.objects.order_by("-number").first()
    return "" if last is None else f"{last.number}:{last.digest}"


def _complete(patience_seconds: float) -> int:
    """The highest id below which no entry can appear any more; 0 where that did not become true in time.

    On PostgreSQL a lower id may be committed after a higher one. Whoever got an id below `upto` held the lock
    that INSERT takes on the table before it takes numbers, and until its transaction ends. So once all those
    have ended who hold that lock after `upto` was read, every entry up to there can be seen. Snapshots of
    transaction ids do not tell as much: a number may be taken before a transaction has an id.
    """
    upto = Entry.objects.aggregate(last=Max("pk"))["last"] or 0
    if connection.vendor != "postgresql":
        return upto  # one writer at a time
    deadline = time.monotonic() + patience_seconds
    writers = _writers()
    while writers:
        if time.monotonic() > deadline:
            logger.warning("Nothing is sealed: a transaction that writes to the log goes on for long.")
            return 0
        time.sleep(0.02)
        writers &= _writers()
    return upto


def _writers() -> set[str]:
    """The transactions of others that may have written entries and have not ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND relation = 'audit_entry'::regclass AND pid IS DISTINCT FROM pg_backend_pid() AND mode IN "
            "('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"
        )
        return {transaction for (transaction,) in cursor.fetchall()}


def _append(row: Seal) -> bool:
    """Whether it could be added: of two with the same number, one can."""
    try:
        with write_transaction():
            row.save()
    except IntegrityError:
        return False
    return True


def _seal_of(rows: Sequence[Sequence[Any]], previous: Seal | None) -> Seal:
    digests = [_digest_of(row) for row in rows]
    made = Seal(
        number=previous.number + 1 if previous else 1,
        first_id=previous.last_id + 1 if previous else 1,
        last_id=rows[-1][0],
        count=len(rows),
        content=_content(digests),
        marks=_marks(digests),
        sealed_at=timezone.now(),
    )
    made.digest = _chained(made, previous.digest if previous else _START)
    return made


# ------------------------------------------------------------------------------ what is digested


def _rows(after: int, upto: int, limit: int | None = None) -> list[tuple[Any, ...]]:
    found = Entry.objects.filter(pk__gt=after, pk__lte=upto).order_by("pk")
    return bulk.select(found if limit is None else found[:limit], _COLUMNS)


def _digest_of(row: Sequence[Any]) -> bytes:
    """Of one entry; the same on every database."""
    (pk, operation, at, plan, kind, item, action, field, before, after, *origin) = row
    does, actor, behalf, via, address, replica, started = origin
    said = [
        *(pk, _id(operation), _time(at), _id(plan), kind, _id(item), action, field),
        *(_json(before), _json(after)),
        *(does, actor, behalf, via, address, _id(replica), _time(started)),
    ]
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()


def _id(value: Any) -> str | None:
    return value.hex if isinstance(value, UUID) else value


def _time(value: Any) -> str:
    """`2026-01-31T12:00:00.000000`, in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")[:26]
    day, _, hour = value.partition(" ")
    return f"{day}T{hour}" if "." in hour else f"{day}T{hour}.000000"


def _json(text: Any) -> Any:
    """In a list, to tell a JSON null from none; as text where it is no JSON that every reader takes."""
    if text is None:
        return None
    try:
        return [orjson.loads(text)]
    except orjson.JSONDecodeError:
        return str(text)


def _content(digests: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _marks(digests: Sequence[bytes]) -> bytes:
    return b"".join(digest[:_MARK_BYTES] for digest in digests)


def _chained(row: Seal, previous: str) -> str:
    said = (_FORMAT, previous, row.number, row.first_id, row.last_id, row.count, row.content)
    told = "\n".join(map(str, (*said, _time(row.sealed_at))))
    return hashlib.sha256(told.encode()).hexdigest()


# ---------------------------------------------------------------------------------------- verifying


def verify(*, witness: str = "", progress: Callable[[int, int], None] | None = None) -> Verdict:
    """Read the log and compare it with its seals. `witness` is a `head` of earlier, which has to be there.

    `progress` is told how many of all seals were read.
    """
    seals = entries = pruned = 0
    broken, previous = None, None
    total = Seal.objects.count()
    for row in Seal.objects.order_by("number").iterator(chunk_size=20):
        broken = _broken(row, previous)
        if broken is not None:
            break
        seals += 1
        entries += 0 if row.pruned_at else row.count
        pruned += row.count if row.pruned_at else 0
        previous = row
        if progress is not None:
            progress(seals, total)
    last = previous.last_id if previous else 0
    broken = broken or _wrongly_pruned() or _not_witnessed(witness)
    unsealed = Entry.objects.filter(pk__gt=last).count()
    return Verdict(seals, entries, pruned, unsealed, head(), broken)


def _broken(row: Seal, previous: Seal | None) -> Broken | None:
    number, follows = (previous.number + 1, previous.last_id + 1) if previous else (1, 1)
    if row.number != number:
        return Broken(number, None, "it is missing.")
    if row.first_id != follows or row.digest != _chained(row, previous.digest if previous else _START):
        return Broken(row.number, None, "it was changed after it was made, or the one before it was.")
    if row.pruned_at is not None:
        if previous is not None and previous.pruned_at is None:
            return Broken(row.number, None, "it was pruned before older ones, which retention never does.")
        return _inserted(row)
    rows = _rows(row.first_id - 1, row.last_id)
    digests = [_digest_of(each) for each in rows]
    if len(rows) == row.count and _content(digests) == row.content:
        if bytes(row.marks) != _marks(digests):
            return Broken(row.number, None, "its marks were changed after it was made.")
        return None
    return _first_difference(row, [each[0] for each in rows], digests)


def _inserted(row: Seal) -> Broken | None:
    """An entry where all were pruned."""
    found = Entry.objects.filter(pk__gte=row.first_id, pk__lte=row.last_id).order_by("pk").first()
    if found is None:
        return None
    return Broken(row.number, found.pk, "it was put into a stretch that retention has emptied.")


def _first_difference(row: Seal, ids: Sequence[int], digests: Sequence[bytes]) -> Broken:
    """An entry's number is in its mark, so that a mark which fits stands for one entry and no other."""
    marks = bytes(row.marks)
    sealed = [marks[at : at + _MARK_BYTES] for at in range(0, len(marks), _MARK_BYTES)]
    found = [digest[:_MARK_BYTES] for digest in digests]
    known, standing = set(sealed), set(found)
    strange = [pk for pk, mark in zip(ids, found, strict=True) if mark not in known]
    gone = [place for place, mark in enumerate(sealed) if mark not in standing]
    if not strange:
        before = ids[gone[0] - 1] if gone and gone[0] else row.first_id - 1
        return Broken(row.number, None, f"{len(gone)} of its entries are missing, the first after {before}.")
    if not gone:
        return Broken(row.number, strange[0], "it was put in after the seal was made.")
    return Broken(row.number, strange[0], "it, or its operation, was changed after the seal was made.")


def _wrongly_pruned() -> Broken | None:
    """Retention writes down how far it went: a seal that is called pruned beyond that was not by it."""
    pruned = Seal.objects.filter(pruned_at__isnull=False).order_by("-number").first()
    if pruned is None:
        return None
    told = Entry.objects.filter(action=Entry.Action.PRUNED).order_by("-id").values_list("after", flat=True)
    if any((each or {}).get("through") == pruned.number for each in told[:1]):
        return None
    return Broken(pruned.number, None, "it is called pruned, but the log does not say that it was.")


def _not_witnessed(witness: str) -> Broken | None:
    if not witness:
        return None
    number, _, digest = witness.strip().partition(":")
    if not number.isdecimal():
        return Broken(0, None, f"{witness!r} names no seal: write NUMBER:DIGEST.")
    if Seal.objects.filter(number=int(number), digest=digest).exists():
        return None
    return Broken(int(number), None, "it is not the one of the witness: the log was cut off or made anew.")


# ---------------------------------------------------------------------------------------- retention


def prune(*, now: datetime) -> int:
    """Remove the entries under seals older than PLANNING_SYNC_AUDIT_DAYS; how many. The seals stay.

    Whole seals only, the oldest first, each in a transaction of its own. Visits (sign-ins, refusals, key
    use) go with their operations and so with the addresses; other operations stay as headings.
    """
    if not settings.PLANNING_SYNC_AUDIT_DAYS:
        return 0
    days = max(settings.PLANNING_SYNC_AUDIT_DAYS, settings.PLANNING_SYNC_BIN_DAYS, UNDO_DAYS)
    operation: Operation | None = None
    removed = 0
    for row in _overdue(now - timedelta(days=days)):
        with write_transaction():
            if not Seal.objects.filter(pk=row.pk, pruned_at=None).update(pruned_at=now, marks=b""):
                continue
            operation = operation or services.begin(Operation.Kind.PRUNE, actor="retention")
            removed += _remove(row)
            told = {"through": row.number, "last_entry": row.last_id, "entries": row.count}
            services.record(operation, [Note(Entry.Action.PRUNED, after=told)])
    if operation is not None:
        services.finish(operation, Operation.Status.DONE, {"entries": removed})
    return removed


def _overdue(edge: datetime) -> Iterator[Seal]:
    """In order, up to the first that is to stay."""
    for row in Seal.objects.filter(pruned_at=None).defer("marks").order_by("number").iterator():
        if row.sealed_at >= edge:
            return
        yield row


def _remove(row: Seal) -> int:
    """Past the model, which refuses; the triggers look whether the seal was marked as pruned."""
    with connection.cursor() as cursor:
        bounds = [row.first_id, row.last_id]
        cursor.execute(
            "SELECT DISTINCT operation_id FROM audit_entry JOIN audit_operation ON "
            "audit_operation.id = operation_id WHERE kind = 'access' AND audit_entry.id BETWEEN %s AND %s",
            bounds,
        )
        visits = [operation for (operation,) in cursor.fetchall()]
        cursor.execute("DELETE FROM audit_entry WHERE id BETWEEN %s AND %s", bounds)
        removed: int = cursor.rowcount
        cursor.executemany(
            "DELETE FROM audit_operation WHERE id = %s AND NOT EXISTS "
            "(SELECT 1 FROM audit_entry WHERE operation_id = audit_operation.id)",
            [(operation,) for operation in visits],
        )
    return removed
