"""Django's commands and ours, as one program: `Commands`."""

from __future__ import annotations

import sys

from django.core.management import ManagementUtility, get_commands, load_command_class
from django.core.management.base import BaseCommand

from planning_sync.sync.management.failures import Exit

OURS = ("planning_sync.sync", "planning_sync.search")


class Commands(ManagementUtility):
    """Commands whose names may be written with hyphens."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        name = subcommand.replace("-", "_")
        if name not in get_commands():
            sys.stderr.write(
                f"planning-sync: there is no command {subcommand!r}. List them with `planning-sync help`.\n"
            )
            sys.exit(Exit.WRONG_USAGE)
        return super().fetch_command(name)

    def main_help_text(self, commands_only: bool = False) -> str:
        if commands_only:
            return super().main_help_text(commands_only=True)
        ours = sorted((name, app) for name, app in get_commands().items() if app in OURS)
        lines = [f"  {name.replace('_', '-'):<16} {_first_line(app, name)}" for name, app in ours]
        return "\n".join(
            [
                "Markdown plans in a folder and a live hub, kept the same in both directions.",
                "",
                f"Usage: {self.prog_name} COMMAND [--json] ...",
                "",
                *lines,
                "",
                "Exit status: 0 fine, 1 failed, 2 wrong usage, 3 refused by a guard,",
                "4 conflicts open or rules broken.",
                f"`{self.prog_name} COMMAND --help` tells more of one command;",
                f"`{self.prog_name} help --commands` lists those of Django as well, such as changepassword.",
            ]
        )


def _first_line(app: str, name: str) -> str:
    return load_command_class(app, name).help.partition("\n")[0]
