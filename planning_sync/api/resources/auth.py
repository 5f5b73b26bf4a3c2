"""`/auth/...`: tokens for a name and a password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit import context
from audit.models import Operation
from planning_sync.api import services
from planning_sync.api.describing import described
from planning_sync.api.errors import InvalidCredentials
from planning_sync.api.routes import OPEN, SIGNED_IN, Route
from planning_sync.api.services import Issued
from planning_sync.api.views import ApiView, given
from plans.api import Strict, Text


class Credentials(Strict):
    username = Text(max_length=150)
    password = Text(max_length=4096, trim_whitespace=False, style={"input_type": "password"})


class RefreshToken(Strict):
    refresh = Text(max_length=200)


class AnyToken(Strict):
    token = Text(max_length=200, help_text="An access or a refresh token.")


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="For `Authorization: Bearer`.")
    refresh = serializers.CharField(help_text="Good once, for the next pair.")
    expires_in = serializers.IntegerField(help_text="Seconds that the access token is good for.")
    token_type = serializers.CharField()


class WhoSerializer(serializers.Serializer[Any]):
    actor = serializers.CharField(help_text="The name in the history.")
    user = serializers.CharField()
    on_behalf_of = serializers.CharField(allow_blank=True)
    replicas = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="null: every one."
    )
    may = serializers.ListField(child=serializers.CharField(), help_text="The permissions that count here.")


_PAIR = {"access": "pst_…", "refresh": "pst_…", "expires_in": 3600, "token_type": "Bearer"}


class _Door(ApiView):
    """Where one is not known yet."""

    authentication_classes = ()
    keeps_answers = False
    is_sign_in = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        context.refine(via=Operation.Via.TOKEN)
        super().initial(request, *args, **kwargs)


class SignIn(_Door):
    @described(
        "Get tokens for a name and a password",
        tag="auth",
        operation="auth_token",
        answer=TokenPairSerializer,
        example=_PAIR,
        body=Credentials,
        body_example={"username": "alice", "password": "correct horse battery"},
    )
    def post(self, request: Request) -> Response:
        """Twenty attempts a minute for each address."""
        told = given(Credentials, request)
        user = authenticate(request._request, **told)
        if not isinstance(user, User):
            raise InvalidCredentials
        return Response(_told(services.issue(user)))


class Refresh(_Door):
    @described(
        "Get new tokens for a refresh token",
        tag="auth",
        operation="auth_refresh",
        answer=TokenPairSerializer,
        example=_PAIR,
        body=RefreshToken,
        body_example={"refresh": "pst_…"},
    )
    def post(self, request: Request) -> Response:
        """It is used up by that. One that comes a second time ends all tokens that came from it."""
        return Response(_told(services.refresh(given(RefreshToken, request)["refresh"])))


class Revoke(_Door):
    @described(
        "End a token and those that came with it",
        tag="auth",
        operation="auth_revoke",
        status=204,
        body=AnyToken,
        body_example={"token": "pst_…"},
    )
    def post(self, request: Request) -> Response:
        """An unknown token is no error."""
        services.revoke(given(AnyToken, request)["token"])
        return Response(status=204)


class Who(ApiView):
    @described(
        "Who you are here, and what you may do",
        tag="auth",
        operation="auth_who",
        answer=WhoSerializer,
        example={
            "actor": "key:nightly",
            "user": "alice",
            "on_behalf_of": "",
            "replicas": ["notes"],
            "may": ["plans.view_plan"],
        },
    )
    def get(self, request: Request) -> Response:
        from planning_sync.api import principals
        from planning_sync.api.routes import all_routes

        who = self.who
        wanted = {need for route in all_routes() for need in route.needs.values()} - {OPEN, SIGNED_IN}
        names = None
        if who.replica_ids is not None:
            names = list(principals.visible_replicas(who).order_by("name").values_list("name", flat=True))
        return Response(
            {
                "actor": who.actor,
                "user": who.user.get_username(),
                "on_behalf_of": who.on_behalf_of,
                "replicas": names,
                "may": sorted(need for need in wanted if who.may(need)),
            }
        )


def _told(issued: Issued) -> dict[str, Any]:
    return {**issued._asdict(), "token_type": "Bearer"}


ROUTES = (
    Route("auth/token", SignIn, "auth-token", {"POST": OPEN}),
    Route("auth/refresh", Refresh, "auth-refresh", {"POST": OPEN}),
    Route("auth/revoke", Revoke, "auth-revoke", {"POST": OPEN}),
    Route("auth/me", Who, "auth-me", {"GET": SIGNED_IN}),
)
