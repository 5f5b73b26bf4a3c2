"""`planning-sync add PATH`: make a folder of plans a replica."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from planning_sync.replicas.errors import ReplicaMissing
from planning_sync.sync import services, sides
from planning_sync.sync.management import base
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import Exit, UsageError


class Command(base.Command):
    help = "Make a folder of plans a replica of the hub; the next sync imports its plans."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", metavar="PATH", help="The folder, in git or not.")
        parser.add_argument("--name", default="", help="What to call the replica; else the folder's name.")
        parser.add_argument(
            "--include",
            action="append",
            metavar="GLOB",
            help="Which files are plans; else **/*.md. May be repeated.",
        )
        parser.add_argument(
            "--exclude",
            action="append",
            metavar="GLOB",
            help="What to leave out beside templates/, archived/ and hidden folders. May be repeated.",
        )
        parser.add_argument(
            "--commit", action="store_true", help="Commit to git what a sync writes, and that alone."
        )

    def act(self, options: dict[str, Any]) -> Exit:
        chosen = {name: options[name] for name in ("include", "exclude", "commit") if options[name]}
        try:
            row = services.add_replica(Path(options["path"]), actor=who(), name=options["name"], **chosen)
            found = len(sides.connect(row).scan().stamps)
        except ReplicaMissing as error:
            raise UsageError(f"The folder {error.root} {error.reason}. Name a folder of plans.") from error
        if self.output.as_json:
            self.output.document({"replica": row.name, "kind": row.kind, "path": row.path, "plans": found})
        else:
            self.output.say(f"Added {row.name}: {found} plans in {row.path}")
            self.output.say(
                f"Import them with `planning-sync sync {row.name}`; a running `up` does so by itself."
            )
        return Exit.FINE
