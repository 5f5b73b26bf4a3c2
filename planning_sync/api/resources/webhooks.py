"""`/webhooks`: addresses that are told what happens, and what became of each delivery."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api import paging, problems
from planning_sync.api.describing import described
from planning_sync.api.paging import PageQuery, page_serializer
from planning_sync.api.principals import Principal, visible_replicas
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked, given, location
from planning_sync.sync.models import Replica
from planning_sync.webhooks import services
from planning_sync.webhooks.errors import InvalidAddress, NotFinished
from planning_sync.webhooks.following import EVENTS
from planning_sync.webhooks.models import Delivery, Subscription
from plans.api import Strict, Text

problems.tell(
    *("invalid-value", 422, "A value cannot be taken", InvalidAddress),
    more=lambda error: {"errors": {"url": [str(error)]}},
)
problems.tell("refused", 409, "This cannot be done as things are", NotFinished)

_URL = "https, and an address that anyone can reach, unless the operator allows others."
_TYPES = [(name, name) for name in EVENTS]


class WebhookEdit(Strict):
    url = Text(
        max_length=2000,
        required=False,
        help_text=_URL,
    )
    events = serializers.ListField(
        child=serializers.ChoiceField(_TYPES), max_length=len(EVENTS), required=False, help_text="None: all."
    )
    replicas = serializers.ListField(
        child=Text(max_length=200), max_length=200, required=False, help_text="Names; none: every replica."
    )
    active = serializers.BooleanField(
        required=False, help_text="Switched on again, it is told first that events were missed."
    )


class NewWebhook(Strict):
    url = Text(max_length=2000, help_text=_URL)
    events = serializers.ListField(
        child=serializers.ChoiceField(_TYPES), max_length=len(EVENTS), required=False, help_text="None: all."
    )
    replicas = serializers.ListField(
        child=Text(max_length=200), max_length=200, required=False, help_text="Names; none: every replica."
    )


class WebhookSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.CharField()
    owner = serializers.CharField(help_text="It is told of no more than this person may see.")
    events = serializers.ListField(child=serializers.CharField(), help_text="None: all.")
    replicas = serializers.ListField(child=serializers.CharField())
    limited = serializers.BooleanField(help_text="To the replicas named.")
    active = serializers.BooleanField()
    problem = serializers.CharField(allow_blank=True, help_text="Why it was switched off.")
    failures = serializers.IntegerField(help_text="Attempts that failed since the last that went well.")
    told_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()


class MadeWebhookSerializer(WebhookSerializer):
    secret = serializers.CharField(allow_null=True, help_text="To check signatures with: shown this once.")


class WebhooksSerializer(serializers.Serializer[Any]):
    results = WebhookSerializer(many=True)


class DeliverySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="The webhook-id that the receiver gets.")
    status = serializers.ChoiceField(Delivery.Status.choices)
    events = serializers.IntegerField(help_text="How many it tells of.")
    attempts = serializers.IntegerField()
    answer = serializers.IntegerField(allow_null=True, help_text="The status of the last answer.")
    problem = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    next_at = serializers.DateTimeField(help_text="Of one that waits: when it is tried next.")
    finished_at = serializers.DateTimeField(allow_null=True)


_WEBHOOK = {
    "id": "01936b7e-3200-7a00-8000-000000000001",
    "url": "https://ci.example.org/plans",
    "owner": "alice",
    "events": ["conflict.detected"],
    "replicas": ["notes"],
    "limited": True,
    "active": True,
    "problem": "",
    "failures": 0,
    "told_at": "2026-05-04T10:00:00Z",
    "created_at": "2026-05-04T09:00:00Z",
    "created_by": "alice",
}
_MADE = {**_WEBHOOK, "secret": "whsec_…"}
_DELIVERY = {
    "id": "01936b7e-3200-7a00-8000-000000000002",
    "status": "delivered",
    "events": 1,
    "attempts": 1,
    "answer": 200,
    "problem": "",
    "created_at": "2026-05-04T10:00:00Z",
    "next_at": "2026-05-04T10:00:00Z",
    "finished_at": "2026-05-04T10:00:01Z",
}
_OUT_OF_SIGHT = "webhooks tell of all of them"


class Webhooks(ApiView):
    secret_fields = ("secret",)

    @described(
        "List the webhooks",
        tag="webhooks",
        operation="webhooks_list",
        answer=WebhooksSerializer,
        example={"results": [_WEBHOOK]},
    )
    def get(self, request: Request) -> Response:
        self.who.refuse_if_limited(_OUT_OF_SIGHT)
        return Response({"results": [_told(row) for row in _rows().order_by("created_at", "pk")]})

    @described(
        "Subscribe an address to events",
        tag="webhooks",
        operation="webhooks_create",
        status=201,
        answer=MadeWebhookSerializer,
        example=_MADE,
        body=NewWebhook,
        body_example={
            "url": "https://ci.example.org/plans",
            "events": ["conflict.detected"],
            "replicas": ["notes"],
        },
    )
    def post(self, request: Request) -> Response:
        """It is told of what happens from now on, as far as you may see it."""
        self.who.refuse_if_limited(_OUT_OF_SIGHT)
        told = given(NewWebhook, request)
        made = services.subscribe(
            told["url"],
            owner=self.who.user,
            events=told.get("events", []),
            replicas=_replicas(self.who, told.get("replicas", [])),
            **self.who.marks,
        )
        answer = {**_told(made.subscription), "secret": made.secret}
        return Response(answer, status=201, headers={"Location": location("webhooks", made.subscription.pk)})


class OneWebhook(ApiView):
    @described(
        "One webhook", tag="webhooks", operation="webhooks_read", answer=WebhookSerializer, example=_WEBHOOK
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        return Response(_told(_row(self.who, webhook_id)))

    @described(
        "Change a webhook, switch it off or on",
        tag="webhooks",
        operation="webhooks_update",
        answer=WebhookSerializer,
        example=_WEBHOOK,
        body=WebhookEdit,
        body_example={"active": True},
    )
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Only what is sent changes."""
        row = _row(self.who, webhook_id)
        told = given(WebhookEdit, request, partial=True)
        if "replicas" in told:
            told["replicas"] = _replicas(self.who, told["replicas"])
        active = told.pop("active", None)
        if told:
            services.change(row, told, **self.who.marks)
        if active is not None:
            switch = services.switch_on if active else services.switch_off
            switch(row, **self.who.marks)
        return Response(_told(_row(self.who, webhook_id)))

    @described("Remove a webhook", tag="webhooks", operation="webhooks_delete", status=204)
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """With its deliveries."""
        services.unsubscribe(_row(self.who, webhook_id), **self.who.marks)
        return Response(status=204)


