"""Empties the database between tests that commit: `remember` once, `restore` after each.

Django's own way truncates every table and announces a migration, so that permissions and roles are made
anew: twenty times the work of deleting the few rows that a test left behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

Row = tuple[Any, ...]

_kept: dict[str, list[Row]] = {}
"""The rows that migrations made, of each table of which there are any."""


def remember() -> None:
    """Keep what the fresh database holds."""
    _kept.clear()
    _kept.update({table: _rows(table) for table in sorted(_filled() - {"django_migrations"})})


def restore() -> None:
    """Have the database hold again what was there when it was fresh."""
    filled = _filled() - {"django_migrations"}
    left = [table for table in filled if table not in _kept]
    changed = [table for table, rows in _kept.items() if _rows(table) != rows]
    if not left and not changed:
        return
    with transaction.atomic(), _unguarded(), connection.cursor() as cursor:
        for table in (*left, *changed):
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
        for table in changed:
            holes = ", ".join(["%s"] * len(_kept[table][0]))
            statement = f"INSERT INTO {connection.ops.quote_name(table)} VALUES ({holes})"
            cursor.executemany(statement, _kept[table])


def _filled() -> set[str]:
    tables = connection.introspection.django_table_names(only_existing=False, include_views=False)
    asked = (
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})"
        for table in {*tables, "django_migrations"}
    )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        return {table for (table,) in cursor.fetchall()}


def _rows(table: str) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)} ORDER BY 1")
        return list(cursor.fetchall())


@contextmanager
def _unguarded() -> Iterator[None]:
    """Without the triggers that keep the log from being rewritten, for the length of a transaction."""
    if connection.vendor == "postgresql" and _may_switch_triggers_off():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        return
    from audit import triggers

    triggers.remove(using="default")
    yield
    triggers.install(using="default")


def _may_switch_triggers_off() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])
