"""Waking the followers of other processes through Redis, where one is named: `connect`, `listen`.

Only a hint: followers find the same news in the log by themselves, on SQLite 20 ms later, on PostgreSQL
behind a connection pooler up to a second later. So whatever goes wrong here costs time and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.conf import settings

from audit import signals

logger = logging.getLogger(__name__)

GROUP = "live"
REJOIN_SECONDS = 60.0
"""How often a listener joins the group again, which a Redis that was emptied has forgotten."""
RETRY_SECONDS = 5.0
"""How long nobody tries again after Redis did not answer."""

_quiet_until = 0.0


def connect() -> None:
    """From now on, tell the others of each commit."""
    if settings.CHANNEL_LAYERS:
        signals.recorded.connect(_announce, dispatch_uid="live.wake")


def _announce(**_: Any) -> None:
    global _quiet_until  # noqa: PLW0603  # one Redis, one state of it
    from asgiref.sync import async_to_sync
    from channels.layers import get_channel_layer
    from redis.exceptions import RedisError

    layer = get_channel_layer()
    if layer is None or time.monotonic() < _quiet_until:
        return
    try:
        async_to_sync(layer.group_send)(GROUP, {"type": "log.grew"})
    except (RedisError, OSError) as error:
        _quiet_until = time.monotonic() + RETRY_SECONDS
        logger.warning("Redis was not told of a commit, live updates may come later: %s", error)


async def listen(nudge: Callable[[], None]) -> None:
    """Call `nudge` whenever another process committed something; runs until it is cancelled."""
    from channels.layers import get_channel_layer
    from redis.exceptions import RedisError

    layer = get_channel_layer()
    if layer is None:
        return
    channel = f"{GROUP}.{uuid4().hex}"
    while True:
        try:
            await layer.group_add(GROUP, channel)
            async with asyncio.timeout(REJOIN_SECONDS):
                while True:
                    nudge()
                    await layer.receive(channel)
        except TimeoutError:
            continue
        except (RedisError, OSError) as error:
            logger.warning("Redis does not wake the live updates, they may come later: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
