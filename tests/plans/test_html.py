"""Markdown as a page: what is marked on it, and that nothing in it runs, wherever a mark comes to stand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.document import parse
from plans.errors import NotRenderable
from plans.html import LARGEST, marked_page_of, marks_of, page_of


def marked(source: str) -> str:
    document = parse(source.encode())
    keys = [f"{number:032x}" for number in range(len(document.outline.items))]
    return marked_page_of(document.lines, marks_of(document, keys))


def span(number: int, status: str = "") -> str:
    return f'<span id="d-{number:032x}" class="{f"spot {status}".strip()}"></span>'


def test_each_item_is_marked_where_its_text_begins_and_boxes_give_way() -> None:
    page = marked("# T\n\n## 1. One\n\n- [ ] a **b**\n  - [x] c\n- [~] `d`\n")
    assert f"<h2>{span(0)}1. One</h2>" in page
    assert f"<li>{span(1, 'todo')}a <strong>b</strong>" in page
    assert f"<li>{span(2, 'done')}c</li>" in page
    assert f"<li>{span(3, 'in_progress')}<code>d</code></li>" in page


@pytest.mark.parametrize("step", [2, 3, 4])
def test_lists_nest_by_the_columns_that_the_plan_uses(step: int) -> None:
    page = marked(f"- [ ] a\n{' ' * step}- [ ] b\n{' ' * 2 * step}- [ ] c\n")
    assert page.count("<ul>") == 3


def test_a_mark_within_an_attribute_brings_nothing_to_life() -> None:
    page = marked('[a](http://x "foo\n- [ ] z <img src=x onerror=alert(1)>")\n')
    assert "<img" not in page


def test_spans_of_the_author_have_no_ids_and_classes_of_the_page() -> None:
    page = marked('<span id="content" class="toast">y</span> <span class="spot done" style="x">z</span>\n')
    assert "<span>y</span>" in page
    assert '<span class="spot done">z</span>' in page


@settings(max_examples=40)
@given(st.text(alphabet="-[ ]x#>*`<a\n\"'&\ufdd0\ufdd11(/)ü", max_size=120))
def test_whatever_is_written_gives_a_page_of_allowed_tags(source: str) -> None:
    page = marked(source)
    assert "\ufdd0" not in page
    assert not re.search(r"<(?!/?(?:a|blockquote|code|em|h[1-6]|hr|li|ol|p|pre|span|strong|ul|br)\b)\w", page)


@pytest.mark.parametrize("text", ["> " * 2000, "<div>\n" * 3000, "<ul><li>" * 1500])
def test_what_is_nested_too_deep_is_refused(text: str) -> None:
    with pytest.raises(NotRenderable):
        marked(f"{text}x")


def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(NotRenderable):
        page_of(b"x" * (LARGEST + 1))
    with pytest.raises(NotRenderable):
        marked("x" * (LARGEST + 1))
