"""The server true to its schema where there is something to decide, to undo, to restore and to configure."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup

from audit.models import Operation
from conflicts import rulebook
from conflicts.models import Conflict
from planning_sync.api import limits, services
from planning_sync.wsgi import application
from plans import services as plans
from tests.api.programs import person
from tests.api.test_schema import schema, sent
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
    monkeypatch.setattr(limits, "_SIGN_INS", 1_000_000)
    headers = {"Authorization": f"Bearer {services.issue(User.objects.create_superuser('ada')).access}"}
    found = schemathesis.openapi.from_dict(schema())
    found.app = application
    listed: list[Any] = [each.ok() for each in found.get_all_operations()]  # type: ignore[union-attr]
    listed = [each for each in listed if TAGS & set(each.tags or ())]
    listed.sort(key=lambda operation: operation.method == "delete")
    seen, wrong = set(), []
    for operation in listed:
        for mode, number in ((GenerationMode.POSITIVE, 3), (GenerationMode.NEGATIVE, 1)):
            cases = operation.as_strategy(generation_mode=mode)
            try:
                seen |= {(operation.label, status) for status in sent(cases, number, headers, known, None)}
            except FailureGroup as error:
                wrong += [f"{operation.label}: {each}" for each in error.exceptions]
    assert wrong == []
    assert {label for label, status in seen if status < 300} >= REACHED
