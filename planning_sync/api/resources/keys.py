"""`/keys`: API keys for programs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api import services
from planning_sync.api.describing import described
from planning_sync.api.models import ApiKey
from planning_sync.api.principals import Principal, visible_replicas
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, given, location
from planning_sync.roles import access
from plans.api import Strict, Text


class NewKey(Strict):
    name = Text(max_length=100, help_text="Unique; the history shows it as `key:NAME`.")
    owner = Text(
        max_length=150, required=False, help_text="Whose rights it has; another than you: superusers only."
    )
    roles = serializers.ListField(
        child=Text(max_length=150),
        max_length=20,
        required=False,
        help_text="None: all that the owner may do.",
    )
    replicas = serializers.ListField(
        child=Text(max_length=200), max_length=200, required=False, help_text="None: every replica."
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class KeySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="How the key begins.")
    owner = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    replicas = serializers.ListField(child=serializers.CharField())
    limited = serializers.BooleanField(help_text="To the replicas named.")
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class MadeKeySerializer(KeySerializer):
    key = serializers.CharField(allow_null=True, help_text="The key itself: shown this once, kept nowhere.")


class KeysSerializer(serializers.Serializer[Any]):
    results = KeySerializer(many=True)


_KEY = {
    "id": "01936b7e-2f60-7c3a-9d52-0b5a0c4f1e11",
    "name": "nightly",
    "prefix": "psk_5f2c9a01",
    "owner": "alice",
    "roles": ["reader"],
    "replicas": ["notes"],
    "limited": True,
    "created_at": "2026-05-04T10:00:00Z",
    "created_by": "alice",
    "expires_at": None,
    "last_used_at": None,
    "revoked_at": None,
}


class Keys(ApiView):
    secret_fields = ("key",)

    @described(
        "List the API keys",
        tag="keys",
        operation="keys_list",
        answer=KeysSerializer,
        example={"results": [_KEY]},
    )
    def get(self, request: Request) -> Response:
        rows = _visible(self.who).prefetch_related("roles", "replicas").order_by("name")
        return Response({"results": [_told(row) for row in rows]})

    @described(
        "Make an API key",
        tag="keys",
        operation="keys_create",
        status=201,
        answer=MadeKeySerializer,
        example={**_KEY, "key": "psk_5f2c9a01_…"},
        body=NewKey,
        body_example={"name": "nightly", "roles": ["reader"], "replicas": ["notes"]},
    )
    def post(self, request: Request) -> Response:
        """The key is in the answer, and nowhere else. Keys cannot make keys."""
        _refuse_keys(self.who)
        told = given(NewKey, request)
        _check_new(told)
        made = services.make_key(
            told["name"],
            owner=_owner(self.who, told.get("owner", "")),
            **self.who.marks,
            roles=_named(Group.objects.all(), "roles", told.get("roles", [])),
            replicas=_replicas(self.who, told.get("replicas", [])),
            expires_at=told.get("expires_at"),
        )
        answer = {**_told(made.key), "key": made.secret}
        return Response(answer, status=201, headers={"Location": location("keys", made.key.pk)})


class Key(ApiView):
    @described("One API key", tag="keys", operation="keys_read", answer=KeySerializer, example=_KEY)
    def get(self, request: Request, key_id: UUID) -> Response:
        return Response(_told(_row(self.who, key_id)))

    @described("Revoke an API key", tag="keys", operation="keys_revoke", answer=KeySerializer, example=_KEY)
    def delete(self, request: Request, key_id: UUID) -> Response:
        """At once and for good. It stays in the list."""
        _refuse_keys(self.who)
        row = _row(self.who, key_id)
        services.revoke_key(row, **self.who.marks)
        return Response(_told(row))


def _visible(who: Principal) -> QuerySet[ApiKey]:
    return access.within(ApiKey.objects.select_related("owner"), who.replica_ids)


def _row(who: Principal, key_id: UUID) -> ApiKey:
    found = _visible(who).filter(pk=key_id).first()
    if found is None:
        raise NotFound
    return found


def _refuse_keys(who: Principal) -> None:
    if who.key is not None:
        raise PermissionDenied("Keys are made and revoked by people: sign in with a token or in the browser.")


def _check_new(told: dict[str, Any]) -> None:
    if not told["name"].isprintable():
        raise ValidationError({"name": ["Printable characters only."]})
    if ApiKey.objects.filter(name=told["name"]).exists():
        raise ValidationError({"name": ["There is a key of that name already; names are never used again."]})
    expires_at = told.get("expires_at")
    if expires_at is not None and expires_at <= timezone.now():
        raise ValidationError({"expires_at": ["That is over already."]})


def _owner(who: Principal, name: str) -> User:
    if name in ("", who.user.get_username()):
        return who.user
    if not who.user.is_superuser:
        raise PermissionDenied("Only a superuser makes keys that have the rights of somebody else.")
    found = User.objects.filter(username=name, is_active=True).first()
    if found is None:
        raise ValidationError({"owner": ["There is no active account of that name."]})
    return found


def _named(rows: QuerySet[Any], field: str, names: list[str]) -> list[Any]:
    found = {row.name: row for row in rows.filter(name__in=names)}
    missing = [name for name in names if name not in found]
    if missing:
        raise ValidationError({field: [f"There is no {missing[0]!r}."]})
    return list(found.values())


def _replicas(who: Principal, names: list[str]) -> list[Any]:
    """Of somebody limited, a key that names none is for the replicas of that person."""
    seen = visible_replicas(who)
    if names or who.replica_ids is None:
        return _named(seen, "replicas", names)
    return list(seen)


def _told(row: ApiKey) -> dict[str, Any]:
    columns = ("id", "name", "prefix", "limited", "created_at", "created_by", "expires_at", "last_used_at")
    return {
        **{name: getattr(row, name) for name in columns},
        "revoked_at": row.revoked_at,
        "owner": row.owner.get_username(),
        "roles": [role.name for role in row.roles.all()],
        "replicas": [replica.name for replica in row.replicas.all()],
    }


ROUTES = (
    Route("keys", Keys, "keys", {"GET": "api.view_apikey", "POST": "api.add_apikey"}),
    Route("keys/<uuid:key_id>", Key, "key", {"GET": "api.view_apikey", "DELETE": "api.change_apikey"}),
)
