"""`run`: what a coroutine comes to, in a loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T], *, seconds: float = 30) -> T:
    """In a thread of its own: where a browser is open, this one has a loop that runs already."""

    async def in_time() -> T:
        return await asyncio.wait_for(work, seconds)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, in_time()).result()
