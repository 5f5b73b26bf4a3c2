"""The block structure agrees with a reference parser on anything, but for what is listed here."""

from __future__ import annotations

import re
from types import MappingProxyType

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from plans.document import Dialect, Document, parse
from plans.outline import Kind, Status
from tests.plans.document import reference

GFM = Dialect(
    marks=MappingProxyType({" ": Status.TODO, "x": Status.DONE, "X": Status.DONE}),
    ballots="off",
    broken_fences="off",
)

# Where we mean to differ from the reference. Each has a test below or in `test_parse`.
#  1. Front matter is not Markdown, hence neither a heading nor a place for tasks.
#  2. Marks other than GFM's, ballot signs and broken fences: the dialect says so; `GFM` above has none.
#  3. markdown-it-py fails (IndexError) on an HTML block in a list in a quote whose last line is a bare `>`.
#  4. markdown-it-py takes too much off a line for a tab after the second of two nested quote markers.
#  5. UTF-16 with an odd number of bytes could not be written back, and is read as 8-bit text.

_STARTS = (
    "", "", "  ", "    ", "      ", " ", "   ", "     ", "        ", "\t", "\t\t", "> ", ">", "> > ", ">  ",
)  # fmt: skip
_BEGINNINGS = (
    "- [ ] t", "- [x] t", "* [ ] t", "+ [ ] t", "1. [ ] t", "3) [X] t", "- t", "-", "1.", "10. t", "text",
    "# h", "```", "```plaintext", "~~~", "> q", "> - [ ] q", "> > - [ ] z", ">", "---", "===", "***",
    "- - [ ] n", "- [ ]", "1. - [ ] m", "<div>", "<!-- c", "-->", "a|b", "--|--", "|a|", "[r]: /u",
    "[ ] bare", "**b**", "- [ ] ", "- ```", "-   [ ] wide", "-     [ ] code", "- # h", "- > q", "- <b>",
    "- [~] s", "- [ ] a | b", "* * *", "- [r]: /u", "☐ x",
)  # fmt: skip
_FRAGMENTS = (
    *_BEGINNINGS, "- ", "* ", "1. ", "2) ", "[ ] ", "[x] ", "[X]", "[", "]", "a", "  ", " ", "    ", "\t",
    "> ", "`", "<script>", "</script>", "<?", "<a href='x'>", "</b>", "=", "--", "_ _ _", "|", "| - |", ":--",
    "[a]:", "'t'", '"t', "(t)", "<x y>", "\\", "\n", "\n", "\n\n", "\r\n", "\r", "\ufeff",
    "\u00a0", "\v", "\0",
    "\x85", "\u2028",
)  # fmt: skip

_lines = st.builds(str.__add__, st.sampled_from(_STARTS), st.sampled_from(_BEGINNINGS))
_nasty = st.one_of(
    st.lists(_lines, max_size=14).map("\n".join),
    st.lists(st.sampled_from(_FRAGMENTS), max_size=30).map("".join),
)


def tasks_of(document: Document) -> list[reference.ReferenceTask]:
    return sorted(
        reference.ReferenceTask(spot.line + 1, item.status == Status.DONE)
        for item, spot in zip(document.outline.items, document.spots, strict=True)
        if item.kind is Kind.TASK
    )


def headings_of(document: Document) -> set[tuple[int, int]]:
    spots = [*document.spots, document.title_spot] if document.title_spot else document.spots
    return {(spot.line + 1, spot.level) for spot in spots if spot.level}


def is_beyond_the_reference(text: str) -> bool:
    """Differences 1 and 4 of the list."""
    return bool(re.match(r"\ufeff?---[ \t]*[\r\n]", text)) or any(
        line.count(">") > 1 and "\t" in line for line in re.split("[\r\n]", text)
    )


@settings(deadline=None, max_examples=2000)
@given(_nasty)
def test_the_tasks_and_headings_are_those_of_the_reference(text: str) -> None:
    assume(not is_beyond_the_reference(text))
    data = text.encode()
    try:
        expected = reference.read(data)
    except IndexError:
        assume(False)
    found = parse(data, GFM)
    assert tasks_of(found) == sorted(expected.tasks)
    assert headings_of(found) <= expected.headings


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("- [ ] a\n- [x] b\n", [1, 2]),
        ("-\n  [ ] a\n", [1]),
        ("-\n\n  [ ] a\n", []),
        ("- [ ]\n  a\n", [1]),
        ("- [\n  ] a\n", [1]),
        ("- [ ] a\n  ---\n", []),
        ("- [ ] a | b\n---|---\n", []),
        ("- [r]: /u\n  [ ] a\n", [1]),
        ("- a\n      - [ ] swallowed\n", []),
        ("# h\n\n    - [ ] code\n", []),
        ("<!--\n- [ ] a\n-->\n- [ ] b\n", [4]),
        ("> - [ ] a\nlazy\n> - [ ] b\n", [1, 3]),
        ("> a\n2. [ ] b\n", [2]),
        ("a\n2. [ ] b\n", []),
        ("- [ ] \u00a0\n", []),
        ("- [ ]\u00a0a\n", []),
    ],
)
def test_a_task_is_where_markdown_has_one(text: str, lines: list[int]) -> None:
    found = tasks_of(parse(text.encode(), GFM))
    assert [task.line for task in found] == lines
    assert found == reference.read(text.encode()).tasks


def test_difference_3_an_html_block_before_a_bare_quote_marker_is_read() -> None:
    data = b">- <script\n>"
    with pytest.raises(IndexError):
        reference.read(data)
    assert tasks_of(parse(data + b"\n\n- [ ] a\n", GFM)) == [(4, False)]


def test_difference_4_a_tab_after_nested_quote_markers_is_one_indent() -> None:
    data = b">\t>\t- [ ] a"
    assert reference.read(data).tasks == []
    assert tasks_of(parse(data, GFM)) == [(1, False)]


def test_difference_5_utf_16_cut_in_the_middle_is_read_as_8_bit_text() -> None:
    data = "\ufeff- [ ] a\n".encode("utf-16-le")
    assert tasks_of(parse(data, GFM)) == reference.read(data).tasks == [(1, False)]
    assert tasks_of(parse(data + b"\0", GFM)) == []
