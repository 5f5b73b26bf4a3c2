"""`planning-sync undo OPERATION`: take an operation back."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from planning_sync.sync import undo
from planning_sync.sync.errors import DependentWork
from planning_sync.sync.management import base, lookup, undoing
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import Exit, message_of
from planning_sync.sync.management.output import clean
from planning_sync.sync.undo import Preview, dependent_json


class Command(base.Command):
    help = "Undo an operation in the hub and in the files; an undo can be undone."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "operation", metavar="OPERATION", help="Its id, or the start or end of it: see `history`."
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Show what would change, and change nothing."
        )
        parser.add_argument(
            "--with-dependents", action="store_true", help="Undo newer work that depends on it as well."
        )

    def act(self, options: dict[str, Any]) -> Exit:
        operation_id = lookup.operation(options["operation"])
        dependents = bool(options["with_dependents"])
        if options["dry_run"]:
            return self._preview(undo.preview(operation_id, with_dependents=dependents))
        try:
            found = undo.undo(operation_id, actor=who(), with_dependents=dependents)
        except DependentWork as refusal:
            if self.output.as_json:
                listed = [dependent_json(each) for each in refusal.dependents]
                self.output.document({"operation": None, "undoes": [], "dependents": listed})
            self.output.note(f"planning-sync: {message_of(refusal)}")
            return Exit.REFUSED
        return undoing.outcome(self.output, found, done="Undone")

    def _preview(self, found: Preview) -> Exit:
        if self.output.as_json:
            self.output.document(found.as_json())
        else:
            undoing.preview(self.output, found.plans)
            for each in found.dependents:
                told = f"{each.operation.kind} by {each.operation.actor}, {each.operation.pk}"
                self.output.say(f"Depends on it: {clean(told)}: {clean(each.what)} ({each.why})")
            for plan, reason in found.refusals:
                self.output.say(f"Cannot be undone on {clean(plan)}: {clean(reason)}")
            self.output.say("Nothing was changed.")
        return Exit.FINE if found.possible else Exit.REFUSED
