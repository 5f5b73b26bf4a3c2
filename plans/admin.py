"""Plans, phases and tasks in the admin. Each change goes through `plans.services`, as everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from audit import sight
from plans import services
from plans.errors import PlansError
from plans.models import Phase, Plan, Task


class ItemAdmin(admin.ModelAdmin[Any]):
    """What the three have in common: fields go by their outline names to one service call."""

    outline_fields: ClassVar[Mapping[str, str]]
    """Model field -> field of the outline, for what may be edited."""
    show_full_result_count = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [field.name for field in self.model._meta.fields if field.name not in self.outline_fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return sight.shown(super().get_queryset(request).filter(deleted_at=None), request.user)

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm[Any], change: bool) -> None:
        values = {
            self.outline_fields[name]: form.cleaned_data[name]
            for name in form.changed_data
            if name in self.outline_fields
        }
        try:
            services.set_fields(obj, values, actor=request.user.get_username())
        except PlansError as error:
            self.message_user(request, str(error), messages.ERROR)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for item in queryset:
            self.delete_model(request, item)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        try:
            services.delete(obj, actor=request.user.get_username())
        except PlansError as error:
            self.message_user(request, str(error), messages.ERROR)


@admin.register(Plan)
class PlanAdmin(ItemAdmin):
    list_display = ("title", "version", "status", "progress", "task_count", "done_count", "modified_at")
    list_filter = ("status", "modified_at")
    search_fields = ("title", "=id")
    ordering = ("title", "pk")
    outline_fields: ClassVar[Mapping[str, str]] = {
        "title": "text",
        "version": "version",
        "date": "date",
        "status": "status",
        "declared_progress": "progress",
    }

    def delete_model(self, request: HttpRequest, obj: Plan) -> None:
        services.delete_plan(obj, actor=request.user.get_username())


@admin.register(Phase)
class PhaseAdmin(ItemAdmin):
    list_display = ("title", "number", "plan", "progress", "declared_progress", "status")
    list_filter = ("status",)
    search_fields = ("title", "number", "=id", "=plan__id")
    list_select_related = ("plan",)
    ordering = ("plan", "position")
    outline_fields: ClassVar[Mapping[str, str]] = {
        "title": "text",
        "number": "ref",
        "status": "status",
        "declared_progress": "progress",
    }


@admin.register(Task)
class TaskAdmin(ItemAdmin):
    list_display = ("text", "ref", "status", "priority", "assignee", "due_date", "plan", "unreachable")
    list_filter = ("status", "priority", "unreachable", "due_date")
    search_fields = ("text", "ref", "=id", "=plan__id")
    list_select_related = ("plan",)
    ordering = ("plan", "position")
    outline_fields: ClassVar[Mapping[str, str]] = {
        "text": "text",
        "ref": "ref",
        "status": "status",
        "priority": "priority",
        "assignee": "assignee",
        "due_date": "due",
        "tags": "tags",
        "estimate": "estimate",
        "depends_on": "depends_on",
    }
