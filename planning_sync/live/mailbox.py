"""What waits to be sent to one client: `Mailbox`, bounded, so that a slow client costs nobody anything."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from planning_sync.live.events import Event
from planning_sync.live.topics import View

# What a socket is closed with.
TOO_SLOW = 4408
FAILED = 1011

MOST_MESSAGES = 64
MOST_EVENTS = 5000


@dataclass(frozen=True, eq=False)
class Batch:
    """What the log gained between two looks; its cursor is that of somebody who has seen it."""

    events: tuple[Event, ...]
    cursor: str
    reset: bool = False
    """There was more than is worth telling: load afresh."""
    _texts: dict[View, str | None] = field(default_factory=dict)

    def text_for(self, view: View) -> str | None:
        """The message for those who look at it so, None where it has nothing for them; made once for all."""
        if view not in self._texts:
            shown = self.shown(view)
            self._texts[view] = None if not (shown or self.reset) else message(shown, self.cursor, self.reset)
        return self._texts[view]

    def shown(self, view: View) -> tuple[Event, ...]:
        return tuple(event for event in self.events if view.shows(event))


def message(events: Sequence[Event], cursor: str, reset: bool = False, **more: Any) -> str:
    """A message as it goes over the wire."""
    said: dict[str, Any] = {"events": [event.as_json(cursor) for event in events], "cursor": cursor, **more}
    if reset:
        said = {"reset": True, "cursor": cursor, **more}
    return orjson.dumps(said).decode()


class Mailbox:
    """Batches for one client, filtered by its view. Used from the event loop alone."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.dropped: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Done with a closing code when the client is to be let go."""
        self.filled = asyncio.Event()
        self._unsaid_cursor: str | None = None
        self._waiting: deque[tuple[Batch, View]] = deque()
        self._events = 0

    def offer(self, batch: Batch) -> None:
        """Keep it until it is sent; past the bounds the client is too slow, and is dropped."""
        if self.dropped.done():
            return
        if batch.text_for(self.view) is None:
            self._unsaid_cursor = batch.cursor
            return
        self._events += len(batch.events)
        self._waiting.append((batch, self.view))
        self._unsaid_cursor = None
        if len(self._waiting) > MOST_MESSAGES or (self._events > MOST_EVENTS and len(self._waiting) > 1):
            self.drop(TOO_SLOW)
        else:
            self.filled.set()

    def drop(self, code: int) -> None:
        """Have the client closed with that code."""
        self._waiting.clear()
        self.filled.clear()
        if not self.dropped.done():
            self.dropped.set_result(code)

    def take(self) -> str | None:
        """All that waits, as one message."""
        taken = list(self._waiting)
        self._waiting.clear()
        self._events = 0
        self.filled.clear()
        if len(taken) < 2:
            return taken[0][0].text_for(taken[0][1]) if taken else None
        events = [event for batch, view in taken for event in batch.shown(view)]
        return message(events, taken[-1][0].cursor, any(batch.reset for batch, _ in taken))

    def take_unsaid(self) -> str | None:
        """The cursor that the client has reached without being told, for lack of news for it."""
        if self._waiting:
            return None
        cursor, self._unsaid_cursor = self._unsaid_cursor, None
        return cursor
