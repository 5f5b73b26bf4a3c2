"""The triggers that keep `ProgressDay`, so that no writer forgets it: `install`, after every migration."""

from __future__ import annotations

from typing import Any

from django.db import connections

from audit import sqlite_triggers


def _counted(column: str, row: str) -> str:
    """What a row counts for; nothing while its plan is in the bin."""
    return f"CASE WHEN {row}.deleted_at IS NULL THEN {row}.{column} ELSE 0 END"


def _gained(column: str, event: str) -> str:
    old = "0" if event == "INSERT" else _counted(column, "OLD")
    return f"({_counted(column, 'NEW')} - {old})"


def _sums(event: str, today: str) -> str:
    tasks, done = _gained("task_count", event), _gained("done_count", event)
    return (
        "INSERT INTO dashboard_progressday (plan_id, date, tasks, done) "
        f"SELECT NEW.id, {today}, {tasks}, {done} WHERE {tasks} <> 0 OR {done} <> 0 "
        "ON CONFLICT (plan_id, date) DO UPDATE SET tasks = dashboard_progressday.tasks + excluded.tasks, "
        "done = dashboard_progressday.done + excluded.done"
    )


_SQLITE_TODAY = "date('now')"
_POSTGRES_TODAY = "(statement_timestamp() AT TIME ZONE 'UTC')::date"
# Not when a row is deleted: only those in the bin are, and they count for nothing.
_EVENTS = {"INSERT": "INSERT", "UPDATE": "UPDATE OF task_count, done_count, deleted_at"}

SQLITE = {
    f"progress_day_{event.lower()}": f"CREATE TRIGGER progress_day_{event.lower()} AFTER {when} "
    f"ON plans_plan FOR EACH ROW BEGIN {_sums(event, _SQLITE_TODAY)}; END"
    for event, when in _EVENTS.items()
}

POSTGRES = tuple(
    f"""
        CREATE OR REPLACE FUNCTION progress_day_{event.lower()}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN {_sums(event, _POSTGRES_TODAY)}; RETURN NULL; END $$;
        CREATE OR REPLACE TRIGGER progress_day_{event.lower()} AFTER {when} ON plans_plan
            FOR EACH ROW EXECUTE FUNCTION progress_day_{event.lower()}();
    """
    for event, when in _EVENTS.items()
)


def install(*, using: str, **_: Any) -> None:
    """Make the triggers that are not there, or not as they are to be."""
    known_tables = connections[using].introspection.table_names()
    if not {"dashboard_progressday", "plans_plan"} <= set(known_tables):
        return  # migrated back to before this app
    with connections[using].cursor() as cursor:
        if connections[using].vendor == "postgresql":
            for statements in POSTGRES:
                cursor.execute(statements)
        else:
            sqlite_triggers.ensure(cursor, SQLITE)
