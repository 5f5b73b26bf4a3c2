"""The items that a question is about: `Scope`. Which of them have a ref, and how they are shown."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from planning_sync.search import words
from planning_sync.search.asking import Hit
from planning_sync.search.models import Record

_ITEM_ID = Record._meta.get_field("item_id")
# Written out: in each search, Django would take longer to write these than any database to answer them.
_CALLED = """
SELECT record.item_id FROM ({rows}) AS record
WHERE record.called > '' AND record.called IN ({values})
ORDER BY record.item_id LIMIT {limit}
"""
_SHOWN = """
WITH record AS MATERIALIZED (SELECT * FROM ({rows}) AS known WHERE known.item_id IN ({values}))
SELECT record.kind, record.item_id, record.plan_id, plan.title, record.phase_id, coalesce(above.text, ''),
    record.ref, record.text, record.status, record.priority, record.tags
FROM record
JOIN plans_plan plan ON plan.id = record.plan_id AND plan.deleted_at IS NULL
LEFT JOIN search_record above ON above.item_id = record.phase_id
LEFT JOIN plans_task task ON task.id = record.item_id AND task.deleted_at IS NULL
LEFT JOIN plans_phase phase ON phase.id = record.item_id AND phase.deleted_at IS NULL
WHERE record.kind = 'plan' OR task.id IS NOT NULL OR phase.id IS NOT NULL
"""
"""Materialized, so that PostgreSQL begins with the few that were found, whatever it takes the tables for."""


class _Shown(NamedTuple):
    kind: str
    id: UUID
    plan: UUID
    plan_title: str
    phase: UUID | None
    phase_title: str
    ref: str
    text: str
    status: str
    priority: str
    tags: tuple[str, ...]


class Scope:
    """Of the records that are `rows`. It holds nothing of them, and can be kept for other questions."""

    def __init__(self, rows: QuerySet[Record]) -> None:
        self.rows = rows
        self._chosen: tuple[str, tuple[Any, ...]] | None = None
        with suppress(EmptyResultSet):
            self._chosen = rows.order_by().query.sql_with_params()

    def called(self, names: Collection[str], *, limit: int) -> list[UUID]:
        """Those that have one of the refs, as `words.called` writes it."""
        return [_id(item_id) for (item_id,) in self._asked(_CALLED, names, limit=limit)]

    def hits(
        self, text: str, order: Collection[UUID], scores: Mapping[UUID, float], exact: Collection[UUID]
    ) -> tuple[Hit, ...]:
        """In that order, as they are in the hub now: who has left it is not among them."""
        ids = [_ITEM_ID.get_db_prep_value(each, connection) for each in order]
        shown = {each.id: each for each in map(_as_shown, self._asked(_SHOWN, ids))}
        return tuple(
            Hit(
                *each,
                score=1.0 if each.id in exact else scores[each.id],
                exact=each.id in exact,
                marks=words.places(each.text, text),
            )
            for each in map(shown.get, order)
            if each is not None
        )

    def _asked(self, question: str, values: Collection[Any], **more: int) -> Sequence[tuple[Any, ...]]:
        if self._chosen is None or not values:
            return ()
        rows, chosen = self._chosen
        sql = question.format(rows=rows, values=", ".join(["%s"] * len(values)), **more)
        with connection.cursor() as cursor:
            cursor.execute(sql, [*chosen, *values])
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def _as_shown(row: Sequence[Any]) -> _Shown:
    """SQLite tells ids as hexadecimal digits."""
    told = _Shown._make(row)
    phase = told.phase and _id(told.phase)
    return told._replace(id=_id(told.id), plan=_id(told.plan), phase=phase, tags=tuple(json.loads(row[-1])))


def _id(told: UUID | str) -> UUID:
    return told if isinstance(told, UUID) else UUID(told)
