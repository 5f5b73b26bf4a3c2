"""One delivery on its way: `deliver` makes an attempt, `due` finds those whose time has come.

waiting --claimed--> being sent --2xx--> delivered
   ^                     |
   +---- in a while -----+--- no attempt left, or 410 ---> given up
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from audit.transactions import write_transaction
from planning_sync.webhooks import sending, services, signing
from planning_sync.webhooks.errors import InvalidAddress, Unreachable
from planning_sync.webhooks.models import Delivery, Subscription

logger = logging.getLogger(__name__)

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 720))
"""How long to wait after the first attempt that failed, after the second, and so on."""
LONGEST_REST = timedelta(minutes=30)
"""How long the other deliveries of a subscription wait, at most, where one of them failed."""
LOST = timedelta(minutes=10)
"""No attempt takes that long: its worker died."""
GONE = 410
MOST_DUE = 500

Status = Delivery.Status


def deliver(delivery_id: str) -> str:
    """Make an attempt, if it is time for one; what the delivery is then."""
    row = _claimed(UUID(delivery_id))
    if row is None:
        return "nothing to do"
    try:
        answer = _sent(row)
    except (InvalidAddress, Unreachable) as error:
        _failed(row, error)
    else:
        _arrived(row, answer)
    return row.status


def due() -> list[UUID]:
    """The deliveries whose time has come, oldest first; what a dead worker left is among them."""
    now = timezone.now()
    with write_transaction():
        Delivery.objects.filter(status=Status.SENDING, next_at__lte=now).update(status=Status.WAITING)
    rows = Delivery.objects.filter(status=Status.WAITING, next_at__lte=now, subscription__active=True)
    return list(rows.order_by("next_at", "pk").values_list("pk", flat=True)[:MOST_DUE])


def _claimed(delivery_id: UUID) -> Delivery | None:
    now = timezone.now()
    waiting = Delivery.objects.filter(pk=delivery_id, status=Status.WAITING, next_at__lte=now)
    with write_transaction():
        active = Subscription.objects.filter(active=True).values("pk")
        told = {"status": Status.SENDING, "attempts": F("attempts") + 1, "next_at": now + LOST}
        claimed = waiting.filter(subscription__in=active).update(**told)
    return Delivery.objects.select_related("subscription").get(pk=delivery_id) if claimed else None


def _sent(row: Delivery) -> int:
    body = row.body.encode()
    secret = signing.secret_of(row.subscription.salt)
    headers = signing.headers(secret, ident=str(row.pk), timestamp=int(time.time()), body=body)
    return sending.post(row.subscription.url, body, headers)


def _arrived(row: Delivery, answer: int) -> None:
    now = timezone.now()
    row.status, row.answer, row.problem, row.finished_at = Status.DELIVERED, answer, "", now
    with write_transaction():
        row.save(update_fields=["status", "answer", "problem", "finished_at"])
        Subscription.objects.filter(pk=row.subscription_id).update(failures=0, told_at=now)


def _failed(row: Delivery, error: InvalidAddress | Unreachable) -> None:
    now = timezone.now()
    row.problem = str(error)
    row.answer = error.status if isinstance(error, Unreachable) else None
    gone = row.answer == GONE
    pause = PAUSES[row.attempts - 1] if row.attempts <= len(PAUSES) and not gone else None
    logger.warning("Webhook %s, attempt %d: %s", row.subscription_id, row.attempts, error)
    with write_transaction():
        Subscription.objects.filter(pk=row.subscription_id).update(failures=F("failures") + 1)
        if pause is None:
            row.status, row.finished_at = Status.FAILED, now
        else:
            row.status, row.next_at = Status.WAITING, now + pause
            _rest(row, now + min(pause, LONGEST_REST))
        row.save(update_fields=["status", "answer", "problem", "next_at", "finished_at"])
        subscription = Subscription.objects.get(pk=row.subscription_id)
        if pause is None and (gone or _nothing_arrived(subscription, row.created_at)):
            services.switch_off(subscription, why=row.problem, actor=services.OURSELVES)


def _rest(row: Delivery, until: datetime) -> None:
    """Who does not answer one delivery will not answer the others: one attempt at a time is enough."""
    others = Delivery.objects.filter(subscription=row.subscription_id, status=Status.WAITING)
    others.filter(next_at__lt=until).update(next_at=until)


def _nothing_arrived(subscription: Subscription, since: datetime) -> bool:
    return subscription.told_at is None or subscription.told_at < since
