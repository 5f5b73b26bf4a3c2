"""`planning-sync send PLAN REPLICA`: a plan of the hub is to stand at one more replica."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from planning_sync.sync import services
from planning_sync.sync.management import base, lookup, reporting
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import Exit


class Command(base.Command):
    help = (
        "Make a plan of the hub a new plan of one more replica; from then on all of them follow one another."
    )

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "plan", metavar="PLAN", help="Id (or its start or end), path in a replica, or title."
        )
        parser.add_argument("replica", metavar="REPLICA", help="Name or path of the replica.")

    def act(self, options: dict[str, Any]) -> Exit:
        plan = lookup.plan(options["plan"])
        row = services.replica_named(options["replica"])
        report = services.send_plan(plan, row, actor=who())
        if self.output.as_json:
            self.output.document(report.as_json())
        else:
            reporting.tell(self.output, report)
        return Exit.FAILED if report.errors else Exit.FINE
