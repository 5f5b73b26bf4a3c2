"""Lists of tasks in JSON and CSV: read by a mapping, and written one value at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planning_sync.replicas import listing, roadmap
from planning_sync.replicas.base import Reading, Replica, checksum
from planning_sync.replicas.errors import OptionRefused, PlanUnreadable, Unreadable
from planning_sync.replicas.folder import PlanFolder
from planning_sync.replicas.listing_format import ListFormat, empty_csv, empty_json, open_csv, open_json
from planning_sync.replicas.mapping_file import read, read_toml
from plans.outline import ROOT, Added, Change, Changed, Item, Kind, Outline, Place, Removed, apply

BASIC: dict[str, Any] = {"fields": {"text": "title"}}
NESTED = {**BASIC, "parent": "parent", "items": "/tasks"}


def list_format(suffix: str, mapping: Mapping[str, Any] = BASIC) -> ListFormat:
    opener, empty = (open_json, empty_json) if suffix == ".json" else (open_csv, empty_csv)
    return ListFormat(lambda: read(mapping, "test", listing.USUAL), opener, empty, suffix=suffix)


def reading(text: str | bytes, suffix: str, mapping: Mapping[str, Any] = BASIC) -> Reading:
    """Keyed by what the text's own keys are."""
    data = text.encode() if isinstance(text, str) else text
    document = list_format(suffix, mapping).parse(data, f"list{suffix}")
    plain = Reading(f"list{suffix}", "", checksum(data), data, document)
    return plain.rekeyed([name.own for name in document.names])


def edited(text: str, suffix: str, *changes: Change, mapping: Mapping[str, Any] = BASIC) -> str:
    """The text after the changes, all of which it has to be able to say."""
    before = reading(text, suffix, mapping)
    target = apply(before.document.outline, changes)
    write = list_format(suffix, mapping).rewritten(before, target)
    assert write.left == ()
    assert write.data is not None
    return write.data.decode()


def said(text: str, suffix: str, mapping: Mapping[str, Any] = BASIC) -> Outline:
    return reading(text, suffix, mapping).document.outline


# ------------------------------------------------------------------------------------- reading


def test_what_a_list_says_is_read_in_the_words_of_the_hub() -> None:
    item = {
        "id": 7,
        "title": "  Two\nlines ",
        "status": "In-Progress",
        "priority": "URGENT",
        "due": "2026-05-04T09:00:00+02:00",
        "tags": ["a", "b"],
        "assignee": None,
    }
    (found,) = said(json.dumps([item]), ".json").items
    assert (found.text, found.status, found.priority) == ("Two lines", "in_progress", "critical")
    assert (found.due, found.tags, found.assignee) == ("2026-05-04", ("a", "b"), "")


def test_a_word_that_is_not_known_counts_as_unfinished_is_listed_and_stays() -> None:
    text = '[\n  {"id": 1, "title": "One", "status": "half baked"}\n]'
    found = reading(text, ".json").document
    assert [item.status for item in found.outline.items] == ["todo"]
    assert [(each.line, each.code) for each in found.findings] == [(2, "unrecognised")]
    assert "'half baked'" in found.findings[0].message
    assert edited(text, ".json", Changed("1", "text", "One", "Two")) == text.replace("One", "Two")


def test_a_record_below_another_is_a_task_below_a_task() -> None:
    text = '{"tasks": [{"id": 2, "title": "Inner", "parent": 1}, {"id": 1, "title": "Outer"}], "x": 1}'
    found = said(text, ".json", NESTED)
    assert [(item.text, item.parent) for item in found.items] == [("Outer", ROOT), ("Inner", "1")]


def test_jsonpath_leads_to_the_list_as_a_pointer_does() -> None:
    text = '{"plan": {"tasks": [{"id": 1, "title": "One"}]}}'
    for items in ("/plan/tasks", "$.plan.tasks[*]", "$.plan.tasks"):
        assert [item.text for item in said(text, ".json", {**BASIC, "items": items}).items] == ["One"]


