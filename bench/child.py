"""A process that measures: `python -m bench.child module:function`, arguments as JSON on standard input.

The answer is the last line of standard output, as JSON.
"""

from __future__ import annotations

import importlib
import json
import sys


def main() -> None:
    module, _, name = sys.argv[1].partition(":")
    arguments = json.loads(sys.stdin.read() or "{}")
    import django

    django.setup()
    from django.conf import settings

    assert not settings.DEBUG, "with DEBUG, Django keeps every query"
    print(json.dumps(getattr(importlib.import_module(module), name)(**arguments)))


def migrate() -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


if __name__ == "__main__":
    main()
