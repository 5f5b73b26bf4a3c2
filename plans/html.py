"""Markdown of anybody's making as HTML that does nothing but show.

Public: `page_of`; `marked_page_of` and `marks_of`, for a page on which the items of a plan can be found.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

import markdown
import nh3

from plans.document import Document, text
from plans.document.model import Spot
from plans.errors import NotRenderable
from plans.outline import Item, Status

LARGEST = 1_000_000
DEEPEST = 200
_MOST_BLOCKS = 2000
_BLOCK = re.compile(
    r"<(/?)(?:address|article|aside|blockquote|center|details|dialog|dir|div|dl|fieldset|figcaption|figure|footer"
    r"|form|header|hgroup|listing|main|menu|nav|ol|pre|search|section|summary|ul)\b",
    re.IGNORECASE,
)
"""Elements that take the longer to be read the more of them stand in one another."""
_EXTENSIONS = ("tables", "fenced_code", "sane_lists")
_TAGS = frozenset(
    {
        *("a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2"),
        *("h3", "h4", "h5", "h6", "hr", "i", "kbd", "li", "ol", "p", "pre", "s", "span", "strong", "sub"),
        *("sup", "table", "tbody", "td", "th", "thead", "tr", "ul"),
    }
)
_ATTRIBUTES = {"a": {"href", "title"}, "abbr": {"title"}, "ol": {"start"}}
_SCHEMES = frozenset({"http", "https", "mailto"})

_BEGIN, _END = "\ufdd0", "\ufdd1"
"""Characters that no text has: Unicode keeps them for a program's own use."""
_MARK = re.compile(f"{_BEGIN}(\\d+){_END}")
_ID = re.compile(r"d-[0-9a-f]{32}")


def page_of(data: bytes) -> str:
    """The body of a page; raises `NotRenderable` for what is too large or too deep."""
    if len(data) > LARGEST:
        raise NotRenderable(f"has more than {LARGEST:,} bytes")
    _, source = text.decode(data)
    return _clean(_rendered(source))


class Mark(NamedTuple):
    """Where an item's text begins, and what takes the place of its box."""

    key: str
    status: str
    line: int
    start: int
    end: int
    """Columns between which the box stands; equal where there is none."""
    indent: int
    """Column at which a task begins; -1 for phases."""


def marks_of(document: Document, keys: Sequence[str]) -> tuple[Mark, ...]:
    """`keys` is parallel to the items of the document; "" for an item without a mark."""
    found = zip(keys, document.outline.items, document.spots, strict=True)
    return tuple(_mark(key, item, spot, document.lines[spot.text_line]) for key, item, spot in found if key)


def _mark(key: str, item: Item, spot: Spot, line: str) -> Mark:
    boxed = spot.box > 0 and line[spot.box - 1] == "["
    start = spot.box - 1 if boxed else spot.content
    indent = -1 if spot.level else spot.start
    return Mark(key, item.status, spot.text_line, start, spot.content, indent)


def marked_page_of(lines: Sequence[str], marks: Sequence[Mark]) -> str:
    """The same, with an empty `<span id="d-KEY" class="spot STATUS">` at each mark."""
    if sum(map(len, lines)) > LARGEST:
        raise NotRenderable(f"has more than {LARGEST:,} characters")
    marked = [line.replace(_BEGIN, " ").replace(_END, " ") for line in lines]
    for number, mark in enumerate(marks):
        line = marked[mark.line]
        marked[mark.line] = f"{line[: mark.start]}{_BEGIN}{number}{_END}{line[mark.end :]}"

    def span(found: re.Match[str]) -> str:
        mark = marks[int(found[1])]
        return f'<span id="d-{mark.key}" class="spot {mark.status}"></span>'

    # Before anything is cleaned: a mark may have come to stand within an attribute.
    return _clean(_MARK.sub(span, _rendered("".join(marked), _step(marks))), spans=True)


def _step(marks: Sequence[Mark]) -> int:
    """By how many columns nested tasks are set in; four where none are."""
    columns = sorted({mark.indent for mark in marks if mark.indent >= 0})
    steps = [after - before for before, after in pairwise(columns)]
    return min(4, max(2, min(steps))) if steps else 4


def _rendered(source: str, tab_length: int = 4) -> str:
    source = source.encode("utf-8", "replace").decode("utf-8").removeprefix(text.BOM)
    if len(_BLOCK.findall(source)) > _MOST_BLOCKS:
        raise NotRenderable("has too much HTML in it")
    try:
        made = markdown.markdown(
            source, extensions=list(_EXTENSIONS), output_format="html", tab_length=tab_length
        )
    except RecursionError:
        raise NotRenderable("is nested too deep") from None
    if _depth(made) > DEEPEST:
        raise NotRenderable("is nested too deep")
    return made


def _depth(made: str) -> int:
    depth = deepest = 0
    for found in _BLOCK.finditer(made):
        depth += -1 if found[1] else 1
        deepest = max(deepest, depth)
    return deepest


def _clean(made: str, *, spans: bool = False) -> str:
    attributes = {name: set(names) for name, names in _ATTRIBUTES.items()}
    return nh3.clean(
        made,
        tags=set(_TAGS),
        attributes={**attributes, "span": {"id", "class"}} if spans else attributes,
        attribute_filter=_only_marks if spans else None,
        url_schemes=set(_SCHEMES),
        link_rel="noopener noreferrer nofollow",
    )


_CLASSES: Collection[str] = frozenset(f"spot {status}".strip() for status in ("", *Status))


def _only_marks(tag: str, name: str, value: str) -> str | None:
    """What a span may have of ids and classes is what `marked_page_of` gives it."""
    if tag != "span":
        return value
    if name == "id":
        return value if _ID.fullmatch(value) else None
    return " ".join(value.split()) if " ".join(value.split()) in _CLASSES else None
