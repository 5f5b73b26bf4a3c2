"""`planning-sync reindex`: a fresh search index beside the one there, which answers until it is whole."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser

from planning_sync.search import services, wire
from planning_sync.search.errors import SearchError
from planning_sync.search.models import Record
from planning_sync.sync.management import base
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import CommandFailed, Exit

ASK_SECONDS = 30.0
_LOOK_SECONDS = 0.3


class Command(base.Command):
    help = "Build the search index anew; the one there goes on answering meanwhile."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-wait", action="store_true", help="Only begin; it goes on by itself.")

    def act(self, options: dict[str, Any]) -> Exit:
        started = time.monotonic()
        try:
            told = wire.ask("status", timeout_seconds=ASK_SECONDS)
            services.reindex(actor=who())
            if not options["no_wait"]:
                told = self._follow(told["generation"])
        except SearchError as error:
            raise CommandFailed(str(error)) from error
        told["duration_seconds"] = round(time.monotonic() - started, 2)
        if self.output.as_json:
            self.output.document(told)
        elif options["no_wait"]:
            self.output.say("The embedder has begun. Searches go on with the present index.")
        else:
            points = sum(told["points"].values())
            self.output.say(
                f"Generation {told['generation']} answers: {points} points by {told['model']} "
                f"in {told['engine']} ({told['duration_seconds']} s)."
            )
        return Exit.FINE

    def _follow(self, before: int | None) -> dict[str, Any]:
        """What the embedder says once another generation answers."""
        total = Record.objects.exclude(digest="").count()
        with self.output.progress("Indexing") as progress:
            while True:
                told: dict[str, Any] = wire.ask("status", timeout_seconds=ASK_SECONDS)
                if told["generation"] not in (None, before):
                    return told
                if progress is not None:
                    progress(told["rebuilt"], total)
                time.sleep(_LOOK_SECONDS)
