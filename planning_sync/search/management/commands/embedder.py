"""`planning-sync embedder`: follow the hub for search, and answer its questions, until stopped."""

from __future__ import annotations

import signal
from threading import Event
from typing import Any

from planning_sync.search.errors import SearchError
from planning_sync.sync.management import base
from planning_sync.sync.management.failures import CommandFailed, Exit


class Command(base.Command):
    help = (
        "Keep the search index in step with the hub, and answer searches. `up` starts one; Ctrl-C stops it."
    )
    logs = True

    def act(self, options: dict[str, Any]) -> Exit:
        from planning_sync.search.embedder import Embedder

        stop = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        try:
            Embedder().run(stop)
        except SearchError as error:
            raise CommandFailed(str(error)) from error
        return Exit.FINE
