"""A process killed at any step of a sync: the next sync reaches the state that an undisturbed one reaches.

Each scenario is run once undisturbed, which tells its steps (writing statements, commits, checkpoints of the
write) and where it leads. Then it is run again and again in a process of its own that is killed (SIGKILL) at
one of the steps. The soak kills at every step, the quick test at the durable ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from conflicts import services as conflicts
from conflicts.models import Conflict
from planning_sync.replicas.tree import is_leftover
from planning_sync.sync.models import Intent
from plans import services as plans
from plans import storage
from plans.models import Plan, Task
from tests.planning_sync.sync import survival
from tests.planning_sync.sync.killing import is_durable, killed_at, steps_of
from tests.planning_sync.sync.workbench import Workbench

LAUNCH = """# Launch

Some words.

## 1. Preparation

- [ ] **1.1** Write the announcement of the launch
  - [ ] Collect the facts and the figures for it
- [x] **1.2** Choose a date that suits everybody

## 2. Release

- [ ] Tag the version and publish the packages
"""
OTHER = "# Other\n\n- [ ] One thing that has to be done\n- [ ] Another thing that has to be done\n"

Step = Callable[[Workbench], object]


def edit_file(desk: Workbench) -> None:
    text = (
        desk.read("launch.md")
        .replace("- [ ] Tag the", "- [x] Tag the")
        .replace("- [x] **1.2** Choose a date that suits everybody\n", "")
    )
    desk.write("launch.md", text + "- [ ] Tell everybody about the release\n")


def edit_hub(desk: Workbench) -> None:
    desk.set(
        "Collect the facts and the figures for it", status="done", text="Collect the facts and all figures"
    )
    plans.add_task(desk.phase("Release"), "Celebrate with everybody", actor="bob")
    plans.delete(desk.task("Choose a date that suits everybody"), actor="bob")


def edit_both(desk: Workbench) -> None:
    desk.set("Collect the facts and the figures for it", status="done")
    plans.add_task(desk.phase("Release"), "Celebrate with everybody", actor="bob")
    desk.edit("launch.md", "- [ ] Tag the", "- [x] Tag the")
    desk.edit("launch.md", "Some words.\n", "Some other words.\n")


def clash(desk: Workbench) -> None:
    desk.set("Tag the version and publish the packages", text="Tag the version and publish all packages")
    desk.edit("launch.md", "publish the packages", "announce the packages")
    edit_hub(desk)


def decide(desk: Workbench, take: str) -> None:
    clash(desk)
    desk.sync()
    conflicts.resolve(Conflict.objects.get().pk, take=take, actor="bob")


def new_files(desk: Workbench) -> None:
    desk.write("new.md", LAUNCH.replace("Launch", "New"))
    desk.write("sub/newer.md", OTHER.replace("Other", "Newer"))


def new_plan(desk: Workbench) -> None:
    plan = plans.create_plan("Made in the hub", actor="bob")
    phase = plans.add_phase(plan, "Beginning", actor="bob")
    plans.add_task(phase, "The first thing to be done", actor="bob")


def delete_file(desk: Workbench) -> None:
    (desk.folder / "launch.md").unlink()


def delete_plan(desk: Workbench) -> None:
    plans.delete_plan(desk.plan("launch.md"), actor="bob")


def restore_plan(desk: Workbench) -> None:
    delete_plan(desk)
    desk.sync()
    plans.restore_plan(Plan.objects.get(title="Launch"), actor="bob")
    desk.set("Tag the version and publish the packages", status="done")


def restore_file(desk: Workbench) -> None:
    delete_file(desk)
    desk.sync()
    desk.write("launch.md", LAUNCH.replace("- [ ] Tag", "- [x] Tag"))


def rename_file(desk: Workbench) -> None:
    (desk.folder / "launch.md").rename(desk.folder / "moved.md")
    desk.edit("moved.md", "- [ ] Tag", "- [x] Tag")
    desk.set("Choose a date that suits everybody", status="todo")


def decide_over_plan(desk: Workbench, take: str) -> None:
    desk.set("Choose a date that suits everybody", status="todo")
    delete_file(desk)
    desk.sync()
    conflicts.resolve(Conflict.objects.get().pk, take=take, actor="bob")


SCENARIOS: dict[str, Step] = {
    "import": new_files,
    "edit in the file": edit_file,
    "edit in the hub": edit_hub,
    "edits on both sides": edit_both,
    "clash": clash,
    "decision for the hub": lambda desk: decide(desk, "hub"),
    "decision for the file": lambda desk: decide(desk, "replica"),
    "new plan in the hub": new_plan,
    "file deleted": delete_file,
    "plan deleted in the hub": delete_plan,
    "plan restored in the hub": restore_plan,
    "file restored": restore_file,
    "file renamed and edited": rename_file,
    "deletion of a file overruled": lambda desk: decide_over_plan(desk, "hub"),
    "deletion of a file confirmed": lambda desk: decide_over_plan(desk, "replica"),
}


class Outcome(NamedTuple):
    """Where a sync led: what each file holds, what each plan says, what is in conflict."""

    files: dict[str, bytes]
    plans: dict[str, list[str]]
    conflicts: list[tuple[str, Any, Any, Any]]
    kept: frozenset[Any]
    """Tasks that have the ids they had before."""


def outcome(desk: Workbench, known: set[Any]) -> Outcome:
    told = {}
    for plan in Plan.objects.live():
        outline = storage.load(plan).outline
        names = {item.key: item.text for item in outline.items}
        told[plan.title] = [
            " | ".join(map(str, item._replace(key="", parent=names.get(item.parent, ""))))
            for item in outline.items
        ]
    kept = frozenset(Task.objects.live().filter(pk__in=known).values_list("text", flat=True))
    return Outcome(files_of(desk), told, desk.conflicts(), kept)


def files_of(desk: Workbench) -> dict[str, bytes]:
    found = sorted(place for place in desk.folder.rglob("*.md"))
    return {str(place.relative_to(desk.folder)): place.read_bytes() for place in found}


def set_up(folder: Path, scenario: Step) -> tuple[Workbench, set[Any]]:
    survival.forget_everything()
    shutil.rmtree(folder, ignore_errors=True)
    desk = Workbench.at(folder)
    desk.write("launch.md", LAUNCH)
    desk.write("other.md", OTHER)
    desk.sync()
    known = set(Task.objects.values_list("pk", flat=True))
    scenario(desk)
    return desk, known


def play(scenario: Step, folder: Path, wanted: Callable[[str], bool]) -> int:
    """Run the scenario undisturbed, then once for each wanted step at which it is killed; how many kills."""
    desk, known = set_up(folder, scenario)
    before = files_of(desk)
    steps = steps_of(desk.sync)
    right = outcome(desk, known)
    desk.sync()
    assert outcome(desk, known) == right
    kills = 0
    for number, step in enumerate(steps):
        if not wanted(step):
            continue
        kills += 1
        desk, known = set_up(folder, scenario)
        told = f"killed at step {number} of {len(steps)}, {step}"
        assert killed_at(number, desk.sync), told
        for path, data in files_of(desk).items():
            assert data in (before.get(path), right.files.get(path)), f"{told}: {path} is neither old nor new"
        missing = before.keys() & right.files.keys() - files_of(desk).keys()
        assert not missing, f"{told}: {missing} vanished"
        desk.sync()
        assert outcome(desk, known) == right, told
        assert not Intent.objects.exists(), told
        assert not [place for place in desk.folder.rglob("*") if is_leftover(place.name)], (
            f"{told}: leftovers"
        )
        again = desk.sync()
        assert (again.changed, again.files_written) == (0, []), told
    return kills


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_sync_killed_at_a_durable_step_is_finished_by_the_next(
    name: str, tmp_path: Path, transactional_db: None, settings: Any
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    assert play(SCENARIOS[name], tmp_path / "plans", is_durable) >= 2


@pytest.mark.soak
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_sync_killed_at_any_step_is_finished_by_the_next(
    name: str, tmp_path: Path, transactional_db: None, settings: Any
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    assert play(SCENARIOS[name], tmp_path / "plans", lambda step: True) > 5
