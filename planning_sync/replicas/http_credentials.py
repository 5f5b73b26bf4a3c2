"""How requests say who sends them: `signer`, `SCHEMES`; and where secrets are: `reveal`, `known_names`.

A replica names its secret and never holds it: `env:PLANNING_SYNC_REPLICA_ROADMAP` is that environment
variable, or the content of the file that `PLANNING_SYNC_REPLICA_ROADMAP_FILE` names. No other variables
can be named, so that whoever may edit a replica cannot have the server's own secrets sent somewhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from planning_sync.replicas.errors import CredentialsMissing

PREFIX = "PLANNING_SYNC_REPLICA_"
KEY_HEADER = "X-API-Key"
TIMESTAMP_HEADER = "X-Signature-Timestamp"
SIGNATURE_HEADER = "X-Signature"
TOKEN_SECONDS = 300
"""How long a token that was minted for one request is good for."""
_NAMED = re.compile(rf"env:({PREFIX}(?!(ROOTS|SERVICES)\Z)[A-Z0-9_]+)\Z")


class Request(NamedTuple):
    """What of a request is signed."""

    method: str
    target: str
    """Path and query, as sent."""
    body: bytes


Signer = Callable[[Request], Mapping[str, str]]
"""The headers that go with a request. Raises `CredentialsMissing`."""


def is_name(named: str) -> bool:
    return bool(_NAMED.match(named))


def known_names() -> list[str]:
    """The names of the secrets that are set here."""
    named = (f"env:{variable.removesuffix('_FILE')}" for variable in os.environ)
    return sorted({name for name in named if is_name(name)})


def reveal(named: str) -> str:
    """The secret of that name; looked up anew each time, so that it can be changed without a restart.

    :raises CredentialsMissing: when it is not set, or its file cannot be read.
    """
    found = _NAMED.match(named)
    if not found:
        raise CredentialsMissing(named, f"is not env:{PREFIX} and a name")
    variable = found[1]
    if variable in os.environ:
        secret = os.environ[variable].strip()
    elif f"{variable}_FILE" in os.environ:
        secret = _content_of(os.environ[f"{variable}_FILE"], named)
    else:
        raise CredentialsMissing(named, "is not set")
    if not secret:
        raise CredentialsMissing(named, "is empty")
    return secret


def _content_of(place: str, named: str) -> str:
    try:
        return Path(place).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsMissing(
            named, f"is in a file that cannot be read ({type(error).__name__})"
        ) from error


def signer(scheme: str, named: str, *, clock: Callable[[], float] = time.time) -> Signer:
    """One of `SCHEMES`, with the secret of that name."""
    return SCHEMES[scheme](named, clock)


def _unsigned(named: str, clock: Callable[[], float]) -> Signer:
    return lambda request: {}


def _key(named: str, clock: Callable[[], float]) -> Signer:
    return lambda request: {KEY_HEADER: reveal(named)}


def _bearer(named: str, clock: Callable[[], float]) -> Signer:
    return lambda request: {"Authorization": f"Bearer {reveal(named)}"}


def _jwt(named: str, clock: Callable[[], float]) -> Signer:
    """A token (RFC 7519, HS256) for each request, minted from the shared secret."""

    def sign(request: Request) -> Mapping[str, str]:
        now = int(clock())
        claims = {"iss": "planning-sync", "iat": now, "exp": now + TOKEN_SECONDS}
        signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
        digest = hmac.digest(reveal(named).encode(), signed.encode(), hashlib.sha256)
        return {"Authorization": f"Bearer {signed}.{_base64(digest)}"}

    return sign


def _hmac(named: str, clock: Callable[[], float]) -> Signer:
    """The hexadecimal HMAC-SHA256 of time, method, target and the body's SHA-256, one to a line."""

    def sign(request: Request) -> Mapping[str, str]:
        timestamp = str(int(clock()))
        body = hashlib.sha256(request.body).hexdigest()
        signed = "\n".join((timestamp, request.method, request.target, body))
        digest = hmac.new(reveal(named).encode(), signed.encode(), hashlib.sha256).hexdigest()
        return {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: digest}

    return sign


def _part(content: Mapping[str, object]) -> str:
    return _base64(json.dumps(content, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


SCHEMES: Mapping[str, Callable[[str, Callable[[], float]], Signer]] = {
    "none": _unsigned,
    "key": _key,
    "bearer": _bearer,
    "jwt": _jwt,
    "hmac": _hmac,
}
