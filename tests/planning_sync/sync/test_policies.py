"""Policies in real syncs: who owns what, which policy goes before which, and decisions that were learned."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps

from audit.models import Entry
from conflicts import services as conflicts
from conflicts.learning import memory
from conflicts.learning import services as learning
from conflicts.learning.memory import State
from conflicts.models import Conflict, Hit, Policy, PolicyRule
from conflicts.signals import policy_changed
from planning_sync.sync import reopening, services, undo
from planning_sync.sync.errors import InvalidOption
from plans import services as plans
from tests.planning_sync.sync.policies import policy_for
from tests.planning_sync.sync.workbench import Workbench

PLAN = """# Launch

## 1. Release

- [ ] Tag the version
- [ ] Publish it
- [ ] Tell the press
"""
HUB_WINS = {"strategies": ["hub_wins"]}
FILE_WINS = {"strategies": ["replica_wins"]}


@pytest.fixture
def launch(desk: Workbench, settings: Any) -> Workbench:
    """A plan in step, and no sync but those that a test asks for."""
    settings.PLANNING_SYNC_FOLLOW = False
    desk.write("launch.md", PLAN)
    desk.sync()
    return desk


def clash_in_status(desk: Workbench) -> None:
    desk.set("Publish it", status="done")
    desk.edit("launch.md", "- [ ] Publish it", "- [-] Publish it")


def strategies() -> list[str]:
    told = Entry.objects.filter(action=Entry.Action.DECIDED).order_by("id").values_list("after", flat=True)
    return [after["strategy"] for after in told if after and "strategy" in after]


# ------------------------------------------------------------------------------------------- owners


@pytest.mark.parametrize("owner", ["hub", "replica"])
def test_the_value_of_the_owner_returns_though_only_the_other_side_changed_it(
    launch: Workbench, owner: str
) -> None:
    launch.write("conflict-policy.toml", f'[owners]\nassignee = "hub"\nstatus = "{owner}"\n')
    launch.edit("launch.md", "- [ ] Publish it", "- [x] Publish it")
    launch.set("Tell the press", status="done")
    assert launch.sync().status == "in_step"
    wanted = {"hub": ["todo", "todo", "done"], "replica": ["todo", "done", "todo"]}[owner]
    assert [task.status for task in launch.outline("launch.md").tasks()] == wanted
    launch.assert_in_step()
    (overruled,) = Entry.objects.filter(action=Entry.Action.OVERRULED)
    assert (overruled.field, (overruled.before or {})["value"]) == ("status", "done")
    assert not Conflict.objects.exists()


@pytest.mark.parametrize(("owner", "stays"), [("hub", True), ("replica", False)])
def test_the_owner_of_presence_settles_a_deletion_against_an_edit(
    launch: Workbench, owner: str, stays: bool
) -> None:
    policy_for(launch.row.pk, {"strategies": ["manual"], "severity": "critical"}, owners={"presence": owner})
    launch.set("Publish it", text="Publish it everywhere")
    launch.edit("launch.md", "- [ ] Publish it\n", "")
    assert launch.sync().status == "in_step"
    assert ("Publish it everywhere" in launch.texts("launch.md")) == stays
    assert ("Publish it everywhere" in launch.read("launch.md")) == stays
    launch.assert_in_step()
    assert strategies() == ["owner_wins"]
    (entry,) = Entry.objects.filter(action=Entry.Action.DECIDED)
    assert (entry.after or {})["take"] == owner
    assert "does not own" in (entry.after or {})["caveat"]


def test_the_owner_of_order_settles_two_orders(launch: Workbench) -> None:
    launch.write("conflict-policy.toml", '[owners]\norder = "replica"\n')
    lines = ["- [ ] Tag the version\n", "- [ ] Publish it\n", "- [ ] Tell the press\n"]
    plans.move(launch.task("Tell the press"), parent=launch.phase("Release"), after=None, actor="alice")
    launch.edit("launch.md", "".join(lines), lines[1] + lines[0] + lines[2])
    assert launch.sync().status == "in_step"
    assert launch.texts("launch.md") == ["Publish it", "Tag the version", "Tell the press"]
    launch.assert_in_step()


def test_owners_hold_whatever_is_wrong_with_the_file_beside_the_plans(launch: Workbench) -> None:
    policy_for(launch.row.pk, HUB_WINS, owners={"text": "hub"})
    launch.write("conflict-policy.toml", '[[rule]]\nstrategies = ["coin"]\n')
    launch.edit("launch.md", "Tag the version", "Tag version 1.0")
    clash_in_status(launch)
    report = launch.try_sync()
    assert [error["error"] for error in report.errors if "conflict-policy.toml, rule 1" in error["error"]]
    assert launch.texts("launch.md")[0] == "Tag the version"
    assert "Tag the version" in launch.read("launch.md")
    assert [row[0] for row in launch.conflicts()] == ["status"], "no rule acts until it is mended"


def test_owners_of_a_file_hold_though_its_rules_are_wrong(launch: Workbench) -> None:
    launch.write("conflict-policy.toml", '[owners]\ntext = "hub"\n\n[[rule]]\nstrategies = ["coin"]\n')
    launch.edit("launch.md", "Tag the version", "Tag version 1.0")
    assert launch.try_sync().status == "failed"
    assert "Tag the version" in launch.read("launch.md")


@pytest.mark.parametrize("option", ["owners", "arbitration"])
def test_owners_and_rules_are_no_options_of_a_replica(desk: Workbench, option: str) -> None:
    other = desk.folder.parent / "other"
    other.mkdir()
    options: dict[str, Any] = {option: {}}
    with pytest.raises(InvalidOption, match=f"{option}.*the options are include, exclude"):
        services.add_replica(other, actor="alice", **options)


# ------------------------------------------------------------------------- which policy goes first


@pytest.mark.parametrize(
    ("own", "general", "file", "status"),
    [
        (HUB_WINS, FILE_WINS, FILE_WINS, "done"),
        (None, HUB_WINS, FILE_WINS, "done"),
        (None, None, FILE_WINS, "cancelled"),
        (FILE_WINS, HUB_WINS, HUB_WINS, "cancelled"),
    ],
)
def test_the_replicas_policy_goes_before_the_general_one_and_that_before_the_file(
    launch: Workbench, own: Any, general: Any, file: Any, status: str
) -> None:
    for replica_id, rule in ((launch.row.pk, own), (None, general)):
        if rule is not None:
            policy_for(replica_id, rule)
    launch.write("conflict-policy.toml", f"[[rule]]\nstrategies = {file['strategies']}\n")
    clash_in_status(launch)
    assert launch.sync().status == "in_step"
    assert launch.task("Publish it").status == status


def test_the_policy_of_another_replica_says_nothing_here(launch: Workbench) -> None:
    other = launch.folder.parent / "other"
    other.mkdir()
    policy_for(services.add_replica(other, actor="alice").pk, HUB_WINS)
    clash_in_status(launch)
    assert launch.sync().status == "conflicts"


@pytest.mark.parametrize(
    ("columns", "status"),
    [({"reads_file": False}, "conflicts"), ({"reads_file": False, "enabled": False}, "in_step")],
)
def test_a_policy_may_keep_the_file_from_being_read(
    launch: Workbench, columns: dict[str, bool], status: str
) -> None:
    policy_for(launch.row.pk, {"field": "due", "strategies": "hub_wins"}, **columns)
    launch.write("conflict-policy.toml", '[[rule]]\nstrategies = ["hub_wins"]\n')
    clash_in_status(launch)
    assert launch.sync().status == status


def test_what_the_general_policy_watches_for_is_watched_in_every_replica(launch: Workbench) -> None:
    policy_for(None, watch={"evidence": ["link"]})
    launch.edit("launch.md", "- [ ] Publish it", "- [x] Publish it")
    assert launch.sync().status == "conflicts"
    (row,) = Conflict.objects.all()
    assert (row.field, row.rule) == ("status", "evidence")


@pytest.mark.parametrize(("whose", "closed"), [("own", 1), ("general", 1), ("another", 0)])
def test_a_policy_changed_in_the_hub_settles_open_conflicts_with_the_next_sync(
    launch: Workbench, whose: str, closed: int
) -> None:
    clash_in_status(launch)
    assert launch.sync().status == "conflicts"
    assert launch.sync().seen == 1
    replica_id = {"own": launch.row.pk, "general": None, "another": UUID(int=9)}[whose]
    policy_for(replica_id, HUB_WINS)
    policy_changed.send(Policy, replica_id=replica_id)
    assert launch.sync().closed == closed
    if closed:
        launch.assert_in_step()


# --------------------------------------------------------------------------- from options to rows

MIGRATION = import_module("planning_sync.sync.migrations.0003_policy_rows")
OPTIONS = {
    "commit": True,
    "owners": {"text": "hub"},
    "arbitration": {
        "rule": [
            {"field": "due", "severity": "low", "strategies": ["hub_wins"], "min_kept": 0.5},
            {"kind": ["metadata_mismatch"], "severity": "high", "strategies": "manual", "min_kept": 0.75},
        ]
    },
}


def test_options_become_a_policy_and_come_back(desk: Workbench) -> None:
    desk.row.options = OPTIONS
    desk.row.save()
    MIGRATION.to_rows(apps, None)
    desk.row.refresh_from_db()
    assert desk.row.options == {"commit": True}
    (policy,) = Policy.objects.all()
    assert (policy.replica_id, policy.owners, policy.reads_file) == (desk.row.pk, {"text": "hub"}, False)
    assert policy.as_mapping()["rule"] == [
        {**OPTIONS["arbitration"]["rule"][0], "field": ["due"], "confidence": 0.95},  # type: ignore[index]
        {**OPTIONS["arbitration"]["rule"][1], "strategies": ["manual"], "confidence": 0.95},  # type: ignore[index]
    ]
    PolicyRule.objects.filter(position=2).update(strategies=["learned", "hub_wins"])
    policy.owners["presence"] = "hub"
    policy.save()
    MIGRATION.to_options(apps, None)
    desk.row.refresh_from_db()
    assert desk.row.options["owners"] == {"text": "hub"}
    assert desk.row.options["arbitration"]["rule"] == [
        {"field": ["due"], "severity": "low", "strategies": ["hub_wins"], "min_kept": 0.5},
        {"kind": ["metadata_mismatch"], "severity": "high", "strategies": ["hub_wins"], "min_kept": 0.75},
    ]
    assert not Policy.objects.exists()


def test_a_replica_with_owners_alone_goes_on_reading_its_file(desk: Workbench) -> None:
    desk.row.options = {"owners": {"text": "hub"}}
    desk.row.save()
    MIGRATION.to_rows(apps, None)
    assert Policy.objects.get().reads_file


@pytest.mark.parametrize("said", [{"rules": []}, [], {"rule": [{"field": "due"}]}, {"rule": "manual"}])
def test_options_that_make_no_sense_are_left_for_the_next_sync_to_tell(desk: Workbench, said: Any) -> None:
    desk.row.options = {"arbitration": said}
    desk.row.save()
    MIGRATION.to_rows(apps, None)
    desk.row.refresh_from_db()
    assert desk.row.options == {"arbitration": said}
    assert not Policy.objects.exists()
    with pytest.raises(InvalidOption):
        desk.try_sync()


# ------------------------------------------------------------------------------------------- learned

TASKS = 24


def numbered(marks: str) -> str:
    lines = [f"- [{mark}] Task number {each}\n" for each, mark in enumerate(marks)]
    return "# Work\n\n" + "".join(lines)


class Habit:
    """People who take what is done, and the hub's word otherwise; over and over."""

    def __init__(self, desk: Workbench) -> None:
        self.desk = desk
        desk.write("work.md", numbered(" " * TASKS))
        desk.sync()

    def clash(self, number: int = TASKS) -> None:
        """That many tasks done in the file and begun in the hub, or begun in the file and blocked there."""
        marks = ["x" if each % 2 else "-" for each in range(number)]
        for each, mark in enumerate(marks):
            self.desk.set(f"Task number {each}", status="in_progress" if mark == "x" else "blocked")
        self.desk.write("work.md", numbered("".join(marks) + " " * (TASKS - number)))
        self.desk.sync()

    def decide(self) -> None:
        for row in Conflict.objects.filter(state="open"):
            take = "replica" if row.replica_value == "done" else "hub"
            seen = (row.replica_value, row.hub_value)
            conflicts.resolve(row.pk, take=take, seen=seen, actor="bob")

    def again(self) -> None:
        """Every task as it was at first, on both sides."""
        self.desk.sync()
        self.desk.write("work.md", numbered(" " * TASKS))
        self.desk.sync()
        self.desk.assert_in_step()


