"""What is done over the API, by whom and by way of what, is in the audit log; and who was not let in."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import AsyncClient, Client
from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation
from audit.tally import Tally
from planning_sync.api import services
from planning_sync.api.models import ApiKey, Token
from tests import loops
from tests.api.programs import Program, key_row
from tests.planning_sync.sync.workbench import Workbench

CREDENTIALS = {"username": "olive", "password": "a long password"}


@pytest.fixture(autouse=True)
def nobody_came_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_visits", Tally())
    monkeypatch.setattr(audit, "_refusals", Tally(limit=1000))


def told(action: str) -> list[tuple[str, str, str, Any]]:
    """(actor, on behalf of, via, after) of each entry."""
    rows = Entry.objects.filter(action=action).order_by("id").select_related("operation")
    return [(row.operation.actor, row.operation.on_behalf_of, row.operation.via, row.after) for row in rows]


def edits() -> list[tuple[str, str, str, str]]:
    rows = Operation.objects.filter(kind="edit").order_by("started_at")
    return list(rows.values_list("actor", "on_behalf_of", "via", "address"))


# ------------------------------------------------------------------------------------ who did it


def test_an_edit_says_by_way_of_what_it_came(desk: Workbench, olive: User, editor: Program) -> None:
    task = f"tasks/{desk.task('Rest').pk}"
    robot = Program.with_key(olive)
    editor.patch(task, {"status": "done"})
    robot.patch(task, {"status": "todo"})
    robot.patch(task, {"status": "done"}, On_Behalf_Of="Alice")
    editor.patch(task, {"status": "todo"}, On_Behalf_Of="Alice")
    browser = Client()
    browser.force_login(olive)
    assert browser.patch(f"/api/v1/{task}", {"status": "done"}, "application/json").status_code == 200
    assert edits() == [
        ("olive", "", "token", "127.0.0.1"),
        ("key:robot", "", "key", "127.0.0.1"),
        ("key:robot", "Alice", "agent", "127.0.0.1"),
        ("olive", "Alice", "agent", "127.0.0.1"),
        ("olive", "", "person", "127.0.0.1"),
    ]


def test_what_is_forbidden_is_in_the_log_of_the_key_and_for_whom_it_acts(
    desk: Workbench, olive: User
) -> None:
    robot = Program.with_key(olive)
    robot.post("sync/now", status=403, On_Behalf_Of="Alice")
    after = {"method": "POST", "path": "/api/v1/sync/now", "count": 1}
    assert told("forbidden") == [("key:robot", "Alice", "agent", after)]


def test_the_log_knows_the_same_of_requests_that_are_answered_asynchronously(
    desk: Workbench, olive: User
) -> None:
    robot = Program.with_key(olive)
    headers = {"Authorization": f"Bearer {robot.secret}", "On-Behalf-Of": "Alice"}
    task = f"/api/v1/tasks/{desk.task('Rest').pk}"

    async def visit() -> list[int]:
        client = AsyncClient()
        done = await client.patch(task, {"status": "done"}, "application/json", headers=headers)
        forbidden = await client.post("/api/v1/sync/now", {}, "application/json", headers=headers)
        return [int(done.status_code), int(forbidden.status_code)]

    assert loops.run(visit()) == [200, 403]
    assert [edit[:3] for edit in edits()] == [("key:robot", "Alice", "agent")]
    assert [entry[:3] for entry in told("forbidden")] == [("key:robot", "Alice", "agent")]


def test_a_role_given_says_by_way_of_what(desk: Workbench, olive: User, admin: Program) -> None:
    before = list(Operation.objects.filter(kind="admin").values_list("pk", flat=True))
    answer = admin("PUT", f"users/{olive.pk}/roles", {"roles": ["reader"]})
    assert answer.status_code == 200, answer.content
    rows = Operation.objects.filter(kind="admin").exclude(pk__in=before)
    assert set(rows.values_list("actor", "on_behalf_of", "via")) == {("ada", "", "token")}


# ------------------------------------------------------------------------------- coming and going


def test_a_sign_in_over_the_api_its_renewal_and_its_end_are_in_the_log(desk: Workbench, olive: User) -> None:
    first = Program().post("auth/token", CREDENTIALS, status=200)
    second = Program().post("auth/refresh", {"refresh": first["refresh"]}, status=200)
    for _ in range(2):  # the second time there is nothing to end
        Program().post("auth/revoke", {"token": second["access"]}, status=204)
    Program().post("auth/revoke", {"token": "pst_unknown"}, status=204)
    assert told("logged_in") == [
        ("olive", "", "token", {"with": "password", "count": 1}),
        ("olive", "", "token", {"with": "refresh token", "count": 2}),
    ]
    assert told("logged_out") == [("olive", "", "token", {"with": "token", "count": 1})]


def test_a_refused_sign_in_is_in_the_log_without_a_name_that_nobody_has(desk: Workbench, olive: User) -> None:
    Program().post("auth/token", {**CREDENTIALS, "password": "wrong"}, status=401)
    Program().post("auth/token", {**CREDENTIALS, "username": "hunter2"}, status=401)
    assert told("refused") == [
        ("anonymous", "", "token", {"user": "olive", "count": 1}),
        ("anonymous", "", "token", {"user": None, "count": 2}),
    ]


def test_a_refused_token_is_in_the_log_with_whose_it_was(desk: Workbench, olive: User) -> None:
    issued = services.issue(olive)
    Program("pst_unknown").get("plans", status=401)
    Program(issued.refresh).get("plans", status=401)
    services.revoke(issued.access)
    Program(issued.access).get("plans", status=401)
    Token.objects.update(expires_at=timezone.now(), revoked_at=None)
    Program(issued.access).get("plans", status=401)
    Program().post("auth/refresh", {"refresh": issued.refresh}, status=401)
    assert [(via, after["with"], after["user"]) for _, _, via, after in told("refused")] == [
        ("token", "token", None),
        ("token", "token", None),
        ("token", "token", "olive"),
        ("token", "token", "olive"),
        ("token", "refresh token", "olive"),
    ]


def test_a_refresh_token_that_comes_a_second_time_is_in_the_log(desk: Workbench, olive: User) -> None:
    issued = services.issue(olive)
    services.refresh(issued.refresh)
    Program().post("auth/refresh", {"refresh": issued.refresh}, status=401)
    assert [after for *_, after in told("refused")] == [
        {"with": "refresh token", "user": "olive", "count": 1}
    ]


def test_a_refused_key_is_in_the_log_with_its_name_where_it_has_one(desk: Workbench, olive: User) -> None:
    robot = Program.with_key(olive)
    Program(robot.secret + "x").get("plans", status=401)
    Program("psk_00000000_" + "x" * 43).get("plans", status=401)
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    robot.get("plans", status=401)
    assert told("refused") == [
        ("anonymous", "", "key", {"with": "key", "key": "robot", "count": 1}),
        ("anonymous", "", "key", {"with": "key", "key": None, "count": 2}),
        ("anonymous", "", "key", {"with": "key", "key": "robot", "count": 3}),
    ]
    assert told("used") == []


def test_a_flood_of_refused_tokens_leaves_a_few_entries(desk: Workbench) -> None:
    for number in range(60):
        Program(f"pst_{number}").get("plans", status=401)
    assert [after["count"] for *_, after in told("refused")] == [*range(1, 11), 20, 40]


# ---------------------------------------------------------------------------------------- keys


def test_a_key_made_used_and_revoked_is_in_the_log(desk: Workbench, olive: User, admin: Program) -> None:
    body = {"name": "nightly", "owner": "olive", "roles": ["reader"], "replicas": ["plans"]}
    made = admin.post("keys", body, On_Behalf_Of="Alice")
    for _ in range(5):
        Program(made["key"]).get("plans")
    Program(made["key"]).get("plans", On_Behalf_Of="Bob")
    for _ in range(2):  # the second time there is nothing to revoke
        admin.delete(f"keys/{made['id']}", status=200)
    what = {
        "key": "nightly",
        "prefix": made["prefix"],
        "owner": "olive",
        "roles": ["reader"],
        "replicas": ["plans"],
        "expires_at": None,
    }
    created, revoked = Entry.objects.filter(item_kind="key").order_by("id")
    assert (created.action, created.before, created.after) == ("created", None, what)
    assert (revoked.action, revoked.before, revoked.after) == ("revoked", what, None)
    assert {str(created.item_id), str(revoked.item_id)} == {made["id"]}
    assert (created.operation.actor, created.operation.on_behalf_of) == ("ada", "Alice")
    assert (created.operation.kind, created.operation.via, revoked.operation.via) == (
        *("admin", "agent"),
        "token",
    )
    assert told("used") == [("key:nightly", "", "key", {"count": count}) for count in (1, 2, 4)]


def test_the_use_of_a_key_says_for_whom(desk: Workbench, olive: User) -> None:
    Program.with_key(olive).get("plans", On_Behalf_Of="Bob")
    assert told("used") == [("key:robot", "Bob", "agent", {"count": 1})]


def test_a_key_made_and_revoked_in_the_admin_is_in_the_log(desk: Workbench) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("ada"))
    form = {"name": "robot", "roles": [], "replicas": [], "expires_at_0": "", "expires_at_1": ""}
    browser.post("/admin/api/apikey/add/", form)
    chosen = {"action": "revoke", "_selected_action": [str(key_row("robot").pk)]}
    browser.post("/admin/api/apikey/", chosen)
    rows = Entry.objects.filter(item_kind="key").order_by("id")
    assert list(rows.values_list("action", "operation__actor", "operation__via")) == [
        ("created", "ada", "person"),
        ("revoked", "ada", "person"),
    ]


# -------------------------------------------------------------------------------------- secrets


def test_no_secret_is_in_an_entry(desk: Workbench, olive: User, admin: Program) -> None:
    pair = Program().post("auth/token", CREDENTIALS, status=200)
    new = Program().post("auth/refresh", {"refresh": pair["refresh"]}, status=200)
    Program().post("auth/refresh", {"refresh": pair["refresh"]}, status=401)
    Program().post("auth/token", {**CREDENTIALS, "password": "hunter2"}, status=401)
    made = admin.post("keys", {"name": "robot", "roles": [Group.objects.get(name="editor").name]})
    for secret in (made["key"], made["key"] + "x", new["access"], "pst_unknown", "psk_unknown_key"):
        Program(secret)("PATCH", f"tasks/{desk.task('Rest').pk}", {"status": "done"})
    Program().post("auth/revoke", {"token": new["access"]}, status=204)
    admin.delete(f"keys/{made['id']}", status=200)
    log = json.dumps(
        [
            list(Entry.objects.values_list("before", "after", "field")),
            list(Operation.objects.values_list("actor", "on_behalf_of", "summary", "address")),
        ]
    )
    secrets = [pair["access"], pair["refresh"], new["access"], new["refresh"], made["key"]]
    hashes = [*Token.objects.values_list("hash", flat=True), *ApiKey.objects.values_list("hash", flat=True)]
    for secret in (*secrets, *hashes, made["key"].split("_", 2)[2], CREDENTIALS["password"], "hunter2"):
        assert secret not in log
    for shown in ("pst_unknown", "psk_unknown"):
        assert shown not in log
