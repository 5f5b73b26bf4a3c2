"""The page of what strategies settled by themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.models import Entry
from conflicts.models import Conflict
from conflicts.strategies import STRATEGIES
from planning_sync.dashboard import telling
from planning_sync.sync import undo
from tests.planning_sync.dashboard.people import page, signed_in, text_of, told
from tests.planning_sync.sync.policies import policy_for
from tests.planning_sync.sync.test_undo import FACTS, TAG, last
from tests.planning_sync.sync.workbench import Workbench

PAGE = "/conflicts/automatic/"


@pytest.fixture
def settled(launch: Workbench) -> Workbench:
    """A text that both sides edited was merged, and of two priorities the hub's holds by the policy."""
    policy_for(
        launch.row.pk,
        {"field": "priority", "strategies": "hub_wins", "severity": "high"},
        {"field": "text", "strategies": "auto_merge", "severity": "high"},
    )
    launch.set(FACTS, text="Collect all the facts and the figures for it")
    launch.set(TAG, priority="high")
    launch.edit("launch.md", FACTS, "Collect the facts and the figures for it <today>")
    launch.edit("launch.md", TAG, f"{TAG} #priority:low")
    launch.sync()
    assert Conflict.objects.count() == 0
    return launch


def entry_over(field: str) -> Entry:
    return Entry.objects.get(action="decided", field=field)


def ask(field: str) -> str:
    return f"{PAGE}{entry_over(field).pk}/"


def test_the_page_shows_all_three_values_the_outcome_and_what_it_cost(settled: Workbench) -> None:
    shown = page(signed_in("tess", "reader"), PAGE)
    words = text_of(shown)
    assert "Collect all the facts and the figures for it &lt;today&gt; by merging both edits" in words
    assert "Tag the version and publish the packages priority · Launch" in words
    assert "nothing agreed yet low high high by the rule that the hub holds" in words
    assert "value is dropped; the history keeps it." in words
    assert "Ask me instead" not in words, "a reader only looks"
    assert "<today>" not in shown


def test_a_person_is_asked_instead_and_that_is_undone(settled: Workbench) -> None:
    merged = settled.read("launch.md")
    client = signed_in("olive", "arbiter")
    assert f'action="{ask("text")}"' in page(client, PAGE)
    response = client.post(ask("text"), follow=True)
    conflict = Conflict.objects.get()
    assert response.redirect_chain[-1][0] == f"/conflicts/{conflict.pk}/"
    assert "It waits for a person" in told(response)
    assert (conflict.state, conflict.rule) == ("open", "reopened")
    assert "Collect the facts and the figures for it <today>" in settled.read("launch.md")
    assert "Collect all the facts and the figures for it" in settled.texts("launch.md")
    after = page(client, PAGE)
    assert "taken back" in after
    assert f'action="{ask("text")}"' not in after
    again = client.post(ask("text"), follow=True)
    assert "Nothing was changed." in told(again)
    undo.undo(last("undo"), actor="olive")
    assert settled.read("launch.md") == merged
    assert f'action="{ask("text")}"' in page(client, PAGE)


def test_only_an_arbiter_may_ask(settled: Workbench) -> None:
    for name, role in (("tess", "reader"), ("bob", "editor"), ("sam", "")):
        assert signed_in(name, role).post(ask("text")).status_code == 403
    assert Conflict.objects.count() == 0
    page(signed_in("nora"), PAGE, 403)


def test_what_is_out_of_sight_is_not_there(settled: Workbench, tmp_path: Path) -> None:
    other = Workbench.at(tmp_path / "others")
    client = signed_in("tess", "arbiter", only=other.row)
    assert "No rule has settled anything yet" in page(client, PAGE)
    assert client.post(ask("text")).status_code == 404
    assert "merging both edits" in page(signed_in("olive", "arbiter", only=settled.row), PAGE)


def test_newer_work_on_the_value_is_not_overwritten(settled: Workbench) -> None:
    settled.set("Collect all the facts and the figures for it <today>", text="Collect nothing")
    response = signed_in("olive", "arbiter").post(ask("text"), follow=True)
    assert "newer work depends on it" in told(response)
    assert "Collect nothing" in settled.texts("launch.md")


def test_what_moved_items_about_leads_to_the_whole_sync(settled: Workbench) -> None:
    entry = entry_over("text")
    entry.pk, entry.field, entry.before, entry.after = (
        *(None, "order"),
        {"base": [], "replica": [], "hub": []},
        {"strategy": "auto_merge", "take": "hub", "value": None},
    )
    entry._state.adding = True
    entry.save()
    shown = page(signed_in("olive", "arbiter"), PAGE)
    assert f'href="/operations/{entry.operation_id}/undo/"' in shown
    assert f'action="{ask("order")}"' not in shown


def test_an_entry_of_a_person_is_not_listed(settled: Workbench) -> None:
    client = signed_in("olive", "arbiter")
    other = Entry.objects.exclude(action="decided").first()
    assert other is not None
    assert client.post(f"{PAGE}{other.pk}/").status_code == 404


def test_the_queue_and_the_operation_lead_there_and_back(settled: Workbench) -> None:
    client = signed_in("olive", "arbiter")
    assert f'href="{PAGE}"' in page(client, "/conflicts/")
    words = text_of(page(client, f"/operations/{entry_over('text').operation_id}/"))
    assert "settled without a person, by merging both edits" in words
    assert "2 settled without a person" in words
    assert "decided" not in words


def test_every_strategy_has_its_words() -> None:
    named = {name for name in STRATEGIES if telling.strategy(name) == name}
    assert named == {"manual"}, "which settles nothing"


@pytest.mark.parametrize("amount", [1, 30])
def test_the_page_asks_a_fixed_number_of_queries(
    settled: Workbench, amount: int, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for _ in range(amount):
        entry = (
            entry_over("priority")
            if amount == 1
            else Entry.objects.filter(field="priority", action="decided")[0]
        )
        entry.pk, entry._state.adding = None, True
        entry.save()
    client = signed_in("olive", "arbiter")
    with django_assert_max_num_queries(18):
        page(client, PAGE)
