"""`ws/events/`: one client that is told what happens. `docs/live.md` has the messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

import orjson
from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from planning_sync.live import bearers, log, topics
from planning_sync.live.bearers import Admit
from planning_sync.live.errors import InvalidRequest, LiveError
from planning_sync.live.events import Event, events_of
from planning_sync.live.follower import MOST_GAINS, following
from planning_sync.live.mailbox import FAILED, Mailbox, message
from planning_sync.live.places import placed
from planning_sync.live.topics import May, View

logger = logging.getLogger(__name__)

# What a socket is closed with, beside those of the mailbox.
NOT_UNDERSTOOD = 4400
SIGNED_OUT = 4401

CHECK_SECONDS = 60.0
"""How often a socket asks whether its person is still signed in, and what that person may see."""
CLOSE_SECONDS = 1.0
"""How long a client that takes nothing may take to be told that it is dropped."""


class EventsConsumer(AsyncWebsocketConsumer):
    # None of Channels' layers: each would mean a receiver of its own for each socket.
    channel_layer_alias = ""

    def __init__(self, admit: Admit = bearers.nobody) -> None:
        super().__init__()
        self._admit = admit
        self._tasks: list[asyncio.Task[None]] = []
        self._allowed = topics.NOTHING
        self._turn = asyncio.Lock()
        """Held over taking from the mailbox and sending, so that cursors only go forward."""

    async def connect(self) -> None:
        self._bearer = bearers.bearer_of(self.scope)
        await self.accept(bearers.answer_to(self.scope))
        allowed = await self._allowed_now(self.scope["user"])
        if allowed is None:
            await self.close(SIGNED_OUT)
            return
        self._allowed = allowed
        self._mailbox = Mailbox(topics.view_of((), self._allowed))
        following().join(self._mailbox)
        self._tasks = [
            asyncio.create_task(self._working(work)) for work in (self._deliver, self._attend, self._let_go)
        ]

    async def disconnect(self, code: int) -> None:
        tasks, self._tasks = self._tasks, []
        if not tasks:
            return
        following().leave(self._mailbox)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if not self._tasks:
            return
        try:
            wanted, cursor = _request(text_data)
            await self._subscribe(wanted, cursor)
        except LiveError as error:
            await self.send(orjson.dumps({"error": str(error)}).decode())
            await self.close(NOT_UNDERSTOOD)

    # ---------------------------------------------------------------------------------- subscribing

    async def _subscribe(self, wanted: list[str], cursor: str | None) -> None:
        """First what happened since `cursor`, then, without a gap and without a repetition, what happens."""
        view = topics.view_of(wanted, self._allowed)
        follower = following()
        await follower.refresh()
        async with self._turn:
            # Until the next `await` nothing else runs: what the follower has seen by now is read below, and
            # what it sees from now on gathers in the mailbox.
            start = follower.position
            waiting = self._mailbox.take()
            self._mailbox.view = view
            missed: tuple[Event, ...] | None = ()
            if cursor is not None:
                missed = await database_sync_to_async(_missed)(cursor, start, view)
            elif waiting is not None:
                await self.send(waiting)
            refused = topics.refused(wanted, self._allowed)
            told = {"subscribed": wanted, "refused": refused}
            await self.send(message(missed or (), start, reset=missed is None, **told))

    # -------------------------------------------------------------------------- beside the receiving

    async def _deliver(self) -> None:
        while True:
            await self._mailbox.filled.wait()
            async with self._turn:
                waiting = self._mailbox.take()
                if waiting is not None:
                    await self.send(waiting)

    async def _attend(self) -> None:
        """Now and then: is the client still let in, and does it know how far it has come."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            allowed = await self._still_allowed()
            if allowed is None:
                self._mailbox.drop(SIGNED_OUT)
                return
            self._allowed = allowed
            self._mailbox.view = self._mailbox.view.permitted(allowed)
            async with self._turn:
                cursor = self._mailbox.take_unsaid()
                if cursor is not None:
                    await self.send(message((), cursor))

    async def _working(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it; where it fails, have the client connect again rather than wait for nothing."""
        try:
            await work()
        except OSError:
            return  # the client has gone
        except Exception:
            logger.exception("A socket for live updates failed")
            self._mailbox.drop(FAILED)

    async def _allowed_now(self, user: Any) -> May | None:
        """By the token or key alone, where one was shown; else as the person of the session."""
        if self._bearer is not None:
            return await database_sync_to_async(self._admit)(self._bearer)
        return await database_sync_to_async(topics.allowed_to)(user) if user.is_authenticated else None

    async def _still_allowed(self) -> May | None:
        if self._bearer is not None:
            return await self._allowed_now(None)
        store = import_module(settings.SESSION_ENGINE).SessionStore
        fresh: Any = {"session": store(self.scope["session"].session_key)}
        return await self._allowed_now(await get_user(fresh))

    async def _let_go(self) -> None:
        """Close when the mailbox says so; whoever takes nothing, not even that, is left where it is."""
        code = await self._mailbox.dropped
        if self._tasks:
            self._tasks[0].cancel()  # the delivery, which may wait for the client for ever
        with suppress(TimeoutError):
            await asyncio.wait_for(self.close(code), CLOSE_SECONDS)
        self._call.cancel()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._call = asyncio.ensure_future(super().__call__(scope, receive, send))
        try:
            await self._call
        except asyncio.CancelledError:
            if not self._dropped():
                raise
        finally:
            await self.disconnect(FAILED)

    def _dropped(self) -> bool:
        return bool(self._tasks) and self._mailbox.dropped.done()


def _request(text: str | None) -> tuple[list[str], str | None]:
    """The topics and the cursor of a message; raises `InvalidRequest`."""
    try:
        asked = orjson.loads(text or "")
        wanted, cursor = asked["subscribe"], asked.get("cursor")
    except (ValueError, TypeError, KeyError):
        raise InvalidRequest from None
    if not isinstance(wanted, list) or len(wanted) > topics.MOST_TOPICS:
        raise InvalidRequest
    return wanted, None if cursor is None else str(cursor)


def _missed(cursor: str, start: str, view: View) -> tuple[Event, ...] | None:
    """None where it cannot be told any more, or is too much; raises `InvalidCursor`."""
    if not log.check(cursor, start):
        return None
    gains = list(log.between(cursor, start, limit=MOST_GAINS + 1))
    if len(gains) > MOST_GAINS:
        return None
    events = placed(events_of(gains), always=view.replicas is not None)
    return tuple(event for event in events if view.shows(event))
