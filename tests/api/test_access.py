"""Who gets in, with what, and what that one may do: tokens, keys, sessions, permissions, limits."""

from __future__ import annotations

import json
import logging
import re
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Operation
from conflicts.models import Conflict
from planning_sync.api import routes, services
from planning_sync.api.models import ApiKey, IdempotentRequest, Token
from planning_sync.sync.models import Link
from plans import services as plans
from tests.api.programs import Program, key_row
from tests.planning_sync.sync.workbench import Workbench

CREDENTIALS = {"username": "olive", "password": "a long password"}

# ------------------------------------------------------------------------------------------- tokens


def test_a_name_and_a_password_give_a_token_that_lets_in(desk: Workbench, olive: User) -> None:
    told = Program().post("auth/token", CREDENTIALS, status=200)
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 3600)
    me = Program(told["access"]).get("auth/me")
    assert (me["actor"], me["user"], me["replicas"]) == ("olive", "olive", None)
    assert "plans.change_task" in me["may"]
    assert "sync.change_replica" not in me["may"]


def test_tokens_are_kept_as_hashes_only(desk: Workbench, olive: User) -> None:
    told = Program().post("auth/token", CREDENTIALS, status=200)
    kept = json.dumps(list(Token.objects.values("hash", "password_mark", "kind")))
    assert told["access"] not in kept
    assert told["refresh"] not in kept


@pytest.mark.parametrize(
    "wrong", [{"password": "wrong"}, {"username": "nobody"}, {"password": "a long password "}]
)
def test_wrong_credentials_are_told_alike(desk: Workbench, olive: User, wrong: dict[str, str]) -> None:
    problem = Program().post("auth/token", {**CREDENTIALS, **wrong}, status=401)
    assert problem["detail"].startswith("The name and the password do not fit")


def test_nobody_is_let_in_without_or_with_a_wrong_token(desk: Workbench) -> None:
    for secret in ("", "pst_wrong", "psk_12345678_wrong", "psk_", "psk__"):
        answer = Program(secret)("GET", "plans")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_refresh_token_is_no_access_token_and_the_other_way_round(desk: Workbench, olive: User) -> None:
    issued = services.issue(olive)
    Program(issued.refresh).get("plans", status=401)
    Program().post("auth/refresh", {"refresh": issued.access}, status=401)


def test_a_refresh_token_is_good_once_and_a_stolen_one_ends_the_family(desk: Workbench, olive: User) -> None:
    first = services.issue(olive)
    second = Program().post("auth/refresh", {"refresh": first.refresh}, status=200)
    Program(first.access).get("plans", status=401)
    Program(second["access"]).get("plans")
    Program().post("auth/refresh", {"refresh": first.refresh}, status=401)
    Program(second["access"]).get("plans", status=401)
    Program().post("auth/refresh", {"refresh": second["refresh"]}, status=401)


def test_a_token_ends_when_revoked_expired_or_its_person_is_switched_off(
    desk: Workbench, olive: User
) -> None:
    revoked, expired, switched_off = (services.issue(olive).access for _ in range(3))
    Program().post("auth/revoke", {"token": revoked}, status=204)
    Program(revoked).get("plans", status=401)
    Token.objects.filter(hash=services.hashed(expired)).update(expires_at=timezone.now())
    Program(expired).get("plans", status=401)
    User.objects.filter(pk=olive.pk).update(is_active=False)
    Program(switched_off).get("plans", status=401)
    Program().post("auth/token", CREDENTIALS, status=401)


def test_a_new_password_ends_all_tokens(desk: Workbench, olive: User) -> None:
    issued = services.issue(olive)
    olive.set_password("another password")
    olive.save()
    Program(issued.access).get("plans", status=401)
    Program().post("auth/refresh", {"refresh": issued.refresh}, status=401)


def test_what_has_expired_is_cleared_away(desk: Workbench, olive: User) -> None:
    services.issue(olive)
    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    services.issue(olive)
    assert Token.objects.count() == 2


def test_guessing_passwords_is_slowed_down(desk: Workbench, olive: User) -> None:
    statuses = [
        Program()("POST", "auth/token", {**CREDENTIALS, "password": str(number)}).status_code
        for number in range(22)
    ]
    assert statuses == [401] * 20 + [429] * 2


