"""The log in the admin: everything can be looked at, nothing can be changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from audit import sight
from audit.models import Entry, Operation, Seal, Snapshot

_RECENT = 2_000
"""Rows that the choices of a filter are gathered from; a search finds older ones."""
_LONGEST = 60


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """A model whose rows only services write."""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return sight.shown(super().get_queryset(request), request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class _Recent(admin.SimpleListFilter):
    """The values of a column that came up lately; which is what a log is filtered by, and quick to find."""

    column: str
    newest_first: str

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        rows = sight.shown(model_admin.model._default_manager.order_by(self.newest_first), request.user)
        values = {value for value in rows.values_list(self.column, flat=True)[:_RECENT] if value}
        chosen = self.value()
        if chosen:
            values.add(chosen)
        return sorted((str(value), self.told(value)) for value in values)

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset

    def told(self, value: Any) -> str:
        return str(value)


class OperationActor(_Recent):
    title = _("actor")
    parameter_name = "actor"
    column, newest_first = "actor", "-started_at"


class EntryActor(_Recent):
    title = _("actor")
    parameter_name = "actor"
    column, newest_first = "operation__actor", "-id"


class EntryPlan(_Recent):
    title = _("plan")
    parameter_name = "plan"
    column, newest_first = "plan_id", "-id"

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        try:
            return super().queryset(request, queryset)
        except ValidationError:  # no id at all
            return queryset.none()

    def told(self, value: Any) -> str:
        return _short(value)


@admin.register(Operation)
class OperationAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "kind", "who", "via", "address", "status", "duration", "its_entries")
    list_filter = ("kind", "status", "via", OperationActor, "started_at")
    search_fields = ("=id", "actor", "on_behalf_of", "=address")
    ordering = ("-started_at",)
    readonly_fields = ("its_entries",)
    show_full_result_count = False

    @admin.display(description=_("actor"), ordering="actor")
    def who(self, row: Operation) -> str:
        return f"{row.actor} → {row.on_behalf_of}" if row.on_behalf_of else row.actor

    @admin.display(description=_("seconds"))
    def duration(self, row: Operation) -> str:
        return f"{(row.finished_at - row.started_at).total_seconds():.2f}" if row.finished_at else "…"

    @admin.display(description=_("entries"))
    def its_entries(self, row: Operation) -> SafeString:
        return _link("audit_entry_changelist", _("show"), operation__id__exact=str(row.pk))


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = (
        *("at", "action", "item_kind", "field", "told_before", "told_after"),
        *("who", "its_operation", "its_plan", "its_item"),
    )
    list_filter = ("operation__kind", "action", "item_kind", EntryActor, EntryPlan, "at")
    search_fields = ("=plan_id", "=item_id", "=operation__id", "=operation__actor")
    ordering = ("-id",)
    list_select_related = ("operation",)
    show_full_result_count = False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        linked = ("operation__id__exact", "item_id__exact")
        return lookup in linked or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("before"))
    def told_before(self, row: Entry) -> str:
        return _told(row.before)

    @admin.display(description=_("after"))
    def told_after(self, row: Entry) -> str:
        return _told(row.after)

    @admin.display(description=_("actor"), ordering="operation__actor")
    def who(self, row: Entry) -> str:
        return row.operation.actor

    @admin.display(description=_("operation"))
    def its_operation(self, row: Entry) -> SafeString:
        return _link("audit_operation_change", row.operation.get_kind_display(), pk=row.operation_id)

    @admin.display(description=_("plan"))
    def its_plan(self, row: Entry) -> SafeString | str:
        if row.plan_id is None:
            return ""
        return _link("audit_entry_changelist", _short(row.plan_id), plan=str(row.plan_id))

    @admin.display(description=_("item"))
    def its_item(self, row: Entry) -> SafeString | str:
        if row.item_id is None:
            return ""
        return _link("audit_entry_changelist", _short(row.item_id), item_id__exact=str(row.item_id))


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnlyAdmin):
    list_display = ("checksum", "size", "created_at")
    search_fields = ("=checksum",)
    ordering = ("-created_at",)
    exclude = ("data",)
    show_full_result_count = False


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin):
    list_display = ("number", "sealed_at", "first_id", "last_id", "count", "digest", "pruned_at")
    list_filter = ("sealed_at",)
    ordering = ("-number",)
    exclude = ("marks",)
    show_full_result_count = False


def _link(name: str, text: object, *, pk: object = None, **parameters: str) -> SafeString:
    url = reverse(f"admin:{name}", args=[pk] if pk else None)
    query = f"?{urlencode(parameters)}" if parameters else ""
    return format_html('<a href="{}{}">{}</a>', url, query, text)


def _told(value: Any) -> str:
    """A value in few words; the entry's own page has all of it."""
    if value is None:
        return ""
    if isinstance(value, dict):
        value = ", ".join(f"{name}: {each}" for name, each in sorted(value.items()))
    elif isinstance(value, list):
        value = ", ".join(map(str, value))
    return Truncator(str(value)).chars(_LONGEST)


def _short(pk: object) -> str:
    return str(pk).replace("-", "")[-8:]
