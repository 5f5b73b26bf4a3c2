"""The full text over the records: an index of PostgreSQL, a table of SQLite that triggers keep up."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from planning_sync.search import triggers

_TABLE = """
CREATE VIRTUAL TABLE search_words USING fts5(
    words, content='search_record', content_rowid='id', tokenize='unicode61', prefix='3 4'
)
"""
_INDEX = "CREATE INDEX search_record_words ON search_record USING gin (to_tsvector('simple', words))"


def make(apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(_INDEX)
        return
    editor.execute(_TABLE)
    triggers.install(using=editor.connection.alias)


def drop(apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP INDEX search_record_words")
        return
    for name in triggers.SQLITE:
        editor.execute(f"DROP TRIGGER {name}")
    editor.execute("DROP TABLE search_words")


class Migration(migrations.Migration):
    dependencies = [("search", "0001_initial")]
    operations = [migrations.RunPython(make, drop)]
