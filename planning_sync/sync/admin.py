"""Replicas and their links in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from audit import sight
from audit.admin import ReadOnlyAdmin
from planning_sync.sync import services, sides
from planning_sync.sync.errors import SyncError
from planning_sync.sync.models import Intent, Link, Replica
from planning_sync.sync.passes import Options


class ReplicaForm(forms.ModelForm[Replica]):
    def clean_options(self) -> Any:
        """As they were given, if such a replica can be made with them."""
        options = self.cleaned_data["options"] or {}
        try:
            sides.check_options(options, self.instance.kind)
            sides.connect(Replica(kind=self.instance.kind, path=self.instance.path, options=options))
        except SyncError as error:
            raise forms.ValidationError(str(error)) from error
        return options


@admin.register(Replica)
class ReplicaAdmin(admin.ModelAdmin[Replica]):
    form = ReplicaForm
    list_display = ("name", "kind", "path", "enabled", "last_sync_at", "last_status", "last_problem")
    list_filter = ("kind", "enabled", "last_status")
    readonly_fields = (
        *("id", "kind", "path", "created_at", "last_sync_at", "last_status", "last_problem"),
        *("seen_at", "lost_at", "retry_at", "failed_tries"),
    )
    search_fields = ("name", "path")
    actions = ("sync_now",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # `planning-sync add PATH` looks at the folder first

    def get_queryset(self, request: HttpRequest) -> QuerySet[Replica]:
        return sight.shown(super().get_queryset(request), request.user)

    @admin.action(description=_("Sync now"), permissions=["change"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            report = services.sync_replica(row, Options(actor=request.user.get_username()))
            level = messages.SUCCESS if report.status == "in_step" else messages.WARNING
            self.message_user(request, f"{row.name}: {report.status}", level)


@admin.register(Link)
class LinkAdmin(ReadOnlyAdmin):
    list_display = ("path", "replica", "plan", "synced_at", "problem", "gone_at")
    list_filter = (("replica", admin.RelatedOnlyFieldListFilter), "gone_at")
    search_fields = ("path", "=plan__id")
    list_select_related = ("replica", "plan")
    exclude = ("seen", "base", "held")
    ordering = ("path",)


@admin.register(Intent)
class IntentAdmin(ReadOnlyAdmin):
    list_display = ("link", "before", "after", "created_at")
    list_select_related = ("link",)
    exclude = ("seen", "base", "held")
