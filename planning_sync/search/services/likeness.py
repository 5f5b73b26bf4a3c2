"""What is like a plan, phase or task that is there, `similar`, or near to a vector, `near`."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from planning_sync.search import wire
from planning_sync.search.asking import Answer, Filters
from planning_sync.search.errors import NotIndexed
from planning_sync.search.models import Kind, Record
from planning_sync.search.services import searching


def similar(
    item_id: UUID,
    *,
    user: Any,
    filters: Filters = Filters(),  # noqa: B008  # frozen
    limit: int = searching.LIMIT,
    replica_ids: Collection[UUID] | None = None,
) -> Answer:
    """Other items of the same kind, the likest first. Raises `NotIndexed`."""
    started = time.perf_counter()
    filters = replace(filters, sight=searching.sight(user, replica_ids))
    record = searching.within(Filters(sight=filters.sight)).filter(item_id=item_id).first()
    if record is None:
        raise NotIndexed(item_id)
    return like(record, filters, limit, started)


def like(record: Record, filters: Filters, limit: int, started: float) -> Answer:
    """What is like the record, itself left out."""
    filters = replace(filters, kinds=frozenset({record.kind}))
    rows = searching.within(filters).exclude(pk=record.pk)
    ranked = searching.nearest(record.text, filters, rows, limit + 1)
    order = [item_id for item_id in ranked.scores if item_id != record.item_id][:limit]
    found = searching.hits(record.text, order, ranked.scores, (), rows)
    took_ms = (time.perf_counter() - started) * 1000
    return Answer(found, ranked.engine, bool(ranked.reason), ranked.reason, took_ms)


def near(
    vector: Sequence[float],
    *,
    user: Any,
    kind: str = Kind.TASK,
    filters: Filters = Filters(),  # noqa: B008  # frozen
    limit: int = searching.LIMIT,
    replica_ids: Collection[UUID] | None = None,
) -> Answer:
    """What is near to a vector; the score is the cosine. Raises `WrongDimension`, `EmbedderAway`."""
    started = time.perf_counter()
    kinds = frozenset({kind})
    filters = replace(filters, kinds=kinds, sight=searching.sight(user, replica_ids))
    told = wire.ask("near", vector=list(vector), filters=filters.as_json(), limit=limit)
    scores = {UUID(key): cosine for key, cosine in told["hits"]}
    found = searching.hits("", list(scores), scores, (), searching.within(filters))
    return Answer(found, told["engine"], False, "", (time.perf_counter() - started) * 1000)
