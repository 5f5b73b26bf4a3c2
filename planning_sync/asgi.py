"""What an ASGI server runs: `uvicorn planning_sync.asgi:application`. Pages, and sockets for live updates."""

from __future__ import annotations

import gc
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections, connections
from django.http import HttpRequest, HttpResponseBase
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "planning_sync.settings")

django.setup(set_prefix=False)  # makes Django ready for the imports that follow

from channels.routing import ProtocolTypeRouter  # noqa: E402

from planning_sync.api.sockets import admit  # noqa: E402
from planning_sync.live.routing import websockets  # noqa: E402
from planning_sync.sync import background  # noqa: E402

AT_ONCE = 8
"""Requests worked on at a time. One thread more makes all others slower, who holds the database too."""
KEPT_SECONDS = 60
"""How long the connection of one of those threads to the database is used."""
_AT_ANY_TIME = "/health"


class Pages(ASGIHandler):
    """Pages, and the API: each request in one thread, in the order of arrival.

    Nothing of ours below is asynchronous. Django would find that out at each middleware anew, and change
    threads twice for it.
    """

    _middleware_chain: Any

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware(is_async=False)
        self._answer = self._middleware_chain
        threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="request", initializer=_keep_connections)
        self._in_turn = sync_to_async(self._answer_on_kept, thread_sensitive=False, executor=threads)
        self._at_once = sync_to_async(self._answer)
        self._middleware_chain = self._in_its_time

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """An edit is answered once it is in the hub, whatever is to follow from it."""
        with background.allowed():
            await super().__call__(scope, receive, send)

    async def read_body(self, receive: Any) -> Any:
        """As much as anything takes, and one byte by which it is seen to be too much; the rest is dropped."""
        left = max(settings.PLANNING_SYNC_BODY_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) + 1

        async def receive_some() -> dict[str, Any]:
            nonlocal left
            message: dict[str, Any] = await receive()
            part = message.get("body", b"")[:left]
            left -= len(part)
            return {**message, "body": part}

        return await super().read_body(receive_some)

    def create_request(self, scope: Any, body_file: Any) -> Any:
        """A body that came in chunks has no length that is told; what reads it wants one."""
        request, refusal = super().create_request(scope, body_file)
        if request is not None and "CONTENT_LENGTH" not in request.META:
            request.META["CONTENT_LENGTH"] = str(body_file.seek(0, os.SEEK_END))
            body_file.seek(0)
        return request, refusal

    async def _in_its_time(self, request: HttpRequest) -> HttpResponseBase:
        """Once the body is there, and until the answer is: no slow client takes a thread."""
        at_once = request.path.startswith(_AT_ANY_TIME)
        answered: HttpResponseBase = await (self._at_once if at_once else self._in_turn)(request)
        return answered

    def _answer_on_kept(self, request: HttpRequest) -> HttpResponseBase:
        """Django looks after connections in the thread that sends the answer, which is another one."""
        close_old_connections()
        try:
            answered: HttpResponseBase = self._answer(request)
            return answered
        finally:
            close_old_connections()


def _keep_connections() -> None:
    """Of this thread, from one request to the next, for a while and as long as they work."""
    for each in connections.all():
        each.settings_dict = {
            **each.settings_dict,
            "CONN_MAX_AGE": KEPT_SECONDS,
            "CONN_HEALTH_CHECKS": True,
        }


def _keep_what_is_loaded() -> None:
    """Out of the collector's sight: to look through it took a request a tenth of a second, now and then."""
    get_resolver().check()  # which loads every page
    gc.collect()
    gc.freeze()


background.end_gently()
application = ProtocolTypeRouter({"http": Pages(), "websocket": websockets(admit)})
_keep_what_is_loaded()
