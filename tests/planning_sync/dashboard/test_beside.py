"""What stands beside a task on its page: what its replicas say of it besides, and what is like it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planning_sync.sync import services
from planning_sync.sync.passes import Options
from plans.models import Task
from tests.planning_sync.dashboard.people import page, signed_in, text_of
from tests.planning_sync.sync.workbench import Workbench

BUOY = {
    "id": 1,
    "title": "Notice a buoy that drifts",
    "status": "pending",
    "priority": "high",
    "dependencies": [],
    "subtasks": [],
    "metadata": {"seen": "yes"},
    "details": "It swings with the tide.\nThat is no drifting. <b>",
    "testStrategy": "",
    "boats": ["Ann", "Bo"],
}


@pytest.fixture
def buoy(db: None, tmp_path: Path) -> Task:
    """A task that a tool's file says more of than the hub has fields for."""
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps({"buoys": {"tasks": [BUOY], "metadata": {}}}))
    row = services.add_replica(file, kind="taskmaster", actor="olive")
    services.sync_replica(row, Options(actor="olive", settle_seconds=0.0))
    return Task.objects.get()


def test_what_a_tool_says_besides_is_shown_on_the_tasks_page(buoy: Task) -> None:
    shown = page(signed_in("olive", "editor"), f"/plans/{buoy.plan_id}/tasks/{buoy.pk}/")
    assert "says besides" in text_of(shown)
    assert "It swings with the tide.\nThat is no drifting. &lt;b&gt;" in shown
    assert "Ann, Bo" in shown
    assert "testStrategy" not in shown
    assert "seen" not in text_of(shown)


def test_a_column_that_no_field_of_the_hub_is_for_is_shown_too(db: None, tmp_path: Path) -> None:
    (tmp_path / "repairs.csv").write_text("id;title;colour\n1;Paint the door;green\n")
    row = services.add_replica(
        tmp_path / "repairs.csv", kind="list", actor="olive", mapping={"fields": {"text": "title"}}
    )
    services.sync_replica(row, Options(actor="olive", settle_seconds=0.0))
    task = Task.objects.get()
    shown = text_of(page(signed_in("olive", "reader"), f"/plans/{task.plan_id}/tasks/{task.pk}/"))
    assert "says besides" in shown
    assert "colourgreen" in shown


def test_who_is_limited_to_another_replica_does_not_see_it(buoy: Task, tmp_path: Path) -> None:
    other = Workbench.at(tmp_path / "other")
    services.send_plan(buoy.plan, other.row, actor="olive")
    client = signed_in("bob", "reader", only=other.row)
    assert "says besides" not in page(client, f"/plans/{buoy.plan_id}/tasks/{buoy.pk}/")
