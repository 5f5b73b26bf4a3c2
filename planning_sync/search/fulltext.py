"""The database's own full text over the records: `matching`. SQLite's FTS5, PostgreSQL's tsvector.

Kept up by the database itself as the records change; it knows words and their beginnings, not meanings.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.db.models import BooleanField, FloatField, QuerySet
from django.db.models.expressions import RawSQL

from planning_sync.search import words
from planning_sync.search.models import Record

MOST_WORDS = 24
_SHORTEST = 3
"""Shorter words stand nearly everywhere: they count only where there are no others."""

_VECTOR = "to_tsvector('simple', search_record.words)"


def matching(rows: QuerySet[Record], text: str) -> QuerySet[Record]:
    """Those that have a word of the text, or its beginning, the best first; a lower `rank` is better."""
    asked = _words(text)
    if connection.vendor == "postgresql":
        return _by_tsquery(rows, " | ".join(f"{word}:*" for word in asked))
    return _by_match(rows, " OR ".join(f'"{word}"*' for word in asked))


def naming(rows: QuerySet[Record], refs: Sequence[str]) -> QuerySet[Record]:
    """Those whose text has one of these refs, as `words.refs` writes them, the best first."""
    some = list(dict.fromkeys(refs))[:MOST_WORDS]
    if connection.vendor == "postgresql":
        return _by_tsquery(rows, " | ".join(some))
    return _by_match(rows, " OR ".join(f'"{ref}"' for ref in some))


def _words(text: str) -> list[str]:
    found = list(dict.fromkeys(words.words(words.plain(text))))
    long = [word for word in found if len(word) >= _SHORTEST]
    return (long or found)[:MOST_WORDS]


def _by_match(rows: QuerySet[Record], query: str) -> QuerySet[Record]:
    if not query:
        return rows.none()
    # A table that Django has no model for can be joined by `extra` alone.
    return rows.extra(
        select={"rank": "bm25(search_words)"},
        tables=["search_words"],
        where=["search_words.rowid = search_record.id", "search_words MATCH %s"],
        params=[query],
    ).order_by("rank", "pk")


def _by_tsquery(rows: QuerySet[Record], query: str) -> QuerySet[Record]:
    if not query:
        return rows.none()
    matches = RawSQL(f"{_VECTOR} @@ to_tsquery('simple', %s)", [query], BooleanField())  # noqa: S611  # the query is a parameter
    rank = RawSQL(f"-ts_rank_cd({_VECTOR}, to_tsquery('simple', %s), 1)", [query], FloatField())  # noqa: S611  # the query is a parameter
    return rows.filter(matches).annotate(rank=rank).order_by("rank", "pk")
