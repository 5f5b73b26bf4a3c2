"""Programs and browsers that use the API in tests, each with what it is let in by."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client

from planning_sync.api import services
from planning_sync.api.models import ApiKey
from planning_sync.sync.models import Replica

V1 = "/api/v1/"


def person(name: str, *roles: str) -> User:
    """Somebody with these roles and the password `a long password`."""
    user = User.objects.create_user(name, password="a long password")
    user.groups.set(Group.objects.filter(name__in=roles))
    assert user.groups.count() == len(roles)
    return user


@dataclass
class Program:
    """Sends JSON with a bearer token or key."""

    secret: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, user: User) -> Program:
        return cls(services.issue(user).access)

    @classmethod
    def with_key(
        cls, user: User, name: str = "robot", replicas: tuple[Replica, ...] = (), **more: Any
    ) -> Program:
        return cls(services.make_key(name, owner=user, actor="alice", replicas=replicas, **more).secret)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """`headers` are named with underscores."""
        told = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.secret:
            told.setdefault("Authorization", f"Bearer {self.secret}")
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        address = path if path.startswith("/") else V1 + path
        content_type = told.pop("Content-Type", "application/json")
        answer: Any = Client().generic(method, address, data, content_type=content_type, headers=told)
        return answer  # type: ignore[no-any-return]

    def get(self, path: str, status: int = 200, **headers: str) -> Any:
        return self._json("GET", path, None, status, headers)

    def post(self, path: str, body: Any = None, status: int = 201, **headers: str) -> Any:
        return self._json("POST", path, {} if body is None else body, status, headers)

    def patch(self, path: str, body: Any, status: int = 200, **headers: str) -> Any:
        return self._json("PATCH", path, body, status, headers)

    def delete(self, path: str, status: int = 204, **headers: str) -> Any:
        return self._json("DELETE", path, None, status, headers)

    def _json(self, method: str, path: str, body: Any, status: int, headers: dict[str, str]) -> Any:
        answer = self(method, path, body, **headers)
        assert answer.status_code == status, (answer.status_code, answer.content)
        if status >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"
        return json.loads(answer.content) if answer.content else None


def key_row(name: str) -> ApiKey:
    return ApiKey.objects.get(name=name)
