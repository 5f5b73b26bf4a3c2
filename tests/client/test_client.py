"""The client against the server itself, in one process."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import httpx
import pytest
from django.contrib.auth.models import User
from drf_spectacular.generators import SchemaGenerator

import planning_sync_client
from audit.models import Operation
from planning_sync.api import services
from planning_sync.wsgi import application
from planning_sync_client import Client, Problem, Stale, TimedOut, Unreachable, shapes
from plans.models import Task
from tests.api.conftest import LAUNCH
from tests.api.programs import person
from tests.api.test_syncs import work
from tests.planning_sync.sync.workbench import Workbench

BASE = "http://localhost"
WIRE = httpx.WSGITransport(app=application)


class Clock:
    """Sleeps by counting, and does something meanwhile."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.slept: list[float] = []
        self.meanwhile = meanwhile

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.meanwhile()


@pytest.fixture
def ada(desk: Workbench) -> User:
    return User.objects.create_superuser("ada", password="a long password")


@pytest.fixture
def client(ada: User) -> Iterator[Client]:
    key = services.make_key("robot", owner=ada, actor="ada").secret
    with Client(BASE, key=key, on_behalf_of="Pat", transport=WIRE, sleep=Clock(work)) as client:
        yield client


def test_plans_and_tasks_are_read_made_changed_and_deleted(desk: Workbench, client: Client) -> None:
    (plan,) = client.plans(q="launch")
    assert client.document(plan["id"]).decode() == LAUNCH
    assert client.tree(plan["id"])[0]["children"][0]["text"] == "Tag the version"
    assert {phase["title"] for phase in client.phases(plan=plan["id"])} == {"Release", "After"}
    made = client.create_task(plan["id"], "Celebrate", priority="low")
    assert client.task(made["id"])["text"] == "Celebrate"
    changed = client.update_task(made["id"], status="done")
    assert (changed["status"], changed["priority"]) == ("done", "low")
    assert "- [x] Celebrate" in desk.read("launch.md")
    operation = Operation.objects.filter(kind="edit").latest("started_at")
    assert (operation.actor, operation.on_behalf_of) == ("key:robot", "Pat")
    client.delete_task(made["id"])
    assert not Task.objects.live().filter(text="Celebrate").exists()
    other = client.create_plan("Another")
    client.update_plan(other["id"], version="2.0")
    assert client.plan(other["id"])["version"] == "2.0"
    client.delete_plan(other["id"])
    assert client.plan(other["id"])["deleted_at"] is not None


def test_a_list_is_read_to_its_end(desk: Workbench, client: Client) -> None:
    texts = [task["text"] for task in client.tasks(limit=1)]
    assert sorted(texts) == ["Publish it", "Rest", "Sign it", "Tag the version"]


def test_a_change_to_what_moved_on_is_stale_and_tells_the_values_of_now(
    desk: Workbench, client: Client
) -> None:
    (plan,) = client.plans()
    desk.set("Rest", status="blocked")
    with pytest.raises(Stale) as caught:
        client.update_task(str(desk.task("Rest").pk), revision=plan["revision"], status="done")
    assert caught.value.present["status"] == "blocked"


def test_a_refusal_names_the_fields_at_fault(desk: Workbench, client: Client) -> None:
    with pytest.raises(Problem, match=r"priority: .*urgent") as caught:
        client.update_task(str(desk.task("Rest").pk), priority="urgent")
    assert (caught.value.status, caught.value.slug) == (400, "invalid-input")
    assert "priority" in caught.value.errors


def test_one_waits_for_a_sync(desk: Workbench, client: Client) -> None:
    desk.edit("launch.md", "- [ ] Rest", "- [x] Rest")
    (report,) = client.preview_sync("plans")
    assert report["tasks"]["updated"] == 1
    job = client.sync("plans", paths=["launch.md"])
    assert job["status"] == "queued"
    done = client.wait_for(job)
    assert (done["status"], done["progress"]) == ("done", {"done": 1, "total": 1})
    assert client.wait_for(done) == done
    assert desk.task("Rest").status == "done"
    assert client.replicas()[0]["name"] == "plans"


def test_one_does_not_wait_for_ever(desk: Workbench, ada: User) -> None:
    key = services.make_key("robot", owner=ada, actor="ada").secret
    with Client(BASE, key=key, transport=WIRE, sleep=Clock()) as client:
        job = client.sync("plans")
        with pytest.raises(TimedOut, match="still queued"):
            client.wait_for(job, timeout_seconds=0.05)


