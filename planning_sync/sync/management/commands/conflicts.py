"""`planning-sync conflicts`: where the hub and a replica disagree."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from conflicts.models import Conflict
from planning_sync.sync.management import base, listing, lookup
from planning_sync.sync.management.failures import Exit
from planning_sync.sync.management.output import clean


class Command(base.Command):
    help = "List the open conflicts: what base, replica and hub say."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="Those that are settled as well.")

    def act(self, options: dict[str, Any]) -> Exit:
        found = listing.conflicts(Conflict.State.values if options["all"] else listing.AT_WORK)
        if self.output.as_json:
            self.output.document(found)
            return Exit.FINE
        if not found:
            self.output.say("There are no open conflicts.")
            return Exit.FINE
        labels = _labels([UUID(conflict["id"]) for conflict in found])
        rows = [
            (
                *(lookup.short(UUID(row["id"])), row["severity"], labels[row["id"]], row["field"]),
                *(_value(row["base"]), _value(row["replica"]), _value(row["hub"]), row["state"]),
            )
            for row in found
        ]
        self.output.table(("Id", "Severity", "Item", "Field", "Base", "Replica", "Hub", "State"), rows)
        self.output.say(
            "Decide one with `planning-sync resolve ID --take replica`, `--take hub` or `--value ...`."
        )
        return Exit.FINE


def _labels(ids: list[UUID]) -> dict[str, str]:
    rows = Conflict.objects.filter(pk__in=ids).select_related("plan")
    return {str(row.pk): f"{row.item_label or row.plan.title}  ({row.plan.title})" for row in rows}


def _value(value: Any) -> str:
    if value is None:
        return "(not there)"
    return clean(", ".join(map(str, value)) if isinstance(value, list) else value) or '""'
