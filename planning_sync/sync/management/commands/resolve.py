"""`planning-sync resolve ID`: decide one conflict."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from conflicts import services
from conflicts.models import Conflict
from planning_sync.sync.management import base, listing, lookup
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import Exit

_LISTS = ("tags", "depends_on")


class Command(base.Command):
    help = "Decide a conflict: take the replica's value, the hub's, or another one."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", metavar="ID", help="The conflict's id, or its start or end.")
        choice = parser.add_mutually_exclusive_group(required=True)
        choice.add_argument("--take", choices=("replica", "hub"), help="Whose value holds on both sides.")
        choice.add_argument(
            "--value", metavar="V", help="A value for both sides; several tags separated by commas."
        )

    def act(self, options: dict[str, Any]) -> Exit:
        pk = lookup.conflict(options["id"])
        services.resolve(pk, take=options["take"] or "value", value=_value(pk, options["value"]), actor=who())
        row = Conflict.objects.get(pk=pk)
        settled = row.state == Conflict.State.RESOLVED
        if self.output.as_json:
            self.output.document(listing.as_conflict(row))
        else:
            told = "both sides have it" if settled else "the next sync applies it"
            self.output.say(f"Decided: {row.field} of {row.item_label or 'the plan'}; {told}.")
        return Exit.CONFLICTS if row.state == Conflict.State.OPEN else Exit.FINE


def _value(pk: Any, given: str | None) -> Any:
    if given is None:
        return None
    field = Conflict.objects.values_list("field", flat=True).get(pk=pk)
    if field in _LISTS:
        return [word.strip() for word in given.split(",") if word.strip()]
    return given.strip()
