"""Searching: `search`, and the steps of it that other questions share.

It asks the embedder for what is near in meaning and words, and the database's full text where that is away.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from planning_sync.roles import access
from planning_sync.search import fulltext, wire, words
from planning_sync.search.asking import FULL_TEXT, Answer, Filters, Hit
from planning_sync.search.errors import SearchError
from planning_sync.search.models import Kind, Record
from plans.api import tagged
from plans.models import Phase, Plan, Task

LIMIT = 20
MOST = 200
"""The most hits that can be asked for."""
ALL_KINDS = frozenset(Kind.values)
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
    rows = within(filters)
    ranked = nearest(text, filters, rows, limit)
    exact = _exact(text, rows)
    first = sorted(exact, key=lambda each: (exact[each], -ranked.scores.get(each, 0.0), each))
    order = list(dict.fromkeys([*first, *ranked.scores]))[:limit]
    found = hits(text, order, ranked.scores, exact, rows)
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


def nearest(text: str, filters: Filters, rows: QuerySet[Record], limit: int) -> Ranked:
    try:
        told = wire.ask("search", text=text, filters=filters.as_json(), limit=min(limit, MOST))
    except SearchError as error:
        return _by_words(text, rows, limit, str(error))
    return Ranked({UUID(key): score for key, score in told["hits"]}, told["engine"])


def _by_words(text: str, rows: QuerySet[Record], limit: int, reason: str) -> Ranked:
    found: Any = fulltext.matching(rows, text)[:limit]
    return Ranked({row.item_id: -row.rank / (1 - row.rank) for row in found}, FULL_TEXT, reason)


def _exact(text: str, rows: QuerySet[Record]) -> dict[UUID, int]:
    """By item: 0 where it has a ref of the text itself, 1 where it names one."""
    named = words.refs(text)
    own = rows.filter(called__in=[*named, words.called(text)]).exclude(called="")
    found = dict.fromkeys(own.values_list("item_id", flat=True)[:_EXACT], 0)
    for ref in named:
        for item_id in fulltext.naming(rows, ref).values_list("item_id", flat=True)[:_EXACT]:
            found.setdefault(item_id, 1)
    return found


def hits(
    text: str,
    order: Iterable[UUID],
    scores: Mapping[UUID, float],
    exact: Collection[UUID],
    rows: QuerySet[Record],
) -> tuple[Hit, ...]:
    """As they are in the hub now: who has left it, or the sight of the user, is not among them."""
    order = list(order)
    found = {row.item_id: row for row in rows.filter(item_id__in=order)}
    titles = dict(
        Plan.objects.live().filter(pk__in={row.plan_id for row in found.values()}).values_list("pk", "title")
    )
    above = [row.phase_id for row in found.values() if row.phase_id is not None]
    phases: dict[UUID | None, str] = dict(
        Record.objects.filter(item_id__in=above).values_list("item_id", "text")
    )
    there = titles.keys() | _live(Phase, found, Kind.PHASE) | _live(Task, found, Kind.TASK)
    return tuple(
        Hit(
            kind=row.kind,
            id=row.item_id,
            plan=row.plan_id,
            plan_title=titles[row.plan_id],
            phase=row.phase_id,
            phase_title=phases.get(row.phase_id, ""),
            ref=row.ref,
            text=row.text,
            status=row.status,
            priority=row.priority,
            tags=tuple(row.tags),
            score=1.0 if row.item_id in exact else scores[row.item_id],
            exact=row.item_id in exact,
            marks=words.places(row.text, text),
        )
        for row in map(found.get, order)
        if row is not None and row.item_id in there and row.plan_id in titles
    )


def _live(model: type[Phase] | type[Task], found: Mapping[UUID, Record], kind: str) -> set[UUID]:
    """Those of the kind that are not in the bin."""
    ids = [row.item_id for row in found.values() if row.kind == kind]
    return set(model.objects.live().filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