def test_conflicts_are_decided_one_by_one_and_in_bulk_and_taken_back(
    desk: Workbench, client: Client, settings: Any
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    for text in ("Tag the version", "Rest"):
        desk.set(text, status="done")
        desk.edit("launch.md", f"- [ ] {text}", f"- [/] {text}")
    desk.sync()
    settings.PLANNING_SYNC_FOLLOW = True
    first, second = client.conflicts(status="open")
    assert client.resolve(first, take="hub")["status"] == "resolved"
    with pytest.raises(Problem) as caught:
        client.resolve(first, take="replica")
    assert caught.value.slug == "settled"
    assert client.reopen(first["id"])["status"] == "open"
    ids = [first["id"], second["id"]]
    shown = client.preview_bulk(ids, take="replica")
    done = client.resolve_bulk(ids, take="replica", fingerprint=shown["fingerprint"])
    assert done["decided"] == shown["decided"]
    assert client.conflict(second["id"])["status"] == "resolved"


def test_an_operation_is_previewed_and_undone(desk: Workbench, client: Client) -> None:
    desk.set("Rest", status="done")
    operation = next(client.operations(kind="edit"))
    shown = client.preview_undo(operation["id"])
    client.undo(operation["id"], fingerprint=shown["fingerprint"])
    assert desk.task("Rest").status == "todo"


def test_a_person_signs_in_and_stays_signed_in_when_the_token_runs_out(desk: Workbench) -> None:
    person("rhea", "reader")
    with Client(BASE, transport=WIRE) as client:
        client.sign_in("rhea", "a long password")
        client._transport._secret = "pst_run_out"
        assert [plan["title"] for plan in client.plans()] == ["Launch"]
        with pytest.raises(Problem) as caught:
            client.create_plan("Mine")
        assert caught.value.status == 403


def test_a_wrong_password_is_a_problem(desk: Workbench) -> None:
    with Client(BASE, transport=WIRE) as client, pytest.raises(Problem, match="do not fit"):
        client.sign_in("rhea", "wrong")


# ---------------------------------------------------------------------------------------- the wire


def answering(*answers: httpx.Response | Exception) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    """One after the other, then the last again and again; and what was asked."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        found = answers[min(len(asked), len(answers)) - 1]
        if isinstance(found, Exception):
            raise found
        return found

    return httpx.MockTransport(answer), asked


def test_who_is_told_to_wait_waits_and_sends_the_same_again() -> None:
    wire, asked = answering(
        httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(201, json={"id": "1"})
    )
    clock = Clock()
    with Client(BASE, transport=wire, sleep=clock) as client:
        assert client.create_plan("One")["id"] == "1"
    assert clock.slept == [7.0]
    assert len({request.headers["Idempotency-Key"] for request in asked}) == 1
    assert asked[0].content == asked[1].content


def test_a_broken_line_is_tried_again_where_nothing_can_be_done_twice() -> None:
    wire, asked = answering(httpx.ConnectError("refused"))
    acts: dict[Callable[[Client], object], int] = {
        lambda client: client.plan("1"): 4,
        lambda client: client.create_plan("One"): 4,
        lambda client: client.update_plan("1", title="Two"): 1,
        lambda client: client.delete_plan("1"): 1,
    }
    for act, number in acts.items():
        asked.clear()
        with (
            Client(BASE, transport=wire, sleep=Clock()) as client,
            pytest.raises(Unreachable, match="refused"),
        ):
            act(client)
        assert len(asked) == number


def test_an_answer_that_is_none_of_the_servers_is_a_problem_as_well() -> None:
    for answer in (httpx.Response(502, text="<h1>Bad gateway</h1>"), httpx.Response(500, json=["?"])):
        wire, _ = answering(answer)
        with Client(BASE, transport=wire) as client, pytest.raises(Problem) as caught:
            client.plan("1")
        assert caught.value.status == answer.status_code


SHAPES = {
    "PlacedPlan": shapes.Plan,
    "Place": shapes.Place,
    "Phase": shapes.Phase,
    "Task": shapes.Task,
    "Conflict": shapes.Conflict,
    "Values": shapes.Values,
    "Bulk": shapes.Bulk,
    "Job": shapes.Job,
    "Progress": shapes.Progress,
    "LogOperation": shapes.Operation,
    "UndoPreview": shapes.UndoPreview,
    "UndoOutcome": shapes.Outcome,
    "Replica": shapes.Replica,
}


def test_the_shapes_are_those_of_the_schema() -> None:
    found: Any = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    for name, shape in SHAPES.items():
        told = found["components"]["schemas"][name]
        hints = get_type_hints(shape)
        assert set(told["properties"]) == set(hints), name
        for field, schema in told["properties"].items():
            may_be_null = "null" in str(schema.get("type", "")) or "'null'" in str(schema.get("oneOf", ""))
            assert not may_be_null or type(None) in getattr(hints[field], "__args__", ()), (name, field)


def test_the_client_needs_nothing_of_the_server() -> None:
    folder = Path(planning_sync_client.__file__).parent
    found = set()
    for module in folder.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.ImportFrom):
                found.add(str(node.module).partition(".")[0])
            elif isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
    assert found - sys.stdlib_module_names == {"httpx", "planning_sync_client"}
