"""`/users` and `/roles`: who may do what."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api import paging, people, problems
from planning_sync.api.describing import described
from planning_sync.api.errors import ApiError
from planning_sync.api.paging import PageQuery, page_serializer
from planning_sync.api.principals import Principal
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked, given
from plans.api import Strict, Text, line

GIVES_ROLES = "auth.change_user"


class LastKey(ApiError):
    """Nobody locks oneself out."""

    def __init__(self) -> None:
        super().__init__(
            "You would lose the right to give roles, and could not take this back. "
            "Have another administrator do it."
        )


problems.tell("refused", 409, "This cannot be done as things are", LastKey)


class UserQuery(PageQuery):
    q = line(150, help_text="Contained in the username.")
    role = line(150, help_text="Has this role.")
    active = serializers.BooleanField(required=False, allow_null=True, default=None)


class UserSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    username = serializers.CharField()
    active = serializers.BooleanField(help_text="Whether the person may sign in.")
    staff = serializers.BooleanField(help_text="Whether the administration is open to the person.")
    superuser = serializers.BooleanField(help_text="Whether everything is allowed, whatever the roles.")
    roles = serializers.ListField(child=serializers.CharField())
    last_login_at = serializers.DateTimeField(allow_null=True)


class ChosenRoles(Strict):
    roles = serializers.ListField(
        child=Text(max_length=150), max_length=20, help_text="All that the person is to have."
    )


class RoleSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    permissions = serializers.ListField(child=serializers.CharField())
    people = serializers.IntegerField(help_text="How many have it.")


class RolesSerializer(serializers.Serializer[Any]):
    results = RoleSerializer(many=True)


_EXAMPLE = {
    "id": 7,
    "username": "carol",
    "active": True,
    "staff": False,
    "superuser": False,
    "roles": ["arbiter"],
    "last_login_at": "2026-05-04T10:00:00Z",
}
_COLUMNS = ("id", "username", "is_active", "is_staff", "is_superuser", "last_login")


class Users(ApiView):
    @described(
        "List people with their roles",
        tag="users",
        operation="users_list",
        query=UserQuery,
        answer=page_serializer(UserSerializer),
        example={"results": [_EXAMPLE], "next": None},
    )
    def get(self, request: Request) -> Response:
        query = asked(UserQuery, request)
        rows = User.objects.all()
        if query.get("q"):
            rows = rows.filter(username__icontains=query["q"])
        if query.get("role"):
            rows = rows.filter(groups__name=query["role"])
        if query["active"] is not None:
            rows = rows.filter(is_active=query["active"])
        page = paging.page(request, rows, _COLUMNS, ("username",), query)
        roles = _roles_of([row["id"] for row in page.rows])
        return Response(page.as_json(lambda row: _told(row, roles)))


class OneUser(ApiView):
    @described("One person", tag="users", operation="users_read", answer=UserSerializer, example=_EXAMPLE)
    def get(self, request: Request, user_id: int) -> Response:
        return Response(told(user_id))


class UserRoles(ApiView):
    @described(
        "Give a person roles",
        tag="users",
        operation="users_set_roles",
        answer=UserSerializer,
        example=_EXAMPLE,
        body=ChosenRoles,
        body_example={"roles": ["arbiter"]},
    )
    def put(self, request: Request, user_id: int) -> Response:
        """These and no others. By people, never by keys or agents; nobody gives what they do not have."""
        _refuse_programs(self.who)
        self.who.refuse_if_limited("roles are about all of them")
        user = User.objects.filter(pk=user_id).first()
        if user is None:
            raise NotFound
        roles = _named(given(ChosenRoles, request)["roles"])
        _check(self.who, user, roles)
        people.set_roles(user, roles, actor=self.who.actor)
        return Response(told(user_id))


class AllRoles(ApiView):
    @described(
        "List the roles and what they allow",
        tag="users",
        operation="roles_list",
        answer=RolesSerializer,
        example={"results": [{"name": "reader", "permissions": ["plans.view_plan"], "people": 3}]},
    )
    def get(self, request: Request) -> Response:
        rows = Group.objects.prefetch_related("permissions__content_type", "user_set").order_by("name")
        return Response(
            {
                "results": [
                    {
                        "name": row.name,
                        "permissions": sorted(map(_permission, row.permissions.all())),
                        "people": len(row.user_set.all()),
                    }
                    for row in rows
                ]
            }
        )


def told(user_id: int) -> dict[str, Any]:
    row = User.objects.filter(pk=user_id).values(*_COLUMNS).first()
    if row is None:
        raise NotFound
    return _told(dict(row), _roles_of([user_id]))


def _told(row: dict[str, Any], roles: dict[int, list[str]]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "username": row["username"],
        "active": row["is_active"],
        "staff": row["is_staff"],
        "superuser": row["is_superuser"],
        "roles": roles.get(row["id"], []),
        "last_login_at": row["last_login"],
    }


def _roles_of(ids: list[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = User.groups.through.objects.filter(user_id__in=ids).order_by("group__name")
    for user_id, name in rows.values_list("user_id", "group__name"):
        found.setdefault(user_id, []).append(name)
    return found


def _refuse_programs(who: Principal) -> None:
    if who.key is not None or who.on_behalf_of:
        raise PermissionDenied("Roles are given by people: sign in with a token or in the browser.")


def _named(names: list[str]) -> list[Group]:
    found = {row.name: row for row in Group.objects.filter(name__in=names)}
    missing = [name for name in names if name not in found]
    if missing:
        raise ValidationError({"roles": [f"There is no role {missing[0]!r}. GET /api/v1/roles lists them."]})
    return list(found.values())


def _check(who: Principal, user: User, roles: Collection[Group]) -> None:
    """Raise where the change gives more than the giver has, or takes from the giver the right to give."""
    has = {role.pk for role in user.groups.all()}
    new = [role for role in roles if role.pk not in has]
    for permission in Permission.objects.filter(group__in=new).select_related("content_type").distinct():
        if not who.may(_permission(permission)):
            told = f"You do not have the permission {_permission(permission)} yourself, and cannot give it."
            raise PermissionDenied(told)
    if user.pk == who.user.pk and not user.is_superuser and not _would_give(user, roles):
        raise LastKey


def _would_give(user: User, roles: Collection[Group]) -> bool:
    app, _dot, codename = GIVES_ROLES.partition(".")
    wanted = {"content_type__app_label": app, "codename": codename}
    return (
        Permission.objects.filter(group__in=list(roles), **wanted).exists()
        or user.user_permissions.filter(**wanted).exists()
    )


def _permission(row: Permission) -> str:
    return f"{row.content_type.app_label}.{row.codename}"


ROUTES = (
    Route("users", Users, "users", {"GET": "auth.view_user"}),
    Route("users/<int:user_id>", OneUser, "user", {"GET": "auth.view_user"}),
    Route("users/<int:user_id>/roles", UserRoles, "user-roles", {"PUT": GIVES_ROLES}),
    Route("roles", AllRoles, "roles", {"GET": "auth.view_group"}),
)
