"""Lists of tasks in a JSON document: `JsonSheet`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from planning_sync.replicas.jsontext import Node, Splices, parse
from planning_sync.replicas.mapping import Table
from planning_sync.replicas.sheets import Row, Sheet

_LONE_NEWLINE = re.compile(r"(?<!\r)\n")
_BOM = "\ufeff"


class JsonSheet(Sheet):
    lists: ClassVar[bool] = True

    def __init__(self, text: str, tables: Sequence[Table]) -> None:
        self._bom = _BOM if text.startswith(_BOM) else ""
        self._text = text.removeprefix(_BOM)
        self._root = parse(self._text)
        self._tables = tables
        self._nodes: dict[str, Node] = {}
        self.rows = [row for table in reversed(tables) for row in self._rows(table)]
        self._splices = Splices(self._text)
        self._gone: set[str] = set()
        self._new: dict[str, list[Mapping[str, Any]]] = {}

    def title(self, pointer: str) -> str:
        found = _at(self._root, pointer) if pointer else None
        return found.value if found is not None and isinstance(found.value, str) else ""

    def _list(self, root: Node, table: Table) -> Sequence[Node]:
        found = _at(root, table.items)
        if found is None and table.name:
            return ()
        if found is None:
            root.fail(f"there is no {table.items}, where the list of tasks should be")
        return found.elements

    def _rows(self, table: Table) -> Iterator[Row]:
        for node in self._list(self._root, table):
            raw = node.value
            if not isinstance(raw, dict):
                node.fail("a task should be an object")
            own = table.own(raw.get(table.key))
            if not own:
                node.fail(f"this task has no {table.key!r}")
            if own in self._nodes:
                node.fail(f"the {table.key} {raw[table.key]!r} is here a second time")
            self._nodes[own] = node
            shift = len(self._bom)
            yield Row(own, table, raw, node.start + shift, node.end + shift)

    def has(self, table: Table, name: str) -> bool:
        return True

    def set(self, row: Row, name: str, value: Any) -> None:
        if value is not None or row.raw.get(name) is not None:
            self._splices.set_member(self._nodes[row.own], name, value)

    def add(self, table: Table, values: Mapping[str, Any]) -> None:
        self._new.setdefault(table.name, []).append(values)

    def remove(self, row: Row) -> None:
        self._gone.add(row.own)

    def done(self) -> str:
        text = self._splices.done()
        for table in self._tables:
            text = self._relisted(text, table)
        if "\r\n" in self._text and not _LONE_NEWLINE.search(self._text):
            text = _LONE_NEWLINE.sub("\r\n", text)
        return self._bom + text

    def _relisted(self, text: str, table: Table) -> str:
        """The text whose list has lost what is gone and gained what is new."""
        stays = [row.own not in self._gone for row in self.rows if row.table is table]
        new = self._new.get(table.name, [])
        if all(stays) and not new:
            return text
        splices = Splices(text)
        listed = _at(parse(text), table.items)
        assert listed is not None, "only lists that are there lose or gain records"
        splices.rearrange(listed, stays, new)
        return splices.done()


def _at(node: Node, pointer: str) -> Node | None:
    """What a JSON Pointer (RFC 6901) leads to; None where there is nothing."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node.value, dict) and name in node.value:
            node = node.members[name]
        elif isinstance(node.value, list) and name.isdecimal() and int(name) < len(node.value):
            node = node.elements[int(name)]
        else:
            return None
    return node
