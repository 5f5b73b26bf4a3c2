"""One plan in Markdown, in the hub and in Task Master: any edits on any side, and all three come to agree.

The machine of `test_state_machine` with other places. The soak runs seeded histories, as there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from planning_sync.replicas.taskmaster import TaskMasterFile
from planning_sync.sync import services
from plans.models import Plan
from tests.planning_sync.replicas.taskmaster_world import file_of
from tests.planning_sync.sync.places import Place, Tags
from tests.planning_sync.sync.project import FILE
from tests.planning_sync.sync.test_state_machine import QUICK, World, chosen, soak


class ThreeWay(World):
    """Two plans, each in all three places. What becomes of whole files is for the machine of two places."""

    rounds = 2
    create_file = delete_file = rename_file = copy_file = None  # type: ignore[assignment]
    create_plan_in_hub = delete_plan_in_hub = restore_plan_in_hub = None  # type: ignore[assignment]

    def make_places(self, folder: Path) -> tuple[Place, ...]:
        file = folder / "shop" / FILE
        file.parent.mkdir(parents=True)
        file.write_text(file_of({}), encoding="utf-8")
        disk = self.make_disk(folder)
        for name in ("a.md", "b.md"):
            disk.put(name, disk.fresh(self.mint, len(name)))
        self._sync(disk)
        tags = Tags(services.add_replica(file, actor="alice", kind="taskmaster", pairing="off"), file)
        for plan in Plan.objects.order_by("title"):
            assert services.send_plan(plan, tags.row, actor="alice").status == "in_step"
        return disk, tags

    def _check_tokens(self) -> None:
        """Text between tasks goes with what it stands below; where it must not, `_check_bytes` sees it."""
        self.mint.dead |= {token for token, kind in self.mint.kinds.items() if kind == "prose"}
        super()._check_tokens()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes back in a moment what the hub has just written means it, in these histories."""
    monkeypatch.setattr(TaskMasterFile, "overwritten_within_seconds", 0.0)


def test_markdown_the_hub_and_task_master_come_to_agree(
    transactional_db: None, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    run_state_machine_as_test(ThreeWay, settings=SHORT)


SHORT = settings(
    QUICK, max_examples=chosen("MACHINE_EXAMPLES", 4), stateful_step_count=chosen("MACHINE_STEPS", 20)
)


@pytest.mark.soak
def test_long_seeded_campaigns_of_three_sides_lose_nothing(
    transactional_db: None, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    soak(ThreeWay, caplog)
