"""Following the log for all sockets of this process: `following` gives the one `Follower` of the event loop.

A thread waits for the log to grow, reads what is new once, and hands it to the mailboxes. It runs as long as
anybody listens. A lost connection loses nothing: the next look goes on from the same cursor.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from planning_sync.live import log, wake
from planning_sync.live.events import events_of
from planning_sync.live.mailbox import FAILED, Batch, Mailbox
from planning_sync.live.places import placed
from planning_sync.live.tails import Tail, open_tail

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.01
"""The least time between two looks, in which a burst of commits gathers into one message."""
RETRY_SECONDS = 0.5
PRUNE_SECONDS = 3600.0
MOST_GAINS = 20_000
"""More than this at once is not told one by one: clients are asked to load afresh."""

Waiter = asyncio.Future[None]


class Follower:
    """`position` is the cursor of what the mailboxes have been offered. For the event loop alone."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.position = ""
        self._loop = loop
        self._mailboxes: set[Mailbox] = set()
        self._thread: _Thread | None = None
        self._listening: asyncio.Task[None] | None = None

    def join(self, mailbox: Mailbox) -> None:
        self._mailboxes.add(mailbox)

    def leave(self, mailbox: Mailbox) -> None:
        self._mailboxes.discard(mailbox)
        if not self._mailboxes:
            self._stop()
            _followers.pop(self._loop, None)

    @property
    def has_limited(self) -> bool:
        """Whether a client sees some replicas alone, as keys may though no person is limited."""
        return any(mailbox.view.replicas is not None for mailbox in tuple(self._mailboxes))

    def nudge(self) -> None:
        """Look at the log now, if anybody listens."""
        if self._thread is not None:
            self._thread.nudge()

    async def refresh(self) -> None:
        """Look at the log now: what was committed before this call is offered when it returns."""
        waiter: Waiter = self._loop.create_future()
        if self._thread is None or not self._thread.ask(waiter):
            self._start(waiter)
        await waiter

    def _start(self, waiter: Waiter) -> None:
        self._thread = _Thread(self, self._loop, self.position)
        self._thread.ask(waiter)
        self._thread.start()
        if settings.CHANNEL_LAYERS and self._listening is None:
            self._listening = self._loop.create_task(wake.listen(self.nudge))

    def _stop(self) -> None:
        if self._thread is not None:
            self._thread.stop()
        if self._listening is not None:
            self._listening.cancel()
        self._thread, self._listening, self.position = None, None, ""

    # ------------------------------------------------------------------ called by the thread, in the loop

    def failed(self, thread: _Thread) -> None:
        """Have every client connect again: nothing follows the log for them any more."""
        if thread is self._thread:
            self._stop()
            for mailbox in self._mailboxes:
                mailbox.drop(FAILED)

    def took(self, thread: _Thread, position: str, batch: Batch | None, waiters: Iterable[Waiter]) -> None:
        if thread is self._thread:
            self.position = position
            if batch is not None:
                for mailbox in self._mailboxes:
                    mailbox.offer(batch)
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


_followers: dict[asyncio.AbstractEventLoop, Follower] = {}


def following() -> Follower:
    """The one of this event loop, for as long as somebody has joined it."""
    loop = asyncio.get_running_loop()
    if loop not in _followers:
        _followers[loop] = Follower(loop)
    return _followers[loop]


class _Thread(threading.Thread):
    def __init__(self, follower: Follower, loop: asyncio.AbstractEventLoop, position: str) -> None:
        super().__init__(name="live-follower", daemon=True)
        self._follower = follower
        self._loop = loop
        self._position = position
        self._waiters: list[Waiter] = []
        self._lock = threading.Lock()
        self._stopped = False
        self._nudge, self._nudged = socket.socketpair()
        self._nudge.setblocking(False)
        self._nudged.setblocking(False)
        self._pruned_at = -math.inf

    # --------------------------------------------------------------------------- called from the loop

    def ask(self, waiter: Waiter) -> bool:
        """Have the next look finish it; False where there will be none."""
        with self._lock:
            if self._stopped:
                return False
            self._waiters.append(waiter)
        self.nudge()
        return True

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
        self.nudge()

    def nudge(self) -> None:
        with suppress(OSError):  # it is full of nudges already, or the thread has ended
            self._nudge.send(b"!")

    # ------------------------------------------------------------------------------------- the thread

    def run(self) -> None:
        try:
            while not self._stopped and not self._loop.is_closed():
                try:
                    with open_tail() as tail:
                        self._follow(tail)
                except (DatabaseError, InterfaceError) as error:
                    logger.warning("Live updates wait for the database: %s", str(error).strip())
                    time.sleep(RETRY_SECONDS)
        except Exception:
            logger.exception("Live updates stopped; sockets are closed so that clients connect again")
            self._stopped = True
            with suppress(RuntimeError):  # the loop was closed
                self._loop.call_soon_threadsafe(self._follower.failed, self)
        finally:
            self._nudge.close()
            self._nudged.close()

    def _follow(self, tail: Tail) -> None:
        grew = True
        while not self._stopped and not self._loop.is_closed():
            waiters = self._asked()
            if grew or waiters:
                try:
                    self._look(waiters)
                except BaseException:
                    with self._lock:
                        self._waiters[:0] = waiters
                    raise
                time.sleep(PAUSE_SECONDS)
            if time.monotonic() - self._pruned_at > PRUNE_SECONDS:
                self._pruned_at = time.monotonic()
                log.prune(timezone.now())
            grew = tail.wait(self._nudged)

    def _asked(self) -> list[Waiter]:
        with suppress(BlockingIOError):
            self._nudged.recv(4096)
        with self._lock:
            waiters, self._waiters = self._waiters, []
        return waiters

    def _look(self, waiters: list[Waiter]) -> None:
        upto = log.position()
        batch = None
        if self._position and upto != self._position:
            batch = self._read(upto)
        self._position = upto
        if batch is not None or waiters or upto != self._follower.position:
            self._hand_over(upto, batch, waiters)

    def _read(self, upto: str) -> Batch | None:
        gains = list(log.between(self._position, upto, limit=MOST_GAINS + 1))
        if len(gains) > MOST_GAINS:
            return Batch((), upto, reset=True)
        events = placed(events_of(gains), always=self._follower.has_limited)
        return Batch(events, upto) if events else None

    def _hand_over(self, upto: str, batch: Batch | None, waiters: list[Waiter]) -> None:
        """Wait until the loop has it, so that a busy loop gets fewer and fuller batches."""
        handed = threading.Event()

        def take() -> None:
            self._follower.took(self, upto, batch, waiters)
            handed.set()

        try:
            self._loop.call_soon_threadsafe(take)
        except RuntimeError:  # the loop was closed
            self._stopped = True
            return
        while not handed.wait(0.5):
            if self._stopped or self._loop.is_closed():
                return
