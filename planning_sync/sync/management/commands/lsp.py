"""`planning-sync lsp`: the rules in an editor. The command line runs it without Django."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from planning_sync.sync.management import base
from planning_sync.sync.management.failures import Exit
from planning_sync.sync.management.validation import editor


class Command(base.Command):
    help = editor.HELP
    needs_tables = False

    def arguments(self, parser: CommandParser) -> None:
        editor.arguments(parser)

    def act(self, options: dict[str, Any]) -> Exit:
        return editor.run(options, self.output)
