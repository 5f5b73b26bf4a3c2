"""The first page: its numbers, what each leads to, and who sees what."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.utils import timezone

from audit import services as audit
from audit.models import Operation
from planning_sync.dashboard import overview, standing
from planning_sync.dashboard.figures import Figure
from planning_sync.sync.models import Link, Replica
from plans import services
from plans.models import Plan
from tests.planning_sync.dashboard.people import page, signed_in, text_of
from tests.planning_sync.roles.people import clash
from tests.planning_sync.sync.test_undo import TAG
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.django_db


def figure(shown: str, words: str) -> tuple[str, str]:
    """The number that stands beside those words, and where it leads."""
    for address, number, label in re.findall(
        r'<a class="stat[^"]*" href="([^"]+)"><span class="number-big">([^<]+)</span>'
        r'<span class="label">([^<]+)',
        shown,
    ):
        if words in label:
            return number, address.replace("&amp;", "&")
    raise AssertionError(f"no figure says {words!r}")


def rows_at(client: Any, address: str) -> int:
    return page(client, address).count("data-open-row")


def test_every_number_leads_to_as_many_rows(launch: Workbench) -> None:
    launch.write("Other.md", "# Other\n\n- [ ] One\n- [ ] Other other\n")
    launch.sync()
    clash(launch, "Other")
    launch.write("third.md", "# Third\n\n- [ ] Three\n")
    launch.sync()
    services.set_fields(launch.task("Three"), {"status": "done"}, actor="alice")
    client = signed_in("olive", "arbiter")
    shown = page(client, "/")
    for words, number in (("plans", 3), ("on their way", 1), ("conflict waits", 1)):
        found, address = figure(shown, words)
        assert (found, rows_at(client, address)) == (str(number), number), words
    assert figure(shown, "consistent")[0] == "33.3 %"
    (severity,) = re.findall(r'href="([^"]+)" class="(?:low|medium|high|critical)"><b>1</b>', shown)
    assert rows_at(client, severity) == 1


def test_a_plan_is_behind_until_its_replica_has_been_told(launch: Workbench) -> None:
    olive = signed_in("olive", "reader")
    person = User.objects.get(username="olive")
    assert standing.drifts(person) == {}
    assert standing.consistency(person) == (1, 1)
    services.set_fields(launch.task(TAG), {"status": "done"}, actor="alice")
    drift = standing.drifts(person)[launch.row.pk]
    assert drift.plans == 1
    assert drift.since == Plan.objects.get().modified_at
    assert standing.consistency(person).percent == 0
    assert "1 plan behind" in text_of(page(olive, "/"))
    launch.sync()
    assert standing.drifts(person) == {}
    assert "in step" in text_of(page(olive, "/"))


def test_what_is_unlinked_or_gone_is_not_behind(launch: Workbench) -> None:
    services.set_fields(launch.task(TAG), {"status": "done"}, actor="alice")
    assert standing.behind(AnonymousUser()).count() == 1
    Link.objects.update(released_at=timezone.now())
    assert standing.behind(AnonymousUser()).count() == 0
    assert standing.consistency(AnonymousUser()).percent is None


def test_running_syncs_show_how_far_they_are(launch: Workbench) -> None:
    operation = audit.begin(Operation.Kind.SYNC, actor="schedule", replica_id=launch.row.pk)
    Operation.objects.filter(pk=operation.pk).update(summary={"progress": {"done": 3, "total": 12}})
    client = signed_in("olive", "reader")
    for address in ("/", "/operations/"):
        shown = page(client, address)
        assert f'<progress data-operation="{operation.pk}" max="12" value="3"' in shown, address
    audit.finish(operation, Operation.Status.DONE)
    assert "data-operation" not in page(client, "/")


def test_the_activity_tells_what_was_done_and_by_whom(launch: Workbench) -> None:
    services.set_fields(launch.task(TAG), {"status": "done"}, actor="alice")
    shown = text_of(page(signed_in("olive", "reader"), "/"))
    assert "status: to do → done" in shown
    assert "alice just now" in shown


def test_somebody_without_a_role_sees_the_plans_and_nothing_else(launch: Workbench) -> None:
    shown = text_of(page(signed_in("sam"), "/"))
    assert "Plans changed last" in shown
    for title in ("Activity", "Replicas", "Open conflicts", "Syncs that changed"):
        assert title not in shown, title


def test_the_limited_count_what_they_see(launch: Workbench, tmp_path: Any) -> None:
    hidden = Workbench.at(tmp_path / "hidden")
    hidden.write("secret.md", "# Secret\n\n- [x] Hidden\n")
    hidden.sync()
    shown = page(signed_in("tess", "arbiter", only=launch.row), "/")
    assert figure(shown, "plan")[0] == "1"
    assert "Secret" not in shown
    assert "hidden" not in text_of(shown)


def test_other_parts_add_their_figures(launch: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Figure("87", "points of 100", "/plans/?sort=title")
    monkeypatch.setattr(overview, "FIGURES", (lambda user: told, lambda user: None))
    assert figure(page(signed_in("olive", "reader"), "/"), "points") == ("87", "/plans/?sort=title")


def test_an_empty_hub_says_how_to_begin() -> None:
    shown = text_of(page(signed_in("olive", "operator"), "/"))
    assert "There are no plans yet." in shown
    assert "planning-sync add PATH" in shown


def test_what_follows_live_is_there_before_the_first_plan(tmp_path: Path) -> None:
    """A region that the page lacks is not put in by a script."""
    client = signed_in("olive", "arbiter")
    regions = re.compile(r'id="([\w-]+)" data-region')
    before = regions.findall(page(client, "/"))
    desk = Workbench.at(tmp_path / "plans")
    desk.write("shed.md", "# Shed\n\n- [x] Roof\n")
    desk.sync()
    shown = page(client, "/")
    assert "Plans changed last" in shown
    assert regions.findall(shown) == before


def test_a_replica_that_is_away_is_told(launch: Workbench) -> None:
    Replica.objects.update(lost_at=timezone.now(), last_problem="The folder is not there.")
    shown = text_of(page(signed_in("olive", "reader"), "/"))
    assert "away since just now" in shown
    assert "The folder is not there." in shown


def test_the_number_of_queries_does_not_grow(
    launch: Workbench, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    client = signed_in("olive", "arbiter")
    page(client, "/")
    for number in range(15):
        services.set_fields(launch.task(TAG), {"due": f"2026-05-{number + 1:02}"}, actor="alice")
        services.create_plan(f"Plan {number}", actor="alice")
    with django_assert_max_num_queries(34):
        page(client, "/")
