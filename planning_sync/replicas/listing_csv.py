"""Lists of tasks in a table of text, one to a row, below a row with the names of the columns: `CsvSheet`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from planning_sync.replicas.jsontext import Malformed
from planning_sync.replicas.mapping import Table
from planning_sync.replicas.sheets import Row, Sheet

DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_LINE_END = re.compile(r"\r\n|\r|\n")
_MERGE_MARKER = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)


class Cell(NamedTuple):
    start: int
    end: int
    value: str
    quoted: bool


class Line(NamedTuple):
    start: int
    end: int
    """After its line end."""
    cells: tuple[Cell, ...]


class CsvSheet(Sheet):
    lists: ClassVar[bool] = False

    def __init__(self, text: str, table: Table, delimiter: str = "") -> None:
        self._text = text
        self._table = table
        self._begin = 1 if text.startswith("\ufeff") else 0
        found = _MERGE_MARKER.search(text)
        if found:
            raise Malformed("a merge of git was left unfinished here", found.start())
        self._delimiter = delimiter or _delimiter_of(text[self._begin :])
        self._unquoted = re.compile(rf"[^{re.escape(self._delimiter)}\r\n]*")
        lines = [line for line in self._lines() if line.cells]
        if not lines:
            raise Malformed("there should be a row with the names of the columns", self._begin)
        self._names = [cell.value.strip() for cell in lines[0].cells]
        self._columns = self._read_head(lines[0])
        self._last = lines[-1]
        self._cells: dict[str, Line] = {}
        self.rows = list(self._read_rows(lines[1:]))
        self._edits: list[tuple[int, int, str]] = []
        self._beyond: dict[str, dict[int, str]] = {}
        """What is to stand in columns that a row ends before."""
        self._new: list[str] = []

    def _lines(self) -> Iterator[Line]:
        at = self._begin
        while at < len(self._text):
            start, cells = at, []
            while True:
                cells.append(self._cell(at))
                at = cells[-1].end
                if self._text[at : at + 1] != self._delimiter:
                    break
                at += 1
            found = _LINE_END.match(self._text, at)
            if found is None and at < len(self._text):
                raise Malformed("something follows the closing quote of the cell", at)
            at = found.end() if found else at
            blank = len(cells) == 1 and not cells[0].value and not cells[0].quoted
            yield Line(start, at, () if blank else tuple(cells))

    def _cell(self, at: int) -> Cell:
        if self._text[at : at + 1] == '"':
            found = _QUOTED.match(self._text, at)
            if found is None:
                raise Malformed("the quote that opens here is never closed", at)
            return Cell(at, found.end(), found[0][1:-1].replace('""', '"'), True)
        end = self._unquoted.match(self._text, at)
        assert end is not None, "no characters are some"
        return Cell(at, end.end(), end[0], False)

    def _read_head(self, line: Line) -> dict[str, int]:
        names = self._names
        columns = {name: number for number, name in enumerate(names)}
        for name in (self._table.key, self._table.columns["text"].name):
            if name not in columns:
                listed = ", ".join(names)
                raise Malformed(f"there is no column {name!r}; there are {listed}", line.start)
        for number, name in enumerate(names):
            if name and columns[name] != number and name in self._mapped:
                start = line.cells[columns[name]].start
                raise Malformed(f"the column {name!r} is here a second time", start)
        return columns

    @property
    def _mapped(self) -> set[str]:
        table = self._table
        above = {above.name for above in table.above}
        return {table.key, *above, *(column.name for column in table.columns.values())}

    def _read_rows(self, lines: list[Line]) -> Iterator[Row]:
        for line in lines:
            if len(line.cells) > len(self._names):
                told = f"the row has {len(line.cells)} cells, and there are {len(self._names)} columns"
                raise Malformed(told, line.start)
            raw = {
                name: line.cells[number].value
                for name, number in self._columns.items()
                if number < len(line.cells)
            }
            own = self._table.own(raw.get(self._table.key, ""))
            if not own:
                raise Malformed(f"the row has no {self._table.key!r}", line.start)
            if own in self._cells:
                raise Malformed(f"the {self._table.key} {own!r} is here a second time", line.start)
            self._cells[own] = line
            yield Row(own, self._table, raw, line.start, line.end)

    # --------------------------------------------------------------------------------- edits

    def title(self, pointer: str) -> str:
        return ""

    def has(self, table: Table, name: str) -> bool:
        return name in self._columns

    def set(self, row: Row, name: str, value: Any) -> None:
        cells, number = self._cells[row.own].cells, self._columns[name]
        told = "" if value is None else str(value)
        if number < len(cells):
            cell = cells[number]
            self._edits.append((cell.start, cell.end, self._spelled(told, quoted=cell.quoted)))
        elif told:
            self._beyond.setdefault(row.own, {})[number] = self._spelled(told, quoted=False)

    def add(self, table: Table, values: Mapping[str, Any]) -> None:
        like = self._last.cells
        self._new.append(
            self._delimiter.join(
                self._spelled(
                    "" if values.get(name) is None or self._columns[name] != number else str(values[name]),
                    quoted=number < len(like) and like[number].quoted and bool(self.rows),
                )
                for number, name in enumerate(self._names)
            )
        )

    def remove(self, row: Row) -> None:
        self._edits.append((row.start, row.end, ""))

    def done(self) -> str:
        for own, told in self._beyond.items():
            cells = self._cells[own].cells
            longer = [told.get(number, "") for number in range(len(cells), max(told) + 1)]
            self._edits.append((cells[-1].end, cells[-1].end, self._delimiter + self._delimiter.join(longer)))
        pieces, at = [], 0
        for start, end, new in sorted(self._edits):
            pieces += [self._text[at:start], new]
            at = end
        text = "".join([*pieces, self._text[at:]])
        if not self._new:
            return text
        newline = self._newline
        if not text.endswith(("\n", "\r")):
            return text + newline + newline.join(self._new)
        return text + newline.join(self._new) + newline

    def _spelled(self, value: str, *, quoted: bool) -> str:
        needs = any(sign in value for sign in (self._delimiter, '"', "\r", "\n")) or value != value.strip()
        if not (quoted or needs):
            return value
        return '"' + value.replace('"', '""') + '"'

    @property
    def _newline(self) -> str:
        found = _LINE_END.search(self._text)
        return found[0] if found else "\n"


def _delimiter_of(text: str) -> str:
    """What the first line has most of."""
    first = _LINE_END.split(_QUOTED.sub("", text), maxsplit=1)[0]
    return max(DELIMITERS, key=lambda sign: (first.count(sign), -DELIMITERS.index(sign)))
