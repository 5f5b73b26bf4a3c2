"""Searching: `search`, and the steps of it that other questions share.

It asks the embedder for what is near in meaning and words, and the database's full text where that is away.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from planning_sync.roles import access
from planning_sync.search import fulltext, records, wire, words
from planning_sync.search.asking import FULL_TEXT, Answer, Filters, Hit
from planning_sync.search.errors import SearchError
from planning_sync.search.models import Kind, Record
from planning_sync.search.services.scope import Scope
from plans.api import tagged

LIMIT = 20
MOST = 200
"""The most hits that can be asked for."""
ALL_KINDS = frozenset(Kind.values)
FOLLOW_SECONDS = 1.0
"""How long a search without an embedder reads what is new in the hub; others read on."""
_EXACT = 50
"""So many items at most come first for having the ref that was asked for."""


class Ranked(NamedTuple):
    """Ids with their scores, the best first, and who found them."""

    scores: dict[UUID, float]
    engine: str
    reason: str = ""
    """Why only words were compared; empty if they were not."""


def search(
    text: str,
    *,
    user: Any,
    kinds: Collection[str] = ALL_KINDS,
    filters: Filters = Filters(),  # noqa: B008  # frozen
    limit: int = LIMIT,
    replica_ids: Collection[UUID] | None = None,
) -> Answer:
    """What fits the text best among what `user` may see, and of that in `replica_ids` if they are given.

    Items that have, or name, a ref of the text come first.
    """
    started = time.perf_counter()
    filters = replace(filters, kinds=frozenset(kinds), sight=sight(user, replica_ids))
    question = _nearest(text, filters, limit)
    scope = _scope(filters)
    exact = _exact(text, scope)  # while the embedder is at it
    ranked = _ranked(question, text, scope.rows, limit)
    if ranked.reason:
        exact = _exact(text, scope)  # what was new was read meanwhile
    first = sorted(exact, key=lambda each: (exact[each], -ranked.scores.get(each, 0.0), each))
    order = list(dict.fromkeys([*first, *ranked.scores]))[:limit]
    found = scope.hits(text, order, ranked.scores, exact)
    took_ms = (time.perf_counter() - started) * 1000
    return Answer(found, ranked.engine, bool(ranked.reason), ranked.reason, took_ms)


def sight(user: Any, replica_ids: Collection[UUID] | None) -> frozenset[str] | None:
    """The replicas that count; None for all."""
    seen = access.replica_ids(user)
    if replica_ids is None:
        return None if seen is None else frozenset(map(str, seen))
    return frozenset(str(each) for each in replica_ids if seen is None or each in seen)


def within(filters: Filters) -> QuerySet[Record]:
    """The records that pass."""
    rows = access.within(Record.objects.exclude(digest=""), filters.sight)  # type: ignore[arg-type]  # ids as text
    if filters.replicas:
        rows = access.within(rows, filters.replicas)  # type: ignore[arg-type]  # ids as text
    chosen: Mapping[str, Collection[str]] = {
        "kind__in": filters.kinds,
        "plan_id__in": filters.plans,
        "phase_id__in": filters.phases,
        "status__in": filters.statuses,
        "priority__in": filters.priorities,
    }
    rows = rows.filter(**{name: values for name, values in chosen.items() if values})
    for tag in filters.tags:
        rows = rows.filter(tagged(tag))
    return rows


@lru_cache(maxsize=256)
def _scope(filters: Filters) -> Scope:
    return Scope(within(filters))


def nearest(text: str, filters: Filters, rows: QuerySet[Record], limit: int) -> Ranked:
    return _ranked(_nearest(text, filters, limit), text, rows, limit)


def _nearest(text: str, filters: Filters, limit: int) -> wire.Question:
    return wire.begin("search", text=text, filters=filters.as_json(), limit=min(limit, MOST))


def _ranked(question: wire.Question, text: str, rows: QuerySet[Record], limit: int) -> Ranked:
    try:
        told = question.answer()
    except SearchError as error:
        return _by_words(text, rows, limit, str(error))
    return Ranked({UUID(key): score for key, score in told["hits"]}, told["engine"])


def _by_words(text: str, rows: QuerySet[Record], limit: int, reason: str) -> Ranked:
    records.follow(FOLLOW_SECONDS)  # who else would, where there is no embedder?
    found: Any = fulltext.matching(rows, text)[:limit]
    return Ranked({row.item_id: -row.rank / (1 - row.rank) for row in found}, FULL_TEXT, reason)


def _exact(text: str, scope: Scope) -> dict[UUID, int]:
    """By item: 0 where it has a ref of the text itself, 1 where it names one."""
    named = words.refs(text)
    found = dict.fromkeys(scope.called([*named, words.called(text)], limit=_EXACT), 0)
    if named:
        naming = fulltext.naming(scope.rows, named).values_list("item_id", flat=True)
        found |= {item_id: 1 for item_id in naming[:_EXACT] if item_id not in found}
    return found


def hits(
    text: str,
    order: Iterable[UUID],
    scores: Mapping[UUID, float],
    exact: Collection[UUID],
    rows: QuerySet[Record],
) -> tuple[Hit, ...]:
    """As they are in the hub now: who has left it, or the sight of the user, is not among them."""
    return Scope(rows).hits(text, list(order), scores, exact)
