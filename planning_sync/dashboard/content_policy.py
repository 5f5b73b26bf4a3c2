"""What a browser may load for our pages: `restrict` says so in each answer (Content Security Policy).

Scripts and styles come from files of our own, none from within a page, so that text from a plan which ended
up in a page as markup could still run nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

_HEADER = "Content-Security-Policy"


@sync_and_async_middleware
def restrict(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Adds the policy to every answer that has none of its own."""
    if iscoroutinefunction(get_response):

        async def restricted_later(request: HttpRequest) -> HttpResponseBase:
            response: HttpResponseBase = await get_response(request)
            response.headers.setdefault(_HEADER, POLICY)
            return response

        return restricted_later

    def restricted(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(request)
        response.headers.setdefault(_HEADER, POLICY)
        return response

    return restricted
