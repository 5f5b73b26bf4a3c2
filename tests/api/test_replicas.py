"""Replicas over the API: added below the folders that are named for it, switched off and on, synced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from audit.models import Entry
from planning_sync import settings as project
from planning_sync.api.models import Job
from planning_sync.sync.models import Replica
from tests.api.programs import Program
from tests.planning_sync.sync.workbench import Workbench


@pytest.fixture
def root(tmp_path: Path, settings: Any) -> Path:
    """Where replicas may be added."""
    root = tmp_path / "root"
    (root / "notes").mkdir(parents=True)
    (root / "notes" / "one.md").write_text("# One\n\n- [ ] Go\n")
    settings.PLANNING_SYNC_REPLICA_ROOTS = [root]
    return root


def test_a_replica_is_added_below_a_folder_named_for_it(
    desk: Workbench, operator: Program, root: Path
) -> None:
    body = {"path": str(root / "notes"), "options": {"include": ["*.md"], "commit": False}}
    made = operator.post("replicas", body)
    assert (made["name"], made["enabled"], made["plans"]) == ("notes", True, 0)
    row = Replica.objects.get(pk=made["id"])
    assert (row.path, row.options) == (str(root / "notes"), body["options"])
    entry = Entry.objects.get(item_kind="replica")
    assert (entry.action, entry.operation.actor, entry.item_id) == ("created", "otto", row.pk)
    operator.post("replicas", body, status=409)


def test_no_replica_is_added_elsewhere(
    desk: Workbench, operator: Program, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").mkdir()
    (root / "way-out").symlink_to(tmp_path / "secret")
    (tmp_path / "root-too").mkdir()
    outside = ["/", "/etc", str(tmp_path / "secret"), f"{root}/../secret", str(root / "way-out")]
    for path in [*outside, str(tmp_path / "root-too"), "notes", "../notes"]:
        problem = operator.post("replicas", {"path": path}, status=409)
        assert "PLANNING_SYNC_REPLICA_ROOTS" in problem["detail"], path
    assert Replica.objects.count() == 1


def test_where_no_folder_is_named_no_replica_is_added(desk: Workbench, operator: Program) -> None:
    problem = operator.post("replicas", {"path": str(desk.folder)}, status=409)
    assert "planning-sync add PATH" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "path"),
        ({"path": "ROOT/nowhere"}, "path"),
        ({"path": "ROOT/notes/one.md"}, "path"),
        ({"path": "ROOT/notes", "options": {"ballots": "often"}}, "options.ballots"),
        ({"path": "ROOT/notes", "options": {"marks": {"ab": "done"}}}, "options.marks"),
        ({"path": "ROOT/notes", "options": {"shell": "rm"}}, "options.shell"),
        ({"path": "ROOT/notes", "enabled": False}, "enabled"),
    ],
)
def test_a_replica_that_cannot_be_is_refused_at_its_field(
    desk: Workbench, operator: Program, root: Path, body: dict[str, Any], field: str
) -> None:
    if "path" in body:
        body = {**body, "path": body["path"].replace("ROOT", str(root))}
    assert field in operator.post("replicas", body, status=400)["errors"]
    assert Replica.objects.count() == 1


def test_a_replica_is_switched_off_and_on(desk: Workbench, operator: Program) -> None:
    path = f"replicas/{desk.row.pk}"
    assert operator.post(f"{path}/disable", status=200)["enabled"] is False
    desk.set("Rest", status="done")
    assert "- [ ] Rest" in desk.read("launch.md")
    operator.post(f"{path}/sync", status=409)
    assert operator.post(f"{path}/disable", status=200)["enabled"] is False
    assert operator.post(f"{path}/enable", status=200)["enabled"] is True
    rows = Entry.objects.filter(item_kind="replica").order_by("id").values_list("action", "after")
    assert [(action, (after or {})["enabled"]) for action, after in rows] == [
        ("changed", False),
        ("changed", True),
    ]
    desk.sync()
    assert "- [x] Rest" in desk.read("launch.md")


def test_a_sync_of_one_replica_is_a_job(desk: Workbench, operator: Program) -> None:
    job = operator.post(f"replicas/{desk.row.pk}/sync", status=202)
    assert (job["status"], job["passes"][0]["replica"]) == ("queued", "plans")
    assert Job.objects.filter(pk=job["id"]).exists()


def test_only_operators_add_switch_and_sync(
    desk: Workbench, editor: Program, reader: Program, root: Path
) -> None:
    for program in (editor, reader):
        program.post("replicas", {"path": str(root / "notes")}, status=403)
        for act in ("enable", "disable", "sync"):
            program.post(f"replicas/{desk.row.pk}/{act}", status=403)
    assert Replica.objects.get().enabled


def test_a_folder_for_replicas_is_an_absolute_path() -> None:
    with pytest.raises(ImproperlyConfigured, match="NAME: notes is no absolute path"):
        project._folders("NAME", ["/srv/plans", "notes"])
