"""What every command shares: `--json`, exit codes, and failures told in one line.

Public: `Command`, `add_json`.
"""

from __future__ import annotations

import argparse
import logging
import sys
from typing import Any, ClassVar, TextIO, cast

from django.core.management.base import BaseCommand, CommandParser, OutputWrapper

from audit import context
from audit.models import Operation
from planning_sync.sync.management import actor, database, failures
from planning_sync.sync.management.failures import Exit
from planning_sync.sync.management.output import Output

_INTERRUPTED = 130
_LOG_LEVELS = {0: logging.CRITICAL, 1: logging.CRITICAL, 2: logging.INFO, 3: logging.DEBUG}


class Command(BaseCommand):
    """A command whose work is `act`, which gives the exit code."""

    requires_system_checks: tuple[str, ...] = ()
    suppressed_base_arguments: ClassVar[set[str]] = {  # type: ignore[misc]  # Django declares no ClassVar
        *("--version", "--settings", "--pythonpath", "--traceback", "--force-color", "--skip-checks"),
    }
    logs = False
    """Whether the log is of interest to who runs the command; else the answer says all."""
    needs_tables = True
    output: Output

    def arguments(self, parser: CommandParser) -> None:
        """Declare the command's own arguments."""

    def act(self, options: dict[str, Any]) -> Exit:
        """Do the work and tell the outcome on `self.output`."""
        raise NotImplementedError

    def add_arguments(self, parser: CommandParser) -> None:
        add_json(parser, default=False)
        self.arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        plain = bool(options.get("no_color"))
        self.output = Output(
            _stream(self.stdout), _stream(self.stderr), as_json=options["as_json"], plain=plain
        )
        if not self.logs:
            logging.getLogger().setLevel(_LOG_LEVELS[options["verbosity"]])
        code = self._outcome(options)
        if code:
            sys.exit(int(code))

    def _outcome(self, options: dict[str, Any]) -> Exit:
        try:
            if self.needs_tables and not database.ready():
                database.migrate()
            with context.origin(via=Operation.Via.COMMAND, name=actor.who):
                return self.act(options)
        except KeyboardInterrupt:
            self._told("Stopped.", Exit.FAILED)
            sys.exit(_INTERRUPTED)
        except BrokenPipeError:
            raise
        except Exception as error:
            code = failures.code_of(error)
            if options["traceback"] and code is None:
                raise
            return self._told(failures.message_of(error), Exit.FAILED if code is None else code)

    def _told(self, message: object, code: Exit) -> Exit:
        self.output.note(f"planning-sync: {message}")
        return code


def _stream(wrapper: OutputWrapper) -> TextIO:
    """The stream itself: Django's wrapper ends each piece of text with a line end."""
    return cast(TextIO, wrapper._out)


def add_json(parser: argparse.ArgumentParser, *, default: Any) -> None:
    parser.add_argument(
        "--json",
        action="store_true",
        dest="as_json",
        default=default,
        help="Answer with one JSON document on standard output; messages go to standard error.",
    )
