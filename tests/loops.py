"""`run`: what a coroutine comes to, in a thread of its own: where a browser is open, this one has a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from asgiref.sync import async_to_sync
from django.db import connections

from tests.waiting import PATIENCE_SECONDS

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T], *, seconds: float = PATIENCE_SECONDS) -> T:
    """What it calls synchronously runs in that same thread, whose connections are closed in the end."""

    async def in_time() -> T:
        return await asyncio.wait_for(work, seconds)

    def alone() -> T:
        try:
            return async_to_sync(in_time)()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(alone).result()
