"""Every write to tokens and keys: `issue`, `refresh`, `revoke`, `make_key`, `revoke_key`."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db.models import Q
from django.utils import timezone

from audit.ids import new_id
from audit.transactions import write_transaction
from planning_sync.api.errors import InvalidToken
from planning_sync.api.models import ApiKey, Token
from planning_sync.sync.models import Replica

logger = logging.getLogger(__name__)

TOKEN_MARK = "pst_"  # noqa: S105  # how they begin
KEY_MARK = "psk_"


class Issued(NamedTuple):
    """Both secrets in plain text: they are not kept, and not shown again."""

    access: str
    refresh: str
    expires_in: int
    """Seconds that the access token is good for."""


class Made(NamedTuple):
    key: ApiKey
    secret: str
    """In plain text: it is not kept, and not shown again."""


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def issue(user: User) -> Issued:
    """A pair of tokens for a person whose password was checked. Those of anybody that expired are removed."""
    now = timezone.now()
    with write_transaction():
        Token.objects.filter(expires_at__lt=now).delete()
        return _pair(user, new_id(), now)


def refresh(secret: str) -> Issued:
    """A new pair for a refresh token, which is used up. Raises `InvalidToken`.

    One that was used up before may be stolen: then its whole family ends.
    """
    now = timezone.now()
    issued = None
    with write_transaction():
        row = (
            Token.objects.select_related("user").filter(hash=hashed(secret), kind=Token.Kind.REFRESH).first()
        )
        if row is not None and row.expires_at > now and is_of(row):
            unused = _revoke(Q(pk=row.pk), now)
            _revoke(Q(family=row.family), now)
            if unused:
                issued = _pair(row.user, row.family, now)
            else:
                logger.warning(
                    "A used refresh token of %s came again: its family ends", row.user.get_username()
                )
    if issued is None:
        raise InvalidToken("refresh token")
    return issued


def revoke(secret: str) -> None:
    """End the token, be it access or refresh, with its family. An unknown one is no error."""
    with write_transaction():
        family = Token.objects.filter(hash=hashed(secret)).values_list("family", flat=True).first()
        if family is not None:
            _revoke(Q(family=family), timezone.now())


def is_of(token: Token) -> bool:
    """Whether its person may still sign in, and with the same password as when it was issued."""
    user = token.user
    return user.is_active and secrets.compare_digest(token.password_mark, user.get_session_auth_hash())


def make_key(
    name: str,
    *,
    owner: User,
    actor: str,
    roles: Collection[Group] = (),
    replicas: Collection[Replica] = (),
    expires_at: datetime | None = None,
) -> Made:
    """A new key; its secret is in the answer and nowhere else."""
    prefix = KEY_MARK + secrets.token_hex(4)
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    with write_transaction():
        key = ApiKey.objects.create(
            name=name,
            prefix=prefix,
            hash=hashed(secret),
            owner=owner,
            has_roles=bool(roles),
            limited=bool(replicas),
            created_at=timezone.now(),
            created_by=actor,
            expires_at=expires_at,
        )
        key.roles.set(roles)
        key.replicas.set(replicas)
    logger.info("API key %s (%s) for %s made by %s", name, prefix, owner.get_username(), actor)
    return Made(key, secret)


def revoke_key(key: ApiKey, *, actor: str) -> None:
    """End the key, at once and for good."""
    with write_transaction():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
            logger.info("API key %s (%s) revoked by %s", key.name, key.prefix, actor)
    key.refresh_from_db()


def _pair(user: User, family: UUID, now: datetime) -> Issued:
    minutes, days = settings.PLANNING_SYNC_TOKEN_MINUTES, settings.PLANNING_SYNC_REFRESH_DAYS
    seconds = 60 * minutes
    lifetimes = {Token.Kind.ACCESS: timedelta(seconds=seconds), Token.Kind.REFRESH: timedelta(days=days)}
    plain = {kind: TOKEN_MARK + secrets.token_urlsafe(32) for kind in lifetimes}
    Token.objects.bulk_create(
        Token(
            user=user,
            kind=kind,
            family=family,
            hash=hashed(plain[kind]),
            password_mark=user.get_session_auth_hash(),
            created_at=now,
            expires_at=now + lifetime,
        )
        for kind, lifetime in lifetimes.items()
    )
    return Issued(plain[Token.Kind.ACCESS], plain[Token.Kind.REFRESH], seconds)


def _revoke(which: Q, now: datetime) -> int:
    return Token.objects.filter(which, revoked_at=None).update(revoked_at=now)
