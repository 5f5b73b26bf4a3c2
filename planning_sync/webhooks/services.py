"""Every write that a person asks for: subscriptions and hooks come and go, deliveries are sent again.

Public: `subscribe`, `change`, `renew`, `switch_on`, `switch_off`, `unsubscribe`, `resend`; `add_hook`,
`remove_hook`; `ensure_schedule`. The log is told of the address without its path, which may be a secret.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.utils import timezone
from django_q.models import Schedule
from django_q.tasks import async_task, schedule

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from planning_sync.sync.models import Replica
from planning_sync.webhooks import addresses, following, signing
from planning_sync.webhooks.errors import NotFinished
from planning_sync.webhooks.models import Delivery, Hook, Subscription

logger = logging.getLogger(__name__)

SCHEDULE = "webhooks that are due"
OURSELVES = "webhooks"
"""The actor of what no person did."""
_KIND = "webhook"


class Subscribed(NamedTuple):
    subscription: Subscription
    secret: str
    """In plain text: it is not shown again."""


class Hooked(NamedTuple):
    hook: Hook
    secret: str
    """In plain text: it is not shown again."""


def subscribe(
    url: str,
    *,
    owner: User,
    actor: str,
    on_behalf_of: str = "",
    events: Collection[str] = (),
    replicas: Collection[Replica] = (),
) -> Subscribed:
    """Tell that address of what happens from now on. Raises `InvalidAddress`."""
    addresses.check(url)
    now = timezone.now()
    with write_transaction():
        following.begin()
        row = Subscription.objects.create(
            url=url,
            owner=owner,
            events=sorted(set(events)),
            limited=bool(replicas),
            salt=signing.new_salt(),
            created_at=now,
            created_by=actor,
            # SQLite writes the time of an event in whole milliseconds.
            since=now.replace(microsecond=now.microsecond // 1000 * 1000),
        )
        row.replicas.set(replicas)
        _note(Entry.Action.CREATED, row, actor, on_behalf_of, after=_told(row))
    ensure_schedule()
    return Subscribed(row, signing.secret_of(row.salt))


def change(row: Subscription, values: dict[str, Any], *, actor: str, on_behalf_of: str = "") -> None:
    """Change `url`, `events`, `replicas`, as far as named. Raises `InvalidAddress`."""
    if "url" in values:
        addresses.check(values["url"])
    with write_transaction():
        before = _told(row)
        if "replicas" in values:
            row.replicas.set(values["replicas"])
            row.limited = bool(values["replicas"])
        row.url = values.get("url", row.url)
        row.events = sorted(set(values.get("events", row.events)))
        row.save(update_fields=["url", "events", "limited"])
        _note(Entry.Action.CHANGED, row, actor, on_behalf_of, before=before, after=_told(row))


def renew(row: Subscription, *, actor: str, on_behalf_of: str = "") -> Subscribed:
    """Another secret; the one before is good for nothing from now on."""
    with write_transaction():
        row.salt = signing.new_salt()
        row.save(update_fields=["salt"])
        _note(Entry.Action.CHANGED, row, actor, on_behalf_of, field="secret", after=_told(row))
    return Subscribed(row, signing.secret_of(row.salt))


def switch_on(row: Subscription, *, actor: str, on_behalf_of: str = "") -> None:
    """Go on telling; first, that some of it was missed."""
    now = timezone.now()
    with write_transaction():
        fresh = {"active": True, "problem": "", "failures": 0, "since": now}
        if not Subscription.objects.filter(pk=row.pk, active=False).update(**fresh):
            return
        missed = following.reset_of(row)
        missed.save(force_insert=True)
        _note(Entry.Action.CHANGED, row, actor, on_behalf_of, field="active", before=False, after=_told(row))
        send(missed)
    row.refresh_from_db()


def switch_off(row: Subscription, *, why: str = "", actor: str, on_behalf_of: str = "") -> None:
    """Tell nothing more, and give up what is on its way. With `why`, it is an alert."""
    status = Operation.Status.FAILED if why else Operation.Status.DONE
    with write_transaction():
        if not Subscription.objects.filter(pk=row.pk, active=True).update(active=False, problem=why):
            return
        waiting = Delivery.objects.filter(subscription=row, status=Delivery.Status.WAITING)
        told = {"problem": "The webhook was switched off.", "finished_at": timezone.now()}
        waiting.update(status=Delivery.Status.FAILED, **told)
        after = {**_told(row), "why": why}
        _note(
            Entry.Action.CHANGED,
            row,
            actor,
            on_behalf_of,
            field="active",
            before=True,
            after=after,
            status=status,
        )
    if why:
        logger.warning("The webhook %s is switched off: %s", row.pk, why)
    row.refresh_from_db()


def unsubscribe(row: Subscription, *, actor: str, on_behalf_of: str = "") -> None:
    """Remove it with its deliveries."""
    with write_transaction():
        _note(Entry.Action.DELETED, row, actor, on_behalf_of, before=_told(row))
        row.delete()


def resend(row: Delivery, *, actor: str, on_behalf_of: str = "") -> None:
    """Send it once more, under the same id. Raises `NotFinished`."""
    ended = (Delivery.Status.DELIVERED, Delivery.Status.FAILED)
    with write_transaction():
        fresh = {"status": Delivery.Status.WAITING, "attempts": 0, "next_at": timezone.now()}
        if not Delivery.objects.filter(pk=row.pk, status__in=ended).update(**fresh, finished_at=None):
            raise NotFinished
        after = {**_told(row.subscription), "delivery": str(row.pk)}
        _note(Entry.Action.CHANGED, row.subscription, actor, on_behalf_of, field="resent", after=after)
        send(row)
    row.refresh_from_db()


def send(row: Delivery) -> None:
    """Have a worker make an attempt. Part of the transaction around."""
    async_task("planning_sync.webhooks.tasks.deliver", str(row.pk))


def add_hook(replica: Replica, kind: str, *, actor: str, on_behalf_of: str = "") -> Hooked:
    """An address that takes pushes for the replica, from a host of that kind."""
    with write_transaction():
        row = Hook.objects.create(
            replica=replica,
            kind=kind,
            salt=signing.new_salt(),
            created_at=timezone.now(),
            created_by=actor,
        )
        _note_hook(Entry.Action.CREATED, row, actor, on_behalf_of)
    ensure_schedule()
    return Hooked(row, signing.secret_of(row.salt))


def remove_hook(row: Hook, *, actor: str, on_behalf_of: str = "") -> None:
    """Take no more pushes there."""
    with write_transaction():
        _note_hook(Entry.Action.DELETED, row, actor, on_behalf_of)
        row.delete()


def ensure_schedule() -> None:
    """Have the schedule be there that sends what is due."""
    if not Schedule.objects.filter(name=SCHEDULE).exists():
        kind = Schedule.MINUTES
        schedule("planning_sync.webhooks.tasks.run_due", name=SCHEDULE, schedule_type=kind, minutes=1)


def _note(
    action: str,
    row: Subscription,
    actor: str,
    on_behalf_of: str,
    *,
    field: str = "",
    before: Any = None,
    after: Any = None,
    status: str = Operation.Status.DONE,
) -> None:
    note = Note(action, item_kind=_KIND, item_id=row.pk, field=field, before=before, after=after)
    _record([note], actor, on_behalf_of, status)


def _note_hook(action: str, row: Hook, actor: str, on_behalf_of: str) -> None:
    told = {"kind": row.kind, "replica": row.replica.name}
    before, after = (told, None) if action == Entry.Action.DELETED else (None, told)
    note = Note(action, item_kind="hook", item_id=row.pk, before=before, after=after)
    _record([note], actor, on_behalf_of)


def _record(
    notes: Iterable[Note], actor: str, on_behalf_of: str, status: str = Operation.Status.DONE
) -> None:
    operation = audit.begin(Operation.Kind.ADMIN, actor=actor, on_behalf_of=on_behalf_of)
    audit.record(operation, notes)
    audit.finish(operation, status)


def _told(row: Subscription) -> dict[str, Any]:
    parts = urlsplit(row.url)
    names = sorted(replica.name for replica in row.replicas.all()) if row.limited else None
    return {"address": f"{parts.scheme}://{parts.hostname}", "events": row.events, "replicas": names}
