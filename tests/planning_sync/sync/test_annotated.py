"""What was written between the tasks of a file does not go with an item that the hub deleted meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from conflicts import services as conflicts
from conflicts.models import Conflict
from plans import services as plans
from tests.planning_sync.sync.workbench import Workbench

PLAN = "# Launch\n\n## 1. Press\n\n- [ ] Tell the press\n\n## 2. After\n\n- [ ] Rest\n"
NOTE = "- [ ] Tell the press\n  They want pictures.\n"


@pytest.fixture(autouse=True)
def _nothing_follows_by_itself(settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False


@pytest.fixture
def noted(desk: Workbench) -> Workbench:
    """The hub deleted the first phase while somebody wrote a note below its task."""
    desk.write("launch.md", PLAN)
    desk.sync()
    plans.delete(desk.phase("Press"), actor="alice")
    desk.edit("launch.md", "- [ ] Tell the press\n", NOTE)
    return desk


def test_a_person_is_asked_and_the_file_is_left_alone(noted: Workbench) -> None:
    noted.sync()
    row = Conflict.objects.get()
    assert (row.field, row.rule, row.hub_value) == ("presence", "text_added", None)
    assert noted.read("launch.md") == PLAN.replace("- [ ] Tell the press\n", NOTE)
    noted.sync()
    assert Conflict.objects.get().state == "open", "it is still asked when nothing moves"


def test_it_goes_where_a_person_says_so(noted: Workbench) -> None:
    noted.sync()
    conflicts.resolve(Conflict.objects.get().pk, take="hub", actor="alice")
    noted.sync()
    assert noted.read("launch.md") == "# Launch\n\n## 2. After\n\n- [ ] Rest\n"
    noted.age("launch.md")
    noted.assert_in_step()


def test_it_comes_back_to_the_hub_where_a_person_says_so(noted: Workbench) -> None:
    noted.sync()
    conflicts.resolve(Conflict.objects.get().pk, take="replica", actor="alice")
    noted.sync()
    assert noted.texts("launch.md") == ["Tell the press", "Rest"]
    assert "They want pictures." in noted.read("launch.md")
    noted.assert_in_step()


def test_a_note_elsewhere_does_not_hold_a_deletion_up(desk: Workbench) -> None:
    desk.write("launch.md", PLAN)
    desk.sync()
    plans.delete(desk.phase("Press"), actor="alice")
    desk.edit("launch.md", "- [ ] Rest\n", "- [ ] Rest\n  Long.\n")
    desk.sync()
    assert desk.read("launch.md") == "# Launch\n\n## 2. After\n\n- [ ] Rest\n  Long.\n"
    assert not Conflict.objects.exists()


def test_a_note_of_before_the_last_sync_goes_with_its_task(desk: Workbench) -> None:
    desk.write("launch.md", PLAN.replace("- [ ] Tell the press\n", NOTE))
    desk.sync()
    plans.delete(desk.phase("Press"), actor="alice")
    desk.sync()
    assert desk.read("launch.md") == "# Launch\n\n## 2. After\n\n- [ ] Rest\n"
