"""Edits of a file in its own dialect, by example."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest

from plans.document import Dialect, Document, parse
from plans.document.rewrite import rewrite
from plans.document.segments import Tree
from plans.outline import ROOT, Added, Changed, Item, Kind, Moved, Outline, Status
from tests.plans.document.random_edits import with_fields, with_item, with_place, without


def read(text: str | bytes, **options: Any) -> Document:
    return parse(text.encode() if isinstance(text, str) else text, **options)


def key_of(document: Document, text: str) -> str:
    return next(item.key for item in document.outline.items if item.text == text)


def written(document: Document, target: Outline) -> str:
    done = rewrite(document, target)
    assert done.left == ()
    return done.document.data.decode("utf-8", "surrogateescape")


def edit(before: str, task: str, **fields: Any) -> str:
    document = read(before)
    return written(document, with_fields(document.outline, key_of(document, task), **fields))


def add(text: str, item: Item, position: int) -> str:
    """Adds a task or phase below the item whose text is `item.parent`."""
    document = read(text)
    parent = key_of(document, item.parent) if item.parent else ROOT
    return written(document, with_item(document.outline, item._replace(parent=parent), position))


def task(parent: str, text: str, ref: str = "", status: str = "todo", **fields: Any) -> Item:
    return Item("new", Kind.TASK, parent, text, ref, status, **fields)


def phase(parent: str, text: str, ref: str = "", **fields: Any) -> Item:
    return Item("new", Kind.PHASE, parent, text, ref, **fields)


# ------------------------------------------------------------------------------------------- status


@pytest.mark.parametrize(
    ("before", "status", "after"),
    [
        ("- [ ] a\n", "done", "- [x] a\n"),
        ("- [ ] a\n- [X] b\n", "done", "- [X] a\n- [X] b\n"),
        ("*   [ ] a", "done", "*   [x] a"),
        ("> 1. [x] a\r\n", "todo", "> 1. [ ] a\r\n"),
        ("- [ ] a\n- [/] b\n", "in_progress", "- [/] a\n- [/] b\n"),
        ("- [ ] a\n", "in_progress", "- [~] a\n"),
        ("- [ ] a\n", "blocked", "- [!] a\n"),
        ("- [ ] a\n", "cancelled", "- [-] a\n"),
        ("☐ a\n", "done", "☑ a\n"),
        ("☐ a\n☐ c\n✅ b\n", "done", "✅ a\n☐ c\n✅ b\n"),
        ("- ☐ a\n", "in_progress", "- [~] a\n"),
        ("â˜\x90 a\nâ˜\x90 c\nâœ… b\n", "done", "âœ… a\nâ˜\x90 c\nâœ… b\n"),
        ("â˜ a\nâ˜ c\nâ˜‘ b\n", "done", "â˜‘ a\nâ˜ c\nâ˜‘ b\n"),
        ("-\n  [ ] a\n", "done", "-\n  [x] a\n"),
        ("- [ ] \n  a\n", "done", "- [x] \n  a\n"),
        ("\ufeff- [ ] a\n", "done", "\ufeff- [x] a\n"),
        ("- [ ] see [x] there\n", "done", None),
    ],
)
def test_a_status_is_written_as_the_file_writes_it(before: str, status: str, after: str | None) -> None:
    if after is None:
        after = before.replace("[ ]", "[x]", 1)
    document = read(before)
    assert written(document, with_fields(document.outline, "1", status=status)) == after


@pytest.mark.parametrize("text", ["- [ ] a\n", "☐ a\n☐ b\n", "* [ ] **1.2** a #x", "\ufeff1. [ ] a\r\n"])
def test_ticking_and_unticking_restores_the_bytes(text: str) -> None:
    document = read(text)
    ticked = rewrite(document, with_fields(document.outline, "1", status=Status.DONE)).document
    assert ticked.data != document.data
    assert rewrite(ticked, document.outline).document.data == document.data


def test_a_status_that_a_ballot_cannot_say_is_left() -> None:
    document = read("☐ a\n☐ b\n")
    done = rewrite(document, with_fields(document.outline, "1", status=Status.BLOCKED))
    assert done.document is document
    assert done.left == (Changed("1", "status", Status.TODO, Status.BLOCKED),)


def test_a_status_without_a_mark_in_the_dialect_is_left() -> None:
    document = read("- [ ] a\n", dialect=Dialect(marks={" ": Status.TODO, "x": Status.DONE}))
    assert len(rewrite(document, with_fields(document.outline, "1", status=Status.BLOCKED)).left) == 1


# ------------------------------------------------------------------------------------------- fields


def test_a_text_changes_between_its_ref_and_its_annotations() -> None:
    assert edit("- [ ] **1.2** a (P1) #x  \n", "a", text="b") == "- [ ] **1.2** b (P1) #x  \n"


def test_undecodable_bytes_beside_an_edit_are_kept() -> None:
    document = read(b"- [ ] caf\xe9 a\n")
    target = with_fields(document.outline, "1", text=r"caf\xe9 b")
    assert rewrite(document, target).document.data == b"- [ ] caf\xe9 b\n"


def test_utf_16_stays_utf_16() -> None:
    data = "\ufeff# T\r\n\r\n- [ ] é\r\n".encode("utf-16-le")
    document = read(data)
    target = with_item(with_fields(document.outline, "1", status=Status.DONE), task("", "né"), 1)
    done = rewrite(document, target)
    assert done.document.data == "\ufeff# T\r\n\r\n- [x] é\r\n- [ ] né\r\n".encode("utf-16-le")


def test_dependencies_are_written_where_they_were_read() -> None:
    text = "- [ ] a\n  - **Dépendances** : 2.2.1.\n"
    assert edit(text, "a", depends_on=("1.2", "task-3")) == "- [ ] a\n  - **Dépendances** : 1.2, task-3\n"
    assert edit(text, "a", depends_on=()) == "- [ ] a\n  - **Dépendances** : Aucune\n"
    assert edit("- [ ] a\n", "a", depends_on=("1.2",)) == "- [ ] a #depends:1.2\n"


@pytest.mark.parametrize("text", ["1.2 x", "two\nlines", " x", "x #priority:high", "x (2h)", "", "\ud800"])
def test_a_text_that_would_be_read_as_something_else_is_left(text: str) -> None:
    document = read("- [ ] a\n- [ ] b\n")
    target = with_fields(with_fields(document.outline, "1", text=text), "2", status=Status.DONE)
    done = rewrite(document, target)
    assert done.document.data == b"- [ ] a\n- [x] b\n"
    assert done.left == (Changed("1", "text", "a", text),)


def test_one_field_that_cannot_be_said_does_not_keep_back_the_others() -> None:
    document = read("- [ ] a\n")
    target = with_fields(document.outline, "1", text="b", assignee="x) y", priority="low")
    done = rewrite(document, target)
    assert done.document.data == b"- [ ] b #priority:low\n"
    assert done.left == (Changed("1", "assignee", "", "x) y"),)


# ----------------------------------------------------------------------------------- plan and phases

PLAN = """\
---
status: EN_COURS
---
# **Plan v1**

