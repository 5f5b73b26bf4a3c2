"""Every write to tokens and keys: `issue`, `refresh`, `revoke`, `make_key`, `revoke_key`.

Each is in the audit log, without the secrets; and by `note_refused_token` and `note_refused_key`, who was not
let in.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db.models import Q
from django.utils import timezone

from audit import services as audit
from audit.ids import new_id
from audit.models import Entry, Operation
from audit.services import Note
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
        issued = _pair(user, new_id(), now)
        _note_token(Entry.Action.LOGGED_IN, user, "password")
    return issued


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
                _note_token(Entry.Action.LOGGED_IN, row.user, "refresh token")
            else:
                logger.warning(
                    "A used refresh token of %s came again: its family ends", row.user.get_username()
                )
    if issued is None:
        note_refused_token(row, "refresh token")
        raise InvalidToken("refresh token")
    return issued


def revoke(secret: str) -> None:
    """End the token, be it access or refresh, with its family. An unknown one is no error."""
    with write_transaction():
        row = Token.objects.select_related("user").filter(hash=hashed(secret)).first()
        if row is not None and _revoke(Q(family=row.family), timezone.now()):
            _note_token(Entry.Action.LOGGED_OUT, row.user, "token")


def note_refused_token(row: Token | None, what: str = "token") -> None:
    """Write down that one was shown and not taken: whose it is, or was, where that is known."""
    told = {"with": what, "user": row.user.get_username() if row is not None else None}
    audit.note_access(Entry.Action.REFUSED, actor="anonymous", after=told)


def note_refused_key(row: ApiKey | None) -> None:
    """The same of a key; `row` is that of its prefix, which somebody may only have guessed."""
    told = {"with": "key", "key": row.name if row is not None else None}
    audit.note_access(Entry.Action.REFUSED, actor="anonymous", after=told)


def _note_token(action: str, user: User, by: str) -> None:
    audit.note_access(action, actor=user.get_username(), after={"with": by})


def is_of(token: Token) -> bool:
    """Whether its person may still sign in, and with the same password as when it was issued."""
    user = token.user
    return user.is_active and secrets.compare_digest(token.password_mark, user.get_session_auth_hash())


def make_key(
    name: str,
    *,
    owner: User,
    actor: str,
    on_behalf_of: str = "",
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
        note = Note(Entry.Action.CREATED, item_kind="key", item_id=key.pk, after=_told(key))
        audit.note_done(Operation.Kind.ADMIN, [note], actor=actor, on_behalf_of=on_behalf_of)
    logger.info("API key %s (%s) for %s made by %s", name, prefix, owner.get_username(), actor)
    return Made(key, secret)


def revoke_key(key: ApiKey, *, actor: str, on_behalf_of: str = "") -> None:
    """End the key, at once and for good."""
    with write_transaction():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
            note = Note(Entry.Action.REVOKED, item_kind="key", item_id=key.pk, before=_told(key))
            audit.note_done(Operation.Kind.ADMIN, [note], actor=actor, on_behalf_of=on_behalf_of)
            logger.info("API key %s (%s) revoked by %s", key.name, key.prefix, actor)
    key.refresh_from_db()


def _told(key: ApiKey) -> dict[str, Any]:
    """For the log: what the key may do, and how it begins; not the key, nor its hash."""
    return {
        "key": key.name,
        "prefix": key.prefix,
        "owner": key.owner.get_username(),
        "roles": sorted(role.name for role in key.roles.all()) if key.has_roles else None,
        "replicas": sorted(replica.name for replica in key.replicas.all()) if key.limited else None,
        "expires_at": key.expires_at.isoformat() if key.expires_at is not None else None,
    }


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
