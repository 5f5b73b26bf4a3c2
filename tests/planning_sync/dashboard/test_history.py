"""The pages of a plan's history and of a task's, and getting either back as it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import Operation, Snapshot
from plans import services as plans
from plans.models import Task
from tests.planning_sync.dashboard.people import field_in, page, signed_in, text_of, told
from tests.planning_sync.sync.test_undo import FACTS, TAG, WRITE, last, state_of
from tests.planning_sync.sync.workbench import Workbench


def history_of(desk: Workbench, rest: str = "") -> str:
    return f"/plans/{desk.plan('launch.md').pk}/history/{rest}"


def task_page(desk: Workbench, text: str, rest: str) -> str:
    task = Task.objects.get(text=text)
    return f"/plans/{task.plan_id}/tasks/{task.pk}/{rest}"


def press_restore(client: Client, address: str) -> Any:
    return client.post(address, {"fingerprint": field_in(page(client, address), "fingerprint")}, follow=True)


def versions(desk: Workbench) -> tuple[UUID, UUID, UUID]:
    """The import, an edit of the file, an edit of the hub that the file follows."""
    first = last("sync")
    desk.edit("launch.md", "Collect the facts", "Collect all facts")
    desk.sync()
    second = last("sync")
    desk.set(TAG, status="done")
    third = last("edit")
    desk.sync()
    return first, second, third


# ------------------------------------------------------------------------------------- the versions


def test_the_versions_stand_newest_first_with_who_and_what(launch: Workbench) -> None:
    versions(launch)
    shown = page(signed_in("tess", "reader"), history_of(launch))
    words = text_of(shown)
    assert "4 versions" in words
    order = ["1 file written", "status: to do → done", "Collect all facts", "plan added: Launch"]
    found = [words.find(each) for each in order]
    assert found == sorted(found)
    assert -1 not in found
    assert "Restore" not in words, "a reader only looks"


def test_one_version_is_told_on_tasks_and_on_lines(launch: Workbench) -> None:
    _, second, third = versions(launch)
    client = signed_in("tess", "reader")
    shown = page(client, history_of(launch, f"difference/?operation={second}"))
    assert "<ins>all</ins>" in shown
    words = text_of(shown)
    assert "11−removed: - [ ] Collect the facts" in words
    assert "11+added: - [ ] Collect all facts" in words
    edit = text_of(page(client, history_of(launch, f"difference/?operation={third}")))
    assert "status to do → done" in edit
    assert "No line changed." in edit


@pytest.mark.parametrize("turned", [False, True])
def test_two_versions_are_compared_whichever_is_named_first(launch: Workbench, turned: bool) -> None:
    first, _, _ = versions(launch)
    names = ("operation", "since") if turned else ("since", "operation")
    query = urlencode(dict(zip(names, (first, last("sync")), strict=True)))
    words = text_of(page(signed_in("tess", "reader"), history_of(launch, f"difference/?{query}")))
    assert "Collect all facts" in words
    assert "+added: - [x] Tag the version" in words
    assert "status to do → done" in words


def test_a_content_that_is_gone_is_said_to_be(launch: Workbench) -> None:
    _, second, _ = versions(launch)
    Snapshot.objects.all()._raw_delete("default")
    words = text_of(page(signed_in("tess", "reader"), history_of(launch, f"difference/?operation={second}")))
    assert "is not kept any more" in words
    assert "Collect" in words


@pytest.mark.parametrize("query", ["", "operation=nonsense", "operation=&since=1"])
def test_an_address_of_nonsense_is_a_bad_request(launch: Workbench, query: str) -> None:
    page(signed_in("tess", "reader"), history_of(launch, f"difference/?{query}"), 400)


def test_an_operation_on_another_plan_has_no_difference_here(launch: Workbench) -> None:
    plans.create_plan("Another", actor="alice")
    client = signed_in("tess", "reader")
    other = Operation.objects.filter(kind="edit").latest("started_at").pk
    response = client.get(history_of(launch, f"difference/?operation={other}"), follow=True)
    assert "did nothing to this plan" in told(response)


@pytest.mark.parametrize("amount", [3, 40])
def test_the_history_asks_a_fixed_number_of_queries(
    launch: Workbench, amount: int, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(amount):
        launch.set(TAG, priority=("low", "high")[number % 2])
    client = signed_in("tess", "reader")
    with django_assert_max_num_queries(24):
        page(client, history_of(launch))
    with django_assert_max_num_queries(18):
        page(client, task_page(launch, TAG, "history/"))


# ------------------------------------------------------------------------------------- restoring


def test_a_plan_is_restored_after_a_preview_and_that_is_undone(launch: Workbench) -> None:
    before = state_of(launch)
    first, _, _ = versions(launch)
    after = state_of(launch)
    client = signed_in("olive", "editor")
    address = history_of(launch, f"restore/?operation={first}")
    words = text_of(page(client, address))
    assert "Restore “Launch” as it was on" in words
    assert "right after the sync by alice" in words
    assert f"task changed {TAG} status done → to do" in words
    assert "gets back the exact content" in words
    assert state_of(launch) == after
    response = press_restore(client, address)
    assert "Restored: “Launch” is as it was." in told(response)
    assert state_of(launch) == before
    assert f'href="/operations/{last("restore")}/undo/"' in response.content.decode()
    again = f"/operations/{last('restore')}/undo/"
    client.post(again, {"fingerprint": field_in(page(client, again), "fingerprint")})
    assert state_of(launch) == after


def test_a_plan_is_restored_as_of_a_time(launch: Workbench) -> None:
    before = state_of(launch)
    moment = timezone.localtime().isoformat()
    versions(launch)
    client = signed_in("olive", "editor")
    press_restore(client, history_of(launch, "restore/?" + urlencode({"at": moment})))
    assert state_of(launch) == before


@pytest.mark.parametrize("at", ["", "yesterday", "2026-13-40T00:00", "2026-99"])
def test_a_time_that_is_none_is_a_bad_request(launch: Workbench, at: str) -> None:
    page(signed_in("olive", "editor"), history_of(launch, f"restore/?at={at}"), 400)


def test_a_time_before_the_plan_is_refused_in_words(launch: Workbench) -> None:
    long_ago = (timezone.now() - timedelta(days=900)).isoformat()
    client = signed_in("olive", "editor")
    response = client.get(history_of(launch, "restore/?" + urlencode({"at": long_ago})), follow=True)
    assert "Nothing was changed." in told(response)


def test_what_is_as_it_was_has_no_button(launch: Workbench) -> None:
    shown = page(signed_in("olive", "editor"), history_of(launch, f"restore/?operation={last('sync')}"))
    assert "there is nothing to restore" in shown
    assert 'name="confirm"' not in shown


def test_a_restore_that_was_looked_at_too_long_ago_is_shown_again(launch: Workbench) -> None:
    first, _, _ = versions(launch)
    client = signed_in("olive", "editor")
    address = history_of(launch, f"restore/?operation={first}")
    fingerprint = field_in(page(client, address), "fingerprint")
    launch.set(FACTS.replace("the facts", "all facts"), status="done")
    before = state_of(launch)
    response = client.post(address, {"fingerprint": fingerprint})
    assert response.status_code == 409
    assert "The plan changed while you looked." in response.content.decode()
    assert client.post(address, {}).status_code == 409
    assert state_of(launch) == before


def test_a_reader_restores_nothing(launch: Workbench) -> None:
    first, _, _ = versions(launch)
    before = state_of(launch)
    client = signed_in("tess", "reader")
    address = history_of(launch, f"restore/?operation={first}")
    shown = page(client, address)
    assert 'name="confirm"' not in shown
    assert client.post(address, {"fingerprint": field_in(shown, "fingerprint")}).status_code == 403
    assert state_of(launch) == before


def test_a_plan_in_the_bin_has_its_history_and_comes_back_as_it_was(launch: Workbench) -> None:
    first, _, _ = versions(launch)
    plans.delete_plan(launch.plan("launch.md"), actor="alice")
    launch.sync()
    client = signed_in("olive", "editor")
    assert "6 versions" in text_of(page(client, history_of(launch)))
    response = press_restore(client, history_of(launch, f"restore/?operation={first}"))
    assert "is as it was" in told(response)
    assert "Collect the facts" in launch.read("launch.md")
    assert "- [ ] Tag the version" in launch.read("launch.md")


# ------------------------------------------------------------------------------------- one task


def test_a_task_tells_its_history_and_is_restored_alone(launch: Workbench) -> None:
    launch.set(TAG, status="done", text="Tag nothing")
    edit = last("edit")
    launch.sync()
    launch.set(FACTS, status="done")
    launch.set("Tag nothing", text="Tag something", status="blocked")
    launch.sync()
    client = signed_in("olive", "editor")
    shown = page(client, task_page(launch, "Tag something", "history/"))
    words = text_of(shown)
    assert "<del>nothing</del><ins>something</ins>" in shown
    assert words.index("something") < words.index("status to do → done")
    address = task_page(launch, "Tag something", f"restore/?operation={edit}")
    assert address.partition("/tasks")[2].replace("&", "&amp;") in shown
    response = press_restore(client, address)
    assert "Restored: “Tag something” is as it was." in told(response)
    assert "- [x] Tag nothing" in launch.read("launch.md")
    assert launch.task(FACTS).status == "done", "the rest stays"


def test_a_task_that_is_gone_comes_back_from_its_history(launch: Workbench) -> None:
    before = state_of(launch)
    first = last("sync")
    plans.delete(launch.task(WRITE), actor="alice")
    launch.sync()
    client = signed_in("olive", "editor")
    assert "It is in the bin." in page(client, task_page(launch, WRITE, "history/"))
    press_restore(client, task_page(launch, WRITE, f"restore/?operation={first}"))
    assert state_of(launch) == before


# ------------------------------------------------------------------------------------- who, and links


def test_the_plan_and_the_task_lead_to_their_history(launch: Workbench) -> None:
    client = signed_in("tess", "reader")
    plan = launch.plan("launch.md")
    assert f'href="{history_of(launch)}"' in page(client, f"/plans/{plan.pk}/")
    assert task_page(launch, TAG, "history/") in page(client, task_page(launch, TAG, ""))
    stranger = signed_in("sam")
    assert "history/" not in page(stranger, f"/plans/{plan.pk}/")
    for address in (history_of(launch), task_page(launch, TAG, "history/")):
        page(stranger, address, 403)


def test_what_is_out_of_sight_has_no_history(launch: Workbench, tmp_path: Path) -> None:
    other = Workbench.at(tmp_path / "others")
    first = last("sync")
    client = signed_in("tess", "editor", only=other.row)
    for rest in ("", f"difference/?operation={first}", f"restore/?operation={first}"):
        page(client, history_of(launch, rest), 404)
    for rest in ("history/", f"restore/?operation={first}"):
        page(client, task_page(launch, TAG, rest), 404)


def test_every_control_of_the_list_has_a_name(launch: Workbench) -> None:
    versions(launch)
    shown = page(signed_in("olive", "editor"), history_of(launch))
    for control in re.findall(r"<input type=\"radio\"[^>]*>", shown):
        assert "aria-label=" in control
