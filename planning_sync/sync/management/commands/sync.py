"""`planning-sync sync [REPLICA]`: one pass over one replica, or over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser

from planning_sync.sync import services
from planning_sync.sync.exchange import Direction
from planning_sync.sync.management import base, reporting
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import Exit, UsageError
from planning_sync.sync.models import Replica
from planning_sync.sync.passes import Options
from planning_sync.sync.report import Report

_CODES = {
    "in_step": Exit.FINE,
    "failed": Exit.FAILED,
    "refused": Exit.REFUSED,
    "conflicts": Exit.CONFLICTS,
}
_WORST_FIRST = ("failed", "refused", "conflicts", "in_step")


class Command(base.Command):
    help = "Bring the hub and a replica (or all of them) in step, both ways."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "replica", nargs="?", metavar="REPLICA", help="Name or folder; else all that are enabled."
        )
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument(
            "--pull", action="store_true", help="Take the replica's edits, write nothing to it."
        )
        ways.add_argument(
            "--push", action="store_true", help="Write the hub's edits, take nothing from the replica."
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Show what would change, and change nothing."
        )
        parser.add_argument(
            "--allow-mass-delete",
            action="store_true",
            help="Go on where a guard refuses because so much would go.",
        )

    def act(self, options: dict[str, Any]) -> Exit:
        chosen = Options(
            actor=who(),
            direction=_direction(options),
            dry_run=options["dry_run"],
            allow_mass_delete=options["allow_mass_delete"],
        )
        reports = [self._pass(row, chosen) for row in _replicas(options["replica"])]
        if self.output.as_json:
            self.output.document(_document(reports))
        else:
            for report in reports:
                reporting.tell(self.output, report)
        return _CODES[_worst(reports)]

    def _pass(self, row: Replica, chosen: Options) -> Report:
        with self.output.progress(f"Syncing {row.name}") as progress:
            return services.sync_replica(row, chosen, progress=progress)


def _direction(options: dict[str, Any]) -> Direction:
    if options["pull"]:
        return "pull"
    return "push" if options["push"] else "both"


def _replicas(name: str | None) -> list[Replica]:
    if name:
        return [services.replica_named(name)]
    rows = list(Replica.objects.filter(enabled=True).order_by("created_at", "pk"))
    if not rows:
        raise UsageError("There is no replica to sync yet. Add one with `planning-sync add PATH`.")
    return rows


def _worst(reports: Sequence[Report]) -> str:
    found = {report.status for report in reports}
    return next(status for status in _WORST_FIRST if status in found)


def _document(reports: Sequence[Report]) -> dict[str, Any]:
    """The report; of several replicas their sums in the same shape, and each report in `reports`."""
    documents = [report.as_json() for report in reports]
    if len(documents) == 1:
        return documents[0]
    total: dict[str, Any] = {name: _sum([document[name] for document in documents]) for name in documents[0]}
    total["operation"] = ""
    total["replica"] = ", ".join(report.replica for report in reports)
    total["status"] = _worst(reports)
    total["dry_run"] = reports[0].dry_run
    return {**total, "reports": documents}


def _sum(values: Sequence[Any]) -> Any:
    """Numbers added up, lists joined, and so on inside of mappings."""
    if isinstance(values[0], dict):
        return {name: _sum([value[name] for value in values]) for name in values[0]}
    if isinstance(values[0], list):
        return [item for value in values for item in value]
    return round(sum(values), 3) if isinstance(values[0], int | float) else values[0]
