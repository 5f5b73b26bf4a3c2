"""Fixes change the lines concerned in the file and what they say in the hub, and can be undone."""

from __future__ import annotations

import pytest

from audit.models import Operation
from planning_sync.sync import undo
from planning_sync.sync.errors import NotMendable
from planning_sync.validation import services
from planning_sync.validation.models import Assessment
from tests.planning_sync.sync.workbench import Workbench

POOR = "# Harbour\r\n\r\n## 1. Quay\r\n\r\n- [ ]Order rope\r\n-  [x] Buy paint  \r\n- [ ] Rest\n"


@pytest.fixture
def poor(desk: Workbench) -> Workbench:
    desk.write("harbour.md", POOR)
    desk.sync()
    return desk


def test_a_fix_changes_its_lines_in_the_file_and_adds_the_task_to_the_hub(poor: Workbench) -> None:
    plan = poor.plan("harbour.md")
    outcome = services.fix(plan.pk, actor="alice", only=["task-box"], unsafe=True)
    assert poor.read("harbour.md") == POOR.replace("[ ]Order", "[ ] Order")
    assert poor.texts("harbour.md") == ["Order rope", "Buy paint", "Rest"]
    assert outcome.operation.kind == Operation.Kind.REPAIR
    assert outcome.operation.actor == "alice"
    assert not any(each["rule"] == "task-box" for each in Assessment.objects.get(plan=plan).findings)
    poor.age("harbour.md")
    poor.assert_in_step()


def test_a_fix_is_undone_byte_for_byte(poor: Workbench) -> None:
    outcome = services.fix(poor.plan("harbour.md").pk, actor="alice", unsafe=True)
    assert poor.read("harbour.md") != POOR
    undo.undo(outcome.operation.pk, actor="alice")
    assert poor.read("harbour.md") == POOR
    assert poor.texts("harbour.md") == ["Buy paint", "Rest"]
    poor.age("harbour.md")
    poor.assert_in_step()


def test_a_fix_that_the_hub_does_not_see_is_undone_too(poor: Workbench) -> None:
    outcome = services.fix(poor.plan("harbour.md").pk, actor="alice", only=["line-ends"])
    assert "\r\n- [ ] Rest\r\n" in poor.read("harbour.md")
    undo.undo(outcome.operation.pk, actor="alice")
    assert poor.read("harbour.md") == POOR


def test_safe_fixes_leave_alone_what_would_say_something_else(poor: Workbench) -> None:
    services.fix(poor.plan("harbour.md").pk, actor="alice")
    assert "- [ ]Order rope" in poor.read("harbour.md")


def test_a_preview_shows_the_lines_and_changes_nothing(poor: Workbench) -> None:
    shown = services.preview_fix(poor.plan("harbour.md").pk, only=["task-box"], unsafe=True)
    (file,) = shown.files
    assert file.lines[1:] == ["-- [ ]Order rope", "+- [ ] Order rope"]
    assert poor.read("harbour.md") == POOR
    assert poor.texts("harbour.md") == ["Buy paint", "Rest"]


def test_there_is_nothing_to_mend_twice(poor: Workbench) -> None:
    plan = poor.plan("harbour.md")
    services.fix(plan.pk, actor="alice", unsafe=True)
    with pytest.raises(NotMendable, match="nothing to mend"):
        services.fix(plan.pk, actor="alice", unsafe=True)


def test_a_fix_waits_for_an_open_conflict_about_what_it_mends(poor: Workbench) -> None:
    poor.edit("harbour.md", "Rest", "Rest well")
    poor.set("Rest", text="Rest long")
    poor.sync()
    assert poor.conflicts()
    before = poor.read("harbour.md")
    with pytest.raises(NotMendable, match="settle its conflicts"):
        services.fix(poor.plan("harbour.md").pk, actor="alice", unsafe=True)
    assert poor.read("harbour.md") == before


def test_edits_of_the_file_that_no_sync_saw_are_taken_in_first(poor: Workbench) -> None:
    poor.edit("harbour.md", "[ ] Rest", "[x] Rest")
    services.fix(poor.plan("harbour.md").pk, actor="alice", only=["task-box"], unsafe=True)
    assert poor.task("Rest").status == "done"
    assert "[x] Rest" in poor.read("harbour.md")
    assert "[ ] Order rope" in poor.read("harbour.md")
