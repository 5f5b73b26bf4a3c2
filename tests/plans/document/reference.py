"""What another parser says of a text: the spec engine of `oracle.py`, or markdown-it-py itself."""

from __future__ import annotations

import importlib.util
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from markdown_it import MarkdownIt

from tests.corpus import corpus_root

_BOX = re.compile(r"\[([ \t\n\v\f\rxX])\][ \t\n\v\f\r]")


class ReferenceTask(NamedTuple):
    line: int
    """1-based."""
    checked: bool


class Reference(NamedTuple):
    tasks: list[ReferenceTask]
    headings: set[tuple[int, int]]
    """(line, level), in lists and quotes too."""


def read(data: bytes) -> Reference:
    """The tasks and headings of the bytes. Raises `IndexError` where markdown-it-py fails."""
    oracle = _oracle()
    if oracle is None:
        return _read_tokens(data)
    limit = sys.getrecursionlimit()
    try:
        found = oracle.run_spec(data)
    finally:
        sys.setrecursionlimit(limit)  # The oracle raises it for good.
    return Reference(
        [ReferenceTask(task["line"], task["checked"]) for task in found["tasks"]],
        {(heading["line"], heading["level"]) for heading in found["headings"]},
    )


@cache
def read_once(path: Path) -> Reference:
    """The same for a file, kept for further tests."""
    return read(path.read_bytes())


@cache
def _oracle() -> Any:
    root = corpus_root()
    if root is None:
        return None
    spec = importlib.util.spec_from_file_location("corpus_oracle", root / "oracle.py")
    assert spec is not None, "the corpus has an oracle.py"
    assert spec.loader is not None, "a Python file has a loader"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"maxNesting": 100_000}).enable("table")


def _read_tokens(data: bytes) -> Reference:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data.decode("utf-16", "replace").encode()
    tokens = _markdown().parse(data.decode("utf-8", "replace").removeprefix("\ufeff"))
    tasks: list[ReferenceTask] = []
    headings: set[tuple[int, int]] = set()
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.map:
            headings.add((token.map[0] + 1, int(token.tag[1])))
        if token.type == "list_item_open" and token.map and tokens[index + 1].type == "paragraph_open":
            box = _BOX.match(tokens[index + 2].content)
            if box is not None:
                tasks.append(ReferenceTask(token.map[0] + 1, box[1] in "xX"))
    return Reference(sorted(tasks), headings)
