"""People and roles over the API: who sees them, who gives roles, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from audit.models import Entry
from planning_sync.roles.models import ReplicaAccess
from tests.api.programs import Program, person
from tests.planning_sync.sync.workbench import Workbench


@pytest.fixture
def zoe(desk: Workbench) -> User:
    """An administrator who is no superuser."""
    return person("zoe", "administrator")


@pytest.fixture
def chief(zoe: User) -> Program:
    return Program.of(zoe)


def roles_of(user: User) -> set[str]:
    return set(user.groups.values_list("name", flat=True))


def test_people_are_listed_with_their_roles(chief: Program, olive: User) -> None:
    rows = {row["username"]: row for row in chief.get("users")["results"]}
    assert rows["olive"]["roles"] == ["editor"]
    assert rows["zoe"]["roles"] == ["administrator"]
    assert not {"password", "email"} & rows["olive"].keys()
    assert [row["username"] for row in chief.get("users?role=editor")["results"]] == ["olive"]
    assert [row["username"] for row in chief.get("users?q=zo")["results"]] == ["zoe"]
    assert chief.get("users?active=false")["results"] == []
    assert chief.get(f"users/{olive.pk}") == rows["olive"]
    chief.get("users/999999", status=404)
    chief.get("users/99999999999999999999999", status=404)


def test_roles_are_listed_with_what_they_allow(chief: Program) -> None:
    rows = {row["name"]: row for row in chief.get("roles")["results"]}
    assert set(rows) >= {"reader", "editor", "arbiter", "operator", "administrator"}
    assert "plans.view_plan" in rows["reader"]["permissions"]
    assert rows["administrator"]["people"] == 1


def test_roles_are_given_and_taken_and_that_is_in_the_log(chief: Program, olive: User) -> None:
    told = chief("PUT", f"users/{olive.pk}/roles", {"roles": ["arbiter", "operator"]})
    assert told.status_code == 200
    assert roles_of(olive) == {"arbiter", "operator"}
    rows = Entry.objects.filter(item_kind="user", field="groups").select_related("operation").order_by("id")
    granted: dict[str, Any] = rows.filter(action="granted", operation__actor="zoe").get().after or {}
    assert (granted["user"], granted["groups"]) == ("olive", ["arbiter", "operator"])
    assert rows.filter(action="revoked", operation__actor="zoe").count() == 1


def test_nobody_but_administrators_sees_people_or_gives_roles(
    editor: Program, reader: Program, operator: Program, olive: User
) -> None:
    for program in (editor, reader, operator):
        for path in ("users", "roles", f"users/{olive.pk}"):
            program.get(path, status=403)
        answer = program("PUT", f"users/{olive.pk}/roles", {"roles": ["administrator"]})
        assert answer.status_code == 403
    assert roles_of(olive) == {"editor"}


def test_nobody_gives_what_they_do_not_have(chief: Program, zoe: User) -> None:
    gods = Group.objects.create(name="gods")
    gods.permissions.add(Permission.objects.get(codename="delete_session"))
    answer = chief("PUT", f"users/{zoe.pk}/roles", {"roles": ["administrator", "gods"]})
    assert answer.status_code == 403
    assert "sessions.delete_session" in answer.content.decode()
    assert roles_of(zoe) == {"administrator"}


def test_an_administrator_does_not_lock_oneself_out(chief: Program, zoe: User, admin: Program) -> None:
    answer = chief("PUT", f"users/{zoe.pk}/roles", {"roles": ["reader"]})
    assert answer.status_code == 409
    assert roles_of(zoe) == {"administrator"}
    assert admin("PUT", f"users/{zoe.pk}/roles", {"roles": ["reader"]}).status_code == 200
    assert roles_of(zoe) == {"reader"}


def test_keys_and_agents_give_no_roles(chief: Program, zoe: User, olive: User) -> None:
    robot = Program.with_key(zoe)
    robot.get("users")
    assert robot("PUT", f"users/{olive.pk}/roles", {"roles": []}).status_code == 403
    assert chief("PUT", f"users/{olive.pk}/roles", {"roles": []}, On_Behalf_Of="Pat").status_code == 403
    assert roles_of(olive) == {"editor"}


@pytest.mark.parametrize("body", [{}, {"roles": ["king"]}, {"roles": "reader"}, {"roles": [], "staff": True}])
def test_roles_that_cannot_be_are_refused(chief: Program, olive: User, body: Any) -> None:
    assert chief("PUT", f"users/{olive.pk}/roles", body).status_code == 400
    assert roles_of(olive) == {"editor"}


def test_a_limited_administrator_gives_no_roles_and_cannot_cast_off_the_limit(
    desk: Workbench, chief: Program, zoe: User, olive: User
) -> None:
    limited = Group.objects.create(name="limited")
    ReplicaAccess.objects.create(group=limited, replica=desk.row, created_by="ada", created_at=timezone.now())
    zoe.groups.add(limited)
    for user in (zoe, olive):
        answer = chief("PUT", f"users/{user.pk}/roles", {"roles": ["administrator"]})
        assert answer.status_code == 403
    assert roles_of(zoe) == {"administrator", "limited"}
