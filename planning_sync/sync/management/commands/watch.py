"""`planning-sync watch`: follow the folders until stopped."""

from __future__ import annotations

import logging
import os
import signal
from threading import Event, Thread
from typing import Any

from planning_sync.sync.management import base
from planning_sync.sync.management.failures import Exit
from planning_sync.sync.models import Replica
from planning_sync.sync.watch import Watcher


class Command(base.Command):
    help = "Follow the replicas' folders: a save is in the hub a moment later. Ctrl-C stops it."
    logs = True

    def act(self, options: dict[str, Any]) -> Exit:
        stop = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        names = list(Replica.objects.filter(enabled=True).order_by("name").values_list("name", flat=True))
        if self.output.as_json:
            self.output.document({"watching": names, "pid": os.getpid()})
        elif not names:
            self.output.say("Waiting for a first replica: add one with `planning-sync add PATH`.")
        logging.getLogger("watchfiles").setLevel(logging.WARNING)
        # A signal interrupts the main thread only, which therefore does nothing but wait.
        watcher = Thread(target=Watcher(stop=stop).run, name="watcher")
        watcher.start()
        stop.wait()
        watcher.join()
        return Exit.FINE