@pytest.mark.parametrize(
    ("text", "suffix", "place"),
    [
        ('[{"id": 1, "title": "One"', ".json", "line 1, column"),
        ('[\n  {"id": 1},\n  {"id": 1}\n]', ".json", "line 3, column 3: the id 1 is here a second time"),
        ('[\n  {"id": 1, "id": 2}\n]', ".json", "twice"),
        ('[{"title": "One"}]', ".json", "line 1, column 2: this task has no 'id'"),
        ("[\n3]", ".json", "line 2, column 1: a task should be an object"),
        ('{"id": 1}', ".json", "line 1, column 1: a list is expected"),
        ("[\n<<<<<<< HEAD\n]", ".json", "line 2, column 1: a merge left its markers"),
        ('[{"id": NaN}]', ".json", "NaN"),
        ("[" * 5000, ".json", "line 1"),
        ("id,title\n1,One\n1,Two\n", ".csv", "line 3, column 1: the id '1' is here a second time"),
        ('id,title\n1,"One\n', ".csv", "line 2, column 3: the quote that opens here is never closed"),
        ('id,title\n1,"One"x\n', ".csv", "line 2, column 8: something follows the closing quote"),
        ("id,title\n1,One,2\n", ".csv", "line 2, column 1: the row has 3 cells, and there are 2 columns"),
        ("id,title\n,One\n", ".csv", "line 2, column 1: the row has no 'id'"),
        ("id,name\n1,One\n", ".csv", "there is no column 'title'; there are id, name"),
        ("id,title,title\n1,a,b\n", ".csv", "the column 'title' is here a second time"),
        ("id,title\n<<<<<<< HEAD\n1,One\n", ".csv", "line 2, column 1: a merge"),
        ("", ".csv", "there should be a row with the names"),
        (b"id,title\n1,caf\xe9\n", ".csv", "line 2: it is not utf-8"),
    ],
)
def test_what_is_malformed_is_refused_with_the_place_of_the_fault(
    text: str | bytes, suffix: str, place: str
) -> None:
    with pytest.raises(PlanUnreadable) as caught:
        reading(text, suffix)
    assert caught.value.reason is Unreadable.MALFORMED
    assert place in str(caught.value)


def test_records_in_a_circle_are_refused_and_not_taken_for_deleted() -> None:
    text = '{"tasks": [{"id": 1, "title": "A", "parent": 2},\n{"id": 2, "title": "B", "parent": 1}]}'
    with pytest.raises(PlanUnreadable, match="hangs below itself"):
        reading(text, ".json", NESTED)


# ------------------------------------------------------------------------------------- writing JSON

STYLES = [
    '[\n  {\n    "id": "a",\n    "title": "One",\n    "x": [1,  2]\n  },\n  {"id": "b", "title": "Two"}\n]\n',
    '[{"id":"a","title":"One"},{"id":"b","title":"Two"}]',
    '\ufeff[\r\n\t{"id": "a",\r\n\t "title": "One"},\r\n\t{"id": "b", "title": "Two", "status" : null}]',
]


@pytest.mark.parametrize("text", STYLES)
def test_a_changed_text_changes_its_own_characters(text: str) -> None:
    assert edited(text, ".json", Changed("a", "text", "One", 'Un "é"')) == text.replace("One", 'Un \\"é\\"')


@pytest.mark.parametrize("text", STYLES)
def test_an_added_value_a_removed_record_and_a_new_one_leave_the_rest(text: str) -> None:
    changed = edited(text, ".json", Changed("b", "status", "todo", "done"))
    before, after = json.loads(text.strip("\ufeff")), json.loads(changed.strip("\ufeff"))
    assert after == [before[0], {**before[1], "status": "done"}]
    assert text[: text.index("Two")] == changed[: text.index("Two")]
    first = before_outline = said(text, ".json")
    removed = edited(text, ".json", Removed(first.by_key["a"], Place(ROOT, "")))
    assert json.loads(removed.strip("\ufeff")) == [before[1]]
    assert text[text.index('"b"') :] in removed
    new = Item("k", Kind.TASK, ROOT, "Three", status="todo")
    added = edited(text, ".json", Added(new, Place(ROOT, "b")))
    assert added.startswith(text[: text.index("Two") + 4])
    assert [each["title"] for each in json.loads(added.strip("\ufeff"))] == ["One", "Two", "Three"]
    assert ("\r" in added, added.count("\n") == added.count("\r\n")) == (
        "\r" in text,
        "\r" in text or "\n" not in added,
    )
    assert before_outline.items


