#!/usr/bin/env python3
"""The command line: `planning-sync COMMAND`, or `python manage.py COMMAND` in a checkout."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility, get_commands, load_command_class
from django.core.management.base import BaseCommand

WRONG_USAGE = 2
OURS = "planning_sync.sync"


class Commands(ManagementUtility):
    """Django's commands and ours, whose names may be written with hyphens."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        name = subcommand.replace("-", "_")
        if name not in get_commands():
            sys.stderr.write(
                f"planning-sync: there is no command {subcommand!r}. List them with `planning-sync help`.\n"
            )
            sys.exit(WRONG_USAGE)
        return super().fetch_command(name)

    def main_help_text(self, commands_only: bool = False) -> str:
        if commands_only:
            return super().main_help_text(commands_only=True)
        ours = sorted(name for name, app in get_commands().items() if app == OURS)
        lines = [f"  {name.replace('_', '-'):<16} {_first_line(name)}" for name in ours]
        return "\n".join(
            [
                "Markdown plans in a folder and a live hub, kept the same in both directions.",
                "",
                f"Usage: {self.prog_name} COMMAND [--json] ...",
                "",
                *lines,
                "",
                "Exit status: 0 fine, 1 failed, 2 wrong usage, 3 refused by a guard, 4 conflicts open.",
                f"`{self.prog_name} COMMAND --help` tells more of one command;",
                f"`{self.prog_name} help --commands` lists those of Django as well, such as changepassword.",
            ]
        )


def _first_line(name: str) -> str:
    return load_command_class(OURS, name).help.partition("\n")[0]


def main() -> None:
    """Run the command named on the command line; wrong settings end it with a message and status 2."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "planning_sync.settings")
    if sys.argv[1:] in (["--version"], ["version"]):
        from importlib.metadata import version

        sys.stdout.write(f"planning-sync {version('planning-sync')}\n")
        return
    from django.conf import settings

    try:
        _ = settings.INSTALLED_APPS
    except ImproperlyConfigured as error:
        sys.stderr.write(f"planning-sync: {error}\n")
        sys.exit(WRONG_USAGE)
    try:
        Commands(sys.argv).execute()
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the answer has seen enough; nor may the interpreter fail to flush at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
