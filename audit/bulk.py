"""Many rows into one table, or out of it, by the shortest road the database has: `insert`, `select`."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, models


def insert(model: type[models.Model], names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write `rows` (values in the order of the field names `names`) into the table of `model`.

    PostgreSQL takes them by COPY, SQLite by one prepared statement. Values are adapted by the fields
    themselves (an id may also be given as its hex text); no model instance is made and no signal is
    sent. Must run in a transaction.
    """
    if not rows:
        return
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    columns = [_adapted(field, values) for field, values in zip(fields, zip(*rows, strict=True), strict=True)]
    quoted = connection.ops.quote_name
    table = quoted(model._meta.db_table)
    into = ", ".join(quoted(field.column) for field in fields)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({into}) FROM STDIN") as copy:
                for row in zip(*columns, strict=True):
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(fields))
            statement = f"INSERT INTO {table} ({into}) VALUES ({marks})"  # noqa: S608  # names of our own models
            cursor.executemany(statement, list(zip(*columns, strict=True)))


def select(rows: models.QuerySet[Any], names: Sequence[str]) -> list[tuple[Any, ...]]:
    """The columns `names` of `rows` as the driver gives them: what Django converts is left as it is.

    So an id is a UUID or its hex text, JSON is text, a date is a date or its ISO text, and a decimal is
    whatever number the database keeps.
    """
    statement, parameters = rows.values_list(*names).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _adapted(field: Any, values: Sequence[Any]) -> Sequence[Any]:
    """The values of one column as the database driver wants them; equal values are adapted once."""
    kind = field.target_field if isinstance(field, models.ForeignKey) else field
    if isinstance(kind, models.TextField | models.CharField | models.IntegerField):
        return values
    if isinstance(kind, models.UUIDField):
        # As hex text, which is how SQLite keeps them and what PostgreSQL reads.
        return [value.hex if isinstance(value, UUID) else value for value in values]
    known: dict[Hashable, Any] = {}
    adapted = []
    for value in values:
        name = (id(value),) if type(value) in _MUTABLE else value
        if name not in known:
            known[name] = field.get_db_prep_save(value, connection)
        adapted.append(known[name])
    return adapted


_MUTABLE = frozenset({dict, list})
