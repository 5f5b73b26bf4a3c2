"""Webhooks in the admin: to look at, to switch off and on, to send again. They are made through the API."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from audit.admin import ReadOnlyAdmin
from planning_sync.webhooks import services
from planning_sync.webhooks.errors import WebhooksError
from planning_sync.webhooks.models import Delivery, Hook, Subscription


class _WritableByActions(ReadOnlyAdmin):
    """The actions need a permission of their own, which the pages do not give."""

    def has_switch_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")


@admin.register(Subscription)
class SubscriptionAdmin(_WritableByActions):
    list_display = ("url", "owner", "active", "failures", "told_at", "problem")
    list_filter = ("active",)
    search_fields = ("url", "owner__username")
    list_select_related = ("owner",)
    exclude = ("salt",)
    ordering = ("created_at",)
    actions = ("switch_on", "switch_off")

    @admin.action(description=_("Switch on"), permissions=["switch"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            services.switch_on(row, actor=request.user.get_username())

    @admin.action(description=_("Switch off"), permissions=["switch"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            services.switch_off(row, actor=request.user.get_username())


@admin.register(Delivery)
class DeliveryAdmin(_WritableByActions):
    list_display = ("created_at", "subscription", "status", "count", "attempts", "answer", "problem")
    list_filter = ("status", ("subscription", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("subscription",)
    ordering = ("-created_at",)
    actions = ("resend",)

    @admin.action(description=_("Send again"), permissions=["switch"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            try:
                services.resend(row, actor=request.user.get_username())
            except WebhooksError as error:
                self.message_user(request, f"{row.pk}: {error}", messages.WARNING)


@admin.register(Hook)
class HookAdmin(ReadOnlyAdmin):
    list_display = ("id", "replica", "kind", "created_at", "created_by", "used_at", "problem")
    list_filter = ("kind",)
    list_select_related = ("replica",)
    exclude = ("salt",)
    ordering = ("created_at",)
