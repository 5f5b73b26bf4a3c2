"""The triggers that keep the log from being rewritten: `install`, `remove`, `missing`.

They are installed by a migration, and after every later one again. A migration that rebuilds `audit_seal`
has to `remove` them first, since SQLite does not rename a table that a trigger elsewhere speaks of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import connections

from audit import sqlite_triggers

REFUSAL = "The audit log only grows: this row can be neither changed nor deleted (see docs/audit.md)."

_IDENTITY = ("id", "kind", "actor", "on_behalf_of", "via", "address", "replica_id", "started_at")
"""Columns of an operation that are told at its beginning, and part of what is sealed."""
_SEALED = ("number", "first_id", "last_id", "count", "content", "digest", "sealed_at")

# Retention prunes the oldest seals first, so that what was pruned ends at one place.
_NOT_PRUNED = "OLD.id > coalesce((SELECT max(last_id) FROM audit_seal WHERE pruned_at IS NOT NULL), -1)"
# Visits are forgotten whole. Other operations are what conflicts and histories speak of, and stay.
_NO_OLD_VISIT = (
    "OLD.kind <> 'access' OR NOT coalesce(OLD.started_at <= (SELECT sealed_at FROM audit_seal "
    "WHERE pruned_at IS NOT NULL ORDER BY last_id DESC LIMIT 1), false)"
)


class _Trigger(NamedTuple):
    name: str
    table: str
    event: str
    condition: str
    """In which case the event is refused, in SQL that both databases know; `{differs}` is their "is not"."""


def _changed(columns: tuple[str, ...]) -> str:
    return " OR ".join(f"OLD.{column} {{differs}} NEW.{column}" for column in columns)


_TRIGGERS = (
    _Trigger("audit_entry_unchanged", "audit_entry", "UPDATE", ""),
    _Trigger("audit_entry_undeleted", "audit_entry", "DELETE", _NOT_PRUNED),
    _Trigger("audit_operation_unchanged", "audit_operation", "UPDATE", _changed(_IDENTITY)),
    _Trigger("audit_operation_undeleted", "audit_operation", "DELETE", _NO_OLD_VISIT),
    _Trigger(
        "audit_seal_unchanged", "audit_seal", "UPDATE", f"{_changed(_SEALED)} OR OLD.pruned_at IS NOT NULL"
    ),
    _Trigger("audit_seal_undeleted", "audit_seal", "DELETE", ""),
)
# INSERT OR REPLACE deletes rows without a word to the triggers of deletion.
_SQLITE_ONLY = (
    _Trigger(
        "audit_entry_unreplaced",
        "audit_entry",
        "INSERT",
        "EXISTS (SELECT 1 FROM audit_entry WHERE id = NEW.id)",
    ),
)
_TABLES = ("audit_entry", "audit_operation", "audit_seal")


def install(*, using: str, **_: Any) -> None:
    """Make the triggers that are not there, or not as they are to be; none before their tables."""
    if "audit_seal" not in connections[using].introspection.table_names():
        return
    with connections[using].cursor() as cursor:
        if connections[using].vendor == "postgresql":
            for statement in _postgres():
                cursor.execute(statement)
            return
        sqlite_triggers.ensure(cursor, _sqlite())


def remove(*, using: str) -> None:
    """Drop them all: for migrations."""
    with connections[using].cursor() as cursor:
        if connections[using].vendor == "postgresql":
            for each in _all_of_postgres():
                cursor.execute(f"DROP FUNCTION IF EXISTS {each.name} CASCADE")
            return
        for name in _sqlite():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def missing(*, using: str = "default") -> list[str]:
    """The names of those that are not there, not as they are to be, or switched off."""
    with connections[using].cursor() as cursor:
        if connections[using].vendor == "postgresql":
            return _missing_in_postgres(cursor)
        return sqlite_triggers.differing(cursor, _sqlite())


# ----------------------------------------------------------------------------------------- SQLite


def _sqlite() -> dict[str, str]:
    return {each.name: _sqlite_statement(each) for each in (*_TRIGGERS, *_SQLITE_ONLY)}


def _sqlite_statement(trigger: _Trigger) -> str:
    when = f" WHEN {trigger.condition.format(differs='IS NOT')}" if trigger.condition else ""
    return (
        f"CREATE TRIGGER {trigger.name} BEFORE {trigger.event} ON {trigger.table}{when} "
        f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    )


# ------------------------------------------------------------------------------------- PostgreSQL


def _all_of_postgres() -> list[_Trigger]:
    return [*_TRIGGERS, *(_Trigger(f"{table}_unemptied", table, "TRUNCATE", "") for table in _TABLES)]


def _postgres() -> Iterator[str]:
    """One function for each, because a trigger's own condition may not ask other tables."""
    for each in _all_of_postgres():
        rows = "STATEMENT" if each.event == "TRUNCATE" else "ROW"
        yield (
            f"CREATE OR REPLACE FUNCTION {each.name}() RETURNS trigger LANGUAGE plpgsql "
            f"AS $${_postgres_body(each)}$$"
        )
        yield (
            f"CREATE OR REPLACE TRIGGER {each.name} BEFORE {each.event} ON {each.table} "
            f"FOR EACH {rows} EXECUTE FUNCTION {each.name}()"
        )


def _postgres_body(trigger: _Trigger) -> str:
    condition = trigger.condition.format(differs="IS DISTINCT FROM") or "true"
    goes_on = {"UPDATE": "NEW", "DELETE": "OLD"}.get(trigger.event, "NULL")
    return (
        f" BEGIN IF {condition} THEN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation';"
        f" END IF; RETURN {goes_on}; END "
    )


def _missing_in_postgres(cursor: Any) -> list[str]:
    cursor.execute(
        "SELECT tgname, prosrc FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid "
        "WHERE tgrelid = ANY(%s::regclass[]) AND tgenabled IN ('O', 'A')",
        [list(_TABLES)],
    )
    standing = dict(cursor.fetchall())
    return [each.name for each in _all_of_postgres() if standing.get(each.name) != _postgres_body(each)]
