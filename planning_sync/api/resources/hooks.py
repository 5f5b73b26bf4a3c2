"""`/hooks`: addresses that git hosts tell of pushes; each push leads to a sync of the hook's replica."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit import context
from audit.models import Operation
from planning_sync.api import problems
from planning_sync.api.describing import described
from planning_sync.api.errors import TooLarge
from planning_sync.api.principals import Principal, visible_replicas
from planning_sync.api.routes import OPEN, Route
from planning_sync.api.views import ApiView, given, location
from planning_sync.webhooks import receiving, services
from planning_sync.webhooks.errors import NotSigned, NotUnderstood, Replayed
from planning_sync.webhooks.models import Hook
from plans.api import Strict, Text

problems.tell("forbidden", 403, "This is not allowed to you", NotSigned)
problems.tell("refused", 409, "This cannot be done as things are", Replayed)
problems.tell("malformed", 400, "The request cannot be read", NotUnderstood)


class NewHook(Strict):
    replica = Text(max_length=200, help_text="A name.")
    kind = serializers.ChoiceField(Hook.Kind.choices)


class HookSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    address = serializers.CharField(help_text="Where to send pushes, below the address of this server.")
    replica = serializers.CharField()
    kind = serializers.ChoiceField(Hook.Kind.choices)
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    used_at = serializers.DateTimeField(allow_null=True, help_text="When the last push came.")
    problem = serializers.CharField(
        allow_blank=True, help_text="Why what was pushed last could not be brought in (option `pull`)."
    )


class MadeHookSerializer(HookSerializer):
    secret = serializers.CharField(allow_null=True, help_text="To be given to the git host: shown this once.")


class HooksSerializer(serializers.Serializer[Any]):
    results = HookSerializer(many=True)


class PushSerializer(serializers.Serializer[Any]):
    """What the host sends; of it only `after`, the commit that was pushed, is looked at."""

    after = serializers.CharField(required=False)


class OutcomeSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(
        [(name, name) for name in ("queued", "known", "ignored")],
        help_text="A sync waits; the commit is one that is here, such as our own; it is about no push.",
    )


_HOOK = {
    "id": "01936b7e-3300-7a00-8000-000000000001",
    "address": "/api/v1/hooks/01936b7e-3300-7a00-8000-000000000001",
    "replica": "notes",
    "kind": "github",
    "created_at": "2026-05-04T09:00:00Z",
    "created_by": "alice",
    "used_at": None,
    "problem": "",
}


class Hooks(ApiView):
    secret_fields = ("secret",)

    @described(
        "List the hooks for pushes",
        tag="webhooks",
        operation="hooks_list",
        answer=HooksSerializer,
        example={"results": [_HOOK]},
    )
    def get(self, request: Request) -> Response:
        return Response({"results": [_told(row) for row in _rows(self.who).order_by("created_at", "pk")]})

    @described(
        "Make a hook for pushes",
        tag="webhooks",
        operation="hooks_create",
        status=201,
        answer=MadeHookSerializer,
        example={**_HOOK, "secret": "whsec_…"},
        body=NewHook,
        body_example={"replica": "notes", "kind": "github"},
    )
    def post(self, request: Request) -> Response:
        """Give its address and its secret to the git host."""
        told = given(NewHook, request)
        replica = visible_replicas(self.who).filter(name=told["replica"]).first()
        if replica is None:
            raise ValidationError({"replica": [f"There is no {told['replica']!r}."]})
        made = services.add_hook(replica, told["kind"], **self.who.marks)
        answer = {**_told(made.hook), "secret": made.secret}
        return Response(answer, status=201, headers={"Location": location("hooks", made.hook.pk)})


class OneHook(ApiView):
    keeps_answers = False  # pushes have ids of their own

    @described(
        "One hook for pushes", tag="webhooks", operation="hooks_read", answer=HookSerializer, example=_HOOK
    )
    def get(self, request: Request, hook_id: UUID) -> Response:
        return Response(_told(_row(self.who, hook_id)))

    @described("Remove a hook for pushes", tag="webhooks", operation="hooks_delete", status=204)
    def delete(self, request: Request, hook_id: UUID) -> Response:
        services.remove_hook(_row(self.who, hook_id), **self.who.marks)
        return Response(status=204)

    @described(
        "Tell of a push",
        tag="webhooks",
        operation="hooks_push",
        status=202,
        answer=OutcomeSerializer,
        example={"status": "queued"},
        body=PushSerializer,
        body_example={"after": "6dcb09b5b57875f334f61aebed695e2e4193db5e"},
    )
    def post(self, request: Request, hook_id: UUID) -> Response:
        """For git hosts: it has to be signed with the hook's secret, and no push is taken twice."""
        hook = Hook.objects.select_related("replica").filter(pk=hook_id).first()
        if hook is None:
            raise NotFound
        actor = f"webhook:{hook.kind}"
        context.refine(via=Operation.Via.WEBHOOK, name=lambda: actor)
        headers = {name.lower(): value for name, value in request.headers.items()}
        outcome = receiving.receive(hook, headers, _body(request), now=time.time())
        return Response({"status": outcome}, status=202)


def _body(request: Request) -> bytes:
    """As it was sent, which is what was signed. Raises `TooLarge`."""
    limit = settings.PLANNING_SYNC_BODY_BYTES
    found = request._request.read(limit + 1)
    if len(found) > limit:
        raise TooLarge(limit)
    return found


def _rows(who: Principal) -> QuerySet[Hook]:
    return Hook.objects.select_related("replica").filter(replica__in=visible_replicas(who))


def _row(who: Principal, hook_id: UUID) -> Hook:
    found = _rows(who).filter(pk=hook_id).first()
    if found is None:
        raise NotFound
    return found


def _told(row: Hook) -> dict[str, Any]:
    columns = ("id", "kind", "created_at", "created_by", "used_at", "problem")
    told = {name: getattr(row, name) for name in columns}
    return {**told, "address": location("hooks", row.pk), "replica": row.replica.name}


ROUTES = (
    Route("hooks", Hooks, "hooks", {"GET": "webhooks.view_hook", "POST": "webhooks.add_hook"}),
    Route(
        *("hooks/<uuid:hook_id>", OneHook, "hook"),
        {"GET": "webhooks.view_hook", "DELETE": "webhooks.delete_hook", "POST": OPEN},
    ),
)
