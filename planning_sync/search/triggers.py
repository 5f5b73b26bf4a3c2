"""The triggers that keep the full text of SQLite as the records are: `install`, run after every migration."""

from __future__ import annotations

from typing import Any

from django.db import connections

from audit import sqlite_triggers

_FORGET = "INSERT INTO search_words(search_words, rowid, words) VALUES ('delete', old.id, old.words);"
_LEARN = "INSERT INTO search_words(rowid, words) VALUES (new.id, new.words);"

SQLITE = {
    "search_words_insert": (
        f"CREATE TRIGGER search_words_insert AFTER INSERT ON search_record BEGIN {_LEARN} END"
    ),
    "search_words_delete": (
        f"CREATE TRIGGER search_words_delete AFTER DELETE ON search_record BEGIN {_FORGET} END"
    ),
    "search_words_update": (
        "CREATE TRIGGER search_words_update AFTER UPDATE OF words ON search_record "
        f"WHEN old.words <> new.words BEGIN {_FORGET} {_LEARN} END"
    ),
}


def install(*, using: str, **_: Any) -> None:
    """Make the triggers that are not there, or not as they are to be. PostgreSQL has an index instead."""
    if connections[using].vendor != "sqlite":
        return
    if "search_words" not in connections[using].introspection.table_names():
        return  # migrated back to before the full text
    with connections[using].cursor() as cursor:
        sqlite_triggers.ensure(cursor, SQLITE)
