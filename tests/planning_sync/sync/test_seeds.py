"""The plans among the seeds load, sync and round-trip as they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conflicts.models import Conflict
from plans import services as plans
from plans import storage
from plans.document import parse
from plans.models import Plan, Task
from tests.planning_sync.sync.workbench import Workbench

SEEDS = Path(__file__).resolve().parents[4] / "shared" / "seeds"
PLANS = ("002", "003", "004")


def seed(number: str) -> bytes:
    """The bytes of one seed; says loudly where it is missing."""
    found = sorted(SEEDS.glob(f"{number}_*.txt"))
    if not found:
        message = f"The seed {number} is not in {SEEDS}: put the folder `shared` beside the repository."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found[0].read_bytes()


@pytest.fixture(params=PLANS)
def planted(request: pytest.FixtureRequest, desk: Workbench) -> tuple[Workbench, bytes]:
    data = seed(request.param)
    desk.write("plan.md", data)
    desk.sync()
    return desk, data


def test_a_seed_is_imported_as_it_reads_and_no_byte_of_it_changes(planted: tuple[Workbench, bytes]) -> None:
    desk, data = planted
    assert (desk.folder / "plan.md").read_bytes() == data
    assert desk.outline("plan.md").same_shape(parse(data, name="plan.md").outline)
    desk.assert_in_step()
    assert (desk.folder / "plan.md").read_bytes() == data


def test_every_task_of_a_seed_can_be_ticked_in_the_hub_and_only_its_line_changes(
    planted: tuple[Workbench, bytes],
) -> None:
    desk, data = planted
    before = data.split(b"\n")
    tasks = list(Task.objects.live().filter(unreachable=False).order_by("position"))
    assert tasks
    for task in tasks[:: max(1, len(tasks) // 12)]:
        status = "todo" if task.status == "done" else "done"
        plans.set_fields(task, {"status": status}, actor="alice")
        after = (desk.folder / "plan.md").read_bytes().split(b"\n")
        changed = [number for number, line in enumerate(before) if line != after[number]]
        assert len(after) == len(before)
        assert len(changed) == 1, task.text
        before = after
    desk.assert_in_step()
    assert not Conflict.objects.exists()


def test_the_tasks_of_seed_003_are_those_of_gfm_and_its_ballot_lines(desk: Workbench) -> None:
    data = seed("003")
    desk.write("plan.md", data)
    desk.sync()
    boxes = Task.objects.live().count()
    assert boxes >= 58
    document = parse(data, name="plan.md")
    assert boxes == sum(1 for _ in document.outline.tasks())


def test_a_line_of_a_seed_can_be_deleted_and_brought_back(planted: tuple[Workbench, bytes]) -> None:
    desk, data = planted
    document = parse(data, name="plan.md")
    spots = [
        spot for item, spot in zip(document.outline.items, document.spots, strict=True) if not spot.level
    ]
    lines = data.split(b"\n")
    line = spots[len(spots) // 2].line
    desk.write("plan.md", b"\n".join(lines[:line] + lines[line + 1 :]))
    desk.sync()
    desk.assert_in_step()
    desk.write("plan.md", data)
    desk.sync()
    desk.assert_in_step()
    assert desk.outline("plan.md").same_shape(document.outline)


def test_the_seeds_sync_side_by_side(desk: Workbench) -> None:
    for number in PLANS:
        desk.write(f"{number}.md", seed(number))
    desk.sync()
    assert Plan.objects.live().count() == 3
    for plan in Plan.objects.live():
        assert storage.load(plan).outline.items
    desk.assert_in_step()
