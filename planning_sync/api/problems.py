"""Every error as a problem document (RFC 9457): `answer`, `handle` (for DRF), `tell` (to add a kind).

`type` is `urn:planning-sync:problem:` and a slug; docs/api.md has a paragraph for each. A slug never changes
its meaning. A module that brings errors of its own names them by `tell`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.views import set_rollback

from planning_sync.api import errors as ours
from planning_sync.api.rendering import dump
from planning_sync.replicas.errors import ReplicaError
from planning_sync.sync import errors as syncs
from plans import errors as plans

logger = logging.getLogger(__name__)

PREFIX = "urn:planning-sync:problem:"
MEDIA_TYPE = "application/problem+json"

More = Callable[[Any], dict[str, Any]]
"""Members that an error adds to its problem."""


class Kind(NamedTuple):
    slug: str
    status: int
    title: str


KINDS: dict[str, Kind] = {}
"""Every kind of problem by its slug."""
_BY_ERROR: dict[type[Exception], tuple[Kind, More]] = {}


def tell(slug: str, status: int, title: str, *errors: type[Exception], more: More = lambda error: {}) -> None:
    """Have these errors be answered by a problem of this kind; the most specific class of an error counts."""
    kind = KINDS.setdefault(slug, Kind(slug, status, title))
    assert kind == (slug, status, title), f"{slug} means two things"
    for error in errors:
        _BY_ERROR[error] = (kind, more)


def _at(field: str, message: str) -> dict[str, Any]:
    return {"errors": {field: [message]}}


tell("malformed", 400, "The request cannot be read", exceptions.ParseError, ours.TooDeep)
tell(
    *("invalid-input", 400, "A field is missing, unknown or of the wrong kind"),
    *(exceptions.ValidationError, ours.InvalidCursor, ours.InvalidHeader),
)
tell(
    *("unauthenticated", 401, "Sign in first"),
    *(
        exceptions.NotAuthenticated,
        exceptions.AuthenticationFailed,
        ours.InvalidToken,
        ours.InvalidCredentials,
    ),
)
tell(
    *("forbidden", 403, "This is not allowed to you"),
    *(exceptions.PermissionDenied, PermissionDenied, ours.Limited),
)
tell(
    *("not-found", 404, "There is no such thing"),
    *(
        exceptions.NotFound,
        Http404,
        plans.NotFound,
        syncs.UnknownReplica,
        syncs.UnknownOperation,
        ours.NoDocument,
    ),
)
tell("method-not-allowed", 405, "This address does not take that method", exceptions.MethodNotAllowed)
tell("not-acceptable", 406, "There is no answer of the kind asked for", exceptions.NotAcceptable)
tell(
    *("stale", 409, "It changed since you looked"),
    ours.OutOfStep,
    more=lambda error: {"revision": error.revision, "present": error.present},
)
tell(
    "stale",
    409,
    "It changed since you looked",
    plans.OutOfDate,
    more=lambda error: {"revision": error.present},
)
tell("busy", 409, "Something else is at work on it", ours.StillRunning, syncs.Busy, syncs.Unsettled)
tell("refused", 409, "This cannot be done as things are", syncs.SyncError, plans.PlansError)
tell("too-large", 413, "The body is too large", ours.TooLarge)
tell("unsupported-media-type", 415, "The body is of an unknown kind", exceptions.UnsupportedMediaType)
tell(
    *("invalid-value", 422, "A value cannot be taken"),
    plans.InvalidValue,
    more=lambda error: _at(error.field, str(error)),
)
tell("invalid-place", 422, "It cannot stand there", plans.InvalidPlace)
tell("idempotency-key-reused", 422, "That Idempotency-Key belongs to another request", ours.KeyReused)
tell("not-renderable", 422, "The document cannot be shown", plans.NotRenderable)
tell("rate-limited", 429, "Too many requests", exceptions.Throttled)
tell("internal", 500, "Something broke here")
tell("unavailable", 503, "It cannot be reached now", OperationalError, ReplicaError)

_BY_STATUS = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    413: "too-large",
    415: "unsupported-media-type",
    429: "rate-limited",
    500: "internal",
    503: "unavailable",
}

_TOLD = "If it stays so, tell whoever runs this server; its log has the details."


def document(slug: str, detail: str, **more: Any) -> dict[str, Any]:
    kind = KINDS[slug]
    return {"type": PREFIX + slug, "title": kind.title, "status": kind.status, "detail": detail, **more}


def answer(slug: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> HttpResponse:
    body = dump(document(slug, detail, **more))
    response = HttpResponse(body, status=KINDS[slug].status, content_type=MEDIA_TYPE)
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def of_status(status: int) -> HttpResponse:
    """The problem for an answer that Django itself made."""
    slug = _BY_STATUS.get(status, "internal" if status >= 500 else "malformed")
    details = {
        "not-found": "There is nothing at this address. GET /api/v1/schema lists every address.",
        "forbidden": "The request was refused. A browser has to send its CSRF token.",
        "malformed": "The request was refused. Check its address, its headers and its host name.",
    }
    return answer(slug, details.get(slug, _TOLD))


def handle(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """The answer to an error of a view; None for one that nobody expected."""
    found = next((_BY_ERROR[each] for each in type(error).__mro__ if each in _BY_ERROR), None)
    if found is None:
        return None
    kind, more = found
    set_rollback()
    if kind.status >= 500:
        logger.warning("%s %s: %s", context["request"].method, context["request"].path, error)
    detail = _TOLD if isinstance(error, OperationalError) else _detail(error)
    return answer(kind.slug, detail, headers=_headers(error, kind), **_more(error, more))


def _detail(error: Exception) -> str:
    if isinstance(error, exceptions.ValidationError):
        return "See `errors`: each field at fault, and what it takes. The schema is at /api/v1/schema."
    if isinstance(error, exceptions.Throttled):
        return f"Wait {_wait(error)} seconds, then go on."
    if isinstance(error, exceptions.NotAuthenticated):
        return (
            "Send `Authorization: Bearer TOKEN`; POST /api/v1/auth/token gives one for a name and a password."
        )
    if isinstance(error, Http404 | exceptions.NotFound):
        return "There is no such thing here, or it is not yours to see."
    if isinstance(error, exceptions.APIException):
        return str(error.detail)
    return str(error)


def _more(error: Exception, more: More) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        return {"errors": dict(_by_field(error.detail))}
    return more(error)


def _by_field(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """(field, its messages); a field inside of another is `outer.inner`, one of a list `outer.3`."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _by_field(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list) and any(isinstance(each, dict | list) for each in detail):
        for number, inner in enumerate(detail):
            yield from _by_field(inner, f"{path}.{number}" if path else str(number))
    elif detail:
        yield path or "body", [str(each) for each in (detail if isinstance(detail, list) else [detail])]


def _headers(error: Exception, kind: Kind) -> dict[str, str]:
    headers: dict[str, str] = {}
    if kind.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="planning-sync"'
    if isinstance(error, exceptions.Throttled):
        headers["Retry-After"] = _wait(error)
    if kind.status == 503:
        headers["Retry-After"] = "5"
    if isinstance(error, ours.OutOfStep):
        headers["ETag"] = f'"{error.revision}"'
    return headers


def _wait(error: exceptions.Throttled) -> str:
    """Seconds, as the throttle said them."""
    return f"{getattr(error, 'wait', None) or 1:.0f}"
