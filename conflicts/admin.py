"""Conflicts in the admin: a queue, and the two plain decisions as actions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from audit.admin import ReadOnlyAdmin
from conflicts import services
from conflicts.errors import ConflictsError
from conflicts.models import Conflict


@admin.register(Conflict)
class ConflictAdmin(ReadOnlyAdmin):
    list_display = (
        *("opened_at", "severity", "kind", "plan", "item_label", "field"),
        *("base_value", "replica_value", "hub_value", "state"),
    )
    list_filter = ("state", "severity", "kind", "field", "opened_at")
    search_fields = ("item_label", "=id", "=plan__id")
    list_select_related = ("plan",)
    ordering = ("-opened_at",)
    actions = ("take_replica", "take_hub")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """The permission that the actions need."""
        return request.user.has_perm("conflicts.change_conflict")

    @admin.action(description=_("Take the replica's value"), permissions=["decide"])
    def take_replica(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._take(request, queryset, "replica")

    @admin.action(description=_("Take the hub's value"), permissions=["decide"])
    def take_hub(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._take(request, queryset, "hub")

    def _take(self, request: HttpRequest, queryset: QuerySet[Conflict], side: str) -> None:
        decided = 0
        for conflict in queryset:
            seen = (conflict.replica_value, conflict.hub_value)
            try:
                services.resolve(conflict.pk, take=side, seen=seen, actor=request.user.get_username())
            except ConflictsError as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                decided += 1
        if decided:
            told = ngettext("%d conflict decided.", "%d conflicts decided.", decided) % decided
            self.message_user(request, told, messages.SUCCESS)
