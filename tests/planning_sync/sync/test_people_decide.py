"""What a policy has people look at, what they are shown, and what comes of their decisions."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from audit.models import Entry
from conflicts import choices
from conflicts import services as conflicts
from conflicts.models import Conflict
from plans import services as plans
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.django_db(transaction=True)

PLAN = """\
# Plan

Progress: 0%

- [ ] 1.1 Choose a name
- [ ] 1.2 Draw the logo
  Two colours at most.
- [ ] 1.3 Print the cards
- [x] 1.4 Rent a room
"""


@pytest.fixture
def bench(tmp_path: Path, settings: Any) -> Workbench:
    settings.PLANNING_SYNC_FOLLOW = True
    bench = Workbench.at(tmp_path / "plans")
    bench.write("plan.md", PLAN)
    bench.sync()
    return bench


def watched(bench: Workbench, **watch: Any) -> None:
    table = "\n".join(f"{name} = {value!r}" for name, value in watch.items())
    (bench.folder / "conflict-policy.toml").write_text(f"[watch]\n{table}\n")


def decide(take: str, value: Any = None) -> Conflict:
    found = conflicts.resolve(Conflict.objects.get(state="open").pk, take=take, value=value, actor="bob")
    found.refresh_from_db()
    assert found.state == "resolved"
    return found


# ------------------------------------------------------------------------------------- two new items


def twins(bench: Workbench, settings: Any) -> None:
    """Both sides add a task 1.5, and mean different ones."""
    settings.PLANNING_SYNC_FOLLOW = False
    parent = bench.plan("plan.md")
    task = plans.add_task(parent, "Order the cake", ref="1.5", actor="alice")
    plans.add_task(task, "With candles", actor="alice")
    bench.write("plan.md", bench.read("plan.md") + "- [ ] 1.5 Hire a band\n  - [ ] Ask for the price\n")
    settings.PLANNING_SYNC_FOLLOW = True
    bench.sync()
    conflict = Conflict.objects.get(state="open")
    assert (conflict.field, conflict.base_value) == ("text", None)
    assert (conflict.replica_value, conflict.hub_value) == ("Hire a band", "Order the cake")


def test_two_new_tasks_with_one_number_can_both_be_kept(bench: Workbench, settings: Any) -> None:
    twins(bench, settings)
    conflict = Conflict.objects.get(state="open")
    assert [option.take for option in choices.options(conflict)] == ["hub", "replica", "both"]
    decide("both")
    assert bench.texts("plan.md").count("Order the cake") == 1
    assert bench.texts("plan.md").count("Hire a band") == 1
    file = bench.read("plan.md")
    assert file.index("1.5 Hire a band") < file.index("Ask for the price") < file.index("Order the cake")
    assert file.count("With candles") == 1
    bench.assert_in_step()


def test_of_two_new_tasks_with_one_number_one_can_be_taken(bench: Workbench, settings: Any) -> None:
    twins(bench, settings)
    decide("replica")
    assert "Order the cake" not in bench.texts("plan.md")
    assert "Order the cake" not in bench.read("plan.md")
    bench.assert_in_step()


# -------------------------------------------------------------------------------------------- both


def test_both_texts_can_be_kept_in_one(bench: Workbench, settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    bench.set("Choose a name", text="Choose a short name")
    bench.edit("plan.md", "Choose a name", "Choose a good name")
    settings.PLANNING_SYNC_FOLLOW = True
    bench.sync()
    assert decide("both").taken_value == "Choose a short name / Choose a good name"
    assert "- [ ] 1.1 Choose a short name / Choose a good name\n" in bench.read("plan.md")
    bench.assert_in_step()


# -------------------------------------------------------------------------------------- evidence


def test_a_conflict_says_who_changed_what_when_and_where(bench: Workbench, settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    bench.set("Draw the logo", status="done")
    bench.edit("plan.md", "- [ ] 1.2", "- [~] 1.2")
    bench.sync()
    conflict = Conflict.objects.get()
    assert conflict.hub_changed_by == "alice"
    assert conflict.hub_changed_at is not None
    assert conflict.replica_changed_at is not None
    assert (conflict.path, conflict.line) == ("plan.md", 6)
    assert [6, "- [~] 1.2 Draw the logo"] in conflict.excerpt
    assert [number for number, _ in conflict.excerpt] == [3, 4, 5, 6, 7, 8, 9]
    opened = Entry.objects.get(action="opened")
    assert conflict.operation_id == opened.operation_id
    assert opened.after is not None
    assert opened.after["conflict"] == str(conflict.pk)


def test_a_conflict_names_the_author_of_the_commit_that_holds_the_file(tmp_path: Path, settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    bench = Workbench.at(tmp_path / "plans")
    bench.write("plan.md", PLAN)
    git(bench.folder, "init", "-q")
    commit(bench.folder, "Alice <alice@example.org>")
    bench.sync()
    bench.set("Draw the logo", status="done")
    bench.edit("plan.md", "- [ ] 1.2", "- [~] 1.2")
    bench.edit("plan.md", "Two colours at most.", "Three colours at most.")
    commit(bench.folder, "Bob <bob@example.org>")
    bench.sync()
    assert Conflict.objects.get().replica_changed_by == "Bob"


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(("git", *arguments), cwd=folder, check=True, capture_output=True)


def commit(folder: Path, author: str) -> None:
    git(folder, "add", "-A")
    name = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    git(folder, *name, "commit", "-q", "-m", "Edit", "--author", author)


def test_two_replicas_that_disagree_through_the_hub_are_named(tmp_path: Path) -> None:
    one = Workbench.at(tmp_path / "one")
    one.write("plan.md", PLAN)
    one.sync()
    two = Workbench.at(tmp_path / "two")
    from planning_sync.sync.models import Link

    link = Link.objects.get()
    two.write("plan.md", PLAN)
    Link.objects.create(
        **{
            field.name: getattr(link, field.name)
            for field in Link._meta.fields
            if field.name not in ("id", "replica")
        },
        replica=two.row,
    )
    one.edit("plan.md", "Draw the logo", "Paint a picture of us")
    two.edit("plan.md", "Draw the logo", "Make a video instead")
    one.sync()
    conflict = Conflict.objects.get(state="open")
    assert conflict.replica_id == two.row.pk
    assert conflict.hub_changed_by == one.row.name


# ------------------------------------------------------------------------------- what a policy watches


def test_many_open_tasks_removed_at_once_wait_for_a_person(bench: Workbench) -> None:
    watched(bench, open_tasks_removed=1)
    kept = PLAN.replace("- [ ] 1.1 Choose a name\n- [ ] 1.2 Draw the logo\n  Two colours at most.\n", "")
    bench.write("plan.md", kept.replace("Rent a room", "Rent a large room"))
    bench.sync()
    found = Conflict.objects.filter(state="open").order_by("item_label")
    assert [(row.field, row.rule, row.replica_value) for row in found] == [
        ("presence", "open_tasks_removed", None),
        ("presence", "open_tasks_removed", None),
    ]
    assert "Rent a large room" in bench.texts("plan.md"), "the rest of the edit goes on"
    name, logo = found
    conflicts.resolve(name.pk, take="hub", actor="bob")
    conflicts.resolve(logo.pk, take="replica", actor="bob")
    assert bench.texts("plan.md") == ["Choose a name", "Print the cards", "Rent a large room"]
    assert "Choose a name" in bench.read("plan.md")
    bench.assert_in_step()


def test_what_was_asked_is_asked_until_it_is_answered(bench: Workbench) -> None:
    """Once one of two is decided, the other alone would be too few to ask about."""
    watched(bench, open_tasks_removed=1)
    bench.write(
        "plan.md", PLAN.replace("- [ ] 1.1 Choose a name\n", "").replace("- [ ] 1.3 Print the cards\n", "")
    )
    bench.sync()
    name = Conflict.objects.get(item_label="1.1 Choose a name")
    conflicts.resolve(name.pk, take="replica", actor="bob")
    bench.edit("plan.md", "Rent a room", "Rent a hall")
    bench.sync()
    assert "Print the cards" in bench.texts("plan.md")
    assert Conflict.objects.get(state="open").item_label == "1.3 Print the cards"


def test_few_open_tasks_and_closed_ones_may_go(bench: Workbench) -> None:
    watched(bench, open_tasks_removed=1)
    bench.write(
        "plan.md", PLAN.replace("- [ ] 1.1 Choose a name\n", "").replace("- [x] 1.4 Rent a room\n", "")
    )
    bench.sync()
    assert not Conflict.objects.exists()
    bench.assert_in_step()


def test_a_box_ticked_without_evidence_waits_for_a_person(bench: Workbench) -> None:
    watched(bench, evidence=["link", "commit", "reference"])
    bench.edit("plan.md", "- [ ] 1.1 Choose a name", "- [x] 1.1 Choose a name")
    bench.edit("plan.md", "- [ ] 1.3 Print the cards", "- [x] 1.3 Print the cards\n  in 1a2b3c4d")
    bench.sync()
    conflict = Conflict.objects.get(state="open")
    assert (conflict.rule, conflict.replica_value, conflict.hub_value) == ("evidence", "done", "todo")
    assert bench.task("Print the cards").status == "done"
    assert bench.task("Choose a name").status == "todo"
    bench.sync()
    assert Conflict.objects.count() == 1
    decide("hub")
    assert "- [ ] 1.1 Choose a name" in bench.read("plan.md")
    bench.assert_in_step()


def test_evidence_that_comes_later_answers_by_itself(bench: Workbench) -> None:
    watched(bench, evidence=["link"])
    bench.edit("plan.md", "- [ ] 1.1 Choose a name", "- [x] 1.1 Choose a name")
    bench.sync()
    conflict = Conflict.objects.get(state="open")
    bench.edit("plan.md", "- [x] 1.1 Choose a name", "- [x] 1.1 Choose a name\n  https://example.org/names")
    bench.sync()
    conflict.refresh_from_db()
    assert conflict.state == "open", "a person was asked, so a person answers"
    bench.edit("plan.md", "- [x] 1.1", "- [ ] 1.1")
    bench.sync()
    conflict.refresh_from_db()
    assert conflict.state == "closed"


def test_a_declared_progress_that_the_tasks_do_not_come_to_is_asked_about(bench: Workbench) -> None:
    watched(bench, declared_progress=10)
    bench.edit("plan.md", "Progress: 0%", "Progress: 90%")
    bench.sync()
    conflict = Conflict.objects.get(state="open")
    assert (conflict.field, conflict.kind, conflict.rule) == (
        *("progress", "progress_inconsistency"),
        "declared_progress",
    )
    assert (conflict.replica_value, conflict.hub_value) == ("90", "25")
    decide("hub")
    assert "Progress: 25%" in bench.read("plan.md")
    bench.assert_in_step()


def test_a_declared_progress_that_is_to_stand_is_not_asked_about_again(bench: Workbench) -> None:
    watched(bench, declared_progress=10)
    bench.edit("plan.md", "Progress: 0%", "Progress: 90%")
    bench.sync()
    decide("replica")
    bench.edit("plan.md", "Rent a room", "Rent a hall")
    bench.sync()
    assert not Conflict.objects.filter(state="open").exists()
    bench.edit("plan.md", "- [ ] 1.1", "- [x] 1.1")
    bench.sync()
    assert Conflict.objects.get(state="open").hub_value == "50"


def test_a_typed_progress_holds_on_both_sides(bench: Workbench) -> None:
    watched(bench, declared_progress=10)
    bench.edit("plan.md", "Progress: 0%", "Progress: 90%")
    bench.sync()
    decide("value", "40")
    assert "Progress: 40%" in bench.read("plan.md")
    bench.assert_in_step()
    assert not Conflict.objects.filter(state="open").exists()


def test_strategies_leave_alone_what_a_rule_asks_about(bench: Workbench) -> None:
    (bench.folder / "conflict-policy.toml").write_text(
        '[watch]\nevidence = ["link"]\n\n[[rule]]\nstrategies = ["replica_wins"]\nseverity = "critical"\n'
    )
    bench.edit("plan.md", "- [ ] 1.1 Choose a name", "- [x] 1.1 Choose a name")
    bench.sync()
    assert Conflict.objects.get().state == "open"
    assert bench.task("Choose a name").status == "todo"


def test_a_push_leaves_open_what_a_rule_asks_about(bench: Workbench) -> None:
    watched(bench, evidence=["link"])
    bench.edit("plan.md", "- [ ] 1.1 Choose a name", "- [x] 1.1 Choose a name")
    bench.sync(direction="push")
    bench.sync()
    assert Conflict.objects.get().state == "open"
    assert bench.task("Choose a name").status == "todo"
    assert "- [x] 1.1" in bench.read("plan.md")