class NewSecret(ApiView):
    secret_fields = ("secret",)

    @described(
        "Give a webhook another secret",
        tag="webhooks",
        operation="webhooks_renew",
        answer=MadeWebhookSerializer,
        example=_MADE,
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """The one before is good for nothing from now on."""
        made = services.renew(_row(self.who, webhook_id), **self.who.marks)
        return Response({**_told(made.subscription), "secret": made.secret})


class Deliveries(ApiView):
    @described(
        "What became of a webhook's deliveries",
        tag="webhooks",
        operation="webhooks_deliveries",
        query=PageQuery,
        answer=page_serializer(DeliverySerializer),
        example={"results": [_DELIVERY], "next": None},
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """Newest first. Kept for 30 days."""
        query = asked(PageQuery, request)
        rows = Delivery.objects.filter(subscription=_row(self.who, webhook_id))
        page = paging.page(request, rows, _COLUMNS, ("-created_at", "-id"), query)
        return Response(page.as_json(_delivery))


class Resend(ApiView):
    @described(
        "Send a delivery once more",
        tag="webhooks",
        operation="webhooks_resend",
        status=202,
        answer=DeliverySerializer,
        example={**_DELIVERY, "status": "waiting", "attempts": 0, "finished_at": None},
    )
    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """The same body under the same id. Where the webhook is switched off, once it is on again."""
        found = Delivery.objects.select_related("subscription")
        row = found.filter(pk=delivery_id, subscription=_row(self.who, webhook_id)).first()
        if row is None:
            raise NotFound
        services.resend(row, **self.who.marks)
        return Response(_delivery({name: getattr(row, name) for name in _COLUMNS}), status=202)


_COLUMNS = ("id", "status", "count", "attempts", "answer", "problem", "created_at", "next_at", "finished_at")


def _rows() -> Any:
    return Subscription.objects.select_related("owner").prefetch_related("replicas")


def _row(who: Principal, webhook_id: UUID) -> Subscription:
    who.refuse_if_limited(_OUT_OF_SIGHT)
    found: Subscription | None = _rows().filter(pk=webhook_id).first()
    if found is None:
        raise NotFound
    return found


def _replicas(who: Principal, names: list[str]) -> list[Replica]:
    found = {row.name: row for row in visible_replicas(who).filter(name__in=names)}
    missing = [name for name in names if name not in found]
    if missing:
        raise ValidationError({"replicas": [f"There is no {missing[0]!r}."]})
    return list(found.values())


def _told(row: Subscription) -> dict[str, Any]:
    columns = ("id", "url", "events", "limited", "active", "problem", "failures", "told_at", "created_at")
    return {
        **{name: getattr(row, name) for name in columns},
        "created_by": row.created_by,
        "owner": row.owner.get_username(),
        "replicas": sorted(replica.name for replica in row.replicas.all()),
    }


def _delivery(row: dict[str, Any]) -> dict[str, Any]:
    told = {name: row[name] for name in _COLUMNS if name != "count"}
    return {**told, "events": row["count"]}


ROUTES = (
    Route(
        *("webhooks", Webhooks, "webhooks"),
        {"GET": "webhooks.view_subscription", "POST": "webhooks.add_subscription"},
    ),
    Route(
        *("webhooks/<uuid:webhook_id>", OneWebhook, "webhook"),
        {
            "GET": "webhooks.view_subscription",
            "PATCH": "webhooks.change_subscription",
            "DELETE": "webhooks.delete_subscription",
        },
    ),
    Route(
        *("webhooks/<uuid:webhook_id>/secret", NewSecret, "webhook-secret"),
        {"POST": "webhooks.change_subscription"},
    ),
    Route(
        *("webhooks/<uuid:webhook_id>/deliveries", Deliveries, "webhook-deliveries"),
        {"GET": "webhooks.view_delivery"},
    ),
    Route(
        "webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/resend",
        *(Resend, "webhook-resend"),
        {"POST": "webhooks.change_delivery"},
    ),
)
