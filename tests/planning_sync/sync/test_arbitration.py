"""Clashes that strategies settle in a real sync: both sides get the outcome, and the log tells of it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from audit.models import Entry
from conflicts import services as conflicts
from conflicts.models import Conflict
from plans import services as plans
from tests.planning_sync.sync.policies import policy_for
from tests.planning_sync.sync.workbench import Workbench

PLAN = """# Launch

Progression : 10 %

## 1. Release

- [ ] Tag the new version of the shop #tags:api,web
- [x] Choose a date
"""
TEXT = "Tag the new version of the shop"


@pytest.fixture
def launch(desk: Workbench, settings: Any) -> Workbench:
    """A plan in step, and no sync but those that a test asks for."""
    settings.PLANNING_SYNC_FOLLOW = False
    desk.write("launch.md", PLAN)
    desk.sync()
    return desk


class Told(NamedTuple):
    """What an entry says of a decision."""

    entry: Entry
    before: dict[str, Any]
    after: dict[str, Any]


def decided() -> list[Told]:
    entries = Entry.objects.filter(action=Entry.Action.DECIDED).order_by("id")
    return [Told(entry, dict(entry.before or {}), dict(entry.after or {})) for entry in entries]


def clash_in_words(desk: Workbench) -> None:
    desk.set(TEXT, text="Tag the new version of the old shop")
    desk.edit("launch.md", "Tag the new version", "Sign the new version")


def clash_in_status(desk: Workbench) -> None:
    desk.set(TEXT, status="done")
    desk.edit("launch.md", "- [ ] Tag", "- [-] Tag")


def with_policy(desk: Workbench, *rules: dict[str, Any]) -> None:
    policy_for(desk.row.pk, *rules)


def assert_told(told: Told, strategy: str, take: str, values: tuple[Any, Any, Any]) -> None:
    assert (told.after["strategy"], told.after["take"]) == (strategy, take)
    assert (told.before["base"], told.before["replica"], told.before["hub"]) == values


# --------------------------------------------------------------------------------- by default


def test_edits_of_different_words_reach_both_sides_without_a_conflict(launch: Workbench) -> None:
    task = launch.task(TEXT)
    clash_in_words(launch)
    report = launch.sync()
    merged = "Sign the new version of the old shop"
    assert (report.status, report.opened, report.files_written) == ("in_step", 0, ["launch.md"])
    assert not Conflict.objects.exists()
    assert launch.read("launch.md") == PLAN.replace(TEXT, merged)
    task.refresh_from_db()
    assert task.text == merged
    launch.assert_in_step()
    (told,) = decided()
    assert (told.entry.item_id, told.entry.field, told.after["value"]) == (task.pk, "text", merged)
    values = (TEXT, "Sign the new version of the shop", "Tag the new version of the old shop")
    assert_told(told, "auto_merge", "value", values)
    assert told.entry.operation.kind == "sync"


def test_tags_of_both_sides_are_united_and_removals_are_honoured(launch: Workbench) -> None:
    launch.set(TEXT, tags=["api", "web", "docs"])
    launch.edit("launch.md", "#tags:api,web", "#tags:web,shop")
    launch.sync()
    assert launch.task("Tag the new version of the shop").tags == ["web", "docs", "shop"]
    launch.assert_in_step()
    assert [told.after["strategy"] for told in decided()] == ["auto_merge"]


def test_edits_of_the_same_words_are_a_conflict_as_ever(launch: Workbench) -> None:
    launch.set(TEXT, text="Tag the old version of the shop")
    launch.edit("launch.md", "the new version", "the next version")
    assert launch.sync().status == "conflicts"
    assert [row[0] for row in launch.conflicts()] == ["text"]
    assert decided() == []


def test_a_status_is_for_a_person(launch: Workbench) -> None:
    clash_in_status(launch)
    assert launch.sync().status == "conflicts"
    assert launch.conflicts() == [("status", "todo", "cancelled", "done")]


def test_a_person_can_take_the_status_that_the_file_says(launch: Workbench) -> None:
    clash_in_status(launch)
    launch.sync()
    conflicts.resolve(Conflict.objects.get().pk, take="replica", actor="bob")
    assert launch.sync().status == "in_step"
    assert launch.task(TEXT).status == "cancelled"
    assert Conflict.objects.get().state == "resolved"
    launch.assert_in_step()


def test_a_dry_run_tells_what_a_strategy_would_settle_and_changes_nothing(launch: Workbench) -> None:
    clash_in_words(launch)
    before = launch.read("launch.md")
    (preview,) = launch.sync(dry_run=True).previews
    (settled,) = preview["settled"]
    assert (settled["strategy"], settled["value"]) == ("auto_merge", "Sign the new version of the old shop")
    assert preview["conflicts"] == []
    assert launch.read("launch.md") == before
    assert decided() == []


@pytest.mark.parametrize("first", ["pull", "push"])
def test_a_sync_of_one_direction_leaves_the_rest_to_the_next_and_decides_once(
    launch: Workbench, first: str
) -> None:
    clash_in_words(launch)
    launch.sync(direction=first)
    launch.sync()
    assert "Sign the new version of the old shop" in launch.read("launch.md")
    assert "Sign the new version of the old shop" in launch.texts("launch.md")
    launch.assert_in_step()
    assert not Conflict.objects.exists()
    assert len(decided()) == 1


def test_an_open_conflict_that_can_be_merged_by_now_closes(launch: Workbench) -> None:
    launch.set(TEXT, text="Tag the old version of the shop")
    launch.edit("launch.md", "the new version", "the next version")
    launch.sync()
    launch.edit("launch.md", "the next version of the shop", "the new version of the shops")
    report = launch.sync()
    assert (report.closed, report.status) == (1, "in_step")
    assert Conflict.objects.get().state == "closed"
    assert "Tag the old version of the shops" in launch.texts("launch.md")
    launch.assert_in_step()


def test_what_a_person_decided_on_other_values_goes_back_to_the_person(launch: Workbench) -> None:
    launch.set(TEXT, text="Tag the old version of the shop")
    launch.edit("launch.md", "the new version", "the next version")
    launch.sync()
    conflicts.resolve(Conflict.objects.get().pk, take="hub", actor="bob")
    launch.edit("launch.md", "the next version of the shop", "the new version of the shops")
    assert launch.sync().status == "conflicts"
    assert not [told for told in decided() if "strategy" in told.after]


# ------------------------------------------------------------------------------- by a policy


def test_a_policy_of_the_replica_settles_what_the_default_leaves(launch: Workbench) -> None:
    with_policy(launch, {"field": "status", "strategies": ["auto_merge", "hub_wins"]})
    clash_in_status(launch)
    assert launch.sync().status == "in_step"
    assert "- [x] Tag" in launch.read("launch.md")
    launch.assert_in_step()
    (told,) = decided()
    assert_told(told, "hub_wins", "hub", ("todo", "cancelled", "done"))
    assert "dropped" in told.after["caveat"]


def test_a_policy_can_turn_the_default_off(launch: Workbench) -> None:
    with_policy(launch, {"strategies": "manual"})
    clash_in_words(launch)
    assert launch.sync().status == "conflicts"


def test_a_policy_may_stand_beside_the_plans(launch: Workbench) -> None:
    launch.write("conflict-policy.toml", '[[rule]]\nfield = "status"\nstrategies = ["replica_wins"]\n')
    clash_in_status(launch)
    assert launch.sync().status == "in_step"
    assert launch.task(TEXT).status == "cancelled"
    launch.assert_in_step()


def test_the_policy_in_the_hub_goes_before_the_file(launch: Workbench) -> None:
    launch.write("conflict-policy.toml", '[[rule]]\nstrategies = ["replica_wins"]\n')
    with_policy(launch, {"strategies": "manual"})
    clash_in_status(launch)
    assert launch.sync().status == "conflicts"


@pytest.mark.parametrize("content", ['[[rule]]\nstrategies = ["coin"]\n', b"\xff\xfe\xff", "[[rule"])
def test_a_policy_that_cannot_be_read_is_an_error_and_leaves_everything_to_a_person(
    launch: Workbench, content: str | bytes
) -> None:
    launch.write("conflict-policy.toml", content)
    clash_in_words(launch)
    launch.edit("launch.md", "Choose a date", "Choose a day")
    report = launch.try_sync()
    assert report.status == "failed"
    assert [error["error"] for error in report.errors if "conflict-policy.toml" in error["error"]]
    assert [row[0] for row in launch.conflicts()] == ["text"]
    assert "Choose a day" in launch.texts("launch.md")


def test_a_declared_progress_is_counted_again_where_a_policy_asks_for_it(launch: Workbench) -> None:
    with_policy(launch, {"field": "progress", "strategies": "auto_merge"})
    plan = launch.plan("launch.md")
    plans.set_fields(plan, {"progress": "40"}, actor="alice")
    launch.edit("launch.md", "10 %", "50 %")
    assert launch.sync().status == "in_step"
    plan.refresh_from_db()
    assert plan.declared_progress == 50
    assert_told(decided()[0], "auto_merge", "replica", ("10", "50", "40"))


# ---------------------------------------------------------------------------------- latest wins


@pytest.mark.parametrize(("minutes", "status"), [(-60, "done"), (60, "cancelled")])
def test_the_latest_wins_by_the_time_of_the_save_and_of_the_edit(
    launch: Workbench, minutes: int, status: str
) -> None:
    with_policy(launch, {"field": "status", "strategies": "latest_wins"})
    clash_in_status(launch)
    saved(launch, minutes)
    assert launch.sync().status == "in_step"
    assert launch.task(TEXT).status == status
    launch.assert_in_step()
    assert "clock" in decided()[0].after["caveat"]


def saved(desk: Workbench, minutes: int) -> None:
    at = (datetime.now(UTC) + timedelta(minutes=minutes)).timestamp()
    os.utime(desk.folder / "launch.md", (at, at))


def test_the_time_of_a_later_save_of_something_else_counts_for_nothing(launch: Workbench) -> None:
    clash_in_status(launch)
    assert launch.sync().status == "conflicts"
    with_policy(launch, {"field": "status", "strategies": "latest_wins"})
    launch.edit("launch.md", "Choose a date", "Choose a day")
    assert launch.sync().status == "conflicts"
    assert decided() == []
