"""Secrets and signatures, as the Standard Webhooks specification has them: `secret_of`, `headers`, `check`.

    signature = base64(HMAC-SHA256(secret, id + "." + timestamp + "." + body))

A secret is computed from the installation's secret key and the salt of its row, and stored nowhere. With
another secret key, every webhook needs a new secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping

from django.conf import settings

from planning_sync.webhooks.errors import NotSigned

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE_SECONDS = 300
"""How far the clocks of two machines may differ, and how old a request may be."""
_PREFIX = "whsec_"
_LONGEST_ID = 200


def new_salt() -> str:
    return secrets.token_hex(32)


def secret_of(salt: str) -> str:
    """The secret as both ends write it: `whsec_`, and 32 bytes in base64."""
    key = hmac.digest(settings.SECRET_KEY.encode(), f"planning-sync.webhook.{salt}".encode(), hashlib.sha256)
    return _PREFIX + base64.b64encode(key).decode()


def headers(secret: str, *, ident: str, timestamp: int, body: bytes) -> dict[str, str]:
    """What goes with a message, for the other end to check."""
    signature = f"v1,{_signature(secret, ident, str(timestamp), body)}"
    return {ID: ident, TIMESTAMP: str(timestamp), SIGNATURE: signature}


def check(secret: str, told: Mapping[str, str], body: bytes, *, now: float) -> str:
    """The id of the message; raises `NotSigned`."""
    ident, timestamp = told.get(ID, ""), told.get(TIMESTAMP, "")
    if not ident or len(ident) > _LONGEST_ID or not told.get(SIGNATURE):
        raise NotSigned(f"it needs the headers {ID}, {TIMESTAMP} and {SIGNATURE}")
    wanted = f"v1,{_signature(secret, ident, timestamp, body)}"
    if not any(_same(wanted, given) for given in told[SIGNATURE].split()[:10]):
        raise NotSigned("its signature is wrong")
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 12):
        raise NotSigned(f"{TIMESTAMP} is no number of seconds since 1970")
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise NotSigned(f"its time is more than {TOLERANCE_SECONDS} seconds away from ours")
    return ident


def check_github(secret: str, told: Mapping[str, str], body: bytes) -> None:
    """Raises `NotSigned`."""
    wanted = f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
    if not _same(wanted, told.get("x-hub-signature-256", "")):
        raise NotSigned("X-Hub-Signature-256 is missing or wrong")


def check_gitlab(secret: str, told: Mapping[str, str]) -> None:
    """Raises `NotSigned`."""
    if not _same(secret, told.get("x-gitlab-token", "")):
        raise NotSigned("X-Gitlab-Token is missing or wrong")


def _signature(secret: str, ident: str, timestamp: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{ident}.{timestamp}.".encode("utf-8", "surrogatepass") + body
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _same(wanted: str, given: str) -> bool:
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "surrogatepass"))
