"""Who gives the command: `who`."""

from __future__ import annotations

import getpass


def who() -> str:
    """The name of the account that the command runs under."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "command line"  # an account without a name, as containers have them
