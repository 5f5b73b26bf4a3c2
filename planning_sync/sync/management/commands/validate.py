"""`planning-sync validate [PATH...]`: check plans against rules. The command line runs it without Django."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from planning_sync.sync.management import base
from planning_sync.sync.management.failures import Exit
from planning_sync.sync.management.validation import command


class Command(base.Command):
    help = command.HELP
    needs_tables = False

    def arguments(self, parser: CommandParser) -> None:
        command.arguments(parser)

    def act(self, options: dict[str, Any]) -> Exit:
        return command.run(options, self.output)
