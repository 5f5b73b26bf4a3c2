"""`planning-sync history PLAN`: what happened to a plan."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from planning_sync.sync import versions
from planning_sync.sync.management import base, listing, lookup
from planning_sync.sync.management.failures import Exit
from planning_sync.sync.management.output import clean
from planning_sync.sync.management.reporting import row_told
from planning_sync.sync.versions import Difference

_MOST_SHOWN = 12
"""Entries shown of one operation; `--json` has them all."""


class Command(base.Command):
    help = "Tell what happened to a plan, newest first: who changed what, from what, to what."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "plan", metavar="PLAN", help="Id (or its start or end), path in a replica, or title."
        )
        parser.add_argument(
            "--limit", type=int, default=20, metavar="N", help="How many operations (default 20)."
        )

        parser.add_argument(
            "--diff", metavar="OPERATION", help="Show what this operation changed, on tasks and on lines."
        )

    def act(self, options: dict[str, Any]) -> Exit:
        plan = lookup.plan(options["plan"])
        if options["diff"]:
            return self._differ(versions.difference(plan, lookup.operation(options["diff"])))
        found = listing.operations(plan, max(options["limit"], 1))
        if self.output.as_json:
            self.output.document(found)
            return Exit.FINE
        for operation in found:
            behalf = f" for {operation['on_behalf_of']}" if operation["on_behalf_of"] else ""
            at = operation["at"][:19].replace("T", " ")
            self.output.say(
                f"{at}  {operation['kind']} by {clean(operation['actor'])}{behalf}  {operation['operation']}"
            )
            for entry in operation["entries"][:_MOST_SHOWN]:
                self.output.say(f"    {_entry(entry)}")
            if len(operation["entries"]) > _MOST_SHOWN:
                self.output.say(f"    ... and {len(operation['entries']) - _MOST_SHOWN} more")
        return Exit.FINE

    def _differ(self, found: Difference) -> Exit:
        if self.output.as_json:
            self.output.document(found.as_json())
            return Exit.FINE
        for row in found.rows:
            self.output.say(f"hub   {row_told(row)}")
        for line in found.lines or ():
            self.output.say(f"file  {clean(line)}")
        if found.lines is None:
            self.output.say("The content of the file at that time is not kept any more.")
        return Exit.FINE


def _entry(entry: dict[str, Any]) -> str:
    told = f"{entry['action']} {entry['item_kind']} {clean(entry['label'])}".rstrip()
    if entry["field"] == "document":
        return f"{told}: file {_short(entry['before'])} -> {_short(entry['after'])}"
    if entry["field"] and entry["field"] != "place":
        return f"{told}: {entry['field']} {_value(entry['before'])} -> {_value(entry['after'])}"
    return told


def _short(checksum: Any) -> str:
    return str(checksum)[:12] if checksum else "(none)"


def _value(value: Any) -> str:
    return clean(", ".join(map(str, value)) if isinstance(value, list) else repr(value))
