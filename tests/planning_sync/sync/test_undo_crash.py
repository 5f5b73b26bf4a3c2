"""An undo killed at any step leaves each plan undone or not; undo and the next sync come to the same end.

The undo runs in a process of its own that is killed (SIGKILL) at a writing statement, a commit or a
checkpoint of the file. The soak kills at every step, the quick test at the durable ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from audit.models import Operation
from conflicts import services as conflicts
from conflicts.models import Conflict
from planning_sync.sync import undo
from planning_sync.sync.errors import AlreadyUndone
from planning_sync.sync.models import Intent
from plans import services as plans
from tests.planning_sync.sync import survival
from tests.planning_sync.sync.killing import is_durable, killed_at, steps_of
from tests.planning_sync.sync.test_crash import LAUNCH, OTHER, Outcome, clash, files_of, outcome
from tests.planning_sync.sync.workbench import Workbench


def newest(kind: str) -> UUID:
    return Operation.objects.filter(kind=kind).latest("started_at").pk


def edit_in_two_files(desk: Workbench) -> UUID:
    desk.edit("launch.md", "- [ ] Tag the", "- [x] Tag the")
    desk.edit("launch.md", "Some words.\n", "Some other words.\n")
    desk.edit("other.md", "- [ ] One thing", "- [x] One thing")
    desk.sync()
    return newest("sync")


def deletion_in_hub(desk: Workbench) -> UUID:
    plans.delete(desk.phase("Preparation"), actor="bob")
    desk.sync()
    return newest("edit")


def imported(desk: Workbench) -> UUID:
    return newest("sync")


def exported(desk: Workbench) -> UUID:
    plan = plans.create_plan("Made in the hub", actor="bob")
    plans.add_task(plan, "The first thing to be done", actor="bob")
    desk.sync()
    return newest("sync")


def decision(desk: Workbench) -> UUID:
    clash(desk)
    desk.sync()
    conflicts.resolve(Conflict.objects.get().pk, take="hub", actor="bob")
    desk.sync()
    return newest("resolve")


def undone(desk: Workbench) -> UUID:
    return undo.undo(edit_in_two_files(desk), actor="bob").operation.pk


SCENARIOS: dict[str, Callable[[Workbench], UUID]] = {
    "a sync of two files": edit_in_two_files,
    "a deletion in the hub": deletion_in_hub,
    "an import": imported,
    "an export": exported,
    "a decision": decision,
    "an undo": undone,
}


def set_up(folder: Path, scenario: Callable[[Workbench], UUID]) -> tuple[Workbench, UUID]:
    survival.forget_everything()
    shutil.rmtree(folder, ignore_errors=True)
    desk = Workbench.at(folder)
    desk.write("launch.md", LAUNCH)
    desk.write("other.md", OTHER)
    desk.sync()
    return desk, scenario(desk)


def play(scenario: Callable[[Workbench], UUID], folder: Path, wanted: Callable[[str], bool]) -> int:
    """Undo undisturbed, then once for each wanted step at which it is killed; how many kills."""
    desk, operation_id = set_up(folder, scenario)
    before = files_of(desk)
    steps = steps_of(partial(undo.undo, operation_id, actor="bob"))
    after = files_of(desk)
    desk.sync()
    right = outcome(desk, set())
    kills = 0
    for number, step in enumerate(steps):
        if wanted(step):
            kills += 1
            desk, operation_id = set_up(folder, scenario)
            told = f"killed at step {number} of {len(steps)}, {step}"
            act = partial(undo.undo, operation_id, actor="bob")
            assert killed_at(number, act), told
            for path, data in files_of(desk).items():
                assert data in (before.get(path), after.get(path)), f"{told}: {path} is neither old nor new"
            _finish(desk, operation_id, right, told)
    return kills


def _finish(desk: Workbench, operation_id: UUID, right: Outcome, told: str) -> None:
    """What the killed undo has done by plan stays done; the rest can be undone again."""
    desk.sync()
    assert not Intent.objects.exists(), told
    for row in Operation.objects.filter(kind="undo", status="running"):
        state = undo.state_of(row)
        assert len(state["undone"]) + len(state["left"]) == len(row.summary["plans"]), told
    with suppress(AlreadyUndone):
        undo.undo(operation_id, actor="bob")
    desk.sync()
    assert outcome(desk, set()) == right, told
    again = desk.sync()
    assert (again.changed, again.files_written) == (0, []), told


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_undo_killed_at_a_durable_step_is_finished_by_sync_and_undo(
    name: str, tmp_path: Path, transactional_db: None, settings: Any
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    assert play(SCENARIOS[name], tmp_path / "plans", is_durable) >= 3


@pytest.mark.soak
@pytest.mark.parametrize("name", SCENARIOS)
def test_an_undo_killed_at_any_step_is_finished_by_sync_and_undo(
    name: str, tmp_path: Path, transactional_db: None, settings: Any
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    assert play(SCENARIOS[name], tmp_path / "plans", lambda step: True) > 5
