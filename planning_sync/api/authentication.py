"""Bearer tokens and API keys: `BearerAuthentication`. Browsers have their session and its CSRF check.

Who is let in and who is not is in the audit log; `services` writes down how tokens and keys come and go.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from functools import partial

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from audit import context
from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Visit
from audit.transactions import write_transaction
from planning_sync.api import principals, services
from planning_sync.api.errors import InvalidToken
from planning_sync.api.models import ApiKey, Token
from planning_sync.sync import background

REALM = 'Bearer realm="planning-sync"'
_USED_EVERY = timedelta(minutes=1)
"""How exact "last used" is: not every request is to write."""


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN-OR-KEY`, or `Authorization: Api-Key KEY`."""

    def authenticate(self, request: Request) -> tuple[User, Token | ApiKey] | None:
        scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        secret = secret.strip()
        if scheme.lower() == "api-key" or (
            scheme.lower() == "bearer" and secret.startswith(services.KEY_MARK)
        ):
            return _by_key(secret, principals.on_behalf_of(request))
        if scheme.lower() == "bearer":
            return _by_token(secret)
        return None

    def authenticate_header(self, request: Request) -> str:
        return REALM


def _by_token(secret: str) -> tuple[User, Token]:
    row = (
        Token.objects.select_related("user")
        .filter(hash=services.hashed(secret), kind=Token.Kind.ACCESS)
        .first()
    )
    context.refine(via=Operation.Via.TOKEN)
    if (
        row is None
        or row.revoked_at is not None
        or row.expires_at <= timezone.now()
        or not services.is_of(row)
    ):
        services.note_refused_token(row)
        raise InvalidToken
    context.refine(name=row.user.get_username)
    return row.user, row


def _by_key(secret: str, on_behalf_of: str) -> tuple[User, ApiKey]:
    prefix = "_".join(secret.split("_", 2)[:2])
    row = ApiKey.objects.select_related("owner").filter(prefix=prefix).first()
    now = timezone.now()
    # Compared also where there is no such key, so that the time taken does not tell.
    same = secrets.compare_digest(services.hashed(secret), row.hash if row is not None else "0" * 64)
    context.refine(via=Operation.Via.KEY)
    if row is None or not same or not row.is_valid(now) or not row.owner.is_active:
        services.note_refused_key(row)
        raise InvalidToken("key")
    actor = row.actor
    context.refine(name=lambda: actor)
    principals.tell_log_for_whom(on_behalf_of)
    visit = audit.count_visit(Entry.Action.USED, actor=actor)
    if visit is not None or _is_stale(row, now):
        background.do((row.pk, now), partial(_note_use, row, visit, now))
    return row.owner, row


def _is_stale(key: ApiKey, now: datetime) -> bool:
    return key.last_used_at is None or key.last_used_at < now - _USED_EVERY


def _note_use(key: ApiKey, visit: Visit | None, now: datetime) -> None:
    with write_transaction():
        if visit is not None:
            audit.note_visit(visit)
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _USED_EVERY)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
