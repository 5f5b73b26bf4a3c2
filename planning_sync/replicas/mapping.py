"""What a list of tasks says, and how it would say something: `Mapping`, `Table`, `Column`, `Manner`.

A status or a priority is written with the word that the list itself uses for it, if it uses one; else with
the first word of its column that means it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from plans.outline import Status, Value

STATUS_WORDS: AbstractMapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("todo", "to do", "planned", "open", "new", "pending", "backlog"), Status.TODO),
        **dict.fromkeys(("not started", "ready", "false", "0"), Status.TODO),
        **dict.fromkeys(("in_progress", "in progress", "doing", "started", "active"), Status.IN_PROGRESS),
        **dict.fromkeys(("review", "in review", "testing"), Status.IN_PROGRESS),
        **dict.fromkeys(("done", "completed", "complete", "closed", "finished"), Status.DONE),
        **dict.fromkeys(("shipped", "resolved", "true", "1"), Status.DONE),
        **dict.fromkeys(("blocked", "on hold", "waiting"), Status.BLOCKED),
        **dict.fromkeys(("cancelled", "canceled", "rejected", "dropped", "won't do"), Status.CANCELLED),
    }
)
PRIORITY_WORDS: AbstractMapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("critical", "urgent", "highest", "blocker", "p0"), "critical"),
        **dict.fromkeys(("high", "p1"), "high"),
        **dict.fromkeys(("medium", "normal", "p2"), "medium"),
        **dict.fromkeys(("low", "minor", "p3"), "low"),
        **dict.fromkeys(("lowest", "trivial", "p4"), "lowest"),
    }
)
WORDS = {"status": STATUS_WORDS, "priority": PRIORITY_WORDS}
MEANINGS = {"status": frozenset(Status), "priority": frozenset(PRIORITY_WORDS.values())}
LISTS = frozenset({"tags", "depends_on"})
"""Fields that hold several values."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?=\Z|[T ])")
_SWITCH = {"true": True, "false": False}
_NO_DATE = "0001-01-01"
"""What programs write that have no word for "no date"."""


@dataclass(frozen=True)
class Column:
    """A field of the hub as the list keeps it."""

    hub: str
    """What the hub calls it."""
    name: str
    words: AbstractMapping[str, str] = field(default_factory=dict)
    """What its words mean, where it has words; how they are spelled matters no more than in `plain`."""

    def value(self, raw: Any, separator: str) -> Value | None:
        """What the list says, in the hub's words; None where that means nothing here."""
        if self.hub in LISTS:
            return _several(raw, separator)
        text = _text(raw)
        if not text:
            return ""
        if self.hub == "due":
            return _date(text)
        if self.hub in WORDS:
            return self._meanings.get(plain(text))
        return text

    def raw(self, value: Value, manner: Manner) -> Any:
        """What is to stand in the list for `value`; None for nothing. Raises `Unsayable`."""
        if not value:
            return None
        if not isinstance(value, str):
            return list(value) if manner.lists else manner.separator.join(value)
        if self.hub in WORDS:
            return self._word(value, manner)
        if self.hub == "due":
            return value + manner.date_suffix
        if manner.numbers and value.isdecimal():
            return int(value)
        return value

    def _word(self, value: str, manner: Manner) -> Any:
        if value in manner.words:
            return manner.words[value]
        meant = [word for word, meaning in self.words.items() if meaning == value]
        if manner.switches:
            meant = [word for word in meant if word in _SWITCH]
        if not meant:
            raise Unsayable
        if manner.switches:
            return _SWITCH[meant[0]]
        return int(meant[0]) if manner.numbers and meant[0].isdecimal() else meant[0]

    @cached_property
    def _meanings(self) -> dict[str, str]:
        return {plain(word): meaning for word, meaning in self.words.items()}


class Unsayable(Exception):
    """The list has no word for a value."""


@dataclass(frozen=True)
class Manner:
    """How a list writes values, as far as it can be seen."""

    lists: bool
    """Several values as a list, and not as one text."""
    separator: str
    numbers: bool = False
    switches: bool = False
    """True and false as such."""
    date_suffix: str = ""
    words: AbstractMapping[str, Any] = field(default_factory=dict)
    """The word that it uses itself for each value."""

    def like(self, example: Any) -> Manner:
        """The manner of a place where this stands, or stands elsewhere in its column."""
        if isinstance(example, str):
            date = _DATE.match(example)
            suffix = example[date.end() :] if date else self.date_suffix
            return replace(self, lists=False, date_suffix=suffix)
        if isinstance(example, list):
            return replace(self, lists=True)
        if isinstance(example, bool):
            return replace(self, switches=True)
        return replace(self, numbers=isinstance(example, int | float))


@dataclass(frozen=True)
class Above:
    """A field that names the record which a record hangs below."""

    name: str
    table: str = ""
    """The table that the record above is in."""


@dataclass(frozen=True)
class Table:
    """One list of records of one shape."""

    columns: AbstractMapping[str, Column]
    key: str = "id"
    name: str = ""
    """Tells the tables of one file apart."""
    items: str = ""
    """JSON: the pointer to the list."""
    above: tuple[Above, ...] = ()
    new: AbstractMapping[str, Any] = field(default_factory=dict)
    """What a new record says besides."""
    separator: str = ","
    """Between several values in one text."""
    date_suffix: str = ""
    """What follows a date, where the list has none yet that shows it."""

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that the mapping names, each once."""
        columns = (column.name for column in self.columns.values())
        return tuple(dict.fromkeys([self.key, *columns, *(above.name for above in self.above)]))

    def own(self, key: Any) -> str:
        """The durable id of the record with that key, unique in the whole file."""
        text = _text(key)
        return f"{self.name}/{text}" if self.name and text else text

    def above_of(self, raw: AbstractMapping[str, Any]) -> str:
        """The durable id of the record that this one hangs below; "" at the top."""
        for above in self.above:
            key = _text(raw.get(above.name))
            if key:
                return f"{above.table}/{key}" if above.table else key
        return ""


@dataclass(frozen=True)
class Mapping:
    tables: tuple[Table, ...]
    """New records go into the first one."""
    title: str = ""
    """JSON: the pointer to the plan's title, if it is there."""
    delimiter: str = ""
    """CSV: what stands between cells; "" for what the first line seems to use."""
    encoding: str = "utf-8"

    @property
    def levels(self) -> int:
        return 32 if any(table.above for table in self.tables) else 1


def plain(word: str) -> str:
    """The word as it is compared: letter case, blanks, `_` and `-` make no difference."""
    return re.sub(r"[\s_-]+", " ", word).strip().casefold()


# ------------------------------------------------------------------------------------- values


def _text(raw: Any) -> str:
    if raw is None or isinstance(raw, list | dict):
        return ""
    return " ".join(str(raw).lower().split()) if isinstance(raw, bool) else " ".join(str(raw).split())


def _several(raw: Any, separator: str) -> tuple[str, ...]:
    parts = raw if isinstance(raw, list) else str(raw or "").split(separator)
    return tuple(text for text in map(_text, parts) if text)


def _date(text: str) -> str | None:
    found = _DATE.match(text)
    if not found:
        return None
    return "" if found[0] == _NO_DATE else found[0]
