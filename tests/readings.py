"""The examples of docs/grammar.md: `examples`, `reading`, `edits`, `changed_lines`.

To write the readings again after an intended change:

    .venv/bin/python -m tests.readings
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from plans.document import Dialect, Document, parse
from plans.document.rewrite import rewrite
from plans.outline import FIELDS, ROOT, Item, value

PAGE = Path(__file__).resolve().parent.parent / "docs" / "grammar.md"
NAME = "example.md"

_EXAMPLE = re.compile(
    r"^(?P<fence>`{3,})markdown(?P<options>(?: \w+=\w+)*)\n(?P<text>.*?)^(?P=fence)\n\n"
    r"```reading\n(?P<reading>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_EDITED = re.compile(r"^```markdown edited\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EDIT = re.compile(r'^Set `(\w+)=([^`]*)` on "([^"]*)":\n\n```diff\n(.*?)^```$', re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    text: str
    dialect: Dialect
    reading: str


class Edit(NamedTuple):
    field: str
    value: str
    task: str
    lines: str


def examples() -> list[Example]:
    return [_example(match) for match in _EXAMPLE.finditer(PAGE.read_text(encoding="utf-8"))]


def _example(match: re.Match[str]) -> Example:
    options: dict[str, Any] = dict(word.split("=") for word in match["options"].split())
    return Example(match["text"], Dialect(**options), match["reading"])


def reading(example: Example) -> str:
    """What the example is read as, one line per item and remark."""
    document = parse(example.text.encode(), example.dialect, NAME)
    return "".join(f"{line}\n" for line in _lines(document))


def _lines(document: Document) -> Iterator[str]:
    depths = {ROOT: 0}
    yield _line(document.outline.plan)
    for item in document.outline.items:
        depths[item.key] = depths[item.parent] + 1
        yield "  " * depths[item.key] + _line(item)
    for finding in document.findings:
        yield f"line {finding.line}, {finding.code}: {finding.message}"


def _line(item: Item) -> str:
    fields = "".join(
        f" {name}={','.join(found) if isinstance(found, tuple) else found}"
        for name in FIELDS[item.kind]
        if name not in ("text", "ref") and (found := value(item, name))
    )
    ref = f" {item.ref}" if item.ref else ""
    return f'{item.kind}{ref} "{item.text}"{fields}'


def edited() -> str:
    """The file that the edits of the page are made in, each by itself."""
    found = _EDITED.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None, "docs/grammar.md has a block ```markdown edited"
    return found[1]


def edits() -> list[Edit]:
    return [Edit(*match.groups()) for match in _EDIT.finditer(PAGE.read_text(encoding="utf-8"))]


def changed_lines(text: str, edit: Edit) -> str:
    """The lines that the edit takes away and puts in, as a diff without context."""
    document = parse(text.encode(), name=NAME)
    changes: dict[str, Any] = {edit.field: edit.value}
    items = tuple(
        item._replace(**changes) if item.text == edit.task else item for item in document.outline.items
    )
    done = rewrite(document, replace(document.outline, items=items))
    assert not done.left, f"the file can say {edit.field}={edit.value}"
    pairs = zip(document.lines, done.document.lines, strict=True)
    return "".join(f"-{before}+{after}" for before, after in pairs if before != after)


def write() -> None:
    """Write the readings of all examples into the page again."""

    def again(match: re.Match[str]) -> str:
        start, end = match.start("reading") - match.start(), match.end("reading") - match.start()
        return match[0][:start] + reading(_example(match)) + match[0][end:]

    PAGE.write_text(_EXAMPLE.sub(again, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write()
