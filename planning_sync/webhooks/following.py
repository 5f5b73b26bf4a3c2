"""From the log to deliveries: `follow` makes them, `nudge` has a worker do so, `connect` nudges on commits.

    commit --nudge, if anybody subscribed--> task in the queue --> follow: what is new since the cursor
    --> one delivery for each subscription that wants some of it, and the cursor, in one transaction

So each event is in exactly one delivery of each subscription, whatever dies meanwhile. Where a nudge was
lost, the schedule (`tasks.run_due`) makes up for it within a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, Q
from django.db.models.signals import post_save
from django.utils import timezone
from django_q.tasks import async_task

from audit.models import Operation
from audit.transactions import write_transaction
from planning_sync.live import log, topics
from planning_sync.live.events import (
    CONFLICT_EVENTS,
    CONFLICT_RESOLVED,
    GUARD_REFUSED,
    OPERATION_UNDONE,
    PLAN_MODIFIED,
    REPLICA_OFFLINE,
    REPLICA_ONLINE,
    SEARCH_DRIFTED,
    SYNC_COMPLETED,
    SYNC_FAILED,
    SYNC_STARTED,
    VALIDATION_FAILED,
    Event,
    events_of,
)
from planning_sync.live.mailbox import message
from planning_sync.live.places import placed
from planning_sync.live.topics import View
from planning_sync.webhooks.models import Delivery, Position, Subscription

EVENTS = (
    *(PLAN_MODIFIED, SYNC_STARTED, SYNC_COMPLETED, SYNC_FAILED, GUARD_REFUSED, OPERATION_UNDONE),
    *(REPLICA_OFFLINE, REPLICA_ONLINE, VALIDATION_FAILED, SEARCH_DRIFTED),
    *(*CONFLICT_EVENTS.values(), CONFLICT_RESOLVED),
)
"""The types of events that one may subscribe to. How far a sync is, is for who watches it."""
EVENTS_EACH = 100
"""Events of one delivery at most."""
MOST_GAINS = 20_000
"""More than this at once is not told one by one: receivers are asked to load afresh."""
LOST = timedelta(minutes=2)
"""A task that was queued and has not run by then is queued again."""

FOLLOW = "planning_sync.webhooks.tasks.follow"


def connect() -> None:
    post_save.connect(_finished, sender=Operation, dispatch_uid="webhooks.finished")


def _finished(*, instance: Operation, created: bool, **_: Any) -> None:
    """Whatever an operation records, it ends; what a long one says meanwhile, the schedule finds."""
    if not created and instance.status != Operation.Status.RUNNING:
        transaction.on_commit(nudge, robust=True)


def nudge() -> None:
    """Have a worker read on, unless one is about to, or nobody would be told."""
    now = timezone.now()
    idle = Position.objects.filter(Q(queued_at=None) | Q(queued_at__lt=now - LOST))
    if not idle.filter(Exists(Subscription.objects.filter(active=True))).exists():
        return
    with write_transaction():
        if idle.update(queued_at=now):
            async_task(FOLLOW)


def begin() -> None:
    """Have the log be followed from now on, if it is not yet. Part of the transaction around."""
    Position.objects.get_or_create(pk=1, defaults={"cursor": log.position()})


def follow() -> list[Delivery]:
    """Make deliveries of what the log gained; those that were made."""
    with write_transaction():
        # First and by itself: whoever commits from now on queues the next look.
        Position.objects.update(queued_at=None)
    with write_transaction():
        row = Position.objects.select_for_update().first()
        if row is None:
            return []
        upto = log.position()
        made = _made(row.cursor, upto)
        Delivery.objects.bulk_create(made, batch_size=200)
        row.cursor = upto
        row.save(update_fields=["cursor"])
    return made


def reset_of(subscription: Subscription) -> Delivery:
    """Says that events were missed: load afresh. Not saved yet."""
    return _delivery(subscription, message((), log.position(), reset=True), 0)


def events_between(cursor: str, upto: str) -> tuple[Event, ...] | None:
    """None where it cannot be told any more, or is too much."""
    if not log.check(cursor, upto):
        return None
    gains = list(log.between(cursor, upto, limit=MOST_GAINS + 1))
    return placed(events_of(gains), always=True) if len(gains) <= MOST_GAINS else None


def _made(cursor: str, upto: str) -> list[Delivery]:
    rows = list(Subscription.objects.filter(active=True).select_related("owner").prefetch_related("replicas"))
    if not rows or cursor == upto:
        return []
    events = events_between(cursor, upto)
    if events is None:
        return [_delivery(row, message((), upto, reset=True), 0) for row in rows]
    return [each for row in rows for each in _deliveries(row, events, upto)]


def _deliveries(row: Subscription, events: tuple[Event, ...], upto: str) -> Iterator[Delivery]:
    view = view_of(row)
    wanted = [event for event in events if _wants(row, event) and view.shows(event)]
    for start in range(0, len(wanted), EVENTS_EACH):
        part = wanted[start : start + EVENTS_EACH]
        yield _delivery(row, message(part, upto), len(part))


def view_of(row: Subscription) -> View:
    """All that its owner may see now, within the replicas that it names."""
    may = topics.allowed_to(row.owner)
    ids = may.replicas
    if row.limited:
        named = frozenset(replica.pk for replica in row.replicas.all())
        ids = named if ids is None else named & ids
    return View(frozenset(topics.PERMISSIONS), frozenset(), may.families, ids)


def _wants(row: Subscription, event: Event) -> bool:
    return event.at >= row.since and event.type in (row.events or EVENTS)


def _delivery(row: Subscription, body: str, count: int) -> Delivery:
    now = timezone.now()
    return Delivery(subscription=row, body=body, count=count, next_at=now, created_at=now)
