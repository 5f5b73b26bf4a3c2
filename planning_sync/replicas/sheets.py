"""A text that holds lists of records, and edits of single values in it: `Sheet`, `Row`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from planning_sync.replicas.mapping import Table


class Row(NamedTuple):
    own: str
    """Its key, made unique in the whole text."""
    table: Table
    raw: Mapping[str, Any]
    """Everything that it says, by the names that the text has for it."""
    start: int
    end: int


class Sheet(ABC):
    """Made of a text, or `jsontext.Malformed` raised. Edits are gathered; `done` is the new text."""

    rows: list[Row]
    lists: ClassVar[bool]
    """Whether it can hold several values in one place as such, and not only as one text."""

    @abstractmethod
    def title(self, pointer: str) -> str:
        """The plan's title; "" where the text has none."""

    @abstractmethod
    def has(self, table: Table, name: str) -> bool:
        """Whether records of the table can say anything by that name."""

    @abstractmethod
    def set(self, row: Row, name: str, value: Any) -> None:
        """Have the row say that; None is nothing at all."""

    @abstractmethod
    def add(self, table: Table, values: Mapping[str, Any]) -> None:
        """Put a new record at the end."""

    @abstractmethod
    def remove(self, row: Row) -> None: ...

    @abstractmethod
    def done(self) -> str: ...
