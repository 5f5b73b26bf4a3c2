"""What the hub asks of a list, put into its sheet in the list's own manner: `ask`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5

from planning_sync.replicas.mapping import WORDS, Column, Manner, Table, Unsayable
from planning_sync.replicas.sheets import Row, Sheet
from planning_sync.replicas.structured import Asked
from plans.outline import ROOT, Item, Value

_NUMBERED = re.compile(r"(.*?)(\d+)\Z")


def ask(sheet: Sheet, main: Table, asked: Asked, keys: Mapping[str, str]) -> dict[str, str]:
    """Put what is asked into the sheet; the hub's id of each record it then has, by its `own`."""
    splice = _Splice(sheet, main, dict(keys))
    splice.do(asked)
    return splice.keys


class _Splice:
    """Puts what is asked into a sheet. `keys`: the hub's id of each record, those that are made as well."""

    def __init__(self, sheet: Sheet, main: Table, keys: dict[str, str]) -> None:
        self._sheet = sheet
        self._main = main
        self.keys = keys
        self._owns = {key: own for own, key in keys.items()}
        self._rows = {row.own: row for row in sheet.rows}
        self._raw_keys = {row.own: row.raw[row.table.key] for row in sheet.rows}
        self._numbers = _Numbers.of([row.raw[main.key] for row in sheet.rows if row.table is main])
        self._examples: dict[tuple[str, str], Any] = {}
        self._used = {name: self._words_in_use(name) for name in WORDS}

    def do(self, asked: Asked) -> None:
        for key, fields in asked.changed.items():
            self._change(self._rows[self._owns[key]], fields)
        for item in asked.added:
            self._add(item, asked.containers[item.key])
        for key in asked.moved:
            self._move(self._rows[self._owns[key]], asked.containers[key])
        for key in asked.removed:
            own = self._owns[key]
            self._sheet.remove(self._rows[own])
            del self.keys[own]

    def _change(self, row: Row, fields: Mapping[str, Value]) -> None:
        for name, value in fields.items():
            column = row.table.columns.get(name)
            if column is None or column.name == row.table.key or not self._sheet.has(row.table, column.name):
                continue
            with suppress(Unsayable):  # it stays in the hub
                example = row.raw.get(column.name)
                self._sheet.set(row, column.name, self._raw(row.table, column, value, example))

    def _raw(self, table: Table, column: Column, value: Value, example: Any) -> Any:
        """What the list says for the value, as it says it in this place, or else in others of the column."""
        if _is_blank(example):
            example = self._example(table.name, column.name)
        usual = Manner(
            lists=self._sheet.lists,
            separator=table.separator,
            date_suffix=table.date_suffix,
            words=self._used.get(column.hub, {}),
        )
        return column.raw(value, usual.like(example))

    def _example(self, table: str, name: str) -> Any:
        """What one of the records says there; None where none says anything."""
        if (table, name) not in self._examples:
            said = (row.raw.get(name) for row in self._sheet.rows if row.table.name == table)
            self._examples[table, name] = next((raw for raw in said if not _is_blank(raw)), None)
        return self._examples[table, name]

    def _add(self, item: Item, container: str) -> None:
        table = self._main
        key = self._new_key(item)
        values: dict[str, Any] = {table.key: key}
        for name, column in table.columns.items():
            with suppress(Unsayable):
                raw = self._raw(table, column, getattr(item, name), None)
                if raw is not None and column.name != table.key:
                    values[column.name] = raw
        link = self._link(table, container)
        if link is not None:
            values[link[0]] = link[1]
        self._sheet.add(table, {**values, **{k: v for k, v in table.new.items() if k not in values}})
        own = table.own(key)
        self.keys[own], self._owns[item.key], self._raw_keys[own] = item.key, own, key

    def _move(self, row: Row, container: str) -> None:
        link = self._link(row.table, container)
        for above in row.table.above:
            if link is not None and above.name == link[0]:
                self._sheet.set(row, above.name, link[1])
            elif row.raw.get(above.name):
                self._sheet.set(row, above.name, None)

    def _link(self, table: Table, container: str) -> tuple[str, Any] | None:
        """Which field says that a record hangs below the container, and what it says."""
        if container == ROOT:
            return None
        own = self._owns[container]
        holder = self._rows[own].table if own in self._rows else self._main
        for above in table.above:
            if above.table == holder.name and self._sheet.has(table, above.name):
                return above.name, self._raw_keys[own]
        return None

    # --------------------------------------------------------------------------------- in the list's manner

    def _words_in_use(self, name: str) -> dict[str, Any]:
        """The raw word that the list uses most for each value of the field."""
        found: dict[str, Counter[Any]] = {}
        for row in self._sheet.rows:
            column = row.table.columns.get(name)
            raw = row.raw.get(column.name) if column is not None else None
            value = column.value(raw, "") if column is not None and isinstance(raw, str | int) else None
            if isinstance(value, str) and value:
                found.setdefault(value, Counter())[raw] += 1
        return {value: counted.most_common(1)[0][0] for value, counted in found.items()}

    def _new_key(self, item: Item) -> Any:
        """A key such as the list has them: the next number, with what stands before it; else a UUID."""
        table = self._main
        if table.columns["text"].name == table.key:
            return item.text
        if self._numbers is not None:
            self._numbers = self._numbers.next
            return self._numbers.key
        try:
            return str(UUID(item.key))
        except ValueError:
            return str(uuid5(NAMESPACE_OID, item.key))


class _Numbers(NamedTuple):
    """Keys that end in a number, by the highest of them."""

    head: str
    number: int
    width: int
    as_number: bool

    @classmethod
    def of(cls, keys: Sequence[Any]) -> _Numbers | None:
        """None where there are no keys, or they are not all of that form with one head."""
        found = [None if _is_uuid(key) else _NUMBERED.match(str(key)) for key in keys]
        numbered = [each for each in found if each]
        if not numbered or len(numbered) < len(found) or len({each[1] for each in numbered}) > 1:
            return None
        last = max(numbered, key=lambda each: int(each[2]))
        as_number = all(isinstance(key, int) for key in keys)
        return cls(last[1], int(last[2]), len(last[2]), as_number)

    @property
    def next(self) -> _Numbers:
        return self._replace(number=self.number + 1)

    @property
    def key(self) -> Any:
        return self.number if self.as_number else f"{self.head}{self.number:0{self.width}d}"


def _is_uuid(key: Any) -> bool:
    try:
        return bool(UUID(str(key)))
    except ValueError:
        return False


def _is_blank(raw: Any) -> bool:
    return raw is None or raw == "" or raw == []
