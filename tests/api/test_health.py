"""Whether the product says how it fares, and to whom."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from conflicts.models import Conflict
from planning_sync import health
from planning_sync.sync.models import Link, Replica
from planning_sync.sync.tasks import ensure_schedule
from tests.api.programs import Program, person
from tests.planning_sync.sync.workbench import Workbench


def told(path: str = "/health", user: User | None = None, status: int = 200) -> dict[str, Any]:
    browser = Client()
    if user is not None:
        browser.force_login(user)
    answer = browser.get(path)
    assert answer.status_code == status
    found: dict[str, Any] = json.loads(answer.content)
    return found


@pytest.fixture
def rhea(desk: Workbench) -> User:
    return person("rhea", "reader")


def test_each_service_and_each_replica_is_told_to_who_may_see_replicas(desk: Workbench, rhea: User) -> None:
    found = told(user=rhea)
    assert found["status"] == "ok"
    assert {name: each["status"] for name, each in found["services"].items()} == {
        "database": "ok",
        "queue": "ok",
        "git": "ok",
        "index": "not_installed",
    }
    assert found["replicas"]["plans"]["status"] == "ok"


def test_strangers_are_told_no_names_and_no_reasons(desk: Workbench) -> None:
    desk.folder.rename(desk.folder.with_name("away"))
    found = told()
    assert found["status"] == "degraded"
    assert found["services"]["replicas"] == {"status": "degraded"}
    assert str(desk.folder) not in json.dumps(found)
    assert "plans" not in json.dumps(found["services"])


def test_a_replica_that_is_away_is_degraded_and_not_down(desk: Workbench, rhea: User) -> None:
    desk.folder.rename(desk.folder.with_name("away"))
    found = told(user=rhea)
    assert (found["status"], found["replicas"]["plans"]["status"]) == ("degraded", "degraded")
    assert "cannot be opened" in found["replicas"]["plans"]["problem"]
    assert told("/health/ready")["status"] == "ok"


def test_a_service_is_not_asked_and_what_was_found_last_is_told(desk: Workbench, rhea: User) -> None:
    now = timezone.now()
    Replica.objects.create(
        name="far",
        kind="roadmap",
        path="https://plans.invalid",
        created_at=now,
        last_status="offline",
        last_problem="answered 503",
        lost_at=now,
        retry_at=now,
    )
    found = told(user=rhea)["replicas"]["far"]
    assert (found["status"], found["problem"]) == ("degraded", "answered 503")
    assert found["lost_at"] == now.isoformat()
    Replica.objects.filter(name="far").update(last_status="in_step", lost_at=None, retry_at=None)
    assert told(user=rhea)["replicas"]["far"]["status"] == "ok"


def test_a_plan_that_fails_degrades_its_replica(desk: Workbench, rhea: User) -> None:
    Link.objects.update(problem="not text")
    assert told(user=rhea)["replicas"]["plans"]["status"] == "degraded"


def test_tasks_that_nobody_takes_degrade_the_queue(desk: Workbench, rhea: User) -> None:
    OrmQ.objects.create(key="planning-sync", payload="", lock=timezone.now() - timedelta(minutes=3))
    assert "start a worker" in told(user=rhea)["services"]["queue"]["problem"]
    OrmQ.objects.update(lock=timezone.now() + timedelta(minutes=3))  # taken
    assert told(user=rhea)["services"]["queue"] == {"status": "ok", "length": 1}


def test_a_schedule_that_is_overdue_degrades_the_queue(desk: Workbench, rhea: User) -> None:
    ensure_schedule(5)
    assert told(user=rhea)["services"]["queue"]["status"] == "ok"
    Schedule.objects.update(next_run=timezone.now() - timedelta(minutes=3))
    assert told(user=rhea)["services"]["queue"]["status"] == "degraded"


def test_without_git_it_is_degraded(desk: Workbench, rhea: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert told(user=rhea)["services"]["git"]["status"] == "degraded"


def test_without_its_database_it_lives_and_is_not_ready(
    desk: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise DatabaseError("a secret detail")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", refuse)
        assert told("/health/live") == {"status": "ok"}
        assert told("/health/ready", status=503)["status"] == "down"
        assert "secret" not in json.dumps(told("/health", status=503))


def test_before_its_migrations_it_is_not_ready(desk: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_unmigrated", lambda: True)
    assert "migrate" in told("/health/ready", status=503)["database"]["problem"]


def metrics(program: Program, status: int = 200) -> str:
    answer = program("GET", "/metrics")
    assert answer.status_code == status
    return answer.content.decode()


def test_metrics_tell_of_conflicts_queue_syncs_and_replicas(
    desk: Workbench, reader: Program, settings: Any
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    desk.set("Rest", priority="high")
    desk.edit("launch.md", "- [ ] Rest", "- [ ] Rest #priority:low")
    desk.sync()
    severity = Conflict.objects.get(state="open").severity
    text = metrics(reader)
    assert f'planning_sync_conflicts_open{{severity="{severity}"}} 1.0' in text
    assert "planning_sync_queue_length 0.0" in text
    assert 'planning_sync_operations_last_hour{kind="sync",status="conflicts"} 1.0' in text
    assert 'planning_sync_sync_seconds_last_hour{what="longest"}' in text
    assert 'planning_sync_replica_problems{replica="plans"} 0.0' in text
    assert 'planning_sync_replica_up{replica="plans"} 1.0' in text
    assert 'planning_sync_replica_away_seconds{replica="plans"} 0.0' in text
    assert 'planning_sync_replica_plans_waiting{replica="plans"} 0.0' in text
    assert "planning_sync_database_up 1.0" in text
    assert "django_http_requests_total_by_view_transport_method_total" in text


def test_metrics_are_for_who_may_see_replicas_or_for_all_where_a_setting_says_so(
    desk: Workbench, reader: Program, settings: Any
) -> None:
    metrics(Program(), status=401)
    metrics(Program("psk_wrong"), status=401)
    stranger = Program.of(User.objects.create_user("sam", password="a long password"))
    metrics(stranger, status=403)
    settings.PLANNING_SYNC_METRICS_OPEN = True
    assert "planning_sync_database_up" in metrics(Program())


def test_metrics_say_that_the_database_is_away(
    desk: Workbench, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from planning_sync.api import metrics as figures

    def refuse() -> None:
        raise DatabaseError

    settings.PLANNING_SYNC_METRICS_OPEN = True
    monkeypatch.setattr(figures, "_filled", refuse)
    assert "planning_sync_database_up 0.0" in metrics(Program())
