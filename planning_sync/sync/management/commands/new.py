"""`planning-sync new`: make a plan or a phase from a template. The command line runs it without Django."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from planning_sync.sync.management import base
from planning_sync.sync.management.failures import Exit
from planning_sync.sync.management.validation import starting


class Command(base.Command):
    help = starting.HELP
    needs_tables = False

    def arguments(self, parser: CommandParser) -> None:
        starting.arguments(parser)

    def act(self, options: dict[str, Any]) -> Exit:
        return starting.run(options, self.output)
