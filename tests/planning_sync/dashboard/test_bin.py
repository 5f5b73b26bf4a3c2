"""The pages of the bin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from planning_sync.dashboard import bin as pages
from planning_sync.sync import undo
from plans import services as plans
from plans.models import Plan, Task
from tests.planning_sync.dashboard.people import page, signed_in, text_of, told
from tests.planning_sync.sync.test_undo import FACTS, LAUNCH, WRITE, last, state_of
from tests.planning_sync.sync.workbench import Workbench

BIN = "/bin/"


def restore_of(pk: UUID) -> str:
    return f"{BIN}{pk}/"


def test_the_bin_says_what_by_whom_and_where_it_goes_back_to(launch: Workbench) -> None:
    plans.delete(launch.task(WRITE), actor="bob")
    launch.write("other.md", "# Other\n\n- [ ] One\n")
    launch.sync()
    plans.delete_plan(launch.plan("other.md"), actor="alice")
    words = text_of(page(signed_in("tess", "reader"), BIN))
    assert "Other plan, with 1 item below it plans: other.md" in words
    assert "task, with 1 item below it Launch › 1 Preparation" in words
    assert "bob 30 days" in words
    assert "Restore Look first" not in words, "a reader only looks"
    assert words.index("Other") < words.index(WRITE), "the latest first"


def test_one_click_brings_a_task_back_and_says_where_to(launch: Workbench) -> None:
    before = state_of(launch)
    task = launch.task(WRITE)
    plans.delete(task, actor="alice")
    launch.sync()
    after = state_of(launch)
    client = signed_in("olive", "editor")
    shown = page(client, BIN)
    assert f'action="{restore_of(task.pk)}"' in shown
    response = client.post(restore_of(task.pk), follow=True)
    assert f"“1.1 {WRITE}” is back in Launch, below “1 Preparation”." in told(response)
    assert state_of(launch) == before
    assert f'href="/operations/{last("restore")}/undo/"' in response.content.decode()
    undo.undo(last("restore"), actor="olive")
    assert state_of(launch) == after


def test_a_plan_comes_back_with_its_file(launch: Workbench) -> None:
    plan = launch.plan("launch.md")
    plans.delete_plan(plan, actor="alice")
    launch.sync()
    assert not (launch.folder / "launch.md").exists()
    response = signed_in("olive", "editor").post(restore_of(plan.pk), follow=True)
    assert "“Launch” is back." in told(response)
    assert launch.read("launch.md") == LAUNCH


def test_what_it_brings_back_can_be_looked_at_first(launch: Workbench) -> None:
    task = launch.task(FACTS)
    plans.delete(task, actor="alice")
    launch.sync()
    words = text_of(page(signed_in("olive", "editor"), restore_of(task.pk)))
    assert f"task added {FACTS}" in words
    assert f"11+added: - [ ] {FACTS}" in words
    assert Task.objects.get(pk=task.pk).deleted_at is not None


def test_below_something_that_is_gone_too_it_goes_to_the_next_one_above(launch: Workbench) -> None:
    facts, write = launch.task(FACTS), launch.task(WRITE)
    plans.delete(facts, actor="alice")
    plans.delete(write, actor="alice")
    client = signed_in("olive", "editor")
    places = {row.found.text: row.place for row in client.get(BIN).context["rows"]}
    assert places == {FACTS: "1 Preparation", f"1.1 {WRITE}": "1 Preparation"}
    response = client.post(restore_of(facts.pk), follow=True)
    assert "is back in Launch, below “1 Preparation”." in told(response)


def test_what_is_not_in_the_bin_is_not_restored(launch: Workbench) -> None:
    client = signed_in("olive", "editor")
    response = client.post(restore_of(launch.task(WRITE).pk), follow=True)
    assert "it is not in the bin" in told(response)
    assert client.post(restore_of(UUID(int=1))).status_code == 404


@pytest.mark.parametrize("permissions", [[], ["change_plan"], ["add_task"]])
def test_bringing_back_takes_the_permissions_to_change_and_to_add(
    launch: Workbench, permissions: list[str]
) -> None:
    task = launch.task(WRITE)
    plans.delete(task, actor="alice")
    client = signed_in("tess", "reader")
    person = User.objects.get(username="tess")
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    assert '<form method="post" action="/bin/' not in page(client, BIN)
    assert client.post(restore_of(task.pk)).status_code == 403
    assert Task.objects.get(pk=task.pk).deleted_at is not None


def test_who_may_see_no_plans_sees_no_bin(launch: Workbench, tmp_path: Path) -> None:
    plan = launch.plan("launch.md")
    task = launch.task(FACTS)
    plans.delete(task, actor="alice")
    page(signed_in("sam"), BIN, 403)
    other = Workbench.at(tmp_path / "others")
    limited = signed_in("tess", "editor", only=other.row)
    assert "The bin is empty." in page(limited, BIN)
    assert limited.post(restore_of(task.pk)).status_code == 404
    plans.delete_plan(plan, actor="alice")
    assert "The bin is empty." in page(limited, BIN)
    assert limited.post(restore_of(plan.pk)).status_code == 404
    assert Plan.objects.get(pk=plan.pk).deleted_at is not None


def test_a_plan_whose_file_is_unlinked_stays(launch: Workbench) -> None:
    launch.write("other.md", "# Other\n\n- [ ] One\n")
    launch.sync()
    undo.undo(last("sync"), actor="alice")
    assert "stays: its file is unlinked" in page(signed_in("tess", "reader"), BIN)


NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("passed", "left"),
    [(timedelta(), 30), (timedelta(hours=1), 30), (timedelta(days=29, hours=23), 1), (timedelta(days=40), 0)],
)
def test_begun_days_count(passed: timedelta, left: int) -> None:
    assert pages.days_left(NOON - passed, NOON) == left


def test_the_bin_asks_a_fixed_number_of_queries(
    launch: Workbench, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(30):
        plan = plans.create_plan(f"Plan {number}", actor="alice")
        plans.delete(plans.add_task(plan, "One", actor="alice"), actor="alice")
    client = signed_in("olive", "editor")
    Task.objects.filter(text="One").update(deleted_at=timezone.now() - timedelta(days=3))
    with django_assert_max_num_queries(22):
        page(client, BIN)
