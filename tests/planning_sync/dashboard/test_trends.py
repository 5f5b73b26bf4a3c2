"""Progress and syncs from day to day, and the triggers that keep the former."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from audit.models import Operation
from planning_sync.dashboard import trends, triggers
from planning_sync.dashboard.models import ProgressDay
from plans import services
from plans.models import Plan

pytestmark = pytest.mark.django_db

TODAY = date(2026, 5, 10)


@pytest.fixture
def olive() -> User:
    return User.objects.create_superuser("olive")


def counted() -> tuple[int, int]:
    found = ProgressDay.objects.aggregate(tasks=Sum("tasks"), done=Sum("done"))
    return found["tasks"] or 0, found["done"] or 0


def move_back(days: int) -> None:
    """Have all that was done so far have been done earlier."""
    for row in ProgressDay.objects.order_by("date"):
        ProgressDay.objects.filter(pk=row.pk).update(date=TODAY - timedelta(days=days))


def test_days_add_up_to_what_there_is_whatever_is_done() -> None:
    plan = services.create_plan("Launch", actor="olive")
    tasks = [services.add_task(plan, f"Task {number}", actor="olive") for number in range(4)]
    assert counted() == (4, 0)
    services.set_fields(tasks[0], {"status": "done"}, actor="olive")
    services.set_fields(tasks[1], {"status": "done"}, actor="olive")
    assert counted() == (4, 2)
    services.delete(tasks[0], actor="olive")
    assert counted() == (3, 1)
    services.set_fields(tasks[1], {"status": "todo"}, actor="olive")
    assert counted() == (3, 0)
    services.delete_plan(Plan.objects.get(pk=plan.pk), actor="olive")
    assert counted() == (0, 0)
    services.restore_plan(Plan.objects.get(pk=plan.pk), actor="olive")
    assert counted() == (3, 0)
    assert ProgressDay.objects.get().date == timezone.now().astimezone(UTC).date()


def test_progress_is_told_for_the_end_of_each_day(olive: User) -> None:
    plan = services.create_plan("Launch", actor="olive")
    first, second = (services.add_task(plan, text, actor="olive") for text in ("One", "Two"))
    move_back(3)
    services.set_fields(first, {"status": "done"}, actor="olive")
    ProgressDay.objects.filter(date__gt=TODAY).update(date=TODAY - timedelta(days=1))
    services.set_fields(second, {"status": "done"}, actor="olive")
    ProgressDay.objects.filter(date__gt=TODAY).update(date=TODAY)
    found = trends.progress(olive, today=TODAY, days=30)
    assert [day.percent for day in found] == [0, 0, 50, 100]
    assert [day.date for day in found] == [TODAY - timedelta(days=back) for back in (3, 2, 1, 0)]


def test_only_the_days_that_were_asked_for_are_told(olive: User) -> None:
    plan = services.create_plan("Launch", actor="olive")
    services.add_task(plan, "One", actor="olive", status="done")
    move_back(50)
    found = trends.progress(olive, today=TODAY, days=7)
    assert len(found) == 7
    assert {day.percent for day in found} == {100}


def test_where_nothing_is_known_nothing_is_told(olive: User) -> None:
    assert trends.progress(olive, today=TODAY, days=7) == []


def test_a_trigger_that_is_missing_is_made_anew() -> None:
    on = " ON plans_plan" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for event in ("insert", "update"):
            cursor.execute(f"DROP TRIGGER progress_day_{event}{on}")
    plan = services.create_plan("Unseen", actor="olive")
    services.add_task(plan, "One", actor="olive")
    assert counted() == (0, 0)
    triggers.install(using="default")
    services.add_task(plan, "Two", actor="olive")
    assert counted() == (1, 0)


def sync_of(day: date, status: str, **more: Any) -> Operation:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return Operation.objects.create(
        kind=more.pop("kind", "sync"), actor="schedule", status=status, started_at=at, finished_at=at, **more
    )


def test_syncs_are_counted_by_day_and_end(olive: User) -> None:
    cache.clear()
    yesterday = TODAY - timedelta(days=1)
    for day, status in ((yesterday, "done"), (yesterday, "failed"), (TODAY, "conflicts"), (TODAY, "done")):
        sync_of(day, status)
    sync_of(TODAY, "done", kind="edit")
    sync_of(TODAY - timedelta(days=40), "done")
    found = trends.volume(olive, today=TODAY, days=3)
    assert [day[1:] for day in found] == [(0, 0, 0), (1, 0, 1), (1, 1, 0)]
    assert [day.total for day in found] == [0, 2, 2]
    sync_of(TODAY, "refused")
    assert trends.volume(olive, today=TODAY, days=3)[-1][1:] == (1, 1, 1)
    cache.clear()
