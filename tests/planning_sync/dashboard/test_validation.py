"""The pages of validation: what was found, where, what it costs, and mending it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from planning_sync.dashboard import validation
from planning_sync.sync import services as sync
from planning_sync.validation import services
from planning_sync.validation.models import Assessment, Score
from tests.planning_sync.dashboard.people import signed_in, told
from tests.planning_sync.sync.workbench import Workbench

POOR = "# Poor\n\n- [ ]Order rope\n- [ ] Rest\n"


@pytest.fixture
def poor(launch: Workbench) -> Workbench:
    launch.write("poor.md", POOR)
    launch.sync()
    services.assess_due()
    return launch


def client_of(*permissions: str) -> Client:
    user = User.objects.create_user("alice")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def test_plans_are_listed_with_their_scores_the_worst_first(poor: Workbench) -> None:
    page = client_of("view_plan").get("/validation/")
    assert page.status_code == 200
    assert page.context["page"].object_list[0].plan.title == "Poor"
    assert "task-box" in page.text


def test_the_rules_have_names_in_the_language_of_the_page(poor: Workbench) -> None:
    page = client_of("view_plan").get("/validation/", headers={"Accept-Language": "fr"})
    assert "une case qui ne fait pas de tâche" in page.text.lower()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("rule=task-box", ["Poor"]),
        ("state=errors", []),
        ("state=fixable&q=poor", ["Poor"]),
        ("state=odd", []),
        ("q=nowhere", []),
    ],
)
def test_the_list_is_filtered(poor: Workbench, query: str, found: list[str]) -> None:
    page = client_of("view_plan").get(f"/validation/?{query}")
    assert [row.plan.title for row in page.context["page"].object_list] == found


def test_before_the_first_look_the_pages_say_so(launch: Workbench) -> None:
    client = client_of("view_plan")
    assert "No plan has been looked at yet" in client.get("/validation/").text
    plan = launch.plan("launch.md")
    assert "has not been looked at yet" in client.get(f"/plans/{plan.pk}/validation/").text


def test_a_plan_shows_what_was_found_where_and_what_it_costs(poor: Workbench) -> None:
    plan = poor.plan("poor.md")
    page = client_of("view_plan").get(f"/plans/{plan.pk}/validation/")
    assert "#L3" in page.text
    assert "Mend" not in page.text, "who may not change plans gets no button"
    row = Assessment.objects.get(plan=plan)
    assert [verdict.points for verdict in page.context["verdicts"]] == [cost["points"] for cost in row.costs]


def test_a_fix_is_shown_before_it_is_made_and_the_way_back_is_offered(poor: Workbench) -> None:
    plan = poor.plan("poor.md")
    client = client_of("view_plan", "change_plan")
    address = f"/plans/{plan.pk}/validation/fix/?rule=task-box&unsafe=1"
    page = client.get(address)
    assert "Order rope" in page.text
    assert poor.read("poor.md") == POOR
    done = client.post(address, {"fingerprint": page.context["fingerprint"]}, follow=True)
    assert poor.read("poor.md") == POOR.replace("[ ]Order", "[ ] Order")
    assert "/undo/" in done.text


def test_a_fix_that_was_looked_at_before_the_plan_changed_is_shown_again(poor: Workbench) -> None:
    plan = poor.plan("poor.md")
    client = client_of("view_plan", "change_plan")
    address = f"/plans/{plan.pk}/validation/fix/?rule=task-box&unsafe=1"
    fingerprint = client.get(address).context["fingerprint"]
    poor.edit("poor.md", "- [ ]Order rope", "- [ ]Order two ropes")
    poor.sync()
    page = client.post(address, {"fingerprint": fingerprint})
    assert page.status_code == 409
    assert "[ ]Order two ropes" in poor.read("poor.md")


def test_where_there_is_nothing_to_mend_it_says_so(poor: Workbench) -> None:
    plan = poor.plan("poor.md")
    page = client_of("view_plan", "change_plan").get(
        f"/plans/{plan.pk}/validation/fix/?rule=line-ends", follow=True
    )
    assert "nothing to mend" in page.text


def test_a_plan_one_may_not_see_is_in_no_list(poor: Workbench) -> None:
    assert Client().get("/validation/").status_code == 302
    assert client_of().get("/validation/").status_code == 403


def test_the_trend_carries_a_score_on_until_the_next_one(poor: Workbench) -> None:
    today = timezone.localdate()
    Score.objects.all().delete()
    now = timezone.now()
    plans = [poor.plan("poor.md"), poor.plan("launch.md")]
    for plan, days, score in ((plans[0], 40, 50), (plans[1], 3, 100), (plans[0], 1, 70)):
        Score.objects.create(plan=plan, at=now - timedelta(days=days), score=score)
    user = User.objects.create_superuser("ada")
    found = {day.date: day.score for day in validation.trend(user, today=today).days}
    assert found[today - timedelta(days=29)] == 50
    assert found[today - timedelta(days=3)] == 75
    assert found[today - timedelta(days=1)] == found[today] == 85


def test_who_is_limited_to_a_replica_sees_no_verdict_on_the_file_of_another(
    poor: Workbench, tmp_path: Path
) -> None:
    """The plan is seen, as it stands in both; it is judged by the file of the first."""
    other = Workbench.at(tmp_path / "other")
    plan = poor.plan("poor.md")
    sync.send_plan(plan, other.row, actor="alice")
    client = signed_in("bob", "editor", only=other.row)
    at = f"/plans/{plan.pk}/validation/"
    assert client.get(f"/plans/{plan.pk}/").status_code == 200
    assert "A box that makes no task" not in client.get(at).text
    assert not client.get("/validation/").context["score"]
    refused = client.get(f"{at}fix/", follow=True)
    assert "no Markdown file" in told(refused)
    assert client.get(f"/api/v1/validate/plan/{plan.pk}").status_code == 409
    assert client.get("/api/v1/validate/plans").json()["results"] == []
    assert "A box that makes no task" in signed_in("carol", "editor", only=poor.row).get(at).text


def test_the_first_page_tells_the_average_and_the_plans_with_errors(poor: Workbench) -> None:
    client = client_of("view_plan")
    assert "on average, no plan with errors" in client.get("/").text
    Assessment.objects.filter(plan__title="Poor").update(errors=2)
    shown = client.get("/").text
    assert "on average, 1 plan with errors" in shown
    assert 'class="stat bad" href="/validation/?state=errors"' in shown