def test_a_new_record_takes_the_next_number_and_the_fields_that_every_record_has() -> None:
    text = '{"tasks": [{"id": "T-09", "title": "One", "kind": "story"}]}'
    mapping = {**NESTED, "new": {"kind": "story"}}
    new = Item("k", Kind.TASK, "T-09", "Two", status="todo", tags=("x",))
    after = json.loads(edited(text, ".json", Added(new, Place("T-09", "")), mapping=mapping))
    assert after["tasks"][1] == {
        "id": "T-10",
        "title": "Two",
        "status": "todo",
        "tags": ["x"],
        "parent": "T-09",
        "kind": "story",
    }


def test_a_list_that_says_done_by_a_switch_gets_a_switch() -> None:
    mapping = {"fields": {"text": "title", "status": "completed"}}
    text = '[{"id": 1, "title": "One", "completed": false}]'
    assert edited(text, ".json", Changed("1", "status", "todo", "done"), mapping=mapping) == text.replace(
        "false", "true"
    )


def test_a_key_may_be_the_ref_that_other_records_name() -> None:
    mapping = {"fields": {"text": "title", "ref": "id", "depends_on": "needs"}}
    text = '[{"id": "T-1", "title": "One"}, {"id": "T-2", "title": "Two", "needs": ["T-1"]}]'
    one, two = said(text, ".json", mapping).items
    assert (one.ref, two.depends_on) == ("T-1", ("T-1",))
    added = edited(text, ".json", Changed("T-1", "depends_on", (), ("T-2",)), mapping=mapping)
    assert json.loads(added)[0] == {"id": "T-1", "title": "One", "needs": ["T-2"]}


def test_a_value_that_the_list_has_no_word_for_stays_in_the_hub() -> None:
    mapping = {"fields": {"text": "title", "status": "completed"}}
    before = reading('[{"id": 1, "title": "One", "completed": false}]', ".json", mapping)
    target = apply(before.document.outline, [Changed("1", "status", "todo", "blocked")])
    write = list_format(".json", mapping).rewritten(before, target)
    assert write.changes_nothing
    assert write.left == (Changed("1", "status", "todo", "blocked"),)


def test_the_word_that_the_list_uses_itself_is_the_one_that_is_written() -> None:
    text = '[{"id": 1, "title": "One", "status": "Shipped"}, {"id": 2, "title": "Two", "status": "Open"}]'
    assert edited(text, ".json", Changed("2", "status", "todo", "done")) == text.replace("Open", "Shipped")


# ------------------------------------------------------------------------------------- writing CSV

TABLE = 'id;"title";status;due;note\r\n1;"Buy; paint";open;2026-01-02;"a ""b"""\r\n\r\n2;Sell;open\r\n'


def test_one_cell_changes_and_keeps_its_quotes() -> None:
    assert edited(TABLE, ".csv", Changed("1", "text", "Buy; paint", "Sell")) == TABLE.replace(
        "Buy; paint", "Sell"
    )
    assert edited(TABLE, ".csv", Changed("1", "status", "todo", "done")) == TABLE.replace(
        'paint";open', 'paint";done'
    )


def test_a_cell_is_quoted_where_it_has_to_be() -> None:
    after = edited(TABLE, ".csv", Changed("2", "text", "Sell", 'Sell; "now"'))
    assert after == TABLE.replace("2;Sell;", '2;"Sell; ""now""";')


def test_a_row_that_ends_early_gets_the_cells_that_it_needs() -> None:
    after = edited(TABLE, ".csv", Changed("2", "due", "", "2026-02-03"))
    assert after == TABLE.replace("2;Sell;open", "2;Sell;open;2026-02-03")


def test_rows_come_at_the_end_and_go_with_their_line_ends() -> None:
    before = said(TABLE, ".csv")
    new = Item("k", Kind.TASK, ROOT, "Rest", status="todo")
    changes = (Removed(before.items[0], Place(ROOT, "")), Added(new, Place(ROOT, "2")))
    assert (
        edited(TABLE, ".csv", *changes)
        == 'id;"title";status;due;note\r\n\r\n2;Sell;open\r\n3;Rest;open;;\r\n'
    )


