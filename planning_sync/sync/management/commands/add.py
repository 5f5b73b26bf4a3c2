"""`planning-sync add PATH`: make a folder of plans, or another place where plans live, a replica."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandParser

from planning_sync.replicas.errors import ReplicaMissing, ServiceAway
from planning_sync.sync import pairing_act, services, sides
from planning_sync.sync.management import base
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import Exit, UsageError


class Command(base.Command):
    help = "Make a place where plans live a replica of the hub; the next sync imports its plans."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", metavar="PATH", help="The folder (in git or not), file or address.")
        parser.add_argument(
            "--kind", choices=sorted(sides.KINDS), default="markdown", help="What is there; else markdown."
        )
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
        parser.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="Another option of this kind of replica, its value as JSON or text. May be repeated.",
        )

    def act(self, options: dict[str, Any]) -> Exit:
        chosen = {name: options[name] for name in ("include", "exclude", "commit") if options[name]}
        chosen |= dict(map(named_option, options["option"]))
        sides.check_options(chosen, options["kind"])
        try:
            row = services.add_replica(
                options["path"], actor=who(), name=options["name"], kind=options["kind"], **chosen
            )
            found = len(sides.connect(row).scan().stamps)
            unpaired = pairing_act.look(row)
        except ServiceAway as error:
            raise UsageError(f"{error.root} {error.reason}. It was not added.") from error
        except ReplicaMissing as error:
            raise UsageError(f"The folder {error.root} {error.reason}. Name a folder of plans.") from error
        if self.output.as_json:
            self.output.document({"replica": row.name, "kind": row.kind, "path": row.path, "plans": found})
        else:
            self.output.say(f"Added {row.name}: {found} plans in {row.path}")
            self.output.say(
                f"Import them with `planning-sync sync {row.name}`; a running `up` does so by itself."
            )
        if unpaired:
            self.output.say(
                f"{unpaired} of them look like plans of the hub: `planning-sync pair {row.name}`."
            )
        return Exit.FINE


def named_option(told: str) -> tuple[str, Any]:
    """The option that `NAME=VALUE` gives."""
    name, equals, value = told.partition("=")
    if not equals or not name:
        raise UsageError(f"{told!r} is no option: write NAME=VALUE, such as limit_bytes=1000000.")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
