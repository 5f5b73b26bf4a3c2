"""The log as text that leaves the product: `Filters`, `FORMATS`, `lines`. `audit.services.export` logs it.

JSON Lines have one entry each, with its operation; CSV has the same in columns, with JSON in two of them.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Q

from audit.models import AppendOnlyQuerySet, Entry

CHUNK = 2_000
COLUMNS = (
    *("id", "at", "operation", "kind", "actor", "on_behalf_of", "via", "address", "replica"),
    *("plan", "item_kind", "item", "action", "field", "before", "after"),
)
_SOURCES = (
    *("id", "at", "operation_id", "operation__kind", "operation__actor", "operation__on_behalf_of"),
    *("operation__via", "operation__address", "operation__replica_id"),
    *("plan_id", "item_kind", "item_id", "action", "field", "before", "after"),
)
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With one of these first, a spreadsheet takes a cell for a formula."""


@dataclass(frozen=True)
class Filters:
    """What to take; None and "" take all."""

    since: datetime | None = None
    until: datetime | None = None
    """Not included."""
    plan_id: UUID | None = None
    actor: str = ""
    """Of the operation, or on whose behalf it was."""
    kind: str = ""

    def as_json(self) -> dict[str, str]:
        told = {name: value for name, value in vars(self).items() if value}
        return {
            name: value.isoformat() if isinstance(value, datetime) else str(value)
            for name, value in told.items()
        }

    def entries(self) -> AppendOnlyQuerySet[Entry]:
        chosen = Q()
        if self.since is not None:
            chosen &= Q(at__gte=self.since)
        if self.until is not None:
            chosen &= Q(at__lt=self.until)
        if self.plan_id is not None:
            chosen &= Q(plan_id=self.plan_id)
        if self.actor:
            chosen &= Q(operation__actor=self.actor) | Q(operation__on_behalf_of=self.actor)
        if self.kind:
            chosen &= Q(operation__kind=self.kind)
        return Entry.objects.filter(chosen)


EVERYTHING = Filters()


def last_entry() -> int:
    """Where an export that begins now will end."""
    return Entry.objects.order_by("-id").values_list("pk", flat=True).first() or 0


def rows(filters: Filters, upto: int) -> Iterator[dict[str, Any]]:
    """The entries in the order of the log, read a chunk at a time, so that none is long in the way."""
    after = 0
    while True:
        found = filters.entries().filter(pk__gt=after, pk__lte=upto).order_by("pk")
        chunk = list(found.values_list(*_SOURCES)[:CHUNK])
        for values in chunk:
            yield dict(zip(COLUMNS, values, strict=True))
        if len(chunk) < CHUNK:
            return
        after = chunk[-1][0]


def _json_lines(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row in found:
        yield _json(row) + "\n"


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # a number of more than 64 bits, or half a character
        return json.dumps(value, default=str, separators=(",", ":"))


def _csv(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow(COLUMNS)
    for row in found:
        yield _taken(page)
        writer.writerow([_cell(name, row[name]) for name in COLUMNS])
    yield _taken(page)


def _taken(page: io.StringIO) -> str:
    text = page.getvalue()
    page.seek(0)
    page.truncate()
    return text


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in ("before", "after"):
        text = _json(value)
    else:
        text = value.isoformat() if isinstance(value, datetime) else str(value)
    return "'" + text if text.startswith(_FORMULAS) else text


FORMATS: Mapping[str, Callable[[Iterable[dict[str, Any]]], Iterator[str]]] = {
    "jsonl": _json_lines,
    "csv": _csv,
}


def lines(fmt: str, filters: Filters, upto: int) -> Iterator[str]:
    """Pieces of text, each ending with a line."""
    return FORMATS[fmt](rows(filters, upto))
