"""`Idempotency-Key`: a POST sent again is answered again, and not done again. `claim`, `keep`, `release`."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import timedelta

import orjson
from django.db import IntegrityError
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from audit.transactions import write_transaction
from planning_sync.api.errors import InvalidHeader, KeyReused, StillRunning
from planning_sync.api.models import IdempotentRequest
from planning_sync.api.rendering import dump

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_LONGEST = 200
KEPT = timedelta(days=1)
_LOST = timedelta(minutes=10)
"""No request takes that long: the process that had it is gone."""
_KEPT_HEADERS = ("Location", "ETag", "Content-Type")


class Replay(Exception):
    """There is an answer already."""

    def __init__(self, response: HttpResponse) -> None:
        self.response = response


def claim(request: Request, who: str, body: bytes) -> IdempotentRequest | None:
    """The row to keep the answer with; None where the request carries no key.

    Raises `Replay` with the first answer, `KeyReused` for another request, `StillRunning`, `InvalidHeader`.
    """
    key = request.headers.get(HEADER, "")
    if not key:
        return None
    if len(key) > _LONGEST or not key.isascii() or not key.isprintable():
        raise InvalidHeader(HEADER, f"at most {_LONGEST} printable ASCII characters, such as a UUID")
    told = f"{request.method} {request.get_full_path()}\n".encode() + body
    fingerprint = hashlib.sha256(told).hexdigest()
    now = timezone.now()
    for _ in range(2):
        try:
            with write_transaction():
                IdempotentRequest.objects.filter(created_at__lt=now - KEPT).delete()
                return IdempotentRequest.objects.create(
                    who=who, key=key, fingerprint=fingerprint, created_at=now
                )
        except IntegrityError:
            pass
        row = IdempotentRequest.objects.filter(who=who, key=key).first()
        if row is not None and not _forgotten(row):
            raise _known(row, fingerprint)
    raise StillRunning


def _forgotten(row: IdempotentRequest) -> bool:
    """Remove a row that is too old, or that a dead process left."""
    age = timezone.now() - row.created_at
    if age < (KEPT if row.status is not None else _LOST):
        return False
    with write_transaction():
        IdempotentRequest.objects.filter(pk=row.pk, created_at=row.created_at).delete()
    return True


def _known(row: IdempotentRequest, fingerprint: str) -> Exception:
    if row.fingerprint != fingerprint:
        return KeyReused()
    if row.status is None:
        return StillRunning()
    response = HttpResponse(row.body.encode(), status=row.status)
    for name, value in row.headers.items():
        response.headers[name] = value
    response.headers[REPLAYED] = "true"
    return Replay(response)


def keep(row: IdempotentRequest, response: HttpResponse, secret_fields: Collection[str] = ()) -> None:
    """Remember the answer, without what is shown once only; a failure is not remembered."""
    if response.status_code >= 500:
        release(row)
        return
    body = response.content
    if secret_fields and body:
        told = orjson.loads(body)
        body = dump({name: None if name in secret_fields else value for name, value in told.items()})
    row.status, row.body = response.status_code, body.decode()
    row.headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    with write_transaction():
        row.save(update_fields=["status", "body", "headers"])


def release(row: IdempotentRequest) -> None:
    with write_transaction():
        IdempotentRequest.objects.filter(pk=row.pk).delete()
