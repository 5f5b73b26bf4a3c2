"""The table of plans: what an address asks for is what stands there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from conflicts.models import Conflict
from planning_sync.dashboard import listing
from planning_sync.sync.models import Link, Replica
from plans import services
from plans.models import Plan
from tests.planning_sync.dashboard.people import page, signed_in

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


@pytest.fixture
def browser() -> Client:
    return signed_in("olive", "arbiter")


@pytest.fixture
def notes() -> Replica:
    return replica("notes")


def replica(name: str) -> Replica:
    return Replica.objects.create(name=name, kind="markdown", path=f"/srv/{name}", created_at=NOW)


def plan(title: str, *, path: str = "", at: Replica | None = None, **fields: Any) -> Plan:
    made = services.create_plan(title, actor="olive")
    if at is not None:
        revision = fields.pop("seen", made.revision)
        Link.objects.create(
            replica=at, plan=made, path=path or f"{title}.md", seen=b"", synced_at=NOW, revision=revision
        )
    Plan.objects.filter(pk=made.pk).update(**fields)
    return made


def conflict(on: Plan, at: Replica, field: str = "text") -> Conflict:
    return Conflict.objects.create(
        plan=on, replica_id=at.pk, field=field, kind="content_divergence", severity="high",
        opened_at=NOW, changed_at=NOW,
    )  # fmt: skip


def titles(shown: str) -> list[str]:
    return re.findall(r"data-open-row>([^<]+)</a>", shown)


def asked(browser: Client, query: str = "") -> list[str]:
    return titles(page(browser, f"/plans/{query}"))


def test_a_row_has_progress_conflicts_paths_and_times(browser: Client, notes: Replica) -> None:
    made = plan(
        "Ship it",
        path="reader/plan.md",
        at=notes,
        version="1.2",
        progress=Decimal("33.33"),
        task_count=3,
        done_count=1,
    )
    conflict(made, notes)
    shown = page(browser, "/plans/")
    for text in ("33 %", "1/3", "notes: reader/plan.md", ">1.2<", 'datetime="2026-05-04T10:00:00+00:00"'):
        assert text in shown, text
    assert f'href="/conflicts/?plan={made.pk}" aria-label="1 open conflict in Ship it">1</a>' in shown


def test_declared_progress_is_shown_where_it_differs(browser: Client) -> None:
    made = plan("Ship it", progress=Decimal("33.33"), declared_progress=Decimal(80))
    assert "declared 80 %" in page(browser, "/plans/")
    assert asked(browser, "?progress=differs") == ["Ship it"]
    Plan.objects.filter(pk=made.pk).update(declared_progress=Decimal("33.33"))
    assert "declared 33" not in page(browser, "/plans/")
    assert asked(browser, "?progress=differs") == []


def test_a_plan_in_the_bin_is_not_listed(browser: Client) -> None:
    services.delete_plan(plan("Gone"), actor="olive")
    assert asked(browser) == []


def test_every_filter_keeps_what_it_names(browser: Client, notes: Replica) -> None:
    other = replica("other")
    first = plan(
        "First", path="a/b/first.md", at=notes, task_count=2, progress=Decimal(50), status="in_progress"
    )
    plan("Second", path="a/second.md", at=other, task_count=2, done_count=2, progress=Decimal(100), seen=-1)
    third = services.create_plan("Third", actor="olive")
    services.add_task(third, "Call", actor="olive", assignee="Bo Dahl")
    conflict(first, notes)
    Link.objects.filter(plan=first).update(problem="it cannot be read")
    wanted = {
        "?q=first": ["First"],
        "?q=a/b": ["First"],
        f"?replica={notes.pk}": ["First"],
        f"?replica={other.pk}": ["Second"],
        "?replica=nonsense": [],
        "?folder=a": ["First", "Second"],
        "?folder=a/b": ["First"],
        "?status=in_progress": ["First"],
        "?progress=some": ["First"],
        "?progress=all": ["Second"],
        "?progress=none": ["Third"],
        "?progress=nonsense": [],
        "?state=conflicts": ["First"],
        "?state=calm": ["Second", "Third"],
        "?state=behind": ["Second"],
        "?state=problem": ["First"],
        "?state=nonsense": [],
        "?assignee=dahl": ["Third"],
        "?q=first&folder=a&state=calm": [],
        "?q=%00": ["First", "Second", "Third"],
    }
    assert {query: asked(browser, query) for query in wanted} == wanted


def test_folders_are_offered_with_those_around_them(browser: Client, notes: Replica) -> None:
    plan("One", path="a/b/one.md", at=notes)
    plan("Two", path="two.md", at=notes)
    assert re.findall(r"<option>([^<]+)</option>", page(browser, "/plans/")) == ["a", "a/b"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", "ABC"), ("-title", "CBA"), ("progress", "CAB"), ("-progress", "BAC"), ("-tasks", "CBA"),
        ("-conflicts", "BAC"), ("-changed", "BCA"), ("nonsense", "ABC"), ("-pk", "ABC"),
    ],
)  # fmt: skip
def test_the_table_is_sorted_by_what_the_address_says(
    browser: Client, notes: Replica, sort: str, order: str
) -> None:
    for title, progress, tasks, day in (("A", 50, 1, 1), ("B", 90, 2, 3), ("C", 0, 3, 2)):
        plan(title, at=notes, progress=Decimal(progress), task_count=tasks, modified_at=NOW.replace(day=day))
    conflict(Plan.objects.get(title="B"), notes)
    assert "".join(asked(browser, f"?sort={sort}")) == order


def test_a_second_press_on_a_column_turns_it_round(browser: Client) -> None:
    plan("Only")
    assert 'href="?sort=-progress">Progress' in page(browser, "/plans/")
    shown = page(browser, "/plans/?sort=-progress&q=only")
    assert 'aria-sort="descending"><a href="?sort=progress&amp;q=only">Progress' in shown


def test_a_long_list_comes_in_pages_that_keep_the_filters(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PLANS_PER_PAGE", 2)
    for title in ("Plan A", "Plan B", "Plan C"):
        plan(title)
    shown = page(browser, "/plans/?q=plan")
    assert titles(shown) == ["Plan A", "Plan B"]
    assert 'href="?q=plan&amp;page=2"' in shown
    assert asked(browser, "?q=plan&page=2") == ["Plan C"]


def test_the_limited_are_offered_and_shown_their_replicas_alone(notes: Replica) -> None:
    hidden = replica("Zebrafish")
    plan("Seen", path="x/seen.md", at=notes)
    plan("Secret", path="secret/plan.md", at=hidden)
    shown = page(signed_in("tess", "reader", only=notes), "/plans/")
    assert titles(shown) == ["Seen"]
    assert "Zebrafish" not in shown
    assert "secret" not in shown.lower()


def test_with_nothing_there_the_list_says_how_to_begin(browser: Client) -> None:
    shown = page(browser, "/plans/")
    assert "There are no plans yet." in shown
    assert "planning-sync add PATH" in shown
    assert "No plan fits these filters." in page(browser, "/plans/?q=nothing")


def test_the_number_of_queries_does_not_grow(
    browser: Client, notes: Replica, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(20):
        plan(f"Plan {number}", at=notes, modified_at=timezone.now())
    with django_assert_max_num_queries(14):
        page(browser, "/plans/?sort=-conflicts")
