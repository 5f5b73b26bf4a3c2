"""The full text over the records, kept up by the database: an index of PostgreSQL, a table of SQLite."""

from __future__ import annotations

from typing import Any

from django.db import migrations

_TABLE = """
CREATE VIRTUAL TABLE search_words USING fts5(
    words, content='search_record', content_rowid='id', tokenize='unicode61', prefix='3 4'
)
"""
_INSERTED = """
CREATE TRIGGER search_words_insert AFTER INSERT ON search_record BEGIN
    INSERT INTO search_words(rowid, words) VALUES (new.id, new.words);
END
"""
_DELETED = """
CREATE TRIGGER search_words_delete AFTER DELETE ON search_record BEGIN
    INSERT INTO search_words(search_words, rowid, words) VALUES ('delete', old.id, old.words);
END
"""
_UPDATED = """
CREATE TRIGGER search_words_update AFTER UPDATE OF words ON search_record WHEN old.words <> new.words BEGIN
    INSERT INTO search_words(search_words, rowid, words) VALUES ('delete', old.id, old.words);
    INSERT INTO search_words(rowid, words) VALUES (new.id, new.words);
END
"""
_INDEX = "CREATE INDEX search_record_words ON search_record USING gin (to_tsvector('simple', words))"

_MAKE = {"postgresql": (_INDEX,), "sqlite": (_TABLE, _INSERTED, _DELETED, _UPDATED)}
_DROP = {
    "postgresql": ("DROP INDEX search_record_words",),
    "sqlite": (
        "DROP TRIGGER search_words_update",
        "DROP TRIGGER search_words_delete",
        "DROP TRIGGER search_words_insert",
        "DROP TABLE search_words",
    ),
}


def make(apps: Any, editor: Any) -> None:
    for statement in _MAKE[editor.connection.vendor]:
        editor.execute(statement)


def drop(apps: Any, editor: Any) -> None:
    for statement in _DROP[editor.connection.vendor]:
        editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("search", "0001_initial")]
    operations = [migrations.RunPython(make, drop)]
