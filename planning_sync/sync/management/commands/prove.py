"""`planning-sync prove PATH`: what would become of a place's plans, before anything is linked or written."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from planning_sync.replicas.errors import ReplicaMissing
from planning_sync.sync import proving, registry, sides
from planning_sync.sync.management import base
from planning_sync.sync.management.commands.add import named_option
from planning_sync.sync.management.failures import Exit, UsageError
from planning_sync.sync.management.output import clean
from planning_sync.sync.models import Replica
from planning_sync.sync.proving import Proof

MOST_SHOWN = 20
"""Places shown of each sort; `--json` has them all."""


class Command(base.Command):
    help = "Prove that a round trip through the hub would change no byte, and list what is not understood."
    needs_tables = False

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", metavar="PATH", help="The folder, or what else holds plans.")
        parser.add_argument(
            "--kind", default=Replica.Kind.MARKDOWN, choices=Replica.Kind.values, help="Else markdown."
        )
        parser.add_argument("--include", action="append", metavar="GLOB", help="As for `add`.")
        parser.add_argument("--exclude", action="append", metavar="GLOB", help="As for `add`.")
        parser.add_argument(
            "--option", action="append", default=[], metavar="NAME=VALUE", help="As for `add`."
        )

    def act(self, options: dict[str, Any]) -> Exit:
        chosen = {name: options[name] for name in ("include", "exclude") if options[name]}
        chosen |= dict(map(named_option, options["option"]))
        row = registry.described(options["path"], kind=options["kind"], options=chosen)
        try:
            with self.output.progress(f"Proving {row.path}") as progress:
                proof = proving.prove(sides.connect(row), progress=progress)
        except ReplicaMissing as error:
            raise UsageError(f"{error.root} {error.reason}. Name a place of plans.") from error
        if self.output.as_json:
            self.output.document({"kind": row.kind, "path": row.path, **proof.as_json()})
        else:
            self._tell(row, proof)
        return Exit.FINE if proof.holds else Exit.FAILED

    def _tell(self, row: Replica, proof: Proof) -> None:
        say = self.output.say
        say(f"{clean(row.path)}: {proof.plans} plans, {proof.phases} phases, {proof.tasks} tasks")
        if proof.holds:
            say(f"Read and written back, not a byte of them changes; {_trials(proof)}.")
        else:
            say(f"{len(proof.differing)} plans would NOT come back as they are. Do not add this place:")
        self._list([(each.path, each.line, each.message) for each in proof.differing])
        if proof.unreadable:
            say(f"{len(proof.unreadable)} cannot be read, and would be left alone:")
        self._list([(each.path, 0, each.message) for each in proof.unreadable])
        say(
            f"Lines that look like tasks and are none: {proof.unrecognised}. Other remarks: {proof.doubtful}."
        )
        self._list([(each.path, each.line, f"{each.code}: {each.message}") for each in proof.remarks])
        say("Nothing was written, neither there nor in the hub.")

    def _list(self, places: list[tuple[str, int, str]]) -> None:
        for path, line, message in places[:MOST_SHOWN]:
            self.output.say(f"  {clean(path)}{f':{line}' if line else ''}: {clean(message)}")
        if len(places) > MOST_SHOWN:
            self.output.say(f"  ... and {len(places) - MOST_SHOWN} more; --json lists them all")


def _trials(proof: Proof) -> str:
    told = f"{proof.sampled} tasks were ticked and unticked on trial, one line each"
    if proof.respelled:
        told += (
            f" ({proof.respelled} have a mark of several spellings, such as [X], and would get the usual one)"
        )
    if proof.unsayable:
        told += f" ({proof.unsayable} cannot be ticked there: that would stay in the hub)"
    return told
