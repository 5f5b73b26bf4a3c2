"""E-mails about what happened: `follow` writes them once a minute, `deliver` sends one, `due` finds others.

A look at the log makes one e-mail for each person who wants some of it, and moves the cursor on, in one
transaction: so a thousand conflicts are one e-mail, and none is told of twice. A worker that is killed just
after it has handed an e-mail over hands it over again later, under the same Message-ID.
"""

from __future__ import annotations

import logging
import smtplib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from django.core.mail import EmailMessage
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit.transactions import write_transaction
from planning_sync.live import log, topics
from planning_sync.live.events import Event
from planning_sync.live.topics import View
from planning_sync.sync.models import Replica
from planning_sync.webhooks import alerts, following
from planning_sync.webhooks.models import AlertChoice, AlertMail, AlertPosition, Delivery
from plans.models import Plan

logger = logging.getLogger(__name__)

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))
"""How long to wait after the first attempt that failed, after the second, and so on."""
LOST = timedelta(minutes=10)
"""No attempt takes that long: its worker died."""
KEPT = timedelta(days=30)
MOST_NAMES = 20
"""Plans and replicas that are named for each kind of alert."""

Status = Delivery.Status


def follow() -> list[UUID]:
    """Write what people are to be told of since the last look; the e-mails that were made."""
    with write_transaction():
        row = AlertPosition.objects.select_for_update().first()
        if row is None:
            return []
        upto = log.position()
        made = list(_made(row.cursor, upto)) if alerts.can_send() and upto != row.cursor else []
        AlertMail.objects.bulk_create(made)
        row.cursor = upto
        row.save(update_fields=["cursor"])
    return [mail.pk for mail in made]


def deliver(mail_id: UUID) -> str:
    """Make an attempt, if it is time for one; what the e-mail is then."""
    row = _claimed(mail_id)
    if row is None:
        return "nothing to do"
    try:
        _message(row).send()
    except (OSError, smtplib.SMTPException) as error:
        _failed(row, str(error))
    else:
        row.status, row.problem, row.finished_at = Status.DELIVERED, "", timezone.now()
    with write_transaction():
        row.save(update_fields=["status", "problem", "next_at", "finished_at"])
    return row.status


def due() -> list[UUID]:
    """The e-mails whose time has come; what a dead worker left is among them. Forgets those of long ago."""
    now = timezone.now()
    with write_transaction():
        AlertMail.objects.filter(status=Status.SENDING, next_at__lte=now).update(status=Status.WAITING)
        AlertMail.objects.filter(finished_at__lt=now - KEPT).delete()
    rows = AlertMail.objects.filter(status=Status.WAITING, next_at__lte=now)
    return list(rows.order_by("next_at", "pk").values_list("pk", flat=True))


# ------------------------------------------------------------------------------------------ writing


def _made(cursor: str, upto: str) -> Iterator[AlertMail]:
    rows = AlertChoice.objects.select_related("user").filter(user__is_active=True).exclude(user__email="")
    wanting = [row for row in rows if row.kinds]
    events = following.events_between(cursor, upto) if wanting else ()
    for row in wanting:
        if events is None:
            yield _mail(row, _("Much has happened"), [_("More than can be told one by one: have a look.")])
        elif told := list(_wanted(row, events)):
            yield _digest(row, told)


def _wanted(row: AlertChoice, events: Iterable[Event]) -> Iterator[Event]:
    """Of what the person may see now."""
    may = topics.allowed_to(row.user)
    view = View(frozenset(topics.PERMISSIONS), frozenset(), may.families, may.replicas)
    for event in events:
        if event.type in row.kinds and event.at >= row.since and view.shows(event):
            yield event


def _digest(row: AlertChoice, events: Sequence[Event]) -> AlertMail:
    title = ngettext("%(count)d alert", "%(count)d alerts", len(events)) % {"count": len(events)}
    return _mail(row, title, _told(events))


def _told(events: Sequence[Event]) -> Iterator[str]:
    """For each kind of alert a line, and below it what it is about."""
    plans = dict(Plan.objects.filter(pk__in={event.plan for event in events}).values_list("pk", "title"))
    replicas = Replica.names()
    for kind, says in alerts.KINDS.items():
        of_kind = [event for event in events if event.type == kind]
        if not of_kind:
            continue
        yield f"{says}: {len(of_kind)}"
        about = Counter(_about(event, plans, replicas) for event in of_kind)
        for name, count in about.most_common(MOST_NAMES):
            yield f"  {name}: {count}" if count > 1 else f"  {name}"
        if len(about) > MOST_NAMES:
            yield "  " + _("and %(count)d more") % {"count": len(about) - MOST_NAMES}
        yield ""


def _about(event: Event, plans: Mapping[UUID, str], replicas: Mapping[UUID, str]) -> str:
    plan = plans.get(event.plan) if event.plan else None
    replica = replicas.get(event.replica) if event.replica else None
    return ", ".join(filter(None, (plan, replica))) or _("the hub")


def _mail(row: AlertChoice, title: str, lines: Iterable[str]) -> AlertMail:
    now = timezone.now()
    subject = f"[Planning Sync] {title}"
    return AlertMail(user=row.user, subject=subject, body="\n".join(lines), next_at=now, created_at=now)


# ------------------------------------------------------------------------------------------ sending


def _claimed(mail_id: UUID) -> AlertMail | None:
    now = timezone.now()
    waiting = AlertMail.objects.filter(pk=mail_id, status=Status.WAITING, next_at__lte=now)
    with write_transaction():
        told = {"status": Status.SENDING, "attempts": F("attempts") + 1, "next_at": now + LOST}
        claimed = waiting.update(**told)
    return AlertMail.objects.select_related("user").get(pk=mail_id) if claimed else None


def _message(row: AlertMail) -> EmailMessage:
    headers = {"Message-ID": f"<{row.pk}@planning-sync>", "Auto-Submitted": "auto-generated"}
    return EmailMessage(row.subject, row.body, to=[row.user.email], headers=headers)


def _failed(row: AlertMail, problem: str) -> None:
    now = timezone.now()
    logger.warning("E-mail %s to %s, attempt %d: %s", row.pk, row.user, row.attempts, problem)
    row.problem = problem
    if row.attempts <= len(PAUSES):
        row.status, row.next_at = Status.WAITING, now + PAUSES[row.attempts - 1]
    else:
        row.status, row.finished_at = Status.FAILED, now