def test_columns_without_a_name_or_with_one_name_keep_their_places() -> None:
    text = "x,id,,title,x,\n1,2,3,One,5,6\n"
    new = Item("k", Kind.TASK, ROOT, "Two", status="todo")
    assert edited(text, ".csv", Added(new, Place(ROOT, "2"))) == text + ",3,,Two,,\n"


def test_the_key_beside_a_single_uuid_is_a_uuid() -> None:
    text = '[{"id": "01936b7e-2e00-7000-8000-000000000001", "title": "One"}]'
    new = Item("01936b7e2e0070008000000000000009", Kind.TASK, ROOT, "Two", status="todo")
    after = json.loads(edited(text, ".json", Added(new, Place(ROOT, ""))))
    assert after[1]["id"] == "01936b7e-2e00-7000-8000-000000000009"


def test_a_table_without_a_last_line_end_stays_without_one() -> None:
    text = "id,title\n1,One"
    new = Item("k", Kind.TASK, ROOT, "Two", status="todo")
    assert edited(text, ".csv", Added(new, Place(ROOT, "1")), mapping=BASIC) == "id,title\n1,One\n2,Two"


def test_letters_that_the_encoding_does_not_have_stay_in_the_hub() -> None:
    mapping = {**BASIC, "encoding": "latin-1"}
    before = reading("id,title\n1,café\n".encode("latin-1"), ".csv", mapping)
    fine = list_format(".csv", mapping).rewritten(
        before, apply(before.document.outline, [Changed("1", "text", "café", "thé")])
    )
    assert fine.data == "id,title\n1,thé\n".encode("latin-1")
    wanted = apply(before.document.outline, [Changed("1", "text", "café", "茶")])
    odd = list_format(".csv", mapping).rewritten(before, wanted)
    assert odd.changes_nothing
    assert odd.left == (Changed("1", "text", "café", "茶"),)


# ------------------------------------------------------------------------------------- properties

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
cells = st.one_of(texts, st.sampled_from(['a"b', "x;y", "x,y", "two\nlines", " padded ", "=1+1"]))
statuses = st.sampled_from(["todo", "done", "open", "In Progress", "odd one", ""])


@st.composite
def tables(draw: st.DrawFn) -> str:
    """A table as the standard library writes one, in one of many styles."""
    out = io.StringIO()
    writer = csv.writer(
        out,
        delimiter=draw(st.sampled_from(",;\t|")),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])),
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
    )
    writer.writerow(["id", "title", "status", "note", "due"])
    for number in range(draw(st.integers(0, 6))):
        writer.writerow([number, draw(cells), draw(statuses), draw(cells), ""])
    return out.getvalue()


