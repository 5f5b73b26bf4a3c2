"""A hub with an embedder in the same process, as tests handle them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from django.contrib.auth.models import AnonymousUser

from planning_sync.search import indexing, services
from planning_sync.search.asking import Answer
from planning_sync.search.embedder import Embedder
from planning_sync.search.wire import Server
from tests.planning_sync.sync.workbench import Workbench

ANYBODY = AnonymousUser()
MOST_TURNS = 50
GROUPS_SECONDS = 60.0


class Degradable(Protocol):
    @property
    def degraded(self) -> bool: ...

    @property
    def reason(self) -> str: ...


Groups = TypeVar("Groups", bound=Degradable)


class House:
    """The test turns the embedder's loop itself; its wire answers all the time."""

    def __init__(self, desk: Workbench) -> None:
        self.desk = desk
        self.embedder = Embedder()
        self._server = self._wired()

    def _wired(self) -> Server:
        server = Server(self.embedder.answers())
        server.start()
        return server

    def settle(self) -> None:
        """Turn the loop until there is nothing left to do."""
        for _ in range(MOST_TURNS):
            if not self.turn():
                return
        raise AssertionError("the embedder does not come to rest")

    def turn(self) -> bool:
        self.embedder._version = None  # nothing tells a process of what it wrote itself
        return self.embedder.turn()

    def check(self) -> None:
        assert self.embedder.place is not None
        indexing.check(self.embedder.place)

    def grouped(self, ask: Callable[[], Groups]) -> Groups:
        """The answer once the embedder has compared all texts."""
        deadline = time.monotonic() + GROUPS_SECONDS
        while (found := ask()).degraded and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not found.degraded, found.reason
        return found

    def restart(self, *, close: bool = True) -> None:
        self.hang_up(close=close)
        self.embedder = Embedder()
        self._server = self._wired()

    def hang_up(self, *, close: bool = True) -> None:
        self._server.stop()
        if close:
            self.embedder.close()


def search(text: str, **more: Any) -> Answer:
    return services.search(text, user=ANYBODY, **more)


def texts(answer: Answer) -> list[str]:
    return [hit.text for hit in answer.hits]
