"""`planning-sync reopen ID`: take a decision on a conflict back, a person's or a strategy's."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from planning_sync.sync import reopening
from planning_sync.sync.management import base, lookup
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import Exit, UsageError


class Command(base.Command):
    help = "Take back the decision on a conflict: it is open again, and both sides have their own values."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", nargs="?", metavar="ID", help="The conflict's id, or its start or end.")
        parser.add_argument(
            "--entry",
            type=int,
            metavar="N",
            help="In place of a conflict: the entry of the history in which a strategy decided by itself.",
        )

    def act(self, options: dict[str, Any]) -> Exit:
        given, entry = options["id"], options["entry"]
        if (given is None) == (entry is None):
            raise UsageError("Give the id of a conflict, or --entry N, and not both.")
        if given is not None:
            outcome = reopening.reopen(lookup.conflict(given), actor=who())
        else:
            outcome = reopening.reinstate(entry, actor=who())
        if self.output.as_json:
            self.output.document(outcome.as_json())
        else:
            self.output.say(f"Open again. This can be undone: planning-sync undo {outcome.operation.pk}")
        for plan in outcome.failed:
            self.output.note(f"{plan.title}: {plan.reason}")
        return Exit.FAILED if outcome.failed else Exit.FINE
