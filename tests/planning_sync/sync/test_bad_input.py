"""Input that no plan should be: each gets a message that says what, which file and what to do next; the
others go on, and nothing is lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from conflicts.models import Conflict
from planning_sync.sync.models import Link
from planning_sync.sync.report import Report
from plans import services as plans
from plans.document import parse
from plans.models import Phase, Plan, Task
from tests.planning_sync.sync.workbench import Workbench

GOOD = "# Good\n\n- [ ] A good thing to do\n- [ ] Another good thing to do\n"


@pytest.fixture
def good(desk: Workbench, settings: Any) -> Workbench:
    """A folder with one good plan, which is edited on both sides since the last sync."""
    settings.PLANNING_SYNC_FOLLOW = False
    desk.write("good.md", GOOD)
    desk.sync()
    desk.edit("good.md", "- [ ] A good", "- [x] A good")
    desk.set("Another good thing to do", status="done")
    return desk


def assert_others_go_on(desk: Workbench) -> None:
    assert desk.read("good.md") == GOOD.replace("[ ]", "[x]")
    assert set(Task.objects.live().filter(plan__title="Good").values_list("status", flat=True)) == {"done"}


def refusal(report: Report, path: str) -> str:
    """The one message about `path`, which is the only trouble there was."""
    told = [*report.errors, *({"plan": row["plan"], "error": row["reason"]} for row in report.refused)]
    assert [row["plan"] for row in told] == [path]
    return told[0]["error"]


def test_a_binary_file_is_named_and_left_alone(good: Workbench) -> None:
    data = bytes(range(256)) * 64
    good.write("picture.md", data)
    message = refusal(good.try_sync(), "picture.md")
    assert "'picture.md' is not text" in message
    assert "rename or exclude" in message
    assert (good.folder / "picture.md").read_bytes() == data
    assert_others_go_on(good)


def test_a_plan_that_becomes_binary_keeps_its_rows(good: Workbench) -> None:
    good.write("other.md", "# Other\n\n- [ ] Something\n")
    good.sync()
    good.write("other.md", bytes(range(256)) * 64)
    assert "is not text" in refusal(good.try_sync(), "other.md")
    assert good.texts("other.md") == ["Something"]
    assert "is not text" in Link.objects.get(path="other.md").problem
    good.write("other.md", "# Other\n\n- [x] Something\n")
    good.sync()
    assert good.task("Something").status == "done"
    assert Link.objects.get(path="other.md").problem == ""
    good.assert_in_step()


def test_a_file_of_50_mb_is_refused_without_being_read(good: Workbench) -> None:
    with (good.folder / "huge.md").open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)
    message = refusal(good.try_sync(), "huge.md")
    assert "52,428,800 bytes" in message
    assert "Split it, exclude it, or raise the replica's limit" in message
    assert_others_go_on(good)


def test_a_plan_that_grows_too_large_keeps_its_rows(good: Workbench) -> None:
    good.write("other.md", "# Other\n\n- [ ] Something\n")
    good.sync()
    with (good.folder / "other.md").open("r+b") as stream:
        stream.truncate(50 * 1024 * 1024)
    assert "is too large" in refusal(good.try_sync(), "other.md")
    assert good.texts("other.md") == ["Something"]


@pytest.mark.parametrize("count", [20_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_a_file_of_very_many_tasks_is_a_plan_like_any_other(good: Workbench, count: int) -> None:
    data = "# Many\n\n" + "".join(
        f"- [ ] Item number {number} of a very long list\n" for number in range(count)
    )
    good.write("many.md", data)
    good.sync()
    assert Task.objects.filter(plan__title="Many").count() == count
    good.edit("many.md", "- [ ] Item number 17777 of", "- [x] Item number 17777 of")
    good.set("Item number 5 of a very long list", status="done")
    good.sync()
    assert Task.objects.get(text="Item number 17777 of a very long list").status == "done"
    assert good.read("many.md") == data.replace(
        "[ ] Item number 17777 of", "[x] Item number 17777 of"
    ).replace("[ ] Item number 5 of", "[x] Item number 5 of")
    assert_others_go_on(good)


def test_a_line_of_1_mb_is_a_task_like_any_other(good: Workbench) -> None:
    text = "word " * 200_000 + "end"
    good.write("long.md", f"# Long\n\n- [ ] {text}\n- [ ] Short\n")
    good.sync()
    assert sorted(len(each) for each in good.texts("long.md")) == [5, len(text)]
    good.set("Short", status="done")
    good.sync()
    assert good.read("long.md") == f"# Long\n\n- [ ] {text}\n- [x] Short\n"
    assert_others_go_on(good)
    good.assert_in_step()


def test_500_levels_of_nesting_are_a_plan_like_any_other(good: Workbench) -> None:
    data = "# Deep\n\n" + "".join(f"{'  ' * depth}- [ ] Thing {depth} of the nest\n" for depth in range(500))
    good.write("deep.md", data)
    good.sync()
    assert len(good.texts("deep.md")) == 500
    good.set("Thing 499 of the nest", status="done")
    good.sync()
    assert good.read("deep.md") == data.replace("[ ] Thing 499", "[x] Thing 499")
    plans.delete(good.task("Thing 1 of the nest"), actor="bob")
    good.sync(allow_mass_delete=True)
    assert good.read("deep.md") == "# Deep\n\n- [ ] Thing 0 of the nest\n"
    good.assert_in_step()


def test_500_levels_of_lists_in_one_line_are_a_plan_like_any_other(good: Workbench) -> None:
    data = "# Deep\n\n" + "- " * 500 + "[ ] At the bottom\n" + "> " * 500 + "- [ ] In quotes\n"
    good.write("deep.md", data)
    good.try_sync()
    assert good.outline("deep.md").same_shape(parse(data.encode(), name="deep.md").outline)
    assert good.read("deep.md") == data
    assert_others_go_on(good)


def test_a_link_out_of_the_folder_is_named_and_never_followed(good: Workbench, tmp_path: Path) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text("# Secret\n\n- [ ] Mine\n")
    (good.folder / "link.md").symlink_to(outside)
    message = refusal(good.try_sync(), "link.md")
    assert "leads out of the replica's folder" in message
    assert outside.read_text() == "# Secret\n\n- [ ] Mine\n"
    assert not Task.objects.filter(text="Mine").exists()
    assert_others_go_on(good)


def test_a_plan_replaced_by_a_link_out_of_the_folder_keeps_its_rows(good: Workbench, tmp_path: Path) -> None:
    good.write("other.md", "# Other\n\n- [ ] Something\n")
    good.sync()
    outside = tmp_path / "outside.md"
    outside.write_text("# Secret\n\n- [ ] Mine\n")
    (good.folder / "other.md").unlink()
    (good.folder / "other.md").symlink_to(outside)
    good.set("Something", status="done")
    report = good.try_sync()
    assert {failure["plan"] for failure in report.errors} == {"other.md"}
    assert good.texts("other.md") == ["Something"]
    assert outside.read_text() == "# Secret\n\n- [ ] Mine\n"


@pytest.mark.parametrize(
    "name",
    [
        'quote\'s "plan".md',
        "two\nlines.md",
        "back\\slash.md",
        " blank .md",
        "-dash.md",
        "*.md",
        "caf\udce9.md",
        "\udcff.md",
    ],
)
def test_any_file_name_syncs_both_ways(good: Workbench, name: str) -> None:
    place = Path(os.fsdecode(os.fsencode(good.folder))) / name
    place.write_text("# Odd\n\n- [ ] An odd task\n- [ ] Another odd task\n")
    good.sync()
    good.set("An odd task", status="done")
    place.write_text(place.read_text().replace("[ ] Another", "[x] Another"))
    good.sync()
    assert place.read_text() == "# Odd\n\n- [x] An odd task\n- [x] Another odd task\n"
    assert_others_go_on(good)
    place.unlink()
    good.sync()
    assert not Plan.objects.live().filter(title="Odd").exists()


def test_an_empty_folder_is_a_replica_without_plans(tmp_path: Path, transactional_db: None) -> None:
    desk = Workbench.at(tmp_path / "nothing")
    report = desk.sync()
    assert (report.status, report.seen) == ("in_step", 0)


def test_an_emptied_folder_is_refused_and_changes_nothing(good: Workbench) -> None:
    (good.folder / "good.md").unlink()
    report = good.try_sync()
    assert report.status == "refused"
    assert "the replica is empty, and 1 plans were there" in report.refused[0]["reason"]
    assert "--allow-mass-delete" in report.refused[0]["reason"]
    assert Plan.objects.live().count() == 1


@pytest.mark.parametrize("how", ["moved away", "a file now", "a broken link now"])
def test_a_folder_that_vanishes_is_not_an_empty_one(good: Workbench, how: str) -> None:
    away = good.folder.with_name("elsewhere")
    good.folder.rename(away)
    if how == "a file now":
        good.folder.write_text("no folder")
    if how == "a broken link now":
        good.folder.symlink_to("nowhere")
    report = good.try_sync()
    assert report.status == "failed"
    assert "Mount or restore the folder" in report.errors[0]["error"]
    assert Plan.objects.live().count() == 1
    if how != "moved away":
        good.folder.unlink()
    away.rename(good.folder)
    good.sync()
    assert_others_go_on(good)


def test_a_hub_edit_while_the_folder_is_away_waits_for_it(good: Workbench, settings: Any) -> None:
    good.sync()
    away = good.folder.with_name("elsewhere")
    good.folder.rename(away)
    settings.PLANNING_SYNC_FOLLOW = True
    good.set("A good thing to do", status="todo")
    assert Plan.objects.live().count() == 1
    away.rename(good.folder)
    good.sync()
    assert good.read("good.md") == GOOD.replace("[ ] Another", "[x] Another")


def test_a_hub_edit_while_an_empty_folder_stands_in_for_the_real_one_deletes_nothing(
    good: Workbench, settings: Any
) -> None:
    """An unmounted disk leaves its mount point behind."""
    good.sync()
    away = good.folder.with_name("elsewhere")
    good.folder.rename(away)
    good.folder.mkdir()
    settings.PLANNING_SYNC_FOLLOW = True
    good.set("A good thing to do", status="todo")
    good.set("A good thing to do", status="done")
    assert Plan.objects.live().count() == 1
    asked = Conflict.objects.get()
    assert (asked.rule, asked.severity, asked.plan) == ("folder_emptied", "critical", None)
    good.folder.rmdir()
    away.rename(good.folder)
    good.sync()
    asked.refresh_from_db()
    assert asked.state == "closed"
    good.assert_in_step()


def long_plan(subject: str, need: str) -> str:
    return f"# {subject}\n\n" + "".join(f"- [ ] {need} {number}\n" for number in range(30))


def test_a_plan_replaced_by_another_one_is_refused_until_a_person_says_go_on(good: Workbench) -> None:
    good.write("other.md", long_plan("Moving house", "Carry the furniture of room number"))
    good.sync()
    good.write("other.md", long_plan("Publishing a book", "Write down what happens in chapter"))
    message = refusal(good.try_sync(), "other.md")
    assert "the plan was replaced by another one (30 of 30 items are gone)" in message
    assert len(good.texts("other.md")) == 30
    assert good.plan("other.md").title == "Moving house"
    good.sync(allow_mass_delete=True)
    assert good.plan("other.md").title == "Publishing a book"
    assert Task.objects.exclude(deleted_at=None).count() == 30
    good.assert_in_step()


ODD_BYTES = {
    "NUL": b"# Odd\n\n- [ ] A task with a \x00 in it\n- [ ] Plain one\n",
    "invalid UTF-8": b"# Odd\n\n- [ ] Caf\xe9 in Latin-1\n- [ ] Plain one\n",
    "a lone surrogate as UTF-8": b"# Odd\n\n- [ ] Half \xed\xa0\x80 a pair\n- [ ] Plain one\n",
    "BOM": b"\xef\xbb\xbf# Odd\n\n- [ ] A task\n- [ ] Plain one\n",
    "CR": b"# Odd\r\r- [ ] A task\r- [ ] Plain one\r",
    "UTF-16": "\ufeff# Odd\n\n- [ ] Tâche\n- [ ] Plain one\n".encode("utf-16-le"),
    "no last line end": b"# Odd\n\n- [ ] A task\n- [ ] Plain one",
    "control characters": b"# \x01Odd\n\n- [ ] A \x1b[31mred\x07 task\n- [ ] Plain one\n",
    "astral": "# Odd\n\n- [ ] \U0001f600 task \U0010ffff\n- [ ] Plain one\n".encode(),
    "a due date that is none": b"# Odd\n\n- [ ] A task #due:2026-02-31\n- [ ] Plain one\n",
    "progress beyond all bounds": b"# Odd\n\n*Version 1 - Progression globale : 1e999%*\n\n- [ ] Plain one\n",
}


@pytest.mark.parametrize("kind", ODD_BYTES)
def test_odd_bytes_are_kept_and_the_rest_of_the_file_syncs_both_ways(good: Workbench, kind: str) -> None:
    data = ODD_BYTES[kind]
    good.write("odd.md", data)
    good.sync()
    assert (good.folder / "odd.md").read_bytes() == data
    codec = "utf-16-le" if kind == "UTF-16" else "latin-1"
    good.set("Plain one", status="done")
    good.sync()
    ticked = data.replace("[ ] Plain".encode(codec), "[x] Plain".encode(codec))
    assert (good.folder / "odd.md").read_bytes() == ticked
    changed = ticked.replace("Plain one".encode(codec), "Plain one, changed".encode(codec))
    good.write("odd.md", changed)
    good.sync()
    assert good.task("Plain one, changed").status == "done"
    assert_others_go_on(good)
    good.assert_in_step()


def test_an_empty_file_and_one_of_blanks_are_plans_without_tasks(good: Workbench) -> None:
    good.write("empty.md", "")
    good.write("blank.md", "\n \n\n")
    good.sync()
    assert good.texts("empty.md") == good.texts("blank.md") == []
    good.write("empty.md", "# No longer\n\n- [ ] Something\n")
    good.sync()
    assert good.texts("empty.md") == ["Something"]
    plans.add_task(good.plan("blank.md"), "Something else", actor="bob")
    good.sync()
    assert "- [ ] Something else" in good.read("blank.md")
    good.assert_in_step()


def test_a_folder_with_the_name_of_a_plan_is_no_plan(good: Workbench) -> None:
    (good.folder / "folder.md").mkdir()
    good.sync()
    assert_others_go_on(good)


def test_a_named_pipe_is_named_and_does_not_stop_the_sync(good: Workbench) -> None:
    os.mkfifo(good.folder / "pipe.md")
    assert "not a plain file" in refusal(good.try_sync(), "pipe.md")
    assert_others_go_on(good)


def test_a_plan_that_fails_inside_does_not_take_the_log_of_the_others_with_it(
    good: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction that made the pass's operation is rolled back; the next plan makes it anew."""
    good.write("a.md", "# First\n\n- [ ] First thing to do\n")
    original = plans.admit

    def admit(outline: Any, **more: Any) -> Any:
        plan = original(outline, **more)
        if outline.plan.text == "First":
            raise RuntimeError("a bug")
        return plan

    good.write("b.md", "# Second\n\n- [ ] Second thing to do\n")
    monkeypatch.setattr(plans, "admit", admit)
    report = good.try_sync()
    assert [failure["plan"] for failure in report.errors] == ["a.md"]
    assert good.texts("b.md") == ["Second thing to do"]
    assert_others_go_on(good)


def test_a_hidden_folder_templates_and_archives_are_left_out(good: Workbench) -> None:
    for path in (".git/a.md", "templates/a.md", "sub/archived/a.md", ".a.md"):
        good.write(path, "# Left out\n\n- [ ] Not mine\n")
    good.sync()
    assert not Phase.objects.exists()
    assert Plan.objects.count() == 1
