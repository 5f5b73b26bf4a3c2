"""The page of performance: figures of the product's own tables."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.utils import timezone

from audit.models import Operation
from planning_sync.dashboard import performance
from tests.planning_sync.dashboard.people import page, signed_in, text_of
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    cache.clear()


def sync(seconds: float, **more: Any) -> None:
    ended = timezone.now()
    fields = {"kind": "sync", "actor": "schedule", "status": "done", **more}
    Operation.objects.create(started_at=ended - timedelta(seconds=seconds), finished_at=ended, **fields)


def test_durations_are_those_of_the_syncs_that_are_over() -> None:
    for seconds in (1, 2, 3, 4, 20):
        sync(seconds)
    sync(99, kind="edit")
    Operation.objects.create(kind="sync", actor="schedule", started_at=timezone.now())
    root = User.objects.create_superuser("root")
    found = performance.durations(performance.last_syncs(root))
    assert found is not None
    assert found.number == 5
    assert (round(found.median), round(found.p95), round(found.longest)) == (3, 20, 20)


def test_replicas_queue_and_failures_are_told(launch: Workbench) -> None:
    sync(2, replica_id=launch.row.pk, status="failed")
    shown = text_of(page(signed_in("olive", "operator"), "/performance/"))
    assert "By replica" in shown
    assert re.search(rf"{launch.row.name}2[\d.]+ s2\.00 s1", shown)
    assert "0tasks in the queue" in shown
    assert "Sync schedulefailed" in shown
    assert "changes a second" in shown


def test_the_limited_see_their_replicas_and_no_queue(launch: Workbench) -> None:
    sync(77, status="failed", actor="zebrafish")
    shown = text_of(page(signed_in("tess", "reader", only=launch.row), "/performance/"))
    assert "zebrafish" not in shown
    assert "77" not in shown
    assert "in the queue" not in shown


def test_without_a_sync_there_is_nothing_to_tell() -> None:
    shown = text_of(page(signed_in("olive", "reader"), "/performance/"))
    assert shown.count("No sync has changed anything yet.") == 3
