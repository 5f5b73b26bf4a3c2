"""Markdown of anybody's making as HTML that does nothing but show: `page_of`."""

from __future__ import annotations

import markdown
import nh3

from planning_sync.api.errors import NotRenderable
from plans.document import text

LARGEST = 1_000_000
_EXTENSIONS = ("tables", "fenced_code", "sane_lists")
_TAGS = frozenset(
    {
        *(
            "a",
            "abbr",
            "b",
            "blockquote",
            "br",
            "code",
            "dd",
            "del",
            "div",
            "dl",
            "dt",
            "em",
            "h1",
            "h2",
            "h3",
        ),
        *("h4", "h5", "h6", "hr", "i", "kbd", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "sup"),
        *("table", "tbody", "td", "th", "thead", "tr", "ul"),
    }
)
_ATTRIBUTES = {"a": {"href", "title"}, "abbr": {"title"}, "ol": {"start"}}
_SCHEMES = frozenset({"http", "https", "mailto"})


def page_of(data: bytes) -> str:
    """The body of a page; raises `NotRenderable` for what is too large or too deep."""
    if len(data) > LARGEST:
        raise NotRenderable(f"has more than {LARGEST:,} bytes")
    _, source = text.decode(data)
    source = source.encode("utf-8", "replace").decode("utf-8").removeprefix(text.BOM)
    try:
        made = markdown.markdown(source, extensions=list(_EXTENSIONS), output_format="html")
    except RecursionError:
        raise NotRenderable("is nested too deep") from None
    return nh3.clean(
        made,
        tags=set(_TAGS),
        attributes={name: set(names) for name, names in _ATTRIBUTES.items()},
        url_schemes=set(_SCHEMES),
        link_rel="noopener noreferrer nofollow",
    )
