"""`planning-sync restore`: something from the bin, or as it was at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from planning_sync.sync import restoring
from planning_sync.sync.management import base, lookup, undoing
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import Exit, UsageError
from planning_sync.sync.undo import Outcome
from planning_sync.sync.undo_preview import PlanPreview
from plans.models import Plan


class Command(base.Command):
    help = "Put back what is in the bin; with --at, have a plan, phase or task be as it was then."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "what", metavar="ID", help="Id of a plan, phase or task (or its start or end), or a plan's name."
        )
        parser.add_argument(
            "--at",
            metavar="TIME|OPERATION",
            help="A time such as 2026-05-31 or 2026-05-31T14:30, or the operation after which it was so.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Show what would change, and change nothing."
        )

    def act(self, options: dict[str, Any]) -> Exit:
        row = lookup.anything(options["what"])
        moment = _moment(options["at"]) if options["at"] else None
        if options["dry_run"]:
            return self._preview(_previewed(row, moment))
        return undoing.outcome(self.output, _restored(row, moment), done="Restored")

    def _preview(self, found: PlanPreview) -> Exit:
        if self.output.as_json:
            self.output.document(found.as_json())
        else:
            undoing.preview(self.output, [found])
            self.output.say("Nothing was changed.")
        return Exit.FINE


def _restored(row: Any, moment: dict[str, Any] | None) -> Outcome:
    if moment is None:
        return restoring.restore_from_bin(row.pk, actor=who())
    if isinstance(row, Plan):
        return restoring.restore_plan_at(row.pk, actor=who(), **moment)
    return restoring.restore_item_at(row.pk, actor=who(), **moment)


def _previewed(row: Any, moment: dict[str, Any] | None) -> PlanPreview:
    if moment is None:
        return restoring.preview_from_bin(row.pk)
    if isinstance(row, Plan):
        return restoring.preview_plan_at(row.pk, **moment)
    return restoring.preview_item_at(row.pk, **moment)


def _moment(given: str) -> dict[str, datetime | UUID]:
    """A time, or an operation."""
    try:
        # An id has hyphens, too, and is no time; the digits of a short one could be.
        at = parse_datetime(given) if "-" in given else None
    except ValueError as error:
        raise UsageError(f"--at {given!r}: {error}.") from error
    if at is not None:
        return {"at": at if timezone.is_aware(at) else timezone.make_aware(at)}
    return {"operation_id": lookup.operation(given)}
