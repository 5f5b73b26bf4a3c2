"""Replicas over the API: added below the folders that are named for it, switched off and on, synced."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from audit.models import Entry
from conflicts.models import Conflict
from planning_sync import settings as project
from planning_sync.api.models import Job
from planning_sync.replicas import http
from planning_sync.sync import services
from planning_sync.sync.models import Link, Replica
from planning_sync.sync.passes import Options
from plans.models import Plan
from tests.api.programs import Program
from tests.planning_sync.replicas.service_double import ServiceDouble
from tests.planning_sync.replicas.taskmaster_world import tag, task
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


SERVICE = "https://plans.example.org/api"


@pytest.mark.parametrize(
    "address",
    [
        "https://plans.example.org/apis",
        "https://plans.example.org/api/../admin",
        "https://plans.example.org/api/%2e%2e/admin",
        "https://plans.example.org/api?to=admin",
        "https://plans.example.org/",
        "http://plans.example.org/api",
        "https://plans.example.org:8443/api",
        "https://plans.example.org@elsewhere.example/api",
    ],
)
def test_no_service_is_added_but_at_an_address_named_for_it(
    desk: Workbench, operator: Program, settings: Any, address: str
) -> None:
    settings.PLANNING_SYNC_REPLICA_SERVICES = [SERVICE]
    problem = operator.post("replicas", {"path": address, "kind": "roadmap"}, status=409)
    assert "PLANNING_SYNC_REPLICA_SERVICES" in problem["detail"]
    assert Replica.objects.count() == 1


def test_a_service_is_added_and_synced_by_the_name_of_its_secret(
    desk: Workbench, operator: Program, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANNING_SYNC_REPLICA_TASKS", "s3cr3t")
    with ServiceDouble({"shop": tag(task(1, "Audit")).encode()}) as double:
        double.accept = lambda told: told.headers.get("authorization") == "Bearer s3cr3t"
        settings.PLANNING_SYNC_REPLICA_SERVICES = [double.url.removesuffix("/v1")]
        options = {"scheme": "bearer", "secret": "env:PLANNING_SYNC_REPLICA_TASKS"}
        body = {"path": double.url, "kind": "taskmaster", "options": options}
        assert operator.post("replicas/prove", body, status=200)["tasks"] == 1
        made = operator.post("replicas", body)
        assert "s3cr3t" not in str(made)
        row = Replica.objects.get(pk=made["id"])
        assert (row.kind, row.path, row.options) == ("taskmaster", double.url, options)
        services.sync_replica(row, Options(actor="otto"))
        assert Plan.objects.get(title="shop").tasks.get().text == "Audit"
        http.close_all()


def test_where_no_folder_is_named_no_replica_is_added(desk: Workbench, operator: Program) -> None:
    problem = operator.post("replicas", {"path": str(desk.folder)}, status=409)
    assert "planning-sync add PATH" in problem["detail"]


ROADMAP = {"path": "http://127.0.0.1:9/api", "kind": "roadmap"}


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
        ({"path": "ROOT/notes", "kind": "rumour"}, "kind"),
        ({"path": "ROOT/notes", "kind": "taskmaster", "options": {"binary": "env:X"}}, "options.binary"),
        ({**ROADMAP, "options": {"secret": "s3cr3t", "scheme": "key"}}, "options.secret"),
    ],
)
def test_a_replica_that_cannot_be_is_refused_at_its_field(
    desk: Workbench, operator: Program, root: Path, settings: Any, body: dict[str, Any], field: str
) -> None:
    settings.PLANNING_SYNC_REPLICA_SERVICES = [ROADMAP["path"]]
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


def removed(operator: Program, row: Replica, query: str = "") -> dict[str, Any]:
    operator.post(f"replicas/{row.pk}/disable", status=200)
    return dict(operator.delete(f"replicas/{row.pk}{query}", status=200))


def test_a_replica_is_removed_with_its_plans_and_its_files_stay(desk: Workbench, operator: Program) -> None:
    before = desk.read("launch.md")
    operator.delete(f"replicas/{desk.row.pk}", status=409)
    told = removed(operator, desk.row)
    assert told == {"name": desk.row.name, "binned": 1, "kept": 0, "conflicts_closed": 0}
    assert desk.read("launch.md") == before
    assert not Replica.objects.exists()
    assert Plan.objects.get().deleted_at is not None
    entry = Entry.objects.get(item_kind="replica", action="deleted")
    assert (entry.operation.actor, entry.item_id) == ("otto", desk.row.pk)
    operator.delete(f"replicas/{desk.row.pk}", status=404)


def test_plans_of_a_removed_replica_are_kept_where_that_is_said(desk: Workbench, operator: Program) -> None:
    assert removed(operator, desk.row, "?plans=keep")["kept"] == 1
    assert Plan.objects.get().deleted_at is None


def test_plans_that_stand_elsewhere_are_not_touched_and_conflicts_end_with_a_replica(
    desk: Workbench, operator: Program, tmp_path: Path
) -> None:
    other = Workbench.at(tmp_path / "other")
    plan = desk.plan("launch.md")
    Link.objects.filter(plan=plan).update(replica=other.row)
    desk.write("lone.md", "# Lone\n\n- [ ] Wait\n")
    desk.sync()
    with override_settings(PLANNING_SYNC_FOLLOW=False):
        desk.set("Wait", text="Wait here")
    desk.edit("lone.md", "Wait", "Wait there")
    desk.sync()
    told = removed(operator, desk.row)
    assert (told["binned"], told["conflicts_closed"]) == (1, 1)
    plan.refresh_from_db()
    assert plan.deleted_at is None
    assert not Conflict.objects.filter(state="open").exists()


def test_an_unlinked_plan_and_its_file_go_their_own_ways_until_they_are_linked_again(
    desk: Workbench, operator: Program
) -> None:
    plan, body = desk.plan("launch.md"), {"replica": str(desk.row.pk)}
    told = operator.post(f"plans/{plan.pk}/unlink", body, status=200)
    assert [place["released"] for place in told["replicas"]] == [True]
    desk.set("Rest", status="done")
    desk.sync()
    assert "- [ ] Rest" in desk.read("launch.md")
    told = operator.post(f"plans/{plan.pk}/link", body, status=200)
    assert [place["released"] for place in told["replicas"]] == [False]
    desk.sync()
    assert "- [x] Rest" in desk.read("launch.md")
    operator.post(f"plans/{plan.pk}/unlink", {"replica": str(UUID(int=1))}, status=400)


def test_a_folder_for_replicas_is_an_absolute_path() -> None:
    with pytest.raises(ImproperlyConfigured, match="NAME: notes is no absolute path"):
        project._folders("NAME", ["/srv/plans", "notes"])
