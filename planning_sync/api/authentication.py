"""Bearer tokens and API keys: `BearerAuthentication`. Browsers have their session and its CSRF check."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from planning_sync.api import services
from planning_sync.api.errors import InvalidToken
from planning_sync.api.models import ApiKey, Token

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
            return _by_key(secret)
        if scheme.lower() == "bearer":
            return _by_token(secret)
        return None

    def authenticate_header(self, request: Request) -> str:
        return REALM


def _by_token(secret: str) -> tuple[User, Token]:
    row = (
        Token.objects.select_related("user")
        .filter(hash=services.hashed(secret), kind=Token.Kind.ACCESS, revoked_at=None)
        .first()
    )
    if row is None or row.expires_at <= timezone.now() or not services.is_of(row):
        raise InvalidToken
    return row.user, row


def _by_key(secret: str) -> tuple[User, ApiKey]:
    prefix = "_".join(secret.split("_", 2)[:2])
    row = ApiKey.objects.select_related("owner").filter(prefix=prefix).first()
    now = timezone.now()
    # Compared also where there is no such key, so that the time taken does not tell.
    same = secrets.compare_digest(services.hashed(secret), row.hash if row is not None else "0" * 64)
    if row is None or not same or not row.is_valid(now) or not row.owner.is_active:
        raise InvalidToken("key")
    _note_use(row, now)
    return row.owner, row


def _note_use(key: ApiKey, now: datetime) -> None:
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _USED_EVERY)
    if key.last_used_at is None or key.last_used_at < now - _USED_EVERY:
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
