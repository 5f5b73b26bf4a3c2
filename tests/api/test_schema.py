"""The schema: without a warning, with examples that are true to it, and the server true to it."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from planning_sync.api import limits, problems, routes, services
from planning_sync.roles.table import ROLES
from plans.models import Task
from tests.api.programs import person
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.once


def schema() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return found


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in schema()["paths"].items():
        for method, told in methods.items():
            yield f"{method.upper()} {path}", told


def test_the_schema_is_made_without_a_warning_and_is_valid() -> None:
    errors = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=io.StringIO(), stderr=errors)
    assert errors.getvalue() == ""
    assert schema()["openapi"].startswith("3.1")


def test_every_route_is_in_it_but_its_own() -> None:
    told = {name.replace("{", "<").replace("}", ">") for name, _ in operations()}
    served = {
        f"{method} /api/v1/{re.sub('<[a-z]+:', '<', route.path)}"
        for route in routes.all_routes()
        for method in route.needs
        if route.name != "schema"
    }
    assert told == served


def resolved(document: dict[str, Any], part: Any) -> Any:
    while isinstance(part, dict) and "$ref" in part:
        found: Any = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def test_every_endpoint_has_examples_and_they_are_true_to_its_schema() -> None:
    document = schema()
    for name, told in operations():
        contents = [("its request", each) for each in told.get("requestBody", {}).get("content", {}).values()]
        for status, answer in told["responses"].items():
            if status < "400" and status != "204":
                contents += [(status, each) for each in resolved(document, answer)["content"].values()]
        assert contents or "204" in told["responses"] or name.startswith("DELETE"), name
        for where, content in contents:
            assert content.get("examples"), f"{name} has no example of {where}"
            for example in content["examples"].values():
                validator = Draft202012Validator({**content["schema"], "components": document["components"]})
                problem = next(validator.iter_errors(example["value"]), None)
                assert problem is None, f"{name}, {where}: {problem.message if problem else ''}"


def test_every_problem_is_told_in_the_schema() -> None:
    text = str(schema()["components"]["responses"])
    assert [slug for slug in problems.KINDS if f"'{slug}'" not in text] == []


def test_the_schema_and_its_page_need_no_sign_in_and_nothing_from_elsewhere(desk: Workbench) -> None:
    browser = Client()
    answer = browser.get("/api/v1/schema")
    assert answer.status_code == 200
    page = browser.get("/docs")
    text = page.content.decode()
    assert "//" not in re.sub(r"<!--.*?-->", "", text.replace("</", "<")).replace("<!doctype", "")
    assert not re.search(r"<script>|<style|\son\w+=|\sstyle=", text)
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    for source in re.findall(r'(?:src|href)="(/static/[^"]+)"', text):
        found = browser.get(source)
        assert found.status_code == 200, source
        found.close()


# --------------------------------------------------------------------------- the server against it


@pytest.fixture
def unlimited(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PLANNING_SYNC_RATE_LIMIT = 1_000_000
    monkeypatch.setattr(limits, "_SIGN_INS", 1_000_000)


def test_the_server_answers_an_administrator_as_the_schema_says(desk: Workbench, unlimited: None) -> None:
    seen = campaign(desk, User.objects.create_superuser("ada"), positive=2, negative=1)
    assert {label for label, status in seen if status < 300} >= REACHED


@pytest.mark.soak
@pytest.mark.parametrize("role", ROLES)
def test_the_server_answers_every_role_as_the_schema_says(
    desk: Workbench, unlimited: None, role: str
) -> None:
    campaign(
        desk, person("rob", role), positive=30, negative=20, chance=int(os.environ.get("SOAK_SEED", "0"))
    )


def campaign(
    desk: Workbench, user: User, *, positive: int, negative: int, chance: int | None = None
) -> set[tuple[str, int]]:
    """The statuses with which each operation answered so many requests, all of them as the schema says."""
    from tests.api.random_requests import answers

    headers = {"Authorization": f"Bearer {services.issue(user).access}"}
    return answers(schema(), headers, lambda: ids(desk), positive=positive, negative=negative, chance=chance)


REACHED = {
    *("POST /api/v1/tasks", "POST /api/v1/phases", "POST /api/v1/plans", "POST /api/v1/keys"),
    *("PATCH /api/v1/tasks/{task_id}", "PATCH /api/v1/phases/{phase_id}", "PATCH /api/v1/plans/{plan_id}"),
    *("POST /api/v1/sync/now", "DELETE /api/v1/plans/{plan_id}", "GET /api/v1/plans/{plan_id}/document"),
}
"""Some that random requests do bring to do their work, so that this is no mere test of refusals."""


def ids(desk: Workbench) -> dict[str, str]:
    """What is really there, for half of the requests."""
    # Requests of before may have reworded any of them, and put it into the bin.
    task = Task.objects.live().order_by("pk").first() or Task.objects.order_by("pk").first()
    assert task is not None, "what is in the bin is still a row"
    return {
        "plan_id": str(task.plan_id),
        "task_id": str(task.pk),
        "phase_id": str(task.phase_id),
        "replica_id": str(desk.row.pk),
    }