@pytest.fixture
def habit(desk: Workbench, settings: Any) -> Habit:
    """People decided on 24 conflicts, and again on 24 as was suggested."""
    settings.PLANNING_SYNC_FOLLOW = False
    habit = Habit(desk)
    habit.clash()
    habit.decide()
    habit.again()
    assert learning.train() is not None
    habit.clash()
    assert Conflict.objects.filter(state="open", suggestion=None).count() == 0
    habit.decide()
    habit.again()
    return habit


def test_what_was_learned_from_people_settles_clashes_where_a_policy_says_so(habit: Habit) -> None:
    assert memory.status().state == State.ACTING
    assert (memory.status().hit_rate, memory.status().measured) == (1, TASKS)
    policy_for(habit.desk.row.pk, {"field": "status", "strategies": "learned", "confidence": 0.8})
    before = Conflict.objects.count()
    habit.clash(4)
    assert Conflict.objects.count() == before
    assert [task.status for task in habit.desk.outline("work.md").tasks()][:4] == [
        *("blocked", "done", "blocked", "done")
    ]
    habit.desk.assert_in_step()
    assert strategies() == ["learned"] * 4
    told = Entry.objects.filter(action=Entry.Action.DECIDED, after__strategy="learned").latest("id").after
    assert told is not None
    assert told["confidence"] >= 0.8
    rests_on = Conflict.objects.filter(pk__in=told["decisions"])
    assert {row.decided_by for row in rests_on} == {"bob"}
    assert {row.taken for row in rests_on} == {told["take"]}
    assert "guess" in told["caveat"]


