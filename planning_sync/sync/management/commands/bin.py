"""`planning-sync bin`: what was deleted and can come back."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from planning_sync.sync import bin as binned
from planning_sync.sync.management import base, lookup
from planning_sync.sync.management.failures import Exit


class Command(base.Command):
    help = "List what is in the bin, latest first. `planning-sync restore ID` puts it back."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("plan", metavar="PLAN", nargs="?", help="Only the items of this plan.")

    def act(self, options: dict[str, Any]) -> Exit:
        plan = lookup.plan(options["plan"]) if options["plan"] else None
        found = binned.contents(plan)
        if self.output.as_json:
            self.output.document([each.as_json() for each in found])
        elif not found:
            self.output.say("The bin is empty.")
        else:
            columns = ("Deleted", "By", "Kind", "Text", ">With", "Plan", "Id")
            rows = [
                (
                    *(f"{each.deleted_at:%Y-%m-%d %H:%M}", each.deleted_by, str(each.kind), each.text),
                    *(str(each.below or ""), each.plan, lookup.short(each.id)),
                )
                for each in found
            ]
            self.output.table(columns, rows)
            days = settings.PLANNING_SYNC_BIN_DAYS
            self.output.say(f"Kept for {days} days. `planning-sync restore ID` puts one back.")
        return Exit.FINE
