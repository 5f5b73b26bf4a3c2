"""Asking a service over HTTP, as replicas that are services do: `Service`, `Limits`, `Answer`.

A request that failed on the way is repeated, after a growing wait, only where a second one does no harm:
those that read, and those that write under a condition (`If-Match`, `If-None-Match`). All tries of a write
carry the same `Idempotency-Key`. Whoever writes has to expect that a write whose answer was lost was done.

Nothing is sent to another host than the one named: redirects are not followed. Certificates are checked.
"""

from __future__ import annotations

import atexit
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

from planning_sync.replicas.errors import PlanUnreadable, ServiceAway, Unreadable, WriteFailed
from planning_sync.replicas.http_credentials import Request, Signer

if TYPE_CHECKING:
    import httpx  # takes a quarter of a second, which commands that ask no service do not have

FIRST_WAIT_SECONDS = 0.2
_READS = frozenset({"GET", "HEAD"})
_CONDITIONS = frozenset({"If-Match", "If-None-Match"})
_PASSING = frozenset({429, 502, 503, 504})
"""Answers that say nothing about the request: another moment may bring another one."""
_REFUSED = frozenset({401, 403, 407})
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_random = random.SystemRandom()


@dataclass(frozen=True)
class Limits:
    connect_seconds: float = 3.0
    answer_seconds: float = 10.0
    """For one answer, however much of it drips in."""
    patience_seconds: float = 20.0
    """For all tries of one request."""
    tries: int = 3
    bytes: int = 20 * 1024 * 1024
    """Of one body, either way, as it is once decompressed."""
    per_minute: int = 600
    """Requests that this process sends to one service."""


DEFAULT_LIMITS = Limits()


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """By name in any letter case."""
    data: bytes


