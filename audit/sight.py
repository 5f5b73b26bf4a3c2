"""Which rows a person may look at: `shown`, `limited`. A layer above knows of limits (`ask`).

Permissions say which kinds of rows a person may see; this says which of those rows. Every list and every page
that a person asks for starts from `shown`, so that what is out of sight is as if it were not there.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)


class Limits(Protocol):
    def limited(self, user: Any) -> bool: ...

    def within(self, rows: QuerySet[Any], user: Any) -> QuerySet[Any]: ...


_known: list[Limits] = []


def ask(limits: Limits) -> None:
    """Have `shown` and `limited` ask there from now on."""
    _known[:] = [limits]


def shown(rows: QuerySet[Row], user: Any) -> QuerySet[Row]:
    """Those of the rows that the person may look at."""
    for limits in _known:
        rows = limits.within(rows, user)
    return rows


def limited(user: Any) -> bool:
    """Whether some rows are out of this person's sight."""
    return any(limits.limited(user) for limits in _known)
