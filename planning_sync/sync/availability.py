"""Whether a replica is there, and when one that is not is tried again.

Public: `Breaker`, `State`, `breaker_of`, `may_try`, `wait_seconds`, `settle`.

A replica that is away costs the others nothing: passes that nobody asked for leave it alone until its next
try is due, and then one of them tries. What changes in the hub meanwhile waits as revisions that its links
have not been told of, and the pass that finds it back does all of it. A person who asks always tries at once.

    closed --- not there --> open --- retry_at --> half-open: one pass tries
      ^                       ^                       |
      +------- answered ------+------ not there ------+
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from django.db.models import QuerySet

from audit.transactions import write_transaction
from planning_sync.replicas.errors import ReplicaMissing
from planning_sync.sync.models import Replica

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=5)
PROBE = timedelta(minutes=1)
"""For so long the pass that tries a lost replica keeps others from trying as well."""

_random = random.SystemRandom()

News = Literal["", "offline", "online"]


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker(NamedTuple):
    """What is known of a replica's absence; as new, it is there."""

    lost_at: datetime | None = None
    retry_at: datetime | None = None
    failed_tries: int = 0

    def state(self, now: datetime) -> State:
        if self.lost_at is None:
            return State.CLOSED
        return State.OPEN if self.retry_at is not None and self.retry_at > now else State.HALF_OPEN

    def failed(self, now: datetime, *, jitter: float, at_least: timedelta = timedelta(0)) -> Breaker:
        """After one more try in vain. The wait doubles each time; `jitter` in [0, 1) takes up to half off it.

        Many replicas of one server, or many hubs, do not come back to it all at once that way.
        """
        doubled = FIRST_WAIT * 2 ** min(self.failed_tries, 20)
        wait = min(doubled, LONGEST_WAIT) * (1 - jitter / 2)
        tries = self.failed_tries + 1
        return Breaker(self.lost_at or now, now + max(wait, min(at_least, LONGEST_WAIT)), tries)


def breaker_of(row: Replica) -> Breaker:
    return Breaker(row.lost_at, row.retry_at, row.failed_tries)


def may_try(row: Replica, now: datetime) -> bool:
    """Whether a pass that nobody asked for may go to the replica; of those that ask at once, one may."""
    state = breaker_of(row).state(now)
    if state is not State.HALF_OPEN:
        return state is State.CLOSED
    unclaimed = Replica.objects.filter(pk=row.pk, retry_at=row.retry_at)
    return bool(unclaimed.update(retry_at=now + PROBE))


def wait_seconds(row: Replica, now: datetime, *, otherwise: float) -> float:
    """How long until the next look at the replica: until its next try, and no longer than `otherwise`."""
    if row.retry_at is None:
        return otherwise
    return min(otherwise, max(0.1, (row.retry_at - now).total_seconds()))


def settle(
    row: Replica, lost: ReplicaMissing | None, *, now: datetime, begin: Callable[[], object], **outcome: Any
) -> News:
    """Store the `outcome` of a pass, and whether the replica was found to be `lost`.

    That it went away or came back is told once, whoever else finds it so, and then has an operation: `begin`.
    """
    rows = Replica.objects.filter(pk=row.pk)
    if lost is None and rows.filter(lost_at=None).update(seen_at=now, **outcome):
        return ""
    with write_transaction():
        news = _came_back(rows, now, outcome) if lost is None else _went_away(rows, lost, now, outcome)
        if news:
            begin()
    return news


def _came_back(rows: QuerySet[Replica], now: datetime, outcome: dict[str, Any]) -> News:
    there = Breaker()._asdict()
    return "online" if rows.exclude(lost_at=None).update(seen_at=now, **there, **outcome) else ""


def _went_away(rows: QuerySet[Replica], lost: ReplicaMissing, now: datetime, outcome: dict[str, Any]) -> News:
    known = rows.select_for_update().first()
    if known is None:
        return ""
    at_least = timedelta(seconds=lost.retry_after_seconds)
    breaker = breaker_of(known).failed(now, jitter=_random.random(), at_least=at_least)
    rows.update(**breaker._asdict(), **outcome)
    return "" if known.lost_at else "offline"
