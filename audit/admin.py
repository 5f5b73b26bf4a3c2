"""The log in the admin: everything can be looked at, nothing can be changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from audit.models import Entry, Operation, Snapshot


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """A model whose rows only services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(Operation)
class OperationAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "kind", "actor", "on_behalf_of", "status", "finished_at")
    list_filter = ("kind", "status", "started_at")
    search_fields = ("=id", "actor", "on_behalf_of")
    ordering = ("-started_at",)
    show_full_result_count = False


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "action", "item_kind", "field", "before", "after", "plan_id", "operation")
    list_filter = ("action", "item_kind", "at")
    search_fields = ("=plan_id", "=item_id", "=operation__id")
    ordering = ("-id",)
    list_select_related = ("operation",)
    show_full_result_count = False


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnlyAdmin):
    list_display = ("checksum", "size", "created_at")
    search_fields = ("=checksum",)
    ordering = ("-created_at",)
    exclude = ("data",)
    show_full_result_count = False