@pytest.mark.parametrize(
    "rule",
    [{"strategies": "learned", "confidence": 1.0}, {"strategies": "auto_merge"}],
    ids=["unsure", "unnamed"],
)
def test_a_suggestion_is_for_a_person_unless_a_rule_names_it_and_it_is_sure_enough(
    habit: Habit, rule: dict[str, Any]
) -> None:
    policy_for(habit.desk.row.pk, rule)
    habit.clash(2)
    assert strategies() == []
    rows = Conflict.objects.filter(state="open").order_by("item_label")
    assert [(row.suggestion or {})["take"] for row in rows] == ["hub", "replica"]


def undone(entries: list[Entry]) -> None:
    undo.undo(entries[0].operation_id, actor="bob")


def reinstated(entries: list[Entry]) -> None:
    for entry in entries:
        reopening.reinstate(entry.pk, actor="bob")


@pytest.mark.parametrize("take_back", [undone, reinstated])
def test_learned_decisions_that_people_take_back_switch_learning_off(
    habit: Habit, caplog: pytest.LogCaptureFixture, take_back: Callable[[list[Entry]], None]
) -> None:
    policy_for(habit.desk.row.pk, {"strategies": "learned", "confidence": 0.8})
    habit.clash(4)
    with caplog.at_level(logging.WARNING):
        take_back(list(Entry.objects.filter(action=Entry.Action.DECIDED, after__strategy="learned")))
    assert Hit.objects.filter(is_hit=False).count() == 4
    assert "Learned decisions are off" in caplog.text
    habit.desk.set("Task number 20", status="in_progress")
    habit.desk.edit("work.md", "- [ ] Task number 20", "- [x] Task number 20")
    habit.desk.sync()
    assert strategies() == ["learned"] * 4, "none since"
    (row,) = Conflict.objects.filter(state="open", rule="")
    assert (row.item_label, (row.suggestion or {})["take"]) == ("Task number 20", "replica")


def test_a_dry_run_tells_of_a_learned_decision_and_makes_none(habit: Habit) -> None:
    policy_for(habit.desk.row.pk, {"strategies": "learned", "confidence": 0.8})
    habit.desk.set("Task number 0", status="in_progress")
    habit.desk.write("work.md", numbered("x" + " " * (TASKS - 1)))
    (preview,) = habit.desk.sync(dry_run=True).previews
    (settled,) = preview["settled"]
    assert (settled["strategy"], settled["take"]) == ("learned", "replica")
    assert strategies() == []
