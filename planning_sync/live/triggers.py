"""The triggers that write a `Mark` for whatever the log gains: `install`, run after every migration.

A migration that rebuilds `live_mark` itself has to drop them first.
"""

from __future__ import annotations

from typing import Any

from django.db import connections

from audit import sqlite_triggers

CHANNEL = "planning_sync_log"
"""What PostgreSQL notifies on when a transaction that wrote marks commits."""

_INTO = "INSERT INTO live_mark (operation_id, entry_id, phase, status, {xid}at)"
_SQLITE_NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now')"


def _sqlite_trigger(name: str, event: str, values: str) -> str:
    into = _INTO.format(xid="")
    return f"CREATE TRIGGER {name} AFTER {event} BEGIN {into} VALUES ({values}, {_SQLITE_NOW}); END"


SQLITE = {
    "live_mark_started": _sqlite_trigger(
        "live_mark_started", "INSERT ON audit_operation", "NEW.id, NULL, 'started', ''"
    ),
    "live_mark_finished": _sqlite_trigger(
        "live_mark_finished",
        "UPDATE OF status ON audit_operation WHEN NEW.status <> OLD.status AND NEW.status <> 'running'",
        "NEW.id, NULL, 'finished', NEW.status",
    ),
    "live_mark_progress": _sqlite_trigger(
        "live_mark_progress",
        "UPDATE OF summary ON audit_operation WHEN NEW.status = 'running' AND NEW.kind IN ('sync', 'import')",
        "NEW.id, NULL, 'progress', ''",
    ),
    "live_mark_recorded": _sqlite_trigger(
        "live_mark_recorded", "INSERT ON audit_entry", "NEW.operation_id, NEW.id, 'recorded', ''"
    ),
}


def _postgres_trigger(name: str, event: str, select: str) -> str:
    """One statement writes the marks of all rows that another one wrote, COPY included."""
    into = _INTO.format(xid="xid, ")
    return f"""
        CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            {into} {select};
            IF FOUND THEN PERFORM pg_notify('{CHANNEL}', ''); END IF;
            RETURN NULL;
        END $$;
        CREATE OR REPLACE TRIGGER {name} AFTER {event} FOR EACH STATEMENT EXECUTE FUNCTION {name}();
    """


_XID = "pg_current_xact_id()::text::bigint, statement_timestamp()"
POSTGRES = (
    _postgres_trigger(
        "live_mark_started",
        "INSERT ON audit_operation REFERENCING NEW TABLE AS fresh",
        f"SELECT id, NULL, 'started', '', {_XID} FROM fresh",  # noqa: S608  # our own words
    ),
    _postgres_trigger(
        "live_mark_finished",
        "UPDATE ON audit_operation REFERENCING OLD TABLE AS stale NEW TABLE AS fresh",
        "SELECT fresh.id, NULL, CASE fresh.status WHEN 'running' THEN 'progress' ELSE 'finished' END, "  # noqa: S608  # our own words
        f"CASE fresh.status WHEN 'running' THEN '' ELSE fresh.status END, {_XID} "
        "FROM fresh JOIN stale USING (id) WHERE CASE fresh.status WHEN 'running' "
        "THEN fresh.kind IN ('sync', 'import') AND fresh.summary <> stale.summary "
        "ELSE fresh.status <> stale.status END",
    ),
    _postgres_trigger(
        "live_mark_recorded",
        "INSERT ON audit_entry REFERENCING NEW TABLE AS fresh",
        f"SELECT operation_id, id, 'recorded', '', {_XID} FROM fresh ORDER BY id",  # noqa: S608  # our own words
    ),
)


def install(*, using: str, **_: Any) -> None:
    """Make the triggers that are not there, or not as they are to be."""
    if "live_mark" not in connections[using].introspection.table_names():
        return  # migrated back to before this app
    with connections[using].cursor() as cursor:
        if connections[using].vendor == "postgresql":
            for statements in POSTGRES:
                cursor.execute(statements)
        else:
            sqlite_triggers.ensure(cursor, SQLITE)
