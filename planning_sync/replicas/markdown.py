"""A folder of Markdown files as a replica.

Public: `MarkdownFolder`, `MarkdownFormat`, `KIND`, `DEFAULT_INCLUDE`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from planning_sync.replicas import writing
from planning_sync.replicas.base import Reading, Write
from planning_sync.replicas.errors import OptionRefused, PlanUnreadable, Unreadable
from planning_sync.replicas.folder import DEFAULT_EXCLUDE, DEFAULT_LIMIT_BYTES, PlanFolder
from planning_sync.replicas.formats import Format
from planning_sync.replicas.kinds import Kind
from plans.document.model import DEFAULT_DIALECT, Dialect, Document
from plans.document.parse import parse
from plans.outline import Outline, Status

DEFAULT_INCLUDE = ("**/*.md",)


class MarkdownFormat(Format):
    suffix = ".md"

    def __init__(self, dialect: Dialect = DEFAULT_DIALECT) -> None:
        self.dialect = dialect

    def parse(self, data: bytes, path: str) -> Document:
        controls = binary_detail(data)
        if controls:
            raise PlanUnreadable(path, Unreadable.BINARY, controls)
        return parse(data, self.dialect, path.rpartition("/")[2])

    def rewritten(self, reading: Reading, target: Outline) -> Write:
        return writing.rewritten(reading, target)

    def created(self, path: str, target: Outline) -> Write:
        return writing.created(path, target, self.dialect)


class MarkdownFolder(PlanFolder):
    """The Markdown files below `root` that `include` and `exclude` choose."""

    kind: ClassVar[str] = "markdown"

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        include: Iterable[str] = DEFAULT_INCLUDE,
        exclude: Iterable[str] = DEFAULT_EXCLUDE,
        dialect: Dialect = DEFAULT_DIALECT,
        **reading: Any,
    ) -> None:
        super().__init__(root, MarkdownFormat(dialect), include=include, exclude=exclude, **reading)
        self.dialect = dialect


def _connect(path: str, options: Mapping[str, Any]) -> MarkdownFolder:
    return MarkdownFolder(
        path,
        include=tuple(options.get("include") or DEFAULT_INCLUDE),
        exclude=DEFAULT_EXCLUDE + tuple(options.get("exclude") or ()),
        dialect=_dialect(options),
        limit_bytes=int(options.get("limit_bytes") or DEFAULT_LIMIT_BYTES),
    )


def _dialect(options: Mapping[str, Any]) -> Dialect:
    known = Status._value2member_map_
    for mark, status in options.get("marks", {}).items():
        if len(mark) != 1 or status not in known:
            raise OptionRefused("marks", f"{mark!r}: {status!r} is not one character and a status")
    marks = {mark: Status(status) for mark, status in options.get("marks", {}).items()}
    for name, choices in (("ballots", ("off", "auto", "on")), ("broken_fences", ("off", "auto"))):
        if options.get(name, "auto") not in choices:
            raise OptionRefused(name, f"give one of {', '.join(choices)}")
    return Dialect(
        marks={**DEFAULT_DIALECT.marks, **marks},
        ballots=options.get("ballots", "auto"),
        broken_fences=options.get("broken_fences", "auto"),
    )


KIND = Kind(
    _connect, ("include", "exclude", "marks", "ballots", "broken_fences", "limit_bytes", "commit", "pull")
)


_CONTROLS = bytes(code for code in (*range(32), 127) if code not in b"\b\t\n\f\r\x1b")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_FEW = 8
_SHARE = 20


def binary_detail(data: bytes) -> str:
    """Why `data` is not text; "" where it is. Text may hold some control characters, also NUL."""
    if data[:2] in _UTF16_MARKS and len(data) % 2 == 0:
        return ""
    controls = len(data) - len(data.translate(None, _CONTROLS))
    if controls <= _FEW or controls * _SHARE <= len(data):
        return ""
    return f"{controls:,} of its {len(data):,} bytes are control characters"
