"""The server true to its schema where there is something to decide, to undo, to restore and to configure."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from audit.models import Operation
from conflicts import rulebook
from conflicts.models import Conflict
from planning_sync.api import limits, services
from plans import services as plans
from tests.api.programs import person
from tests.api.test_schema import schema
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.once

TAGS = frozenset(
    {"conflicts", "policies", "operations", "history", "bin", "audit", "users", "replicas", "operators"}
)
REACHED = {
    *("GET /api/v1/conflicts/{conflict_id}", "GET /api/v1/operations/{operation_id}/undo"),
    *("GET /api/v1/policies/{policy_id}", "POST /api/v1/bin/{item_id}/restore"),
    *("GET /api/v1/audit/export.csv", "GET /api/v1/users/{user_id}"),
    "POST /api/v1/replicas/{replica_id}/sync",
}
"""Some that random requests do bring to do their work, so that this is no mere test of refusals."""


@pytest.fixture
def known(desk: Workbench, settings: Any) -> dict[str, Any]:
    """A conflict, an edit, something in the bin and a policy."""
    settings.PLANNING_SYNC_FOLLOW = False
    settings.PLANNING_SYNC_RATE_LIMIT = 1_000_000
    desk.set("Rest", status="done")
    desk.edit("launch.md", "- [ ] Rest", "- [/] Rest")
    desk.sync()
    settings.PLANNING_SYNC_FOLLOW = True
    desk.set("Sign it", status="blocked")
    edit = Operation.objects.filter(kind="edit").latest("started_at")
    binned = desk.task("Publish it")
    plans.delete(binned, actor="alice")
    return {
        "conflict_id": str(Conflict.objects.get().pk),
        "operation_id": str(edit.pk),
        "item_id": str(binned.pk),
        "policy_id": str(rulebook.make(desk.row.pk, {}, actor="alice").pk),
        "plan_id": str(binned.plan_id),
        "task_id": str(desk.task("Rest").pk),
        "phase_id": str(desk.phase("After").pk),
        "replica_id": str(desk.row.pk),
        "user_id": person("carol", "reader").pk,
    }


def test_the_server_answers_as_the_schema_says_about_decisions(
    known: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.api.random_requests import answers

    monkeypatch.setattr(limits, "_SIGN_INS", 1_000_000)
    headers = {"Authorization": f"Bearer {services.issue(User.objects.create_superuser('ada')).access}"}
    seen = answers(schema(), headers, lambda: known, positive=3, negative=1, tags=TAGS)
    assert {label for label, status in seen if status < 300} >= REACHED
