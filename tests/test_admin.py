"""The admin over all apps: every list and every row can be looked at, and edits go through the services."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from audit.models import Entry, Operation
from conflicts.models import Conflict
from planning_sync.sync.models import Replica
from plans.models import Task
from tests.planning_sync.sync.workbench import Workbench

PLAN = "# Launch\n\n## 1. Release\n\n- [ ] Tag the version\n- [ ] Publish it\n"


@pytest.fixture
def desk(tmp_path: Path, transactional_db: None) -> Workbench:
    desk = Workbench.at(tmp_path / "plans")
    desk.write("launch.md", PLAN)
    desk.sync()
    return desk


@pytest.fixture
def browser(desk: Workbench) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


OURS = [
    model
    for model in admin.site._registry
    if model._meta.app_label in ("audit", "plans", "conflicts", "sync")
]


def test_every_model_is_in_the_admin() -> None:
    assert {model.__name__ for model in OURS} == {
        *("Operation", "Entry", "Snapshot", "Seal", "Plan", "Phase", "Task", "Replica", "Link", "Intent"),
        *("Conflict", "Policy", "LearnedModel", "Hit"),
    }


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_list_and_every_row_can_be_looked_at(desk: Workbench, browser: Client, model: type) -> None:
    clash(desk)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"  # type: ignore[attr-defined]
    assert browser.get(reverse(f"{name}_changelist"), {"q": "launch"}).status_code == 200
    assert browser.get(reverse(f"{name}_changelist")).status_code == 200
    for row in model._default_manager.all()[:2]:  # type: ignore[attr-defined]
        page = browser.get(reverse(f"{name}_change", args=[row.pk]))
        assert page.status_code == 200


def test_an_edit_in_the_admin_is_in_the_log_and_in_the_file(desk: Workbench, browser: Client) -> None:
    task = desk.task("Tag the version")
    values = {
        "text": "Tag the version",
        "ref": "",
        "status": "done",
        "priority": "high",
        "assignee": "",
        "due_date": "2026-05-01",
        "tags": '["release"]',
        "estimate": "",
        "depends_on": "[]",
    }
    answer = browser.post(reverse("admin:plans_task_change", args=[task.pk]), values)
    assert answer.status_code == 302, answer.context["errors"]
    assert "- [x] Tag the version #priority:high #tags:release #due:2026-05-01" in desk.read("launch.md")
    assert Operation.objects.filter(actor="alice", kind="edit").count() == 1
    assert set(Entry.objects.filter(operation__kind="edit").values_list("field", flat=True)) == {
        *("status", "priority", "tags", "due")
    }


def test_a_task_deleted_in_the_admin_goes_to_the_bin(desk: Workbench, browser: Client) -> None:
    task = desk.task("Publish it")
    browser.post(reverse("admin:plans_task_delete", args=[task.pk]), {"post": "yes"})
    task.refresh_from_db()
    assert task.deleted_at is not None
    assert "Publish it" not in desk.read("launch.md")


def clash(desk: Workbench) -> Conflict:
    """A conflict over the priority of a task."""
    from django.test import override_settings

    with override_settings(PLANNING_SYNC_FOLLOW=False):
        desk.set("Publish it", priority="high")
        desk.edit("launch.md", "Publish it", "Publish it #priority:low")
        desk.sync()
    return Conflict.objects.get()


def test_a_conflict_is_decided_by_an_action_once_its_preview_is_confirmed(
    desk: Workbench, browser: Client
) -> None:
    conflict = clash(desk)
    url = reverse("admin:conflicts_conflict_changelist")
    preview = browser.post(url, {"action": "take_hub", "_selected_action": [str(conflict.pk)]})
    bulk = preview.context["bulk"]
    form = {"act": "take_hub", "ids": str(conflict.pk), "fingerprint": bulk.fingerprint, "confirm": "yes"}
    browser.post(reverse("admin:conflicts_conflict_bulk"), form)
    conflict.refresh_from_db()
    assert (conflict.state, conflict.decided_by) == ("resolved", "alice")
    assert "Publish it #priority:high" in desk.read("launch.md")


def test_who_may_only_look_is_offered_no_decision(desk: Workbench) -> None:
    clash(desk)
    bob = User.objects.create_user("bob", is_staff=True)
    bob.user_permissions.add(Permission.objects.get(codename="view_conflict"))
    client = Client()
    client.force_login(bob)
    page = client.get(reverse("admin:conflicts_conflict_changelist"))
    assert page.status_code == 200
    assert "take_hub" not in page.content.decode()


def test_options_that_a_replica_cannot_have_are_told_beside_the_field(
    desk: Workbench, browser: Client
) -> None:
    url = reverse("admin:sync_replica_change", args=[desk.row.pk])
    page = browser.post(url, {"name": "plans", "enabled": "on", "options": '{"ballots": "perhaps"}'})
    assert "give one of off, auto, on" in page.content.decode()
    browser.post(url, {"name": "plans", "enabled": "on", "options": '{"ballots": "off"}'})
    assert Replica.objects.get().options == {"ballots": "off"}


def test_a_replica_is_synced_by_an_action(desk: Workbench, browser: Client) -> None:
    desk.edit("launch.md", "- [ ] Tag", "- [x] Tag")
    url = reverse("admin:sync_replica_changelist")
    browser.post(url, {"action": "sync_now", "_selected_action": [str(Replica.objects.get().pk)]})
    assert Task.objects.get(text="Tag the version").status == "done"
