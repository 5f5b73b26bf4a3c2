"""Pages that do not shift when rows come and go: `Order`, `page`, `PageQuery`, `page_serializer`.

A cursor names the last row seen by its place in the order. It is signed, so that it holds nothing but what
this list gave out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.core import signing
from django.db.models import Model, Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from planning_sync.api.errors import InvalidCursor
from plans.api import Strict

SMALLEST, USUAL, LARGEST = 1, 50, 500
_SALT = "planning-sync.api.cursor"

Order = Sequence[str]
"""Names of columns that are never null and tell any two rows apart, "-" before those that descend."""


class PageQuery(Strict):
    """What every list takes beside its filters."""

    limit = serializers.IntegerField(
        min_value=SMALLEST, max_value=LARGEST, default=USUAL, help_text="How many at most."
    )
    cursor = serializers.CharField(
        required=False, max_length=1000, help_text="From the `next` of the page before."
    )


class Page(NamedTuple):
    rows: list[dict[str, Any]]
    next: str | None
    """The address of the next page."""

    def as_json(self, tell: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        return {"results": [tell(row) for row in self.rows], "next": self.next}


def page(
    request: Request, rows: QuerySet[Model], columns: Sequence[str], order: Order, asked: Mapping[str, Any]
) -> Page:
    """One page of `rows` in `order`, as mappings of `columns`. One query."""
    names = [name.removeprefix("-") for name in order]
    if "cursor" in asked:
        rows = rows.filter(_after(order, _read(asked["cursor"], order)))
    wanted = rows.order_by(*order).values(*dict.fromkeys([*columns, *names]))
    found = list(wanted[: asked["limit"] + 1])
    more = len(found) > asked["limit"]
    found = found[: asked["limit"]]
    return Page(found, _address(request, [found[-1][name] for name in names], order) if more else None)


def _address(request: Request, values: list[Any], order: Order) -> str:
    told = [list(order), [_pack(value) for value in values]]
    query = request.query_params.copy()
    query["cursor"] = signing.dumps(told, salt=_SALT)
    return f"{request.path}?{query.urlencode()}"


def _read(cursor: str, order: Order) -> list[Any]:
    try:
        told, values = signing.loads(cursor, salt=_SALT)
    except signing.BadSignature:
        raise InvalidCursor from None
    if told != list(order):
        raise InvalidCursor
    return [_unpack(value) for value in values]


def _after(order: Order, values: list[Any]) -> Q:
    """Rows that come later: a later first column, or an equal one and a later second, and so on."""
    after, equal = Q(), Q()
    for name, value in zip(order, values, strict=True):
        column, way = name.removeprefix("-"), "lt" if name.startswith("-") else "gt"
        after |= equal & Q(**{f"{column}__{way}": value})
        equal &= Q(**{column: value})
    # Says nothing new, and lets the database begin in the middle of an index.
    return (
        Q(**{f"{order[0].removeprefix('-')}__{'lte' if order[0].startswith('-') else 'gte'}": values[0]})
        & after
    )


_PACK: Mapping[type, str] = {UUID: "u", datetime: "t", date: "d"}
_UNPACK: Mapping[str, Callable[[str], Any]] = {
    "u": UUID,
    "t": datetime.fromisoformat,
    "d": date.fromisoformat,
    "n": str,
}


def _pack(value: Any) -> Any:
    if isinstance(value, str | int):
        return value
    return [_PACK.get(type(value), "n"), str(value)]


def _unpack(value: Any) -> Any:
    return _UNPACK[value[0]](value[1]) if isinstance(value, list) else value


def page_serializer(item: type[serializers.BaseSerializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The shape of a page of such items, for the schema."""
    name = item.__name__.removesuffix("Serializer") + "Page"
    return type(
        name + "Serializer",
        (serializers.Serializer,),
        {
            "__doc__": "A page of a list.",
            "results": item(many=True),
            "next": serializers.CharField(
                allow_null=True, help_text="The address of the next page, if there is one."
            ),
        },
    )
