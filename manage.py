#!/usr/bin/env python3
"""The command line: `planning-sync COMMAND`, or `python manage.py COMMAND` in a checkout."""

from __future__ import annotations

import os
import sys

WRONG_USAGE = 2
WITHOUT_DJANGO = ("validate", "lsp", "new")
"""Commands that are quick to start, for editors and hooks: `validation.quick` runs them."""


def main() -> None:
    """Run the command named on the command line; wrong settings end it with a message and status 2."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "planning_sync.settings")
    if sys.argv[1:] in (["--version"], ["version"]):
        from importlib.metadata import version

        sys.stdout.write(f"planning-sync {version('planning-sync')}\n")
        return
    try:
        if sys.argv[1:2] and sys.argv[1] in WITHOUT_DJANGO:
            _without_django()
        else:
            _with_django()
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the answer has seen enough; nor may the interpreter fail to flush at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _without_django() -> None:
    from planning_sync.sync.management.validation import quick

    code = quick.main(sys.argv[1:])
    if code:
        sys.stdout.flush()
        sys.exit(int(code))


def _with_django() -> None:
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        _ = settings.INSTALLED_APPS
    except ImproperlyConfigured as error:
        sys.stderr.write(f"planning-sync: {error}\n")
        sys.exit(WRONG_USAGE)
    from planning_sync.sync.management.program import Commands

    Commands(sys.argv).execute()


if __name__ == "__main__":
    main()
