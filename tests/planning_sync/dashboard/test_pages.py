"""The pages, as a browser without JavaScript uses them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from conflicts.models import Conflict
from planning_sync.dashboard import tree, views
from planning_sync.sync.models import Link, Replica
from plans import services
from plans.models import Phase, Plan, Task

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


@pytest.fixture
def owner() -> User:
    return User.objects.create_superuser("olive", password="a long enough password")


@pytest.fixture
def browser(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def stranger() -> Client:
    """Someone with an account and no rights."""
    client = Client()
    client.force_login(User.objects.create_user("sam", password="a long enough password"))
    return client


@pytest.fixture
def plan() -> Plan:
    made = services.create_plan("Ship the reader", actor="olive")
    first = services.add_phase(made, "Groundwork", actor="olive", ref="1")
    task = services.add_task(first, "Read the bytes", actor="olive", ref="1.1", status="done")
    services.add_task(
        task, "Keep <odd> ends & marks", actor="olive", status="blocked", priority="high", tags=["io"]
    )
    services.add_phase(first, "Below it", actor="olive", ref="1.1")
    services.add_task(made, "Before any phase", actor="olive")
    made.refresh_from_db()
    return made


@pytest.fixture
def link(plan: Plan) -> Link:
    replica = Replica.objects.create(
        name="notes", kind="markdown", path="/srv/notes", created_at=NOW, last_sync_at=NOW
    )
    return Link.objects.create(
        replica=replica,
        plan=plan,
        path="reader/plan.md",
        seen=b"",
        synced_at=NOW,
        findings=[{"line": 7, "code": "unrecognised", "message": "a digit in the box"}],
    )


def conflict_on(task: Task, replica_id: uuid.UUID) -> Conflict:
    return Conflict.objects.create(
        plan=task.plan,
        replica_id=replica_id,
        item_kind="task",
        item_key=task.pk.hex,
        item_label=task.text,
        field="text",
        kind=Conflict.Kind.CONTENT,
        severity=Conflict.Severity.MEDIUM,
        base_value="Before",
        replica_value="In the file now",
        hub_value="In the hub now",
        opened_at=NOW,
        changed_at=NOW,
    )


def page(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status
    return response.content.decode()


def address_of(plan: Plan) -> str:
    return reverse("dashboard:plan", args=[plan.pk])


def named(text: str) -> Task:
    return Task.objects.get(text=text)


# -------------------------------------------------------------------------------- the list


def test_the_list_shows_progress_conflicts_last_sync_replica_and_path(
    browser: Client, plan: Plan, link: Link
) -> None:
    conflict_on(named("Before any phase"), link.replica_id)
    shown = page(browser, "/")
    assert "Ship the reader" in shown
    assert "33.3 %" in shown
    assert "1/3" in shown
    assert f'{address_of(plan)}#conflicts">1</a>' in shown
    assert "reader/plan.md" in shown
    assert "/srv/notes" in shown
    assert '<time datetime="2026-05-04T10:00:00+00:00">' in shown


def test_declared_progress_is_shown_where_it_differs(browser: Client, plan: Plan) -> None:
    services.set_fields(plan, {"progress": "80"}, actor="olive")
    assert "declared 80 %" in page(browser, "/")


def test_declared_progress_is_not_repeated_where_it_is_the_same(browser: Client, plan: Plan) -> None:
    Plan.objects.filter(pk=plan.pk).update(declared_progress=Decimal("33.33"))
    assert "declared" not in page(browser, "/")


def test_a_plan_in_the_bin_is_not_listed_and_not_shown(browser: Client, plan: Plan) -> None:
    services.delete_plan(plan, actor="olive")
    assert "Ship the reader" not in page(browser, "/")
    page(browser, address_of(plan), status=404)


def test_the_search_looks_at_titles_and_paths(browser: Client, plan: Plan, link: Link) -> None:
    services.create_plan("Another thing", actor="olive")
    for words in ("the reader", "READER/plan"):
        shown = page(browser, f"/?q={words}")
        assert "Ship the reader" in shown
        assert "Another thing" not in shown
    assert "No plan has that" in page(browser, "/?q=nothing+like+it")


def test_a_long_list_comes_in_pages(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "PLANS_PER_PAGE", 2)
    for title in ("Plan A", "Plan B", "Plan C"):
        services.create_plan(title, actor="olive")
    assert "Plan C" not in page(browser, "/")
    shown = page(browser, "/?page=2")
    assert "Plan C" in shown
    assert "Plan A" not in shown


def test_with_nothing_there_the_list_says_how_to_begin(browser: Client) -> None:
    shown = page(browser, "/")
    assert "There are no plans yet." in shown
    assert "planning-sync add PATH" in shown


# -------------------------------------------------------------------------------- one plan


def test_the_tree_stands_in_document_order_with_its_depths(plan: Plan) -> None:
    shown = [(str(row.item), row.depth) for row in tree.rows(plan, [])]
    assert shown == [
        ("Before any phase", 0),
        ("1 Groundwork", 0),
        ("1.1 Read the bytes", 1),
        ("Keep <odd> ends & marks", 2),
        ("1.1 Below it", 1),
    ]


def test_only_a_phase_with_tasks_below_it_has_progress(plan: Plan) -> None:
    shown = {row.item.title: row.counts for row in tree.rows(plan, []) if isinstance(row.item, Phase)}
    assert shown == {"Groundwork": True, "Below it": False}


def test_text_from_a_file_is_escaped(browser: Client, plan: Plan) -> None:
    shown = page(browser, address_of(plan))
    assert "Keep &lt;odd&gt; ends &amp; marks" in shown
    assert "<odd>" not in shown


def test_the_plan_shows_findings_conflicts_and_fields(browser: Client, plan: Plan, link: Link) -> None:
    conflict_on(named("Before any phase"), link.replica_id)
    shown = page(browser, address_of(plan))
    for text in (
        "line 7:",
        "a digit in the box",
        "In the file now",
        "In the hub now",
        "#io",
        "high",
        "blocked",
    ):
        assert text in shown, text


def test_a_conflict_that_is_over_is_not_shown(browser: Client, plan: Plan, link: Link) -> None:
    conflict = conflict_on(named("Before any phase"), link.replica_id)
    Conflict.objects.filter(pk=conflict.pk).update(state=Conflict.State.CLOSED)
    assert "In the file now" not in page(browser, address_of(plan))


@pytest.mark.parametrize("address", ["/", "plan"])
def test_the_number_of_queries_does_not_grow(
    browser: Client, plan: Plan, link: Link, address: str, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(20):
        services.add_task(plan, f"Task {number}", actor="olive")
        services.create_plan(f"Plan {number}", actor="olive")
    with django_assert_max_num_queries(10):
        page(browser, address_of(plan) if address == "plan" else address)


# -------------------------------------------------------------------------------- ticking


def tick(client: Client, plan: Plan, **fields: str) -> int:
    return client.post(reverse("dashboard:tick", args=[plan.pk]), fields).status_code


def test_ticking_marks_the_task_done_in_the_persons_name(browser: Client, plan: Plan) -> None:
    task = named("Before any phase")
    response = browser.post(reverse("dashboard:tick", args=[plan.pk]), {"done": str(task.pk)})
    assert response.headers["Location"] == f"{address_of(plan)}#i-{task.pk.hex}"
    task.refresh_from_db()
    assert task.status == "done"
    from audit.models import Operation

    assert Operation.objects.latest("started_at").actor == "olive"


def test_unticking_makes_it_to_do_again(browser: Client, plan: Plan) -> None:
    task = named("Read the bytes")
    assert tick(browser, plan, todo=str(task.pk)) == 302
    task.refresh_from_db()
    assert task.status == "todo"


def test_pressing_twice_does_not_undo_the_tick(browser: Client, plan: Plan) -> None:
    task = named("Before any phase")
    tick(browser, plan, done=str(task.pk))
    revision = Plan.objects.get(pk=plan.pk).revision
    tick(browser, plan, done=str(task.pk))
    assert named("Before any phase").status == "done"
    assert Plan.objects.get(pk=plan.pk).revision == revision


def test_the_page_sends_what_the_tick_expects(browser: Client, plan: Plan) -> None:
    shown = page(browser, address_of(plan))
    assert f'name="done" value="{named("Before any phase").pk.hex}"' in shown
    assert f'name="todo" value="{named("Read the bytes").pk.hex}"' in shown


def test_every_status_can_be_chosen_on_the_tasks_own_page(browser: Client, plan: Plan) -> None:
    task = named("Before any phase")
    address = reverse("dashboard:task", args=[plan.pk, task.pk])
    shown = page(browser, address)
    for status in ("todo", "in_progress", "done", "blocked", "cancelled"):
        assert f'name="status" value="{status}"' in shown
        assert browser.post(address, {"status": status}).status_code == 302
        task.refresh_from_db()
        assert task.status == status


def test_a_status_that_does_not_exist_is_refused_with_the_reason(browser: Client, plan: Plan) -> None:
    task = named("Before any phase")
    address = reverse("dashboard:task", args=[plan.pk, task.pk])
    response = browser.post(address, {"status": "maybe"}, follow=True)
    assert "The task was not changed." in response.content.decode()
    task.refresh_from_db()
    assert task.status == "todo"


def test_a_task_of_another_plan_cannot_be_ticked_here(browser: Client, plan: Plan) -> None:
    other = services.create_plan("Other", actor="olive")
    assert tick(browser, other, done=str(named("Before any phase").pk)) == 404


@pytest.mark.parametrize("fields", [{}, {"done": "not-an-id"}])
def test_a_form_without_a_task_is_a_bad_request(browser: Client, plan: Plan, fields: dict[str, str]) -> None:
    assert tick(browser, plan, **fields) == 400


def test_a_tick_without_the_token_is_refused(owner: User, plan: Plan) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert tick(client, plan, done=str(named("Before any phase").pk)) == 403


# -------------------------------------------------------------------------------- who may


def test_every_page_asks_a_visitor_to_sign_in(plan: Plan) -> None:
    task = named("Before any phase")
    for address in ("/", address_of(plan), reverse("dashboard:task", args=[plan.pk, task.pk])):
        response = Client().get(address)
        assert response.status_code == 302
        assert response.headers["Location"] == f"/login/?next={address}"
    assert tick(Client(), plan, done=str(task.pk)) == 302
    assert named("Before any phase").status == "todo"


def test_someone_without_the_right_looks_and_does_not_tick(stranger: Client, plan: Plan) -> None:
    task = named("Before any phase")
    assert 'class="box" name="done"' in page(stranger, address_of(plan))
    assert page(stranger, address_of(plan)).count(" disabled>") == 3
    assert tick(stranger, plan, done=str(task.pk)) == 403
    address = reverse("dashboard:task", args=[plan.pk, task.pk])
    assert 'name="status"' not in page(stranger, address)
    assert stranger.post(address, {"status": "done"}).status_code == 403
    assert named("Before any phase").status == "todo"


def test_the_right_to_change_tasks_is_enough_to_tick(plan: Plan) -> None:
    teammate = User.objects.create_user("tess", password="a long enough password")
    teammate.user_permissions.add(
        Permission.objects.get(content_type__app_label="plans", codename="change_task")
    )
    client = Client()
    client.force_login(teammate)
    assert tick(client, plan, done=str(named("Before any phase").pk)) == 302
    assert named("Before any phase").status == "done"


def test_signing_in_leads_to_the_page_that_was_asked_for(owner: User, plan: Plan) -> None:
    client = Client()
    credentials = {"username": "olive", "password": "a long enough password", "next": address_of(plan)}
    response = client.post("/login/", credentials)
    assert response.headers["Location"] == address_of(plan)
    assert client.post("/logout/").headers["Location"] == "/login/"


def test_a_wrong_password_is_said_to_be_wrong(owner: User) -> None:
    shown = Client().post("/login/", {"username": "olive", "password": "wrong"}).content.decode()
    assert "do not fit together" in shown


def test_the_pages_speak_french_to_those_who_ask(browser: Client, plan: Plan) -> None:
    shown = browser.get("/", headers={"accept-language": "fr"}).content.decode()
    assert '<html lang="fr">' in shown
    assert "Conflits ouverts" in shown
    assert "33,3 %" in shown


def test_the_language_can_be_chosen(browser: Client) -> None:
    browser.post("/language/setlang/", {"language": "fr", "next": "/"})
    assert '<html lang="fr">' in page(browser, "/")


def test_phases_have_headings_by_depth(browser: Client, plan: Plan) -> None:
    shown = page(browser, address_of(plan))
    for phase, level in (("Groundwork", "h2"), ("Below it", "h3")):
        found = Phase.objects.get(title=phase)
        assert f'id="i-{found.pk.hex}"' in shown
        assert f"{phase}</{level}>" in shown


def test_pages_say_that_nothing_from_within_them_may_run(browser: Client) -> None:
    for path in ("/login/", "/", "/admin/"):
        policy = browser.get(path, follow=True).headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
