"""The commands in one process: what they answer, how they end, what they change."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands
from django.utils import timezone

from audit import services as audit
from audit.models import Operation
from conflicts.models import Conflict, Hit
from planning_sync.sync.management.program import OURS
from planning_sync.sync.models import Link, Replica
from plans import services as plans
from plans.models import Task
from tests.planning_sync.sync.console import ask, run, settled
from tests.planning_sync.sync.workbench import Workbench

GOLDEN = Path(__file__).parent / "golden"

LAUNCH = """# Launch

*Version 1.0 - 2026-03-02 - Progression globale : 10%*

## 1. Preparation

- [ ] **1.1** Write the announcement #priority:high #tags:text,web #due:2026-05-31
  - [x] **1.1.1** Collect the facts
- [x] **1.2** Choose a date #assigned:office #depends:1.1

## 2. Release

- [ ] Tag the version
"""

SHOP = """# Shop

- [ ] Paint the door
- [ ] Order shelves
"""

COMMANDS = sorted(name for name, app in get_commands().items() if app in OURS)


@pytest.fixture
def launch(desk: Workbench) -> Workbench:
    desk.write("launch.md", LAUNCH)
    desk.write("shop/shop.md", SHOP)
    desk.sync()
    return desk


def task_id(text: str) -> str:
    return str(Task.objects.get(text=text).pk)


def line_of(text: str, content: str) -> int:
    return next(number for number, line in enumerate(content.splitlines(), 1) if text in line)


# --------------------------------------------------------------------------------------- JSON shapes


def golden(name: str, document: Any) -> None:
    """Compare with the file; REGENERATE_GOLDEN=1 writes it anew, to be read before it is committed."""
    path = GOLDEN / f"{name}.json"
    if os.environ.get("REGENERATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(settled(document))
    assert settled(document) == path.read_text()


SHAPES: dict[str, tuple[str, ...]] = {
    "plans": ("plans",),
    "tasks": ("tasks",),
    "tasks-of-one": ("tasks", "shop/shop.md"),
    "sync-in-step": ("sync",),
    "history": ("history", "Shop"),
    "no-conflicts": ("conflicts",),
    "status": ("status",),
    "nothing-garbled": ("repair-encoding",),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_json_answer_has_its_shape(name: str, launch: Workbench) -> None:
    golden(name, ask(*SHAPES[name]))


def test_add_answers_with_the_replica_and_the_number_of_plans(tmp_path: Path, transactional_db: None) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "shop.md").write_text(SHOP)
    answer = ask("add", str(tmp_path / "notes"))
    assert answer == {
        "replica": "notes",
        "kind": "markdown",
        "path": str(tmp_path / "notes"),
        "plans": 1,
    }


def test_the_first_sync_answers_with_what_it_made(desk: Workbench) -> None:
    desk.write("launch.md", LAUNCH)
    golden("sync-first", ask("sync", "plans"))


def test_a_sync_of_several_replicas_answers_with_their_sums(launch: Workbench, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "garden.md").write_text("# Garden\n\n- [ ] Dig\n")
    ask("add", str(tmp_path / "more"))
    answer = ask("sync")
    assert answer["plans"]["seen"] == 3
    assert answer["tasks"]["created"] == 1
    assert [report["replica"] for report in answer["reports"]] == ["plans", "more"]


def test_a_dry_run_shows_rows_and_lines_with_a_fingerprint_and_changes_nothing(launch: Workbench) -> None:
    launch.edit("launch.md", "- [ ] Tag", "- [x] Tag")
    with_edit = launch.read("launch.md")
    answer = ask("sync", "--dry-run")
    golden("sync-dry-run", answer)
    told = run("sync", "--dry-run")
    assert "~ task Tag the version: status 'todo' -> 'done'" in told.out
    assert answer["previews"][0]["fingerprint"] in told.out
    assert Task.objects.get(text="Tag the version").status == "todo"
    assert launch.read("launch.md") == with_edit


def test_conflicts_and_resolve_answer_with_every_value(launch: Workbench) -> None:
    clash(launch)
    answer = ask("conflicts")
    golden("conflicts", answer)
    golden("resolve", ask("resolve", answer[0]["id"], "--take", "hub"))


def test_edits_answer_with_the_task_and_its_files(launch: Workbench) -> None:
    golden("task-set", ask("task", "set", task_id("Paint the door"), "status=done"))


# ----------------------------------------------------------------------------------------- all of them


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    answer = run(name.replace("_", "-"), "--help")
    assert answer.code == 0
    assert "--json" in answer.out
    assert answer.out.startswith(f"usage: planning-sync {name.replace('_', '-')}")


def test_the_overview_lists_every_command_with_its_hyphens() -> None:
    answer = run("help")
    assert answer.code == 0
    listed = {line.split()[0] for line in answer.out.splitlines() if line.startswith("  ")}
    assert listed == {name.replace("_", "-") for name in COMMANDS}
    assert run().out == answer.out


def test_the_first_command_makes_the_database(tmp_path: Path, transactional_db: None) -> None:
    assert ask("plans") == []
    assert run("plans").out.startswith("There are no plans yet")


# ------------------------------------------------------------------------------------------ how they end

WRONG = {
    "no such command": ("frobnicate",),
    "no such option": ("plans", "--frobnicate"),
    "no such plan": ("tasks", "nothing of the kind"),
    "no such task": ("task", "set", "01890000-0000-7000-8000-000000000000", "status=done"),
    "no such replica": ("sync", "nowhere"),
    "no such conflict": ("resolve", "01890000-0000-7000-8000-000000000000", "--take", "hub"),
    "no such folder": ("add", "/nowhere/at/all"),
    "both ways": ("sync", "--pull", "--push"),
    "nothing to take": ("resolve", "0189"),
    "no edit": ("task",),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_usage_ends_with_2_and_a_message(name: str, launch: Workbench) -> None:
    answer = run(*WRONG[name])
    assert answer.code == 2, answer
    assert answer.out == ""
    assert "Traceback" not in answer.err
    assert answer.err.strip()


@pytest.mark.parametrize(
    "words", [("status=doing",), ("colour=red",), ("due=tomorrow",), ("text=",), ("status=",), ()]
)
def test_a_value_that_a_field_cannot_hold_is_wrong_usage(words: tuple[str, ...], launch: Workbench) -> None:
    answer = run("task", "set", task_id("Paint the door"), *words)
    assert answer.code == 2, answer
    assert launch.read("shop/shop.md") == SHOP


def test_a_folder_that_is_gone_fails_with_1_and_says_so(launch: Workbench) -> None:
    launch.folder.rename(launch.folder.with_name("away"))
    answer = run("sync")
    assert answer.code == 1
    assert "Mount or restore the folder" in answer.err
    assert ask("sync", code=1)["status"] == "failed"
    assert len(ask("plans")) == 2


def test_a_guard_ends_the_sync_with_3_until_told_to_go_on(launch: Workbench) -> None:
    for path in ("launch.md", "shop/shop.md"):
        (launch.folder / path).unlink()
    answer = run("sync")
    assert answer.code == 3
    assert "--allow-mass-delete" in answer.err
    assert len(ask("plans")) == 2
    ask("sync", "--allow-mass-delete")
    assert ask("plans") == []


def clash(desk: Workbench) -> None:
    """Both sides reword one task, each in its own way."""
    desk.edit("shop/shop.md", "Paint the door", "Paint the door red")
    with_other = Task.objects.get(text="Paint the door")
    plans.set_fields(with_other, {"text": "Paint the door blue"}, actor="alice")


def test_open_conflicts_end_a_sync_with_4(launch: Workbench) -> None:
    clash(launch)
    answer = run("sync")
    assert answer.code == 4
    assert "planning-sync conflicts" in answer.err
    assert run("conflicts").out.count("Paint the door") >= 3


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--take", "hub"), "Paint the door blue"),
        (("--take", "replica"), "Paint the door red"),
        (("--value", "Paint the door green"), "Paint the door green"),
    ],
)
def test_resolve_brings_both_sides_to_the_value_taken(
    words: tuple[str, ...], text: str, launch: Workbench
) -> None:
    clash(launch)
    (conflict,) = ask("conflicts")
    answer = ask("resolve", conflict["id"][-8:], *words)
    assert answer["state"] == "resolved"
    assert f"- [ ] {text}\n" in launch.read("shop/shop.md")
    assert Task.objects.filter(text=text).exists()
    assert ask("conflicts") == []
    assert ask("conflicts", "--all")[0]["state"] == "resolved"
    launch.assert_in_step()


def test_a_value_that_the_field_cannot_hold_settles_nothing(launch: Workbench) -> None:
    launch.edit("shop/shop.md", "- [ ] Paint", "- [x] Paint")
    plans.set_fields(Task.objects.get(text="Paint the door"), {"status": "blocked"}, actor="alice")
    (conflict,) = ask("conflicts")
    answer = run("resolve", conflict["id"], "--value", "purple")
    assert answer.code == 2
    assert "todo, in_progress, done" in answer.err
    assert ask("conflicts")[0]["state"] == "open"
    ask("resolve", conflict["id"], "--value", "in_progress")
    assert "- [~] Paint the door" in launch.read("shop/shop.md")
    assert status_in_hub("Paint the door") == "in_progress"


def status_in_hub(text: str) -> str:
    return Task.objects.get(text=text).status


def test_a_conflict_that_is_settled_already_is_not_decided_again(launch: Workbench) -> None:
    clash(launch)
    (conflict,) = ask("conflicts")
    ask("resolve", conflict["id"], "--take", "hub")
    answer = run("resolve", conflict["id"], "--take", "replica")
    assert answer.code == 1
    assert "already" in answer.err


def test_an_internal_error_is_one_line(launch: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    from planning_sync.sync.management import listing

    monkeypatch.setattr(listing, "plans", lambda: 1 / 0)
    answer = run("plans", "--json")
    assert (answer.code, answer.out) == (1, "")
    assert len(answer.err.splitlines()) == 1
    assert "ZeroDivisionError" in answer.err


# ------------------------------------------------------------------------------------- what is meant

NAMES: dict[str, Callable[[Workbench], str]] = {
    "id": lambda desk: str(desk.plan("launch.md").pk),
    "id without hyphens": lambda desk: desk.plan("launch.md").pk.hex,
    "start of the id": lambda desk: str(desk.plan("launch.md").pk)[:-6],
    "end of the id": lambda desk: desk.plan("launch.md").pk.hex[-8:],
    "path": lambda desk: "launch.md",
    "title": lambda desk: "launch",
    "file on disk": lambda desk: str(desk.folder / "launch.md"),
    "file name": lambda desk: "elsewhere/launch.md",
    "part of the title": lambda desk: "aunc",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_goes_by(name: str, launch: Workbench) -> None:
    found = ask("tasks", NAMES[name](launch))
    assert [task["text"] for task in found] == [
        "Write the announcement",
        "Collect the facts",
        "Choose a date",
        "Tag the version",
    ]


def test_a_name_that_fits_two_plans_lists_both(launch: Workbench) -> None:
    launch.write("other/shop.md", SHOP)
    launch.sync()
    answer = run("tasks", "Shop")
    assert answer.code == 2
    assert "shop/shop.md" in answer.err
    assert "other/shop.md" in answer.err
    assert len(ask("tasks", "other/shop.md")) == 2


# ------------------------------------------------------------------------------------------ lines


def test_each_task_comes_with_its_line_in_the_file(launch: Workbench) -> None:
    for task in ask("tasks", "launch.md"):
        assert task["line"] == line_of(task["text"], LAUNCH)


def test_the_line_follows_the_file(launch: Workbench) -> None:
    launch.edit("shop/shop.md", "# Shop\n", "# Shop\n\nA word before.\n\n\n")
    launch.sync()
    assert [task["line"] for task in ask("tasks", "Shop")] == [7, 8]


def test_a_task_that_code_swallowed_has_no_line_and_the_others_keep_theirs(launch: Workbench) -> None:
    launch.edit("shop/shop.md", "- [ ] Paint the door\n", "```\n- [ ] Paint the door\n```\n\n")
    launch.sync()
    lines = {task["text"]: task["line"] for task in ask("tasks", "Shop")}
    assert lines == {"Paint the door": None, "Order shelves": 7}


def test_a_task_of_a_plan_without_a_file_has_no_line(transactional_db: None) -> None:
    plan = plans.create_plan("Hub only", actor="alice")
    plans.add_task(plan, "Think", actor="alice")
    (task,) = ask("tasks", "Hub only")
    assert (task["line"], task["parent"], task["phase"]) == (None, None, None)
    assert ask("plans")[0]["path"] is None


# ------------------------------------------------------------------------------------------ edits


def test_a_field_set_in_the_hub_is_in_the_file_and_the_answer_says_so(launch: Workbench) -> None:
    answer = run("task", "set", task_id("Paint the door"), "status=done", "text=Paint the back door")
    assert answer.code == 0
    assert "shop/shop.md: has it" in answer.out
    assert launch.read("shop/shop.md") == SHOP.replace("- [ ] Paint the door", "- [x] Paint the back door")


def test_a_field_that_the_file_has_no_words_for_is_said_to_be_held(launch: Workbench) -> None:
    launch.write("ballot.md", "# Ballot\n\n☐ Vote\n☑ Count\n")
    launch.sync()
    answer = ask("task", "set", task_id("Vote"), "status=blocked")
    (file,) = answer["files"]
    assert answer["status"] == "blocked"
    if not file["in_step"]:
        assert file["held"] == ["status"]
        assert "no way to write status" in file["reason"]
    else:
        assert "blocked" not in launch.read("ballot.md")
        assert launch.read("ballot.md") != "# Ballot\n\n☐ Vote\n☑ Count\n"


def test_a_task_is_added_where_it_is_wanted(launch: Workbench) -> None:
    answer = ask(
        *("task", "add", "launch.md", "Print posters", "--phase", "Preparation", "priority=low"),
        *("--after", task_id("Write the announcement")),
    )
    assert answer["priority"] == "low"
    assert answer["line"] == 9
    assert answer["files"][0]["in_step"]
    texts = [task["text"] for task in ask("tasks", "launch.md")]
    assert texts.index("Print posters") == texts.index("Collect the facts") + 1
    assert "Print posters #priority:low" in launch.read("launch.md")


@pytest.mark.parametrize("phase", ["2", "2.", "Release", "2 Release"])
def test_a_phase_goes_by_number_or_title(phase: str, launch: Workbench) -> None:
    answer = ask("task", "add", "launch.md", "Celebrate", "--phase", phase)
    assert answer["phase"] == str(launch.phase("Release").pk)


def test_a_text_that_looks_like_a_field_goes_after_two_hyphens(launch: Workbench) -> None:
    assert run("task", "add", "--", "Shop", "status=open on the sign").code == 0
    assert "- [ ] status=open on the sign\n" in launch.read("shop/shop.md")


def test_a_task_moves_and_the_file_with_it(launch: Workbench) -> None:
    ask("task", "move", task_id("Order shelves"), "--first")
    assert launch.read("shop/shop.md") == "# Shop\n\n- [ ] Order shelves\n- [ ] Paint the door\n"
    ask("task", "move", task_id("Paint the door"), "--parent", task_id("Order shelves"))
    assert launch.read("shop/shop.md") == "# Shop\n\n- [ ] Order shelves\n  - [ ] Paint the door\n"
    ask("task", "move", task_id("Paint the door"), "--after", task_id("Order shelves"))
    assert launch.read("shop/shop.md") == "# Shop\n\n- [ ] Order shelves\n- [ ] Paint the door\n"


def test_a_task_cannot_move_below_itself_or_to_another_plan(launch: Workbench) -> None:
    door = task_id("Paint the door")
    assert run("task", "move", door, "--parent", door).code == 2
    assert run("task", "move", door, "--parent", task_id("Choose a date")).code == 2
    assert run("task", "move", door).code == 2
    assert launch.read("shop/shop.md") == SHOP


def test_a_deleted_task_leaves_the_file(launch: Workbench) -> None:
    answer = ask("task", "delete", task_id("Paint the door"))
    assert answer["deleted"]
    assert answer["files"][0]["in_step"]
    assert launch.read("shop/shop.md") == "# Shop\n\n- [ ] Order shelves\n"


def test_an_edit_that_meets_another_one_ends_with_4(launch: Workbench) -> None:
    launch.edit("shop/shop.md", "Paint the door", "Paint the door red")
    answer = run("task", "set", task_id("Paint the door"), "text=Paint the door blue")
    assert answer.code == 4
    assert "- [ ] Paint the door red\n" in launch.read("shop/shop.md")


# ------------------------------------------------------------------------------------- for people


def test_nothing_in_a_plan_reaches_the_terminal_as_a_command(launch: Workbench) -> None:
    launch.write("odd.md", "# Odd\n\n- [ ] red \x1b[31malarm\x07 [bold]and[/bold] :smile:\n")
    launch.sync()
    told = run("tasks", "odd.md").out
    assert "\x1b" not in told
    assert "\x07" not in told
    assert "[bold]and[/bold] :smile:" in told


def test_people_get_a_tree_without_colours_where_nobody_looks(launch: Workbench) -> None:
    told = run("tasks", "launch.md").out
    assert "├── 1 Preparation" in told
    assert "[x] 1.1.1 Collect the facts" in told
    assert "\x1b" not in told
    for words in (("plans",), ("status",), ("history", "Shop"), ("sync",)):
        answer = run(*words)
        assert answer.code == 0, answer
        assert "\x1b" not in answer.out


# ------------------------------------------------------------------------------------------ doctor


def test_the_doctor_is_content_with_what_is_well(launch: Workbench) -> None:
    answer = ask("doctor")
    assert answer["status"] in ("ok", "warning")
    assert {check["check"] for check in answer["checks"]} >= {
        *("python", "home", "git", "database", "migrations", "settings", "replica", "worker"),
        *("writes", "conflicts", "learning", "files"),
    }
    assert all(set(check) == {"check", "state", "message", "advice"} for check in answer["checks"])


def test_the_doctor_tells_how_often_suggestions_were_right(launch: Workbench) -> None:
    for number in range(20):
        told = {"suggested": "hub", "confidence": 0.9, "taken": "hub", "is_hit": number < 10}
        Hit.objects.create(at=timezone.now(), **told)
    (found,) = [check for check in ask("doctor")["checks"] if check["check"] == "learning"]
    assert found["message"].startswith("50% of the last 20 suggestions were right")


def test_the_doctor_names_each_line_that_is_not_understood(launch: Workbench) -> None:
    launch.write("odd.md", "# Odd\n\n- [ ] fine\n- [OK] what is this\n")
    launch.sync()
    (found,) = [check for check in ask("doctor")["checks"] if "odd.md" in check["message"]]
    assert found["state"] == "warning"
    assert "lines 4" in found["message"]


def test_the_doctor_fails_with_1_where_a_folder_is_gone(launch: Workbench) -> None:
    launch.folder.rename(launch.folder.with_name("away"))
    answer = run("doctor")
    assert answer.code == 1
    assert "problem" in answer.out
    assert "-> Mend the folder" in answer.out


def test_the_doctor_counts_garbled_lines_and_says_how_to_mend_them(launch: Workbench) -> None:
    launch.write("garbled.md", GARBLED)
    launch.sync()
    (found,) = [check for check in ask("doctor")["checks"] if "garbled.md" in check["message"]]
    assert "mojibake" in found["message"]
    assert "repair-encoding" in found["advice"]


# ------------------------------------------------------------------------------------------ mending

GARBLED = "# Été\r\n\r\n- [ ] Prévoir l'été\r\n- [ ] PrÃ©parer la fÃªte  \r\nfin"
MENDED = "# Été\r\n\r\n- [ ] Prévoir l'été\r\n- [ ] Préparer la fête  \r\nfin"


def test_garbled_lines_are_shown_and_nothing_is_changed(launch: Workbench) -> None:
    launch.write("garbled.md", GARBLED)
    launch.sync()
    (answer,) = ask("repair-encoding")
    assert answer["path"] == "garbled.md"
    assert answer["lines"] == [
        {"line": 4, "before": "- [ ] PrÃ©parer la fÃªte  ", "after": "- [ ] Préparer la fête  "}
    ]
    assert not answer["written"]
    assert launch.read("garbled.md") == GARBLED
    assert "Nothing was changed" in run("repair-encoding").out


def test_garbled_lines_are_mended_alone_after_a_snapshot_and_the_task_stays_itself(launch: Workbench) -> None:
    launch.write("garbled.md", GARBLED)
    launch.sync()
    before = Link.objects.get(path="garbled.md").checksum
    task = Task.objects.get(text__startswith="Pr", text__contains="Ã")
    (answer,) = ask("repair-encoding", "garbled.md", "--write")
    assert answer["written"]
    assert launch.read("garbled.md") == MENDED
    task.refresh_from_db()
    assert task.text == "Préparer la fête"
    assert audit.snapshot(before).decode() == GARBLED
    operation = Operation.objects.get(kind="repair")
    assert operation.status == "done"
    assert [entry.field for entry in operation.entries.order_by("id")] == ["document", "line"]
    assert ask("repair-encoding", "--write") == []
    launch.assert_in_step()


def test_a_file_that_is_gone_cannot_be_mended_and_the_others_are(launch: Workbench) -> None:
    launch.write("garbled.md", GARBLED)
    launch.write("lost.md", GARBLED.replace("Été", "Lost"))
    launch.sync()
    (launch.folder / "lost.md").unlink()
    answers = ask("repair-encoding", "--write", code=1)
    assert {answer["path"]: bool(answer["error"]) for answer in answers} == {
        "garbled.md": False,
        "lost.md": True,
    }
    assert launch.read("garbled.md") == MENDED


# ------------------------------------------------------------------------------------------ samples

SAMPLES = Path(__file__).resolve().parents[3] / "samples" / "plans"


def test_the_sample_plans_are_understood_and_stay_as_they_are(tmp_path: Path, transactional_db: None) -> None:
    folder = shutil.copytree(SAMPLES, tmp_path / "plans")
    ask("add", str(folder))
    assert ask("sync")["errors"] == []
    found = {plan["path"]: plan for plan in ask("plans")}
    assert set(found) == {path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*.md")}
    assert found["roadmap.md"]["declared_progress"] != found["roadmap.md"]["progress"]
    assert found["release-1.2.md"]["version"] == "1.2"
    assert [(link.path, len(link.findings)) for link in Link.objects.exclude(findings=[])] == [
        ("release-1.2.md", 1)
    ]
    for path in found:
        assert (folder / path).read_bytes() == (SAMPLES / path).read_bytes()
    for path in found:
        for task in ask("tasks", path):
            assert task["text"] in (folder / path).read_text().splitlines()[task["line"] - 1]


@pytest.mark.parametrize(
    "path", sorted(path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*.md"))
)
def test_each_task_of_the_samples_can_be_ticked_and_unticked(
    path: str, tmp_path: Path, transactional_db: None
) -> None:
    desk = Workbench.at(tmp_path / "plans")
    content = (SAMPLES / path).read_text()
    desk.write(path, content)
    desk.sync()
    for task in ask("tasks", path):
        other = "todo" if task["status"] == "done" else "done"
        changed = ask("task", "set", task["id"], f"status={other}")
        assert changed["files"][0]["in_step"], changed
        before, after = content.splitlines(), desk.read(path).splitlines()
        differing = [
            number for number, pair in enumerate(zip(before, after, strict=True), 1) if pair[0] != pair[1]
        ]
        assert differing == [task["line"]]
        ask("task", "set", task["id"], f"status={task['status']}")
        assert desk.read(path) == content


# ------------------------------------------------------------------------------------ add and history


def test_a_folder_is_added_once(launch: Workbench) -> None:
    answer = run("add", str(launch.folder))
    assert answer.code == 1
    assert "is a replica already" in answer.err
    assert Replica.objects.count() == 1


def test_history_tells_who_changed_what(launch: Workbench) -> None:
    ask("task", "set", task_id("Paint the door"), "status=done")
    told = run("history", "Shop").out
    assert "changed task Paint the door: status 'todo' -> 'done'" in told
    operations = ask("history", "Shop", "--limit", "1")
    assert len(operations) == 1


def test_pull_takes_and_does_not_give(launch: Workbench) -> None:
    door = launch.task("Paint the door")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.PLANNING_SYNC_FOLLOW", False)
        plans.set_fields(door, {"status": "done"}, actor="alice")
    launch.edit("shop/shop.md", "Order shelves", "Order wide shelves")
    ask("sync", "--pull")
    assert Task.objects.filter(text="Order wide shelves").exists()
    assert "- [ ] Paint the door\n" in launch.read("shop/shop.md")
    ask("sync", "--push")
    assert "- [x] Paint the door\n" in launch.read("shop/shop.md")
    assert not Conflict.objects.exists()