@given(tables(), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_in_any_table_one_edit_changes_one_cell_as_any_reader_sees_it(text: str, data: st.DataObject) -> None:
    delimiter = text[4] if text[0] == '"' else text[2]
    mapping = {**BASIC, "delimiter": delimiter}
    before = reading(text, ".csv", mapping)
    again = list_format(".csv", mapping).rewritten(before, before.document.outline)
    assert again.changes_nothing
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    assert [item.text for item in before.document.outline.items] == [
        " ".join(row[1].split()) for row in rows[1:]
    ]
    if not before.document.outline.items:
        return
    item = data.draw(st.sampled_from(before.document.outline.items))
    value = " ".join(data.draw(cells).split()) or "x"
    write = list_format(".csv", mapping).rewritten(
        before, apply(before.document.outline, [Changed(item.key, "text", item.text, value)])
    )
    assert write.data is not None
    after = list(csv.reader(io.StringIO(write.data.decode(), newline=""), delimiter=delimiter))
    wanted = [[*row] for row in rows]
    if value != item.text:
        wanted[int(item.key) + 1][1] = value
    assert after == wanted


values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
records = st.fixed_dictionaries({"title": texts, "status": statuses, "extra": values})


@given(
    st.lists(records, min_size=1, max_size=5),
    st.sampled_from([None, 1, 2, "\t"]),
    st.booleans(),
    st.data(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_in_any_list_the_edits_are_all_that_changes(
    said_records: list[dict[str, Any]], indent: int | str | None, ascii_only: bool, data: st.DataObject
) -> None:
    listed = [{"id": number, **record} for number, record in enumerate(said_records)]
    text = json.dumps({"tasks": listed, "rest": said_records[0]}, indent=indent, ensure_ascii=ascii_only)
    before = reading(text, ".json", NESTED)
    plan_format = list_format(".json", NESTED)
    assert plan_format.rewritten(before, before.document.outline).changes_nothing
    outline = before.document.outline
    chosen = data.draw(st.sampled_from(outline.items))
    gone = data.draw(st.sampled_from(outline.items))
    changes: list[Change] = [] if gone is chosen else [Removed(gone, Place(ROOT, ""))]
    changes.append(Changed(chosen.key, "text", chosen.text, "changed"))
    changes.append(Added(Item("new", Kind.TASK, chosen.key, "added", status="todo"), Place(chosen.key, "")))
    write = plan_format.rewritten(before, apply(outline, changes))
    assert write.data is not None
    wanted = [each for each in listed if gone is chosen or str(each["id"]) != gone.key]
    wanted = [{**each, "title": "changed"} if str(each["id"]) == chosen.key else each for each in wanted]
    after = json.loads(write.data)
    assert after["tasks"][:-1] == wanted
    assert (after["tasks"][-1]["title"], after["tasks"][-1]["parent"]) == ("added", int(chosen.key))
    assert after["rest"] == said_records[0]


# ------------------------------------------------------------------------------------- mappings and options


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ("fields = 3", "fields: it should be a table"),
        ("[fields]\ntext = 3", "text: it should be a text"),
        ("[fields]\nstatus = 'x'", "which field is the task's text"),
        ("[fields]\ntext = 't'\ncolour = 'x'", "'colour' is none of text, ref"),
        ("colour = 'x'\n[fields]\ntext = 't'", "'colour' is none of key, items"),
        ("[fields]\ntext = 't'\n[words.status]\nfinis = 'over'", "'finis' = 'over': the hub knows blocked"),
        ("[fields]\ntext = 't'\nassignee = 'id'", "'id' is the key, which never changes"),
        ("delimiter = ';;'\n[fields]\ntext = 't'", "it should be one character"),
        ("encoding = 'klingon'\n[fields]\ntext = 't'", "there is no encoding 'klingon'"),
        ("[fields", "is no TOML"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_where_and_why(mapping: str, told: str) -> None:
    with pytest.raises(OptionRefused) as caught:
        read_toml(mapping, "lists.toml", listing.USUAL)
    assert told in str(caught.value)
    assert "lists.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "path", "options", "told"),
    [
        (listing.KIND, "/srv/plans", {}, "name a file, or globs"),
        (listing.KIND, "/srv/plans", {"include": ["*.csv", "*.json"]}, "name a file, or globs"),
        (roadmap.KIND, "http://plans.example.org", {}, "is not https"),
        (roadmap.KIND, "https://plans.example.org", {"scheme": "basic"}, "give one of none, key"),
        (roadmap.KIND, "https://plans.example.org", {"scheme": "key", "secret": "s3cret"}, "never give it"),
        (roadmap.KIND, "https://plans.example.org", {"per_minute": 0}, "give a number above 0"),
        (roadmap.KIND, "https://plans.example.org", {"timeout_seconds": "soon"}, "give a number above 0"),
    ],
)
def test_an_option_that_cannot_be_used_says_why(
    kind: Any, path: str, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(OptionRefused) as caught:
        kind.connect(path, options)
    assert told in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_list_without_any_mapping_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,title\n")
    replica: Replica = listing.KIND.connect(str(tmp_path / "a.csv"), {})
    with pytest.raises(OptionRefused, match="nor an option mapping"):
        replica.scan()


def test_a_file_with_signs_of_globs_in_its_name_is_that_file_alone(tmp_path: Path) -> None:
    for name in ("a[1].csv", "a1.csv"):
        (tmp_path / name).write_text("id,title\n")
    replica = listing.KIND.connect(str(tmp_path / "a[1].csv"), {"mapping": BASIC})
    assert list(replica.scan().stamps) == ["a[1].csv"]


def test_of_a_single_file_no_folder_beside_it_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / ".hidden.csv").write_text("id,title\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".hidden.csv").write_text("id,title\n")
    replica = listing.KIND.connect(str(tmp_path / ".hidden.csv"), {"mapping": BASIC})
    assert isinstance(replica, PlanFolder)
    assert replica.globs.is_flat
    assert not replica.globs.enters("deep")
    assert list(replica.scan().stamps) == [".hidden.csv"]
