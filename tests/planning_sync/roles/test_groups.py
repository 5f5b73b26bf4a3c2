"""The roles: what the table, the groups and the documentation say, and that they are left alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User

from planning_sync.roles import groups
from planning_sync.roles.models import GivenPermission
from planning_sync.roles.table import ROLES

pytestmark = pytest.mark.django_db

PAGE = Path(__file__).resolve().parents[3] / "docs" / "roles.md"


def named(group: Group) -> set[str]:
    rows = group.permissions.select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}" for row in rows}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_a_group_with_its_permissions(role: str) -> None:
    assert named(Group.objects.get(name=role)) == ROLES[role]


def test_every_permission_of_the_table_is_one_that_there_is() -> None:
    wanted = set().union(*ROLES.values())
    assert wanted == groups.permissions(wanted).keys()


def test_what_an_administrator_changed_stays() -> None:
    Group.objects.get(name="editor").permissions.clear()
    groups.ensure()
    assert named(Group.objects.get(name="editor")) == set()


def test_a_permission_that_a_later_version_brings_is_given_to_groups_that_are_there() -> None:
    operator = Group.objects.get(name="operator")
    brought, taken = "search.view_embedding", "sync.delete_replica"
    operator.permissions.remove(*groups.permissions([brought, taken]).values())
    GivenPermission.objects.filter(permission=brought).delete()
    groups.ensure()
    assert ROLES["operator"] - named(operator) == {taken}


def test_a_group_that_was_deleted_comes_back_with_the_next_migration() -> None:
    Group.objects.filter(name="arbiter").delete()
    groups.ensure()
    assert named(Group.objects.get(name="arbiter")) == ROLES["arbiter"]


def test_making_them_again_changes_nothing() -> None:
    before = {group.pk: named(group) for group in Group.objects.all()}
    groups.ensure()
    assert {group.pk: named(group) for group in Group.objects.all()} == before


def test_only_the_arbiter_and_the_administrator_decide() -> None:
    deciding = {role for role, names in ROLES.items() if "conflicts.decide_conflict" in names}
    assert deciding == {"arbiter", "administrator"}


def test_nobody_but_readers_of_something_may_change_it() -> None:
    for role, names in ROLES.items():
        assert ROLES["reader"] <= names, role


def test_a_person_has_what_the_role_has() -> None:
    teammate = User.objects.create_user("bob")
    teammate.groups.add(Group.objects.get(name="arbiter"))
    assert teammate.has_perm("conflicts.decide_conflict")
    assert not teammate.has_perm("sync.change_replica")


def test_the_documentation_has_the_same_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    heads = re.search(r"^\| permission \| (.+) \|$", page, re.MULTILINE)
    assert heads is not None
    roles = [each.strip() for each in heads[1].split("|")]
    told: dict[str, set[str]] = {role: set() for role in roles}
    for name, cells in re.findall(r"^\| `(\w+\.\w+)` \| (.+) \|$", page, re.MULTILINE):
        for role, cell in zip(roles, cells.split("|"), strict=True):
            if cell.strip():
                told[role].add(name)
    assert told == {role: set(names) for role, names in ROLES.items()}
