"""Reading the log from a cursor on: `position`, `between`, `check`, `prune`.

A cursor says exactly which marks its holder has seen, in every process alike. On SQLite, where one
transaction writes at a time, that is the last id. On PostgreSQL a transaction that began early may commit
late, with lower ids than what was read before it; there a cursor is a snapshot of the database, the list of
transactions that it sees (`pg_current_snapshot`), and what is new is what one snapshot sees and another does
not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Case, F, JSONField, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTransform

from audit.models import Operation
from audit.transactions import write_transaction
from planning_sync.live.errors import InvalidCursor
from planning_sync.live.events import CONFLICT_EVENTS, REPLICA_OFFLINE, REPLICA_ONLINE, Gain
from planning_sync.live.models import Mark

KEPT = timedelta(days=2)
"""How long a client may be away and still get what it missed, rather than be told to load afresh."""

_FORMS = {
    "sqlite": re.compile(r"\d{1,18}"),
    "postgresql": re.compile(r"\d{1,18}:\d{1,18}:(\d{1,18}(,\d{1,18})*)?"),
}

_COLUMNS = (
    *("phase", "status", "at", "operation_id"),
    *("operation__kind", "operation__actor", "operation__on_behalf_of", "operation__replica_id"),
    *("entry__action", "entry__plan_id", "entry__item_id", "entry__field", "told", "news", "progress"),
)
_TOLD = Case(
    When(entry__action__in=list(CONFLICT_EVENTS), then=F("entry__after")),
    default=Value(None, output_field=JSONField()),
    output_field=JSONField(),
)
# The summary of a sync may be long: looked into only where it can say so.
_NEWS = Case(
    When(
        phase=Mark.Phase.FINISHED,
        status=Operation.Status.FAILED,
        operation__summary__offline=True,
        then=Value(REPLICA_OFFLINE),
    ),
    When(phase=Mark.Phase.FINISHED, operation__summary__online=True, then=Value(REPLICA_ONLINE)),
    default=Value(""),
)
_PROGRESS = Case(
    When(phase=Mark.Phase.PROGRESS, then=KeyTransform("progress", "operation__summary")),
    default=Value(None, output_field=JSONField()),
    output_field=JSONField(),
)
_WHAT = {"told": _TOLD, "news": _NEWS, "progress": _PROGRESS}


def position() -> str:
    """The cursor of somebody who has seen all that is committed now."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_current_snapshot()::text")
        else:
            # The sequence rather than the rows: it does not go back when the last rows are deleted.
            cursor.execute("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'live_mark'), 0)")
        (found,) = cursor.fetchone()
    return str(found)


def between(after: str, upto: str, *, limit: int) -> Iterator[Gain]:
    """What the cursor `upto` has seen and `after` has not, `limit` rows at most."""
    rows = _between(after, upto).annotate(**_WHAT).order_by("pk").values_list(*_COLUMNS)
    for row in rows[:limit].iterator():
        yield Gain(*row)


def check(cursor: object, now: str) -> bool:
    """Whether all that `cursor` has not seen is still there; raises `InvalidCursor`.

    Not so where marks that it had not seen were pruned, nor where it is from the future, which is what a
    restored database makes of it.
    """
    if not isinstance(cursor, str) or not _is_cursor(cursor):
        raise InvalidCursor(cursor)
    if _reach(cursor) > _reach(now):
        return False
    first = Mark.objects.order_by("pk").first()
    if first is None or first.pk == 1:
        return True
    if connection.vendor == "postgresql":
        return not _between(cursor, now).filter(pk=first.pk).exists()
    return int(cursor) >= first.pk - 1


def prune(now: datetime) -> int:
    """Forget marks older than `KEPT`, but for their last, which tells that there were others; how many."""
    oldest = Mark.objects.order_by("pk").values_list("at", flat=True)[:2]
    if len(oldest) < 2 or oldest[1] >= now - KEPT:
        return 0
    last = Mark.objects.filter(at__lt=now - KEPT).order_by("-pk").values_list("pk", flat=True)[:1]
    with write_transaction():
        deleted, _ = Mark.objects.filter(pk__lt=last).delete()
    return deleted


def _is_cursor(text: str) -> bool:
    if not _FORMS[connection.vendor].fullmatch(text):
        return False
    if connection.vendor != "postgresql":
        return True
    # PostgreSQL takes no snapshot whose transactions are out of order.
    first, last, unfinished = text.split(":")
    numbers = [int(first), *(int(number) for number in unfinished.split(",") if number), int(last)]
    return numbers[0] > 0 and numbers == sorted(numbers) and (len(numbers) == 2 or numbers[-2] < numbers[-1])


def _between(after: str, upto: str) -> QuerySet[Mark]:
    if connection.vendor != "postgresql":
        return Mark.objects.filter(pk__gt=int(after), pk__lte=int(upto))
    oldest_unfinished = int(after.partition(":")[0])
    return Mark.objects.filter(xid__gte=oldest_unfinished).filter(_seen(upto), ~_seen(after))


def _seen(snapshot: str) -> Any:
    statement = "pg_visible_in_snapshot(live_mark.xid::text::xid8, %s::pg_snapshot)"
    return RawSQL(statement, [snapshot], output_field=BooleanField())  # noqa: S611  # a constant statement


def _reach(cursor: str) -> int:
    """The newest thing that it may have seen, as a number that grows."""
    parts = cursor.split(":")
    return int(parts[-2] if len(parts) > 1 else parts[0])
