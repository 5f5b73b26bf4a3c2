"""How much one may send and ask: `RateLimit`, `JSONParser`."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from django.conf import settings
from django.core.cache import caches
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from planning_sync.api import principals
from planning_sync.api.errors import TooDeep, TooLarge

if TYPE_CHECKING:
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)

DEEPEST = 20
_WINDOW_SECONDS = 60
_SIGN_INS = 20
"""Attempts to get a token that one address has in a minute."""


class Allowance(NamedTuple):
    limit: int
    left: int
    resets_in: int
    """Seconds until the count starts anew."""

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(self.left, 0)),
            "RateLimit-Reset": str(self.resets_in),
        }


class RateLimit(BaseThrottle):
    """So many requests a minute for each person and each key; of who is not known, for each address.

    Counted in the default cache: with Redis by all web processes together, without it by each for itself.
    """

    def allow_request(self, request: Request, view: APIView) -> bool:
        self.allowance = _counted(*_who(request, view))
        request._allowance = self.allowance  # type: ignore[attr-defined]  # for the headers of the answer
        return self.allowance.left >= 0

    def wait(self) -> float:
        return float(self.allowance.resets_in)


def _who(request: Request, view: APIView) -> tuple[str, int]:
    if getattr(view, "is_sign_in", False):
        return f"sign-in:{request.META.get('REMOTE_ADDR', '')}", _SIGN_INS
    if request.user.is_authenticated:
        return principals.of(request).ident, settings.PLANNING_SYNC_RATE_LIMIT
    return f"address:{request.META.get('REMOTE_ADDR', '')}", settings.PLANNING_SYNC_RATE_LIMIT


def _counted(name: str, limit: int) -> Allowance:
    window, passed = divmod(int(time.time()), _WINDOW_SECONDS)
    cache, slot = caches["default"], f"rate:{name}:{window}"
    try:
        cache.add(slot, 0, 2 * _WINDOW_SECONDS)
        count = cache.incr(slot)
    except (OSError, ValueError) as error:
        # The cache is away, or has just dropped the count: serving is better than refusing.
        logger.warning("Requests cannot be counted now: %s", error)
        count = 1
    return Allowance(limit, limit - count, _WINDOW_SECONDS - passed)


class JSONParser(BaseParser):
    """JSON of a limited size and depth."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = settings.PLANNING_SYNC_BODY_BYTES
        data = stream.read(limit + 1)
        if len(data) > limit:
            raise TooLarge(limit)
        try:
            found = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not JSON: {error}. Send UTF-8 JSON.") from error
        if _is_deeper(found, DEEPEST):
            raise TooDeep(DEEPEST)
        return found


def _is_deeper(found: Any, limit: int) -> bool:
    level = [found]
    for _ in range(limit + 1):
        inner = [each for each in level if isinstance(each, dict | list)]
        if not inner:
            return False
        level = [below for each in inner for below in (each.values() if isinstance(each, dict) else each)]
    return True
