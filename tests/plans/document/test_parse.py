"""What bytes are read as, and that they come back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.document import Dialect, Document, parse, render
from plans.outline import Item, Kind, Status
from tests.growth import is_linear
from tests.plans.document import golden


def read(text: str, dialect: Dialect | None = None) -> Document:
    data = text.encode("utf-8", "surrogateescape")
    return parse(data, dialect) if dialect else parse(data)


def texts(document: Document) -> list[str]:
    return [item.text for item in document.outline.items]


def task(text: str) -> Item:
    (found,) = read(text).outline.items
    return found


# ---------------------------------------------------------------------------------------- samples


@pytest.mark.parametrize("sample", golden.samples(), ids=lambda path: path.stem)
def test_a_sample_is_read_as_its_outline_says(sample: Path) -> None:
    assert golden.describe(sample) == golden.outline_path(sample).read_text(encoding="utf-8")


# ----------------------------------------------------------------------------------- bytes to bytes

_pieces = st.sampled_from(
    [
        b"- [ ] a",
        b"# h",
        b"\n",
        b"\r\n",
        b"\r",
        b"\0",
        b"\xe9",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"```",
        b"> ",
        b"  ",
    ]
)


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=200), st.lists(_pieces, max_size=40).map(b"".join)))
def test_any_bytes_come_back_as_they_were(data: bytes) -> None:
    assert render(parse(data)) == data


@settings(deadline=None)
@given(st.text(max_size=100), st.sampled_from(["utf-16-le", "utf-16-be"]))
def test_utf_16_comes_back_as_it_was(text: str, encoding: str) -> None:
    data = ("\ufeff- [ ] " + text).encode(encoding, "surrogatepass")
    assert render(parse(data)) == data


def test_utf_16_with_crlf_is_read() -> None:
    document = parse("\ufeff# Titre\r\n\r\n- [x] été\r\n".encode("utf-16-le"))
    assert document.outline.plan.text == "Titre"
    assert texts(document) == ["été"]


def test_what_cannot_be_stored_is_shown_escaped() -> None:
    assert task("- [ ] caf\udce9 \0").text == r"caf\xe9 \x00"


def test_a_byte_order_mark_is_no_part_of_the_title_and_shifts_its_columns() -> None:
    document = read("\ufeff# T\n")
    assert document.outline.plan.text == "T"
    assert document.title_spot is not None
    assert (document.title_spot.start, document.title_spot.content) == (1, 3)


# ------------------------------------------------------------------------------------------ places


def test_a_spot_says_where_the_mark_and_the_text_stand() -> None:
    document = read("text\n\n  *   [x] done\n      more\n\n      - [ ] child\n\nend\n")
    outer, inner = document.spots
    assert document.lines[outer.text_line][outer.box] == "x"
    assert document.lines[outer.text_line][outer.content :] == "done\n"
    assert (outer.line, outer.own_end, outer.end, outer.start) == (2, 5, 6, 2)
    assert (inner.line, inner.end) == (5, 6)
    assert document.outline.items[1].parent == document.outline.items[0].key


def test_a_box_below_a_bare_marker_has_its_own_line() -> None:
    (spot,) = read("-\n  [ ] a\n").spots
    assert (spot.line, spot.text_line, spot.box) == (0, 1, 3)


def test_a_text_below_its_box_is_the_tasks_text() -> None:
    document = read("- [ ]\n  below\n")
    assert texts(document) == ["below"]
    assert (document.spots[0].text_line, document.spots[0].box) == (0, 3)


def test_headings_in_items_and_quotes_are_text() -> None:
    assert texts(read("# T\n\n- # in an item\n> ## in a quote\n")) == []


def test_a_heading_belongs_to_the_nearest_earlier_heading_of_a_lower_level() -> None:
    document = read("### early\n\n# T\n\n### a\n\n## b\n\n#### c\n\n# d\n")
    items = {item.text: item for item in document.outline.items}
    keys = {item.key: item.text for item in document.outline.items}
    assert document.outline.plan.text == "T"
    assert {text: keys.get(item.parent, "") for text, item in items.items()} == {
        "early": "", "a": "", "b": "", "c": "b", "d": "",
    }  # fmt: skip


def test_a_first_h1_with_tasks_of_its_own_after_other_phases_is_a_phase() -> None:
    document = read("## A\n\n- [ ] a\n\n# T\n\n- [ ] b\n")
    assert document.title_spot is None
    assert [(item.text, item.parent) for item in document.outline.items] == [
        ("A", ""), ("a", "1"), ("T", ""), ("b", "3"),
    ]  # fmt: skip


def test_a_setext_heading_is_a_phase() -> None:
    document = read("# T\n\ntwo\nlines\n---\n\n- [ ] a\n")
    assert texts(document) == ["two lines", "a"]


def test_a_plan_without_a_title_goes_by_its_file_name() -> None:
    assert parse(b"- [ ] a\n", name="plans/garden.v2.md").outline.plan.text == "garden.v2"


# ----------------------------------------------------------------------- beyond GFM, by the dialect


def test_front_matter_is_neither_a_heading_nor_tasks() -> None:
    document = read("---\ntitle: x\nversion: 3.1\n---\n- [ ] a\n")
    assert texts(document) == ["a"]
    assert document.outline.plan.version == "3.1"


def test_further_marks_are_statuses_and_unknown_ones_are_reported() -> None:
    document = read("- [~] a\n- [-] b\n- [!] c\n- [?] d\n")
    assert [item.status for item in document.outline.items] == ["in_progress", "cancelled", "blocked"]
    assert [(finding.line, finding.code) for finding in document.findings] == [(4, "unrecognised")]


def test_the_dialect_says_what_a_mark_means() -> None:
    marks = MappingProxyType({" ": Status.TODO, "x": Status.DONE, "-": Status.IN_PROGRESS})
    assert [item.status for item in read("- [-] a\n- [~] b\n", Dialect(marks=marks)).outline.items] == [
        "in_progress"
    ]


def test_a_tick_sign_is_a_task_only_beside_an_open_ballot_box() -> None:
    assert texts(read("✅ a\n")) == []
    assert texts(read("☐ b\n✅ a\n")) == ["b", "a"]
    assert texts(read("```\n☐ b\n```\n✅ a\n")) == []
    assert texts(read("✅ a\n", Dialect(ballots="on"))) == ["a"]
    assert texts(read("☐ b\n", Dialect(ballots="off"))) == []


BROKEN = "```bash\nls\n```plaintext\n- [ ] a\n"


def test_plaintext_closes_a_fence_where_that_gives_tasks_back() -> None:
    document = read(BROKEN)
    assert texts(document) == ["a"]
    assert [(finding.line, finding.code) for finding in document.findings] == [(3, "broken-fence")]
    assert texts(read("```\n```plaintext\nno task\n")) == []


def test_a_broken_fence_that_is_not_mended_hides_its_tasks_and_is_reported() -> None:
    document = read(BROKEN, Dialect(broken_fences="off"))
    assert texts(document) == []
    assert [hidden.text for hidden in document.hidden] == ["a"]
    assert [finding.code for finding in document.findings] == ["broken-fence", "unrecognised"]


def test_plaintext_closes_no_fence_where_that_would_take_a_task() -> None:
    text = "```\n```plaintext\n- [ ] a\n```\n- [ ] b\n"
    document = read(text)
    assert texts(document) == ["b"]
    assert [hidden.text for hidden in document.hidden] == ["a"]
    assert document.findings[0].code == "broken-fence"


@pytest.mark.parametrize(
    "text",
    [
        "```\n- [x] a\n```\n",
        "    - [x] a\n",
        "<!--\n- [x] a\n-->\n",
        "- b\n      - [x] a\n",
        "```\n```  - [x] a\n",
    ],
)
def test_a_swallowed_task_is_hidden(text: str) -> None:
    (hidden,) = read(text).hidden
    assert (hidden.text, hidden.status) == ("a", Status.DONE)


@pytest.mark.parametrize(
    "text",
    [
        "# T\n```\n## 1.2 B ##\n- [ ] a\n",
        "# T\n```go\n## 1.2 B\n```sh\n```\n",
        "> ```\n> a\n\n```\n## 1.2 B\n",
    ],
)
def test_a_heading_in_a_fence_that_reaches_too_far_is_hidden(text: str) -> None:
    found = [hidden for hidden in read(text).hidden if hidden.kind is Kind.PHASE]
    assert [(hidden.ref, hidden.text) for hidden in found] == [("1.2", "B")]


@pytest.mark.parametrize(
    "text",
    ["# T\n```\n# a comment\n```\n", "# T\n````\n```go\n# a comment\n```\n````\n", "# T\n\n    # code\n"],
)
def test_a_comment_in_sound_code_is_no_hidden_heading(text: str) -> None:
    assert not read(text).hidden


def test_a_ticked_line_is_hidden_once_no_open_ballot_is_left() -> None:
    text = "✅ a\n\n- ✅ b\n"
    assert [(hidden.line, hidden.text, hidden.status) for hidden in read(text).hidden] == [
        (0, "a", Status.DONE),
        (2, "b", Status.DONE),
    ]
    assert texts(read(text + "\n☐ c\n")) == ["a", "b", "c"]
    assert not read(text, Dialect(ballots="off")).hidden
    assert texts(read("☑ a\n\n☒ b\n")) == ["a", "b"]


def test_garbled_text_is_reported_once_with_its_first_line() -> None:
    found = read("é\n- [ ] TÃ¢che\nprÃ©vu\n").findings
    assert [(finding.line, finding.code) for finding in found] == [(2, "mojibake")]
    assert "2 lines" in found[0].message
    assert not read("- [ ] Tâche à faire, âge, 5 €\n").findings


def test_undecodable_bytes_are_reported_once_with_their_first_line() -> None:
    found = parse(b"a\n- [ ] caf\xe9\n\xe9\n").findings
    assert [(finding.line, finding.code) for finding in found] == [(2, "not-utf8")]
    assert not parse("é\n".encode("utf-16")).findings


# -------------------------------------------------------------------------------------- great sizes


GREAT: Mapping[str, Callable[[int], bytes]] = {
    "tasks": lambda n: b"- [ ] a task\n" * n,
    "one line": lambda n: b"- [ ] " + b"word " * n,
    "nested tasks": lambda n: b"".join(b"  " * depth + b"- [ ] t\n" for depth in range(int(n**0.5) * 4)),
    "quotes in a line": lambda n: b"> " * n + b"a\nb\n",
    "quotes without blanks": lambda n: b">" * n + b"a\n" + b">" * n + b"---|---\n",
    "lists in a line": lambda n: b"- " * n + b"[ ] a\n",
    "mixed lists in a line": lambda n: b"- + * " * n + b"a | b\n---|---\n",
    "unclosed fences": lambda n: b"- ```\n" * n,
    "references": lambda n: b"[a]: b\n'c\n" * n,
    "open labels": lambda n: b"[a\n" * n,
    "undecided boxes": lambda n: b"- [ ] \xc2\xa0\n" + b"\xc2\xa0\n" * n,
    "attributes": lambda n: b"<a " + b"b=c " * n + b"\n",
    "pipes": lambda n: b"a|" * n + b"\n" + b"-|" * n + b"\n",
    "headings": lambda n: b"# h\n\n\n" * n,
    "blank lines": lambda n: b"- [ ] a\n" + b"\n" * n + b"# h\n",
    "backslashes": lambda n: b"[" + b"\\" * n + b"\n",
    "percentages": lambda n: b"# h\n" + b"progress % " * n,
}


@pytest.mark.parametrize("name", GREAT)
def test_the_time_grows_no_faster_than_the_text(name: str) -> None:
    def read(data: bytes) -> None:
        assert render(parse(data)) == data

    assert is_linear(read, GREAT[name], small=5_000)


def test_depth_needs_no_recursion() -> None:
    depth = 5_000
    data = "".join("  " * level + "- [ ] t\n" for level in range(depth)).encode()
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(200)
        document = parse(data)
    finally:
        sys.setrecursionlimit(limit)
    items = document.outline.items
    assert len(items) == depth
    assert all(item.parent == before.key for before, item in pairwise(items))
    assert all(item.kind is Kind.TASK for item in items)
