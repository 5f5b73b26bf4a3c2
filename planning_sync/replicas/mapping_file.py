"""Mappings as people write them: `read_toml`, `read`.

key = "id"                      which field tells one task from another, and never changes
items = "/tasks"                JSON: where the list is (JSON Pointer, or $.tasks[*])

[fields]                        what the hub calls it = what the list calls it
text = "title"
status = "state"

[words.status]                  what the list says = what the hub says
shipped = "done"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from typing import Any, NoReturn

from planning_sync.replicas.errors import OptionRefused
from planning_sync.replicas.mapping import MEANINGS, WORDS, Above, Column, Mapping, Table, plain
from plans.outline import FIELDS, Kind

_KNOWN = (
    *("key", "items", "title", "parent", "separator", "date_suffix", "delimiter", "encoding"),
    *("fields", "words", "new"),
)


def read_toml(text: str, name: str, start: Mapping) -> Mapping:
    """What the file says, and `start` where it says nothing; raises `OptionRefused`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OptionRefused("mapping", f"{name} is no TOML: {error}") from error
    return read(content, name, start)


def read(content: AbstractMapping[str, Any], name: str, start: Mapping) -> Mapping:
    """The same of content that is no text any more. `name` says in errors where it is from."""
    reader = _Reader(name)
    reader.only(content, _KNOWN, "")
    main, *others = start.tables
    columns = reader.columns(content, main)
    table = Table(
        columns=columns,
        key=reader.text(content, "key", main.key),
        name=main.name,
        items=_pointer(reader.text(content, "items", main.items)),
        above=_above(reader.text(content, "parent", ""), main),
        new=reader.table(content, "new") or main.new,
        separator=reader.text(content, "separator", main.separator) or main.separator,
        date_suffix=reader.text(content, "date_suffix", main.date_suffix),
    )
    if "text" not in columns:
        reader.refuse("fields", 'it has to say which field is the task\'s text: text = "title"')
    for column in columns.values():
        if column.name == table.key and column.hub not in ("text", "ref"):
            reader.refuse(f"fields.{column.hub}", f"{table.key!r} is the key, which never changes")
    return Mapping(
        tables=(table, *others),
        title=_pointer(reader.text(content, "title", start.title)),
        delimiter=reader.delimiter(content, start.delimiter),
        encoding=reader.encoding(content, start.encoding),
    )


def _above(parent: str, table: Table) -> tuple[Above, ...]:
    return (Above(parent, table.name),) if parent else table.above


def _pointer(given: str) -> str:
    """JSON Pointers as they are; of JSONPath what leads to one list, such as `$.plan.tasks[*]`."""
    if not given.startswith("$"):
        return given
    return re.sub(r"\[(\d+)\]", r"/\1", given.removesuffix("[*]").removeprefix("$")).replace(".", "/")


@dataclass(frozen=True)
class _Reader:
    name: str

    def refuse(self, where: str, reason: str) -> NoReturn:
        raise OptionRefused("mapping", f"{self.name}, {where or 'at the top'}: {reason}")

    def only(self, content: AbstractMapping[str, Any], known: Iterable[str], where: str) -> None:
        for name in content:
            if name not in known:
                self.refuse(where, f"{name!r} is none of {', '.join(known)}")

    def text(self, content: AbstractMapping[str, Any], name: str, otherwise: str) -> str:
        found = content.get(name, otherwise)
        if not isinstance(found, str):
            self.refuse(name, f"it should be a text, not {found!r}")
        return found

    def table(self, content: AbstractMapping[str, Any], name: str) -> AbstractMapping[str, Any]:
        found = content.get(name, {})
        if not isinstance(found, dict):
            self.refuse(name, f"it should be a table, not {found!r}")
        return found

    def columns(self, content: AbstractMapping[str, Any], table: Table) -> dict[str, Column]:
        fields, words = self.table(content, "fields"), self.table(content, "words")
        self.only(fields, FIELDS[Kind.TASK], "fields")
        self.only(words, WORDS, "words")
        names = {name: column.name for name, column in table.columns.items()}
        for field_name in fields:
            names[field_name] = self.text(fields, field_name, "")
        return {
            field_name: Column(field_name, names[field_name], self._words(words, field_name, table))
            for field_name in FIELDS[Kind.TASK]
            if names.get(field_name)
        }

    def _words(
        self, words: AbstractMapping[str, Any], field_name: str, table: Table
    ) -> AbstractMapping[str, str]:
        """Those of the file, then the usual ones that it does not give another meaning."""
        if field_name not in WORDS:
            return {}
        told = self.table(words, field_name)
        for word, meaning in told.items():
            if meaning not in MEANINGS[field_name]:
                known = ", ".join(sorted(MEANINGS[field_name]))
                self.refuse(f"words.{field_name}", f"{word!r} = {meaning!r}: the hub knows {known}")
        usual = table.columns[field_name].words if field_name in table.columns else WORDS[field_name]
        given = {plain(word) for word in told}
        return {**told, **{word: meaning for word, meaning in usual.items() if plain(word) not in given}}

    def delimiter(self, content: AbstractMapping[str, Any], otherwise: str) -> str:
        found = self.text(content, "delimiter", otherwise)
        if found and (len(found) != 1 or found in '"\r\n'):
            self.refuse("delimiter", f"it should be one character, not {found!r}")
        return found

    def encoding(self, content: AbstractMapping[str, Any], otherwise: str) -> str:
        found = self.text(content, "encoding", otherwise)
        try:
            "".encode(found)
        except LookupError:
            self.refuse("encoding", f"there is no encoding {found!r}")
        return found
