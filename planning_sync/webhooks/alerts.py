"""What people are told by e-mail: `KINDS`, `can_send`, `choices`, `choose`. `alerting` writes and sends."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from planning_sync.live import log
from planning_sync.live.events import (
    CONFLICT_EVENTS,
    GUARD_REFUSED,
    REPLICA_OFFLINE,
    REPLICA_ONLINE,
    SEARCH_DRIFTED,
    SYNC_FAILED,
    VALIDATION_FAILED,
)
from planning_sync.webhooks import services
from planning_sync.webhooks.errors import UnknownAlert
from planning_sync.webhooks.models import AlertChoice, AlertPosition

CONFLICT_OPENED = CONFLICT_EVENTS[Entry.Action.OPENED]

KINDS: Mapping[str, Promise] = {
    CONFLICT_OPENED: _("A conflict waits for a decision"),
    SYNC_FAILED: _("A sync failed"),
    GUARD_REFUSED: _("A guard refused what looks like damage"),
    REPLICA_OFFLINE: _("A replica is not there"),
    REPLICA_ONLINE: _("A replica is back"),
    VALIDATION_FAILED: _("The score of a plan fell"),
    SEARCH_DRIFTED: _("The search index was apart from the hub, and is mended"),
}
"""By the type of the event, what it says to a person."""


def can_send() -> bool:
    """Whether this installation has a server for outgoing mail."""
    return bool(settings.EMAIL_HOST)


def choices(user: User) -> frozenset[str]:
    """Of what this person wants to be told."""
    row = AlertChoice.objects.filter(user=user).first()
    return frozenset(row.kinds) if row is not None else frozenset()


def choose(user: User, kinds: Collection[str], *, actor: str, on_behalf_of: str = "") -> None:
    """Tell this person of these, from now on, and of nothing else. Raises `UnknownAlert`."""
    for kind in kinds:
        if kind not in KINDS:
            raise UnknownAlert(kind, KINDS)
    wanted = sorted(set(kinds))
    with write_transaction():
        before = sorted(choices(user))
        if before == wanted:
            return
        AlertPosition.objects.get_or_create(pk=1, defaults={"cursor": log.position()})
        told = {"kinds": wanted, "since": timezone.now()}
        AlertChoice.objects.update_or_create(user=user, defaults=told)
        name = user.get_username()
        note = Note(
            *(Entry.Action.CHANGED, None, "alerts", None, "kinds"),
            before={"user": name, "kinds": before},
            after={"user": name, "kinds": wanted},
        )
        audit.note_done(Operation.Kind.ADMIN, [note], actor=actor, on_behalf_of=on_behalf_of)
    services.ensure_schedule()