class Service:
    """What stands at `base_url`."""

    def __init__(
        self,
        base_url: str,
        sign: Signer,
        limits: Limits = DEFAULT_LIMITS,
        *,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._sign = sign
        self._limits = limits
        self._pause = pause

    def ask(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer, with any status but those which say that the service cannot be used now.

        :raises ServiceAway: when there is none, or it is one of those.
        :raises PlanUnreadable: when the answer is larger than the limit.
        :raises WriteFailed: when the body is.
        """
        if len(body) > self._limits.bytes:
            told = f"it has {len(body):,} bytes, and the limit is {self._limits.bytes:,}"
            raise WriteFailed(path, told, "Split the plan, or raise the replica's limit.")
        request = self._request(method, path, body, headers or {})
        repeatable = method in _READS or bool(_CONDITIONS & (headers or {}).keys())

        over_at = time.monotonic() + self._limits.patience_seconds
        number = 0
        while True:
            try:
                return self._try(request, path)
            except _Passing as passing:
                number += 1
                wait = max(_backoff_seconds(number), passing.failure.retry_after_seconds)
                over = number == self._limits.tries or time.monotonic() + wait > over_at
                if over or not (repeatable or passing.undone):
                    raise passing.failure from passing.__cause__
                self._pause(wait)

    def _request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Request:
        import httpx

        limits = self._limits
        told = {"Idempotency-Key": uuid4().hex} if method not in _READS else {"Cache-Control": "no-cache"}
        return _client(self.base_url).build_request(
            *(method, f"{self.base_url}/{path}"),
            content=body or None,
            headers={**told, **headers},
            timeout=httpx.Timeout(limits.answer_seconds, connect=limits.connect_seconds),
        )

    def _try(self, request: httpx.Request, path: str) -> Answer:
        """One exchange; raises `_Passing` where another one may go better."""
        import httpx

        signed = Request(request.method, request.url.raw_path.decode("ascii"), request.content)
        request.headers.update(self._sign(signed))
        _pace(self.base_url, self._limits.per_minute).wait(self._pause)
        try:
            answer = self._exchange(request, path)
        except (httpx.TransportError, httpx.DecodingError) as error:
            never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            raise _Passing(self._away(_reason(error)), undone=never_sent) from error
        if answer.status in _PASSING:
            wait = _retry_after_seconds(answer.headers.get("Retry-After", ""))
            raise _Passing(self._away(f"answered {answer.status}", wait), undone=answer.status == 429)
        return self._usable(answer)

    def _exchange(self, request: httpx.Request, path: str) -> Answer:
        import httpx

        over_at = time.monotonic() + self._limits.answer_seconds
        response = _client(self.base_url).send(request, stream=True)
        try:
            data = bytearray()
            for piece in response.iter_bytes():
                data += piece
                if len(data) > self._limits.bytes:
                    told = f"more than {self._limits.bytes:,} bytes, which is the limit"
                    raise PlanUnreadable(path, Unreadable.TOO_LARGE, told)
                if time.monotonic() > over_at:
                    raise httpx.ReadTimeout("its answer drips in", request=request)
        finally:
            response.close()
        return Answer(response.status_code, response.headers, bytes(data))

    def _usable(self, answer: Answer) -> Answer:
        if answer.status in _REFUSED:
            raise self._away(f"answered {answer.status}: it does not accept the credentials")
        if 300 <= answer.status < 400 and answer.status != 304:
            place = answer.headers.get("Location", "nowhere")
            raise self._away(f"answered {answer.status}, a redirect to {place}, and those are not followed")
        if answer.status >= 500:
            raise self._away(f"answered {answer.status}")
        return answer

    def _away(self, reason: str, retry_after_seconds: float = 0.0) -> ServiceAway:
        return ServiceAway(self.base_url, reason, retry_after_seconds)


def address_problem(base_url: str, *, plain: bool) -> str:
    """Why this cannot be the address of a service; "" where it can. `plain`: HTTP without TLS will do."""
    found = urlsplit(base_url)
    if found.scheme not in ("http", "https") or not found.hostname:
        return "it is not an address such as https://plans.example.org/api/v1"
    if found.username or found.password or found.query or found.fragment:
        return "it must have no user, password, query or fragment; a secret is named by the option `secret`"
    if found.scheme == "http" and not plain and found.hostname not in _LOCAL:
        return "it is not https; to send plans and secrets without encryption, say so by the option `plain`"
    return ""


# ------------------------------------------------------------------------------------- waiting


class _Passing(Exception):
    """A try failed that may be repeated. `undone`: it surely had no effect at the service."""

    def __init__(self, failure: ServiceAway, *, undone: bool) -> None:
        super().__init__(failure)
        self.failure = failure
        self.undone = undone


class Pace:
    """Lets one through each so many seconds, in any thread."""

    def __init__(self, per_minute: int) -> None:
        self._apart_seconds = 60.0 / per_minute
        self._lock = threading.Lock()
        self._next_at = 0.0

    def wait(self, pause: Callable[[float], None]) -> None:
        with self._lock:
            now = time.monotonic()
            # What was not used for a second is had at once, so that a burst is not slowed to a walk.
            at = max(self._next_at, now - 1.0)
            self._next_at = at + self._apart_seconds
        if at > now:
            pause(at - now)


@lru_cache(maxsize=64)
def _pace(base_url: str, per_minute: int) -> Pace:
    return Pace(per_minute)


_clients: dict[tuple[int, str], httpx.Client] = {}
_opening = threading.Lock()


def _client(base_url: str) -> httpx.Client:
    """One for each service, which keeps its connections from pass to pass."""
    import httpx

    spot = os.getpid(), base_url  # connections that a fork copied are its parent's
    with _opening:
        if spot not in _clients:
            # Not compressed: a proxy that compresses makes of the ETag one that is good for no condition.
            told = {
                "User-Agent": "Planning-Sync",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            }
            _clients[spot] = httpx.Client(headers=told)
        return _clients[spot]


def close_all() -> None:
    """Close the connections to every service; those asked again get new ones."""
    with _opening:
        while _clients:
            _clients.popitem()[1].close()


atexit.register(close_all)


def _backoff_seconds(number: int) -> float:
    return FIRST_WAIT_SECONDS * 2.0 ** (number - 1) * (0.5 + _random.random())


def _retry_after_seconds(told: str) -> float:
    """Seconds, or a date (RFC 9110); 0 where it says nothing that makes sense."""
    if told.isascii() and told.isdecimal() and len(told) < 7:
        return float(told)
    try:
        at = parsedate_to_datetime(told)
    except ValueError:
        return 0.0
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _reason(error: httpx.TransportError | httpx.DecodingError) -> str:
    import httpx

    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return "cannot be reached in time"
    if isinstance(error, httpx.TimeoutException):
        return "did not answer in time"
    if isinstance(error, httpx.ConnectError):
        return f"cannot be reached ({error})"
    return f"broke off its answer ({error})"
