"""Triggers on SQLite, which has no CREATE OR REPLACE for them: `differing`, `ensure`.

They are made after every migration and not by one of their own: Django rebuilds a SQLite table to alter
it, which drops its triggers without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def differing(cursor: Any, triggers: Mapping[str, str]) -> list[str]:
    """The names of those that are not there, or not as their statement has it."""
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    known = dict(cursor.fetchall())
    return [name for name, statement in triggers.items() if known.get(name) != statement]


def ensure(cursor: Any, triggers: Mapping[str, str]) -> None:
    """Make those by their statements, which are told by name."""
    for name in differing(cursor, triggers):
        cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
        cursor.execute(triggers[name])