# --------------------------------------------------------------------------------------------- keys


def test_a_key_is_shown_once_kept_as_a_hash_and_names_itself_in_the_history(
    desk: Workbench, admin: Program
) -> None:
    made = admin.post("keys", {"name": "nightly"})
    row = key_row("nightly")
    assert made["key"].startswith(row.prefix)
    assert row.hash == services.hashed(made["key"])
    assert "key" not in admin.get(f"keys/{row.pk}")
    for scheme in ("Bearer", "Api-Key"):
        robot = Program(headers={"Authorization": f"{scheme} {made['key']}"})
        robot.patch(f"tasks/{desk.task('Rest').pk}", {"status": "done" if scheme == "Bearer" else "todo"})
    assert set(Operation.objects.filter(kind="edit").values_list("actor", flat=True)) == {"key:nightly"}
    row.refresh_from_db()
    assert row.last_used_at is not None


def test_a_key_is_compared_in_constant_time_also_where_there_is_no_such_key(
    desk: Workbench, olive: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = Program.with_key(olive)
    compared: list[tuple[str, str]] = []

    def compare(left: str, right: str) -> bool:
        compared.append((left, right))
        return left == right

    monkeypatch.setattr(secrets, "compare_digest", compare)
    for secret in (robot.secret[:-1] + "~", "psk_00000000_" + "x" * 43):
        Program(secret).get("plans", status=401)
        assert compared[-1][0] == services.hashed(secret)
        assert len(compared[-1][1]) == 64


def test_a_key_ends_when_revoked_expired_or_its_owner_is_switched_off(
    desk: Workbench, admin: Program
) -> None:
    ada = User.objects.get(username="ada")
    robot = Program.with_key(ada)
    robot.get("plans")
    admin.delete(f"keys/{key_row('robot').pk}", status=200)
    robot.get("plans", status=401)
    late = Program.with_key(ada, "late", expires_at=timezone.now() + timedelta(hours=1))
    late.get("plans")
    ApiKey.objects.filter(name="late").update(expires_at=timezone.now())
    late.get("plans", status=401)
    other = Program.with_key(ada, "other")
    User.objects.filter(pk=ada.pk).update(is_active=False)
    other.get("plans", status=401)


def test_a_key_may_do_what_its_owner_and_its_roles_may_do_both(
    desk: Workbench, olive: User, admin: Program
) -> None:
    reading = Program.with_key(olive, "reading", roles=[Group.objects.get(name="reader")])
    reading.get("plans")
    reading.patch(f"tasks/{desk.task('Rest').pk}", {"status": "done"}, status=403)
    Program.with_key(olive, "operating", roles=[Group.objects.get(name="operator")]).post(
        "sync/now", status=403
    )
    of_ada = Program.with_key(
        User.objects.get(username="ada"), "small", roles=[Group.objects.get(name="reader")]
    )
    of_ada.post("sync/now", status=403)
    of_ada.get("keys", status=403)


def test_a_key_whose_roles_are_gone_may_do_nothing_rather_than_all(desk: Workbench, olive: User) -> None:
    robot = Program.with_key(olive, roles=[Group.objects.get(name="reader")])
    robot.get("plans")
    Group.objects.get(name="reader").delete()
    robot.get("plans", status=403)


@pytest.fixture
def elsewhere(desk: Workbench, tmp_path: Path) -> Workbench:
    other = Workbench.at(tmp_path / "elsewhere", name="elsewhere")
    other.write("secret.md", "# Secret\n\n## Hidden\n\n- [ ] Whisper\n")
    other.sync()
    return other


def test_a_key_limited_to_a_replica_sees_nothing_of_the_others(
    desk: Workbench, elsewhere: Workbench, admin: Program
) -> None:
    ada = User.objects.get(username="ada")
    robot = Program.with_key(ada, replicas=(desk.row,))
    for path in ("plans", "tasks?limit=500", "phases", "replicas", "sync/status", "sync/history"):
        assert "Secret" not in json.dumps(robot.get(path)), path
        assert "elsewhere" not in json.dumps(robot.get(path)), path
    plan, task, phase = elsewhere.plan("secret.md"), elsewhere.task("Whisper"), elsewhere.phase("Hidden")
    for path in ("", "/tree", "/document", "/html", "/history"):
        robot.get(f"plans/{plan.pk}{path}", status=404)
    robot.get(f"tasks/{task.pk}", status=404)
    robot.patch(f"tasks/{task.pk}", {"status": "done"}, status=404)
    robot.patch(f"phases/{phase.pk}", {"title": "x"}, status=404)
    robot.delete(f"plans/{plan.pk}", status=404)
    robot.delete(f"tasks/{task.pk}", status=404)
    robot.post(f"tasks/{task.pk}/move", {"parent": str(plan.pk)}, status=404)
    robot.post("tasks", {"parent": str(phase.pk), "text": "x"}, status=400)
    robot.post(f"tasks/{desk.task('Rest').pk}/move", {"parent": str(phase.pk)}, status=400)
    robot.post("sync/now", {"replica": "elsewhere"}, status=400)
    robot.post("sync/batch", {"syncs": [{"replica": "elsewhere"}]}, status=400)
    robot.get(f"replicas/{elsewhere.row.pk}", status=404)
    job = admin.post("sync/now", {"replica": "elsewhere"}, status=202)
    robot.get(f"sync/jobs/{job['id']}", status=404)
    robot.post("plans", {"title": "Nowhere yet"}, status=403)
    edit = {"act": "set", "item": str(task.pk), "fields": {"status": "done"}}
    robot.post(f"plans/{desk.plan('launch.md').pk}/preview", {"edits": [edit]}, status=404)
    assert elsewhere.task("Whisper").status == "todo"


def test_an_item_of_another_plan_is_not_previewed_through_this_one(
    desk: Workbench, elsewhere: Workbench, editor: Program
) -> None:
    edit = {"act": "delete", "item": str(elsewhere.task("Whisper").pk)}
    editor.post(f"plans/{desk.plan('launch.md').pk}/preview", {"edits": [edit]}, status=404)


@pytest.mark.parametrize("path", ["plans", "plans/{}"])
def test_open_conflicts_with_replicas_that_one_may_not_see_are_not_counted(
    desk: Workbench, elsewhere: Workbench, olive: User, path: str
) -> None:
    plan = desk.plan("launch.md")
    now = timezone.now()
    Link.objects.create(replica=elsewhere.row, plan=plan, path="launch.md", synced_at=now)
    for item, bench in enumerate((desk, elsewhere, elsewhere), 1):
        Conflict.objects.create(
            plan=plan,
            replica_id=bench.row.pk,
            item_kind="task",
            item_key=UUID(int=item).hex,
            opened_at=now,
            changed_at=now,
        )

    def counted(who: Program) -> int:
        found = who.get(path.format(plan.pk))
        rows = found.get("results", [found])
        return int(next(row["open_conflicts"] for row in rows if row["id"] == str(plan.pk)))

    assert counted(Program.of(olive)) == 3
    assert counted(Program.with_key(olive, "near", replicas=(desk.row,))) == 1
    assert counted(Program.with_key(olive, "far", replicas=(elsewhere.row,))) == 2


def test_a_limited_key_whose_replicas_are_gone_sees_nothing_rather_than_all(
    desk: Workbench, elsewhere: Workbench, admin: Program
) -> None:
    robot = Program.with_key(User.objects.get(username="ada"), replicas=(elsewhere.row,))
    elsewhere.row.delete()
    assert robot.get("plans")["results"] == []


def test_keys_are_not_made_or_revoked_with_keys(desk: Workbench, admin: Program) -> None:
    robot = Program.with_key(User.objects.get(username="ada"))
    robot.post("keys", {"name": "more"}, status=403)
    robot.delete(f"keys/{key_row('robot').pk}", status=403)


def test_only_a_superuser_makes_a_key_with_somebody_elses_rights(
    desk: Workbench, olive: User, admin: Program
) -> None:
    olive.user_permissions.add(Permission.objects.get(codename="add_apikey"))
    Program.of(olive).post("keys", {"name": "mine"})
    Program.of(olive).post("keys", {"name": "theirs", "owner": "ada"}, status=403)
    assert admin.post("keys", {"name": "hers", "owner": "olive", "replicas": ["plans"]})["limited"] is True


@pytest.mark.parametrize(
    "body",
    [
        {"name": "taken"},
        {"name": "new", "roles": ["king"]},
        {"name": "new", "replicas": ["nowhere"]},
        {"name": "new", "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "new", "owner": "nobody"},
        {"name": "two\nlines"},
        {"name": "new", "hash": "0" * 64},
        {},
    ],
)
def test_a_key_that_cannot_be_is_refused(desk: Workbench, admin: Program, body: dict[str, Any]) -> None:
    Program.with_key(User.objects.get(username="ada"), "taken")
    admin.post("keys", body, status=400)


def test_a_key_is_made_in_the_admin_and_shown_once(desk: Workbench) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("ada"))
    url = reverse("admin:api_apikey_add")
    body = {
        "name": "robot",
        "roles": [],
        "replicas": [str(desk.row.pk)],
        "expires_at_0": "",
        "expires_at_1": "",
    }
    page = browser.post(url, body, follow=True).content.decode()
    row = key_row("robot")
    secret = next(word for word in page.replace("<", " ").split() if word.startswith(row.prefix + "_"))
    assert Program(secret).get("auth/me")["replicas"] == ["plans"]
    shown = browser.get(reverse("admin:api_apikey_change", args=[row.pk])).content.decode()
    assert row.hash not in shown
    assert secret not in shown
    browser.post(
        reverse("admin:api_apikey_changelist"), {"action": "revoke", "_selected_action": [str(row.pk)]}
    )
    Program(secret).get("plans", status=401)


# ------------------------------------------------------------------------------------------ sessions


def test_a_browser_uses_its_session_and_needs_its_csrf_token_to_write(desk: Workbench, olive: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(olive)
    task = f"/api/v1/tasks/{desk.task('Rest').pk}"
    assert browser.get(task).status_code == 200
    refused = browser.patch(task, {"status": "done"}, content_type="application/json")
    assert refused.status_code == 403
    assert refused.headers["Content-Type"] == "application/problem+json"
    token = browser.get(f"/plans/{desk.task('Rest').plan_id}/").cookies["planning_sync_csrf"]
    done = browser.patch(
        task, {"status": "done"}, content_type="application/json", headers={"X-CSRFToken": token.value}
    )
    assert done.status_code == 200


# -------------------------------------------------------------------------------------- permissions


def test_every_route_names_what_each_of_its_methods_needs() -> None:
    for route in routes.all_routes():
        served = {
            name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(route.view, name)
        }
        assert served == set(route.needs), route.name


def test_every_permission_of_the_routes_exists(desk: Workbench) -> None:
    rows = Permission.objects.values_list("content_type__app_label", "codename")
    known = {f"{app}.{name}" for app, name in rows} | {routes.OPEN, routes.SIGNED_IN}
    needed = {need for route in routes.all_routes() for need in route.needs.values()}
    assert needed <= known


def test_who_has_no_role_is_refused_everything_that_needs_one(desk: Workbench) -> None:
    stranger = Program.of(User.objects.create_user("sam", password="a long password"))
    spare = "01936b7e-2f60-7c3a-9d52-0b5a0c4f1e11"
    for route in routes.all_routes():
        path = "/api/v1/" + route.path
        path = re.sub("<([a-z]+):[a-z_]+>", lambda found: spare if found[1] == "uuid" else "7", path)
        for method, need in route.needs.items():
            if need not in (routes.OPEN, routes.SIGNED_IN):
                assert stranger(method, path, None if method == "GET" else {}).status_code == 403, (
                    method,
                    path,
                )
                assert Program()(method, path, None if method == "GET" else {}).status_code == 401, (
                    method,
                    path,
                )


def test_a_route_that_the_table_does_not_name_is_refused(
    desk: Workbench, admin: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "needs", dict)
    admin.get("plans", status=403)


# --------------------------------------------------------------------------------------- idempotency


def test_the_same_post_again_gives_the_same_answer_and_does_nothing(desk: Workbench, editor: Program) -> None:
    body = {"parent": str(desk.phase("After").pk), "text": "Once"}
    first = editor("POST", "tasks", body, Idempotency_Key="k1")
    again = editor("POST", "tasks", body, Idempotency_Key="k1")
    assert (first.status_code, first.content) == (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert desk.texts("launch.md").count("Once") == 1


def test_the_key_of_another_request_or_of_another_person_is_its_own(
    desk: Workbench, editor: Program, admin: Program
) -> None:
    body = {"parent": str(desk.phase("After").pk), "text": "Once"}
    editor.post("tasks", body, Idempotency_Key="k1")
    problem = editor.post("tasks", {**body, "text": "Twice"}, status=422, Idempotency_Key="k1")
    assert problem["type"].endswith("idempotency-key-reused")
    admin.post("tasks", {**body, "text": "Thrice"}, Idempotency_Key="k1")
    assert desk.texts("launch.md")[-2:] == ["Once", "Thrice"]


def test_a_refusal_is_replayed_too_and_a_request_in_progress_is_busy(
    desk: Workbench, editor: Program
) -> None:
    body = {"parent": str(desk.phase("After").pk), "text": "two\nlines"}
    for _ in range(2):
        editor.post("tasks", body, status=422, Idempotency_Key="k1")
    IdempotentRequest.objects.update(status=None)
    assert editor.post("tasks", body, status=409, Idempotency_Key="k1")["type"].endswith("busy")


def test_a_key_is_forgotten_after_a_day_and_one_left_by_a_dead_process_sooner(
    desk: Workbench, editor: Program
) -> None:
    body = {"parent": str(desk.phase("After").pk), "text": "Again"}
    for number, (age, status) in enumerate(
        [(timedelta(days=1, minutes=1), 201), (timedelta(minutes=11), None)], 1
    ):
        editor.post("tasks", body, Idempotency_Key="k1")
        IdempotentRequest.objects.update(created_at=timezone.now() - age, status=status)
        assert desk.texts("launch.md").count("Again") == number


def test_a_failure_of_ours_is_not_remembered(
    desk: Workbench, editor: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    body = {"parent": str(desk.phase("After").pk), "text": "Once"}
    monkeypatch.setattr(plans, "add_task", fail)
    with pytest.raises(ZeroDivisionError):
        editor("POST", "tasks", body, Idempotency_Key="k1")
    monkeypatch.undo()
    editor.post("tasks", body, Idempotency_Key="k1")


def test_a_replayed_answer_holds_no_secret(desk: Workbench, admin: Program) -> None:
    first = admin.post("keys", {"name": "robot"}, Idempotency_Key="k1")
    again = admin.post("keys", {"name": "robot"}, Idempotency_Key="k1")
    assert first["key"]
    assert again == {**first, "key": None}
    assert first["key"] not in IdempotentRequest.objects.get().body


# -------------------------------------------------------------------------------------------- limits


def test_each_answer_says_what_is_left_and_who_asks_too_much_waits(
    desk: Workbench, editor: Program, reader: Program, settings: Any
) -> None:
    settings.PLANNING_SYNC_RATE_LIMIT = 3
    left = [editor("GET", "plans").headers["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    answer = editor("GET", "plans")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert json.loads(answer.content)["type"] == "urn:planning-sync:problem:rate-limited"
    reader.get("plans")


def test_a_cache_that_is_away_does_not_stop_the_service(
    desk: Workbench, editor: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError("no cache")

    monkeypatch.setattr(caches["default"], "incr", refuse)
    editor.get("plans")


# ---------------------------------------------------------------------------------------------- logs


def test_no_secret_gets_into_a_log_or_into_the_history(
    desk: Workbench, olive: User, admin: Program, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    pair = Program().post("auth/token", CREDENTIALS, status=200)
    new = Program().post("auth/refresh", {"refresh": pair["refresh"]}, status=200)
    Program().post("auth/refresh", {"refresh": pair["refresh"]}, status=401)
    made = admin.post("keys", {"name": "robot"})
    Program(made["key"]).patch(f"tasks/{desk.task('Rest').pk}", {"status": "done"})
    Program(made["key"] + "x").get("plans", status=401)
    Program().post("auth/revoke", {"token": new["access"]}, status=204)
    told = caplog.text + json.dumps(list(Operation.objects.values("actor", "summary")))
    for secret in (*CREDENTIALS.values(), pair["access"], pair["refresh"], new["access"], made["key"]):
        assert secret == "olive" or secret not in told
