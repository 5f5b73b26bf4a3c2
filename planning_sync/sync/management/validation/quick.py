"""The commands that run before Django is loaded: `COMMANDS`, `main`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from planning_sync.sync.management.failures import CommandFailed, Exit, UsageError
from planning_sync.sync.management.output import Output
from planning_sync.sync.management.validation import command, editor, starting

INTERRUPTED = 130


class _Command(NamedTuple):
    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Mapping[str, Any], Output], Exit]


COMMANDS: Mapping[str, _Command] = MappingProxyType(
    {
        "validate": _Command(command.HELP, command.arguments, command.run),
        "lsp": _Command(editor.HELP, editor.arguments, editor.run),
        "new": _Command(starting.HELP, starting.arguments, starting.run),
    }
)


def main(words: Sequence[str]) -> Exit:
    """Runs the command whose name is the first of the words; wrong usage ends the process with status 2."""
    name, *rest = words
    chosen = COMMANDS[name]
    parser = argparse.ArgumentParser(prog=f"planning-sync {name}", description=chosen.help)
    chosen.arguments(parser)
    parser.add_argument("--json", action="store_true", dest="as_json", help="Answer with one JSON document.")
    parser.add_argument("--no-color", action="store_true", help="Write plain text.")
    parser.add_argument(
        "-v", "--verbosity", type=int, choices=range(4), default=1, help="Has no effect here."
    )
    options = vars(parser.parse_args(rest))
    output = Output(sys.stdout, sys.stderr, as_json=options["as_json"], plain=options["no_color"])
    try:
        return chosen.run(options, output)
    except (UsageError, CommandFailed) as error:
        output.note(f"planning-sync: {error}")
        return Exit.WRONG_USAGE if isinstance(error, UsageError) else Exit.FAILED
    except KeyboardInterrupt:
        output.note("planning-sync: Stopped.")
        sys.exit(INTERRUPTED)
