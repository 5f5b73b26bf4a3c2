"""Tells the log where each request comes from, and which were forbidden: `trace_origin`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from audit import context, services
from audit.addresses import client_address
from audit.models import Entry, Operation

_LONGEST_PATH = 200


@sync_and_async_middleware
def trace_origin(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Stands outside of what may forbid a request: the check of forms, and that of who is signed in."""
    if iscoroutinefunction(get_response):
        answer = cast(Callable[[HttpRequest], Awaitable[HttpResponseBase]], get_response)

        async def trace_async(request: HttpRequest) -> HttpResponseBase:
            with context.origin(**_origin(request)):
                response = await answer(request)
                if response.status_code == HTTPStatus.FORBIDDEN:
                    await sync_to_async(_note_forbidden)(request)
            return response

        return trace_async

    def trace(request: HttpRequest) -> HttpResponseBase:
        with context.origin(**_origin(request)):
            response: HttpResponseBase = get_response(request)
            if response.status_code == HTTPStatus.FORBIDDEN:
                _note_forbidden(request)
        return response

    return trace


def _origin(request: HttpRequest) -> dict[str, Any]:
    address = client_address(
        request.META.get("REMOTE_ADDR", ""),
        request.META.get("HTTP_X_FORWARDED_FOR", ""),
        settings.PLANNING_SYNC_TRUSTED_PROXIES,
    )
    return {"via": Operation.Via.PERSON, "address": address, "name": lambda: _name(request)}


def _name(request: HttpRequest) -> str:
    user = getattr(request, "user", None)
    return user.get_username() if user is not None and user.is_authenticated else "anonymous"


def _note_forbidden(request: HttpRequest) -> None:
    """Without what follows the `?`, which may hold anything."""
    told = {"method": str(request.method)[:10], "path": request.path[:_LONGEST_PATH]}
    services.note_access(Entry.Action.FORBIDDEN, after=told)
