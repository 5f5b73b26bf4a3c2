"""Plans that are lists of records in JSON or CSV: `ListFormat`, and for each of the two how it is opened.

What the mapping does not name stays as it is, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

from planning_sync.replicas import structured
from planning_sync.replicas.base import Reading, Write
from planning_sync.replicas.errors import PlanUnreadable, Unreadable
from planning_sync.replicas.formats import Format
from planning_sync.replicas.jsontext import Malformed, described
from planning_sync.replicas.listing_csv import CsvSheet
from planning_sync.replicas.listing_json import JsonSheet
from planning_sync.replicas.listing_splice import ask
from planning_sync.replicas.mapping import Mapping as ListMapping
from planning_sync.replicas.sheets import Row, Sheet
from planning_sync.replicas.structured import Asked, Record, Records, Spliced
from plans.document.model import Finding
from plans.outline import Outline, Value

Open = Callable[[str, ListMapping], Sheet]
"""Makes a sheet of a text; raises `Malformed`."""
Empty = Callable[[ListMapping, str], str]
"""The text of a plan of that title without tasks."""


class ListFormat(Format):
    """`mapping` is asked once, at the first need; it raises `OptionRefused` where it cannot be used."""

    def __init__(
        self, mapping: Callable[[], ListMapping], open_sheet: Open, empty: Empty, *, suffix: str
    ) -> None:
        self.suffix = suffix
        self._read_mapping = mapping
        self._open = open_sheet
        self._empty = empty

    @cached_property
    def _mapping(self) -> ListMapping:
        return self._read_mapping()

    @cached_property
    def rules(self) -> str:
        """Raises `OptionRefused` where the mapping cannot be used."""
        return hashlib.sha256(repr(self._mapping).encode()).hexdigest()[:12]

    def parse(self, data: bytes, path: str) -> Records:
        text, sheet = self._sheet(data, path)
        title = sheet.title(self._mapping.title)
        findings: list[Finding] = []
        records = [self._record(text, row, findings) for row in sheet.rows]
        _refuse_circles(records, text, path)
        return structured.document(
            data,
            records,
            title=title or self._name(path),
            levels=self._mapping.levels,
            titled=bool(title),
            text=text,
            findings=findings,
        )

    def _name(self, path: str) -> str:
        name = path.rpartition("/")[2]
        stem = name.removesuffix(self.suffix)
        return (stem if stem != name else name.rpartition(".")[0]) or name

    def rewritten(self, reading: Reading, target: Outline) -> Write:
        return structured.rewritten(reading, target, partial(self._splice, reading.path))

    def created(self, path: str, target: Outline) -> Write:
        text = self._empty(self._mapping, target.plan.text)
        empty = self.parse(text.encode(self._mapping.encoding), path)
        return structured.created(path, target, empty, partial(self._splice, path))

    # --------------------------------------------------------------------------------- reading

    def _sheet(self, data: bytes, path: str) -> tuple[str, Sheet]:
        encoding = self._mapping.encoding
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            told = f"line {line}: it is not {encoding}; the mapping can name another encoding"
            raise PlanUnreadable(path, Unreadable.MALFORMED, told) from error
        if text.encode(encoding) != data:
            told = f"it is not quite {encoding}; the mapping can name another encoding"
            raise PlanUnreadable(path, Unreadable.MALFORMED, told)
        try:
            return text, self._open(text, self._mapping)
        except Malformed as fault:
            raise PlanUnreadable(path, Unreadable.MALFORMED, described(fault, text)) from fault

    def _record(self, text: str, row: Row, findings: list[Finding]) -> Record:
        said: dict[str, Value] = {}
        for name, column in row.table.columns.items():
            value = column.value(row.raw.get(column.name), row.table.separator)
            if value is None:
                told = f"{row.raw[column.name]!r} is no {name} that is known; it stays as it is"
                findings.append(Finding(_line(text, row), "unrecognised", told))
            elif value:
                said[name] = value
        if "text" not in said:
            name = row.table.columns["text"].name
            findings.append(Finding(_line(text, row), "unrecognised", f"this task has no {name!r}"))
        further = structured.beyond(row.raw, row.table.names)
        return Record(row.own, row.table.above_of(row.raw), said, row.start, row.end, further=further)

    # --------------------------------------------------------------------------------- writing

    def _splice(self, path: str, present: Records, asked: Asked) -> Spliced:
        _, sheet = self._sheet(present.data, path)
        keys = ask(sheet, self._mapping.tables[0], asked, present.keys_by_name)
        try:
            data = sheet.done().encode(self._mapping.encoding)
        except UnicodeEncodeError:  # the file's encoding has no such letters: the edit stays in the hub
            return Spliced(present, present.keys_by_name)
        return Spliced(self.parse(data, path), keys)


def _line(text: str, row: Row) -> int:
    return text.count("\n", 0, row.start) + 1


def _refuse_circles(records: list[Record], text: str, path: str) -> None:
    """Records that hang below themselves would not be found from the top, and seem to be gone."""
    above = {record.own: record.above for record in records}
    safe = {""}
    for record in records:
        trail, own = {record.own}, record.above
        while own not in safe and own in above:
            if own in trail:
                fault = Malformed(f"the task {record.own!r} hangs below itself", record.start)
                raise PlanUnreadable(path, Unreadable.MALFORMED, described(fault, text))
            trail.add(own)
            own = above[own]
        safe |= trail


# ------------------------------------------------------------------------------------- JSON and CSV


def open_json(text: str, mapping: ListMapping) -> Sheet:
    return JsonSheet(text, mapping.tables)


def open_csv(text: str, mapping: ListMapping) -> Sheet:
    return CsvSheet(text, mapping.tables[0], mapping.delimiter)


def empty_json(mapping: ListMapping, title: str) -> str:
    """A document with no tasks in it."""
    whole: Any = {}
    for pointer, value in ((mapping.title, title), *((table.items, []) for table in mapping.tables)):
        if pointer == "":
            whole = value if value == [] else whole
            continue
        *steps, last = pointer.split("/")[1:]
        inner = whole
        for step in steps:
            inner = inner.setdefault(step, {})
        inner[last] = value
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def empty_csv(mapping: ListMapping, title: str) -> str:
    return (mapping.delimiter or ",").join(mapping.tables[0].names) + "\n"
