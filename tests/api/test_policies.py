"""Policies over the API: made, changed and removed as the file could say it, with errors by field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from audit.models import Entry
from conflicts.models import Conflict, Policy
from planning_sync.sync.models import Link
from tests.api.programs import Program, person
from tests.planning_sync.sync.workbench import Workbench

RULE = {"fields": ["priority"], "strategies": ["replica_wins"]}


def test_a_policy_is_made_read_changed_and_removed(desk: Workbench, admin: Program, reader: Program) -> None:
    body = {"replica": "plans", "owners": {"status": "replica"}, "watch": {"open_tasks_removed": 3}}
    made = admin.post("policies", {**body, "rules": [RULE]})
    assert (made["replica"], made["owners"], made["watch"]) == ("plans", body["owners"], body["watch"])
    assert made["rules"][0]["fields"] == ["priority"]
    told = {each["field"]: each for each in made["comes_to"]}
    assert (told["priority"]["strategies"], told["priority"]["origin"]) == (["replica_wins"], "rule")
    assert told["status"]["owner"] == "replica"
    path = f"policies/{made['id']}"
    assert reader.get(path) == made
    changed = admin.patch(path, {"rules": []})
    assert (changed["rules"], changed["owners"]) == ([], body["owners"])
    admin.delete(path)
    reader.get(path, status=404)
    actions = Entry.objects.filter(item_kind="policy").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["created", "changed", "deleted"]


def test_a_policy_settles_what_it_is_for(desk: Workbench, admin: Program, settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    desk.set("Rest", priority="high")
    desk.edit("launch.md", "- [ ] Rest", "- [ ] Rest #priority:low")
    desk.sync()
    assert Conflict.objects.filter(state="open").count() == 1
    admin.post("policies", {"replica": "plans", "rules": [RULE]})
    desk.sync()
    assert not Conflict.objects.filter(state="open").exists()
    assert desk.task("Rest").priority == "low"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"rules": [{"strategies": []}]}, 400, "rules.0.strategies"),
        ({"rules": [{"strategies": ["coin_toss"]}]}, 400, "rules.0.strategies.0"),
        ({"rules": [RULE, {"fields": ["colour"], "strategies": ["manual"]}]}, 400, "rules.1.fields.0"),
        ({"rules": [{"strategies": ["manual", "hub_wins"]}]}, 422, "rules.0.strategies"),
        ({"rules": [RULE, {"strategies": ["owner_wins"]}]}, 422, "rules.1.strategies"),
        ({"rules": [{"fields": ["text"], "severity": "low", "strategies": ["manual"]}]}, 422, "rules.0"),
        ({"owners": {"colour": "hub"}}, 422, "owners"),
        ({"owners": {"text": "me"}}, 400, "owners.text"),
        ({"watch": {"evidence": ["rumour"]}}, 422, "watch.evidence"),
        ({"watch": {"open_tasks_removed": -1}}, 400, "watch.open_tasks_removed"),
        ({"rule": []}, 400, "rule"),
        ({"replica": "nowhere"}, 400, "replica"),
    ],
)
def test_what_a_policy_cannot_say_is_told_at_its_field(
    desk: Workbench, admin: Program, body: dict[str, Any], status: int, field: str
) -> None:
    problem = admin.post("policies", body, status=status)
    assert field in problem["errors"], problem
    assert not Policy.objects.exists()


def test_a_change_that_cannot_be_leaves_the_policy_as_it_was(desk: Workbench, admin: Program) -> None:
    made = admin.post("policies", {"rules": [RULE]})
    admin.patch(f"policies/{made['id']}", {"owners": {"colour": "hub"}}, status=422)
    admin.patch(f"policies/{made['id']}", {"rules": [{"strategies": ["owner_wins"]}]}, status=422)
    assert admin.get(f"policies/{made['id']}") == made


def test_there_is_one_policy_for_each_replica_and_one_for_all(desk: Workbench, admin: Program) -> None:
    for body in ({}, {"replica": "plans"}):
        admin.post("policies", body)
        admin.post("policies", body, status=409)
    assert [row["replica"] for row in admin.get("policies")["results"]] == [None, "plans"]


def test_a_change_to_another_version_than_the_one_read_is_refused_with_that_of_now(
    desk: Workbench, admin: Program
) -> None:
    made = admin.post("policies", {"rules": [RULE]})
    path = f"policies/{made['id']}"
    tag = admin("GET", path).headers["ETag"]
    admin.patch(path, {"enabled": False}, If_Match=tag)
    problem = admin.patch(path, {"enabled": True}, status=409, If_Match=tag)
    assert (problem["type"].rpartition(":")[2], problem["present"]["enabled"]) == ("stale", False)
    admin.delete(path, status=409, If_Match=tag)
    admin.delete(path, If_Match=admin("GET", path).headers["ETag"])


def test_a_changed_policy_has_plans_with_conflicts_looked_at_again(desk: Workbench, admin: Program) -> None:
    stamp = Link.objects.get().stamp
    Conflict.objects.create(
        plan=desk.plan("launch.md"),
        replica_id=desk.row.pk,
        field="text",
        kind="content_divergence",
        severity="high",
        opened_at=desk.row.created_at,
        changed_at=desk.row.created_at,
    )
    admin.post("policies", {})
    assert Link.objects.get().stamp != stamp


def test_only_administrators_write_policies(desk: Workbench, editor: Program, operator: Program) -> None:
    zoe = Program.of(person("zoe", "administrator"))
    made = zoe.post("policies", {})
    zoe.patch(f"policies/{made['id']}", {"reads_file": False})
    zoe.delete(f"policies/{zoe.post('policies', {'replica': 'plans'})['id']}")
    for program in (editor, operator):
        program.get("policies")
        program.post("policies", {"replica": "plans"}, status=403)
        program.patch(f"policies/{made['id']}", {"enabled": False}, status=403)
        program.delete(f"policies/{made['id']}", status=403)
    assert Policy.objects.get().enabled


def test_a_limited_key_reads_and_writes_only_the_policies_of_its_replicas(
    desk: Workbench, admin: Program, tmp_path: Path
) -> None:
    Workbench.at(tmp_path / "elsewhere", name="elsewhere")
    general, other = admin.post("policies", {}), admin.post("policies", {"replica": "elsewhere"})
    robot = Program.with_key(User.objects.get(username="ada"), replicas=(desk.row,))
    assert [row["replica"] for row in robot.get("policies")["results"]] == [None]
    robot.get(f"policies/{other['id']}", status=404)
    robot.patch(f"policies/{other['id']}", {"enabled": False}, status=404)
    robot.patch(f"policies/{general['id']}", {"enabled": False}, status=403)
    robot.delete(f"policies/{general['id']}", status=403)
    robot.post("policies", {"replica": "elsewhere"}, status=400)
    robot.post("policies", {}, status=403)
    robot.post("policies", {"replica": "plans"})
