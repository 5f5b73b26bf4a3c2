"""`planning-sync vectors import|export FILE`, `vectors snapshot FOLDER`: vectors in and out."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from planning_sync.search import wire
from planning_sync.search.errors import SearchError
from planning_sync.sync.management import base
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import CommandFailed, Exit, UsageError

_SNAPSHOT_SECONDS = 300.0


class Command(base.Command):
    help = "Take in vectors that were made elsewhere, give out ours, keep a copy of the index."

    def arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", metavar="import|export|snapshot", required=True)
        taking = acts.add_parser("import", help="Take in a task_vectors.json, from where it was cut short.")
        taking.add_argument("file", metavar="FILE")
        taking.add_argument("--model", default="", help="Their model, if the file does not say it.")
        giving = acts.add_parser("export", help="Write a task_vectors.json; - is standard output.")
        giving.add_argument("file", metavar="FILE")
        copying = acts.add_parser("snapshot", help="Copy the index as it is now into a folder.")
        copying.add_argument("file", metavar="FOLDER")
        for each in (taking, giving, copying):
            base.add_json(each, default=False)

    def act(self, options: dict[str, Any]) -> Exit:
        started = time.monotonic()
        acts = {"import": self._import, "export": self._export, "snapshot": self._snapshot}
        try:
            told = acts[options["act"]](options)
        except SearchError as error:
            raise CommandFailed(str(error)) from error
        except OSError as error:
            raise UsageError(f"{options['file']}: {error.strerror}.") from error
        told["duration_seconds"] = round(time.monotonic() - started, 2)
        if self.output.as_json and options["file"] != "-":
            self.output.document(told)
        else:
            self.output.note(", ".join(f"{name} {value}" for name, value in told.items()))
        return Exit.FINE

    def _import(self, options: dict[str, Any]) -> dict[str, Any]:
        from planning_sync.search.importing import Importing

        with self.output.progress("Importing") as progress:
            taken = Importing(Path(options["file"]), who(), options["model"], progress).run()
        return taken._asdict()

    def _export(self, options: dict[str, Any]) -> dict[str, Any]:
        from planning_sync.search.services import vectors

        pieces = vectors.exported(settings.PLANNING_SYNC_SEARCH_MODEL)
        if options["file"] == "-":
            return {"bytes": sum(map(sys.stdout.buffer.write, pieces))}
        with Path(options["file"]).open("wb") as file:
            return {"bytes": sum(map(file.write, pieces))}

    def _snapshot(self, options: dict[str, Any]) -> dict[str, Any]:
        folder = str(Path(options["file"]).absolute())
        made = wire.ask("snapshot", folder=folder, timeout_seconds=_SNAPSHOT_SECONDS)
        return {"snapshots": made}
