"""`planning-sync conflicts [ID]`: where the hub and a replica disagree, all of them or one in full."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from conflicts import choices
from conflicts.models import GUARD, Conflict
from planning_sync.sync.management import base, chosen, listing, lookup
from planning_sync.sync.management.failures import Exit
from planning_sync.sync.management.output import clean

_MOST_AUTOMATIC = 200


class Command(base.Command):
    help = "List the open conflicts, or show one in full: what base, replica and hub say."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", nargs="?", metavar="ID", help="Show this one: its id, or its start or end.")
        parser.add_argument("--all", action="store_true", help="Those that are settled as well.")
        parser.add_argument(
            "--automatic",
            action="store_true",
            help="In place of conflicts, the last 200 clashes that strategies settled without a person.",
        )
        chosen.add_filters(parser)

    def act(self, options: dict[str, Any]) -> Exit:
        if options["id"]:
            return self._one(Conflict.objects.get(pk=lookup.conflict(options["id"])))
        if options["automatic"]:
            return self._automatic(listing.automatic_decisions(_MOST_AUTOMATIC))
        states = Conflict.State.values if options["all"] else listing.AT_WORK
        found = listing.conflicts(chosen.conflicts(options).select_related("plan"), states)
        if self.output.as_json:
            self.output.document([listing.as_conflict(row) for row in found])
        elif not found:
            self.output.say("There are no open conflicts.")
        else:
            self.output.table(
                ("Id", "Severity", "Item", "Field", "Base", "Replica", "Hub", "State"), map(_cells, found)
            )
            self.output.say(
                "Decide one with `planning-sync resolve ID --take replica`, `--take hub` or `--value ...`."
            )
            if any(row.field == GUARD for row in found):
                takes = ", ".join(f"`--take {take}`" for take in choices.GUARD_TAKES)
                self.output.say(f"What a guard refused is decided with {takes}.")
        return Exit.FINE

    def _automatic(self, found: list[dict[str, Any]]) -> Exit:
        if self.output.as_json:
            self.output.document(found)
        elif not found:
            self.output.say("No strategy has settled anything yet.")
        else:
            rows = [
                (
                    *(str(row["entry"]), row["at"][:16].replace("T", " "), clean(row["plan_title"])),
                    *(row["field"], listing.told(row["base"]), listing.told(row["replica"])),
                    *(listing.told(row["hub"]), row["strategy"], listing.told(row["outcome"])),
                )
                for row in found
            ]
            heads = ("Entry", "When (UTC)", "Plan", "Field", "Base", "Replica", "Hub", "Strategy", "Outcome")
            self.output.table(heads, rows)
            self.output.say("Have a person decide one of them with `planning-sync reopen --entry N`.")
        return Exit.FINE

    def _one(self, row: Conflict) -> Exit:
        if self.output.as_json:
            self.output.document(listing.whole_conflict(row))
            return Exit.FINE
        say = self.output.say
        say(f"{row.field} of {clean(_label(row))}   {row.pk}")
        say(f"  {row.severity} {row.get_kind_display()}, {row.state}")
        say(f"  base     {listing.told(row.base_value)}")
        by = _by(row.replica_changed_at, row.replica_changed_by)
        say(f"  replica  {listing.told(row.replica_value)}{by}")
        say(f"  hub      {listing.told(row.hub_value)}{_by(row.hub_changed_at, row.hub_changed_by)}")
        if row.suggestion:
            say(f"  suggested: {row.suggestion['take']} ({row.suggestion['reason']})")
        if row.excerpt:
            say(f"{clean(row.path)}:{row.line}")
        for number, text in row.excerpt:
            say(f"{'>' if number == row.line else ' '} {number:>5}  {clean(text)}")
        if row.decided_by:
            say(f"Decided by {clean(row.decided_by)}: {row.taken} {listing.told(row.taken_value)}".rstrip())
        elif row.state == Conflict.State.OPEN:
            for option in choices.options(row):
                command = f"planning-sync resolve {lookup.short(row.pk)} --take {option.take}"
                say(f"  {command}{_drops(option.dropped)}")
        return Exit.FINE


def _cells(row: Conflict) -> tuple[str, ...]:
    return (
        *(lookup.short(row.pk), row.severity, _label(row), row.field),
        *(
            listing.told(row.base_value),
            listing.told(row.replica_value),
            listing.told(row.hub_value),
            row.state,
        ),
    )


def _label(row: Conflict) -> str:
    title = row.plan.title if row.plan else ""
    if row.item_label and title not in ("", row.item_label):
        return f"{row.item_label}  ({title})"
    return title or row.item_label


def _by(at: datetime | None, by: str) -> str:
    if at is None:
        return ""
    return f"   ({clean(by)}, {at:%Y-%m-%d %H:%M})" if by else f"   ({at:%Y-%m-%d %H:%M})"


def _drops(values: Iterable[Any]) -> str:
    dropped = ", ".join(map(listing.told, values))
    return f"   (drops {dropped})" if dropped else ""