*Version 1.0 - 2025-05-28 - Progression globale : 0 / 9*

## [ ] Phase 1 : Début ##
*Progression: 45%*

- [ ] a
  *Progression: 10%*

Fin
===
"""


@pytest.mark.parametrize(
    ("key", "fields", "old", "new"),
    [
        (ROOT, {"version": "2.0"}, "Version 1.0", "Version 2.0"),
        (ROOT, {"date": "2025-06-01"}, "2025-05-28", "2025-06-01"),
        (ROOT, {"progress": "33.33"}, "0 / 9", "3 / 9"),
        (ROOT, {"status": "done"}, "EN_COURS", "TERMINÉ"),
        ("1", {"progress": "50"}, "Progression: 45%", "Progression: 50%"),
        ("1", {"text": "Suite"}, "Début", "Suite"),
        ("1", {"ref": "Phase 2"}, "Phase 1", "Phase 2"),
        ("1", {"status": "done"}, "## [ ]", "## [x]"),
    ],
)
def test_what_a_plan_declares_is_written_where_it_stands(
    key: str, fields: dict[str, str], old: str, new: str
) -> None:
    document = read(PLAN)
    assert written(document, with_fields(document.outline, key, **fields)) == PLAN.replace(old, new)


def test_a_title_is_written_inside_its_emphasis() -> None:
    document = read(PLAN)
    title = document.outline.plan.text
    text = title.replace("Plan v1", "Plan v2")
    assert written(document, with_fields(document.outline, ROOT, text=text)) == PLAN.replace(
        "Plan v1", "Plan v2"
    )


def test_a_title_without_a_heading_is_left() -> None:
    document = read("- [ ] a\n", name="plan.md")
    done = rewrite(document, with_fields(document.outline, ROOT, text="New"))
    assert done.document.data == document.data
    assert done.left == (Changed(ROOT, "text", "plan", "New"),)


def test_a_file_without_a_heading_keeps_its_name_as_title() -> None:
    document = read("- [ ] a\n", name="plan.md")
    done = rewrite(document, with_fields(document.outline, "1", status=Status.DONE))
    assert done.document.outline.plan.text == "plan"


def test_a_progress_without_a_line_is_left() -> None:
    document = read("# T\n\n## A\n\n- [ ] a\n")
    done = rewrite(document, with_fields(document.outline, "1", progress="50"))
    assert done.left == (Changed("1", "progress", "", "50"),)


# ----------------------------------------------------------------------------------------- additions


@pytest.mark.parametrize(
    ("before", "item", "position", "after"),
    [
        ("- [ ] a\n", task("", "b"), 1, "- [ ] a\n- [ ] b\n"),
        ("- [ ] a\n", task("", "b", status="done"), 0, "- [x] b\n- [ ] a\n"),
        ("- [ ] a", task("", "b"), 1, "- [ ] a\n- [ ] b"),
        ("- [ ] a\r\n- [ ] c\n", task("", "b"), 1, "- [ ] a\r\n- [ ] b\r\n- [ ] c\n"),
        ("- [ ] a\r\n- [ ] c\n", task("", "b"), 2, "- [ ] a\r\n- [ ] c\n- [ ] b\n"),
        ("- [ ] a\r\n", task("", "b"), 1, "- [ ] a\r\n- [ ] b\r\n"),
        ("- [ ] a\n\n- [ ] c\n", task("", "b"), 2, "- [ ] a\n\n- [ ] c\n\n- [ ] b\n"),
        ("- [ ] a\n\n- [ ] c\n", task("", "b"), 1, "- [ ] a\n\n- [ ] b\n\n- [ ] c\n"),
        ("9. [ ] a\n", task("", "b"), 1, "9. [ ] a\n10. [ ] b\n"),
        ("*   [X] a\n", task("", "b", status="done"), 1, "*   [X] a\n*   [X] b\n"),
        ("> - [ ] a\n", task("", "b"), 1, "> - [ ] a\n> - [ ] b\n"),
        ("- [ ] a\n", task("a", "b"), 0, "- [ ] a\n  - [ ] b\n"),
        ("1. [ ] a\n", task("a", "b"), 0, "1. [ ] a\n   - [ ] b\n"),
        (
            "- [ ] a\n    - [ ] c\n- [ ] d\n",
            task("d", "b"),
            0,
            "- [ ] a\n    - [ ] c\n- [ ] d\n    - [ ] b\n",
        ),
        ("- [ ] a\n\t- [ ] c\n- [ ] d\n", task("d", "b"), 0, "- [ ] a\n\t- [ ] c\n- [ ] d\n\t- [ ] b\n"),
        ("- [ ] a\n  > note\n- [ ] c\n", task("a", "b"), 0, "- [ ] a\n  > note\n  - [ ] b\n- [ ] c\n"),
        ("☐ a\n☐ c\n", task("", "b"), 1, "☐ a\n☐ b\n☐ c\n"),
        ("- [ ] **1.1** a\n", task("", "b", "1.2"), 1, "- [ ] **1.1** a\n- [ ] **1.2** b\n"),
        ("- [ ] 1.1. a\n", task("", "b", "1.2"), 1, "- [ ] 1.1. a\n- [ ] 1.2. b\n"),
        ("- [ ] a (P1)\n", task("", "b", priority="low"), 1, "- [ ] a (P1)\n- [ ] b (P3)\n"),
        ("", task("", "b"), 0, "- [ ] b\n"),
        ("\ufeff# T\n", task("", "b"), 0, "\ufeff# T\n\n- [ ] b\n"),
        ("# T\n\ntext\n\n## A\n", task("A", "b"), 0, "# T\n\ntext\n\n## A\n\n- [ ] b\n"),
        ("# T\n\n## A\n\ntext\n\n## B\n", task("A", "b"), 0, "# T\n\n## A\n\ntext\n\n- [ ] b\n\n## B\n"),
        ("# T\n## A\n## B\n", task("A", "b"), 0, "# T\n## A\n\n- [ ] b\n\n## B\n"),
        ("# T\n\n## A\n", phase("", "B"), 1, "# T\n\n## A\n\n## B\n"),
        ("# T\n\n## 1. A\n\n- [ ] a\n", phase("", "B", "2"), 1, "# T\n\n## 1. A\n\n- [ ] a\n\n## 2. B\n"),
        ("# T\n\n## A\n\ntext\n", phase("A", "B"), 0, "# T\n\n## A\n\ntext\n\n### B\n"),
        ("# T\n\n## A\n", phase("", "B"), 0, "# T\n\n## B\n\n## A\n"),
        ("## [ ] A\n", phase("", "B", status="done"), 1, "## [ ] A\n\n## [x] B\n"),
        ("", phase("", "B"), 0, "## B\n"),
    ],
)
def test_an_addition_looks_like_its_siblings(before: str, item: Item, position: int, after: str) -> None:
    assert add(before, item, position) == after


def test_a_task_that_follows_code_without_an_end_goes_before_it() -> None:
    assert add("- [ ] a\n  ```\n  x\n", task("a", "b"), 0) == "- [ ] a\n  - [ ] b\n  ```\n  x\n"


def test_a_section_after_code_that_only_the_end_of_the_file_ends_gets_its_fence() -> None:
    assert add("# T\n\n## A\n\n```\nx\n", phase("", "B"), 1) == "# T\n\n## A\n\n```\nx\n```\n\n## B\n"


def test_a_subtree_is_added_whole() -> None:
    document = read("# T\n\n## A\n\n- [ ] a\n")
    plan, (a, b) = document.outline.plan, document.outline.items
    items = (
        a, b,
        Item("p", Kind.PHASE, ROOT, "B"), Item("t", Kind.TASK, "p", "t1", "", "todo"),
        Item("u", Kind.TASK, "t", "t2", "", "done"), Item("v", Kind.TASK, "t", "t3", "", "todo"),
        Item("q", Kind.PHASE, "p", "C"),
    )  # fmt: skip
    text = "# T\n\n## A\n\n- [ ] a\n\n## B\n\n- [ ] t1\n  - [x] t2\n  - [ ] t3\n\n### C\n"
    assert written(document, Outline(plan, items)) == text


def test_what_a_new_line_cannot_say_is_left_and_the_rest_is_added() -> None:
    document = read("☐ a\n☐ b\n")
    done = rewrite(document, with_item(document.outline, task("", "c", status="blocked", assignee="x) y"), 2))
    assert done.document.data == "☐ a\n☐ b\n☐ c\n".encode()
    assert done.left == (
        Changed("new", "status", Status.TODO, "blocked"),
        Changed("new", "assignee", "", "x) y"),
    )


def test_a_new_item_that_cannot_be_said_is_left_with_all_below_it() -> None:
    document = read("- [ ] a\n")
    outline = with_item(document.outline, task("", "two\nlines"), 1)
    outline = with_item(outline, Item("below", Kind.TASK, "new", "b", "", "todo"), 0)
    outline = with_item(outline, Item("beside", Kind.TASK, ROOT, "c", "", "todo"), 2)
    done = rewrite(document, outline)
    assert done.document.data == b"- [ ] a\n- [ ] c\n"
    assert [change.item.key for change in done.left if isinstance(change, Added)] == ["new", "below"]


def test_an_item_that_stands_hidden_in_code_is_not_written_again() -> None:
    document = read("- [ ] a\n\n```\n- [ ] b\n```\n")
    done = rewrite(document, with_item(document.outline, task("", "b"), 1))
    assert done.document is document
    assert len(done.left) == 1


def test_a_new_task_worded_like_a_heading_hidden_in_code_is_written() -> None:
    document = read("- [ ] a\n\n```\n## B\n```sh\n```\n")
    assert [(line.kind, line.text) for line in document.hidden] == [(Kind.PHASE, "B")]
    done = rewrite(document, with_item(document.outline, task("", "B"), 1))
    assert done.left == ()
    assert done.document.data == b"- [ ] a\n- [ ] B\n\n```\n## B\n```sh\n```\n"


def test_there_is_no_seventh_level_of_heading() -> None:
    document = read("# T\n\n###### A\n")
    assert len(rewrite(document, with_item(document.outline, phase("1", "B"), 0)).left) == 1


# ------------------------------------------------------------------------------- deletions and moves


@pytest.mark.parametrize(
    ("before", "gone", "after"),
    [
        ("- [ ] a\n- [ ] b\n", "a", "- [ ] b\n"),
        ("- [ ] a\n  body\n  - [ ] c\n\n- [ ] b\n", "a", "- [ ] b\n"),
        ("- [ ] a\n\n- [ ] b\n\n- [ ] c\n", "b", "- [ ] a\n\n- [ ] c\n"),
        ("# T\n\n- [ ] a\n\n## B\n", "a", "# T\n\n## B\n"),
        ("# T\n\n## A\n\n- [ ] a\n\n## B\n", "A", "# T\n\n## B\n"),
        ("# T\n\n## A\n\ntext\n", "A", "# T\n"),
        ("\ufeff- [ ] a\n- [ ] b\n", "a", "\ufeff- [ ] b\n"),
        ("- [ ] a\n- [ ] b", "b", "- [ ] a\n"),
        ("- [ ] a\n\ntext\n", "a", "text\n"),
    ],
)
def test_a_deletion_takes_its_own_lines_and_piles_up_no_blank_ones(
    before: str, gone: str, after: str
) -> None:
    document = read(before)
    assert written(document, without(document.outline, key_of(document, gone))) == after


def test_a_child_moved_out_survives_its_deleted_parent() -> None:
    document = read("- [ ] a\n  - [ ] b\n    note\n- [ ] c\n")
    outline = without(with_place(document.outline, "2", "3", 0), "1")
    assert written(document, outline) == "- [ ] c\n  - [ ] b\n    note\n"


@pytest.mark.parametrize(
    ("before", "moved", "parent", "rank", "after"),
    [
        ("- [ ] a\n- [ ] b\n", "b", "", 0, "- [ ] b\n- [ ] a\n"),
        (
            "- [ ] a\n- [ ] b\n  ```\n    x\n  ```\n\n  > q\n  >\n  > r\n",
            "b", "a", 0,
            "- [ ] a\n  - [ ] b\n    ```\n      x\n    ```\n\n    > q\n    >\n    > r\n",
        ),
        ("1. [ ] a\n2. [ ] b\n   - [ ] c\n", "c", "", 2, "1. [ ] a\n2. [ ] b\n3. [ ] c\n"),
        ("10. [ ] a\n    body\n\nx\n\n- [ ] b\n- [ ] c\n", "a", "c", 0,
         "x\n\n- [ ] b\n- [ ] c\n  1. [ ] a\n     body\n"),
        ("- [ ] a\n  - [ ] b\nlazy\n- [ ] c\n", "b", "", 2, "- [ ] a\n- [ ] c\n- [ ] b\nlazy\n"),
        ("# T\n\n## A\n\ntext\n\n- [ ] a\n\n### C\n\n## B\n\n- [ ] b\n", "A", "B", 0,
         "# T\n\n## B\n\n- [ ] b\n\n### A\n\ntext\n\n- [ ] a\n\n#### C\n"),
        ("# T\n\n## A\n\n- [ ] a\n\n## B\n", "a", "B", 0, "# T\n\n## A\n\n## B\n\n- [ ] a\n"),
    ],
)  # fmt: skip
def test_a_move_takes_the_whole_block_along(
    before: str, moved: str, parent: str, rank: int, after: str
) -> None:
    document = read(before)
    key, above = key_of(document, moved), key_of(document, parent) if parent else ROOT
    done = rewrite(document, with_place(document.outline, key, above, rank))
    assert done.left == ()
    assert done.document.data.decode() == after


def test_two_items_change_places_with_their_parents() -> None:
    document = read("- [ ] a\n  - [ ] b\n- [ ] c\n")
    outline = with_place(with_place(document.outline, "2", ROOT, 1), "1", "2", 0)
    assert written(document, outline) == "- [ ] b\n  - [ ] a\n- [ ] c\n"


def test_a_change_that_fails_does_not_keep_back_the_others() -> None:
    text = "# T\n\n###### A\n\n- [ ] a\n\n## B\n\n- [ ] b\n"
    document = read(text)
    outline = with_place(document.outline, key_of(document, "B"), key_of(document, "A"), 0)
    outline = with_fields(outline, key_of(document, "a"), status=Status.DONE)
    outline = without(outline, key_of(document, "b"))
    done = rewrite(document, outline)
    assert done.document.data.decode() == "# T\n\n###### A\n\n- [x] a\n\n## B\n"
    assert [type(change) for change in done.left] == [Moved]


def test_keys_stay_with_their_items() -> None:
    document = read("- [ ] a\n- [ ] b\n").rekeyed(["k1", "k2"])
    done = rewrite(document, with_place(document.outline, "k2", ROOT, 0)).document
    assert [(item.key, item.text) for item in done.outline.items] == [("k2", "b"), ("k1", "a")]


def test_fields_that_an_item_of_its_kind_does_not_have_are_not_asked_of_the_file() -> None:
    document = read("# T\n\n## A\n")
    item = replace_fields(phase("", "B"), priority="high")
    assert rewrite(document, with_item(document.outline, item, 1)).left == ()


def replace_fields(item: Item, **fields: Any) -> Item:
    return item._replace(**fields)


def test_one_tick_takes_one_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("plans.document.rewrite")  # the package's attribute of that name is the function
    count = 0

    def counted(*args: Any, **options: Any) -> Document:
        nonlocal count
        count += 1
        return parse(*args, **options)

    monkeypatch.setattr(module, "parse", counted)
    document = read("- [ ] a\n" * 500)
    rewrite(document, with_fields(document.outline, "250", status=Status.DONE))
    assert count == 1
    assert replace(document).data == document.data


def test_the_last_open_ballot_is_not_ticked_away_with_all_others() -> None:
    """Without `☐` in the file its `✅` lines would no longer be tasks."""
    document = read("☐ a\n✅ b\n")
    done = rewrite(document, with_fields(document.outline, "1", status=Status.DONE))
    assert done.document is document
    assert len(done.left) == 1


def test_a_result_that_lost_a_line_of_prose_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    text = Tree.text
    monkeypatch.setattr(Tree, "text", lambda tree: text(tree).replace("prose\n", ""))
    document = read("# T\n\nprose\n\n- [ ] a\n")
    done = rewrite(document, with_item(document.outline, task("", "b"), 1))
    assert done.document is document
    assert len(done.left) == 1
