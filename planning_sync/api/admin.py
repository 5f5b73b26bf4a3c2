"""API keys in the admin: made here, shown once, revoked by an action. And the sync jobs, to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit import sight
from planning_sync.api import services
from planning_sync.api.models import ApiKey, Job
from planning_sync.sync.models import Replica

_CHOSEN = ("name", "roles", "replicas", "expires_at")


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin[ApiKey]):
    list_display = (
        "name",
        "prefix",
        "owner",
        "limited",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    list_filter = ("revoked_at", "limited")
    search_fields = ("name", "prefix", "owner__username")
    ordering = ("name",)
    filter_horizontal = ("roles", "replicas")
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return _CHOSEN if obj is None else [*self.get_readonly_fields(request, obj)]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        if obj is None:
            return ()
        names = [field.name for field in ApiKey._meta.fields if field.name != "hash"]
        return [*names, "roles", "replicas"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return sight.shown(super().get_queryset(request), request.user)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "replicas":
            options["queryset"] = sight.shown(Replica.objects.order_by("name"), request.user)
        return super().formfield_for_manytomany(db_field, request, **options)

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        # A name in the history is to mean one key for ever: keys are revoked, not deleted.
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: ModelForm[ApiKey], change: bool) -> None:
        if change:
            return
        assert isinstance(request.user, User), "the admin lets nobody else in"
        chosen = {name: form.cleaned_data[name] for name in _CHOSEN}
        made = services.make_key(owner=request.user, actor=request.user.get_username(), **chosen)
        for field in ApiKey._meta.concrete_fields:
            setattr(obj, field.attname, getattr(made.key, field.attname))
        obj._state.adding = False
        told = _("The key, shown this once: %(key)s") % {"key": made.secret}
        self.message_user(request, told, messages.WARNING)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The service has set them."""

    @admin.action(description=gettext_lazy("Revoke the chosen keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            services.revoke_key(key, actor=request.user.get_username())


@admin.register(Job)
class JobAdmin(admin.ModelAdmin[Job]):
    list_display = ("created_at", "status", "actor", "on_behalf_of", "done", "total", "finished_at")
    list_filter = ("status",)
    ordering = ("-created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return sight.shown(super().get_queryset(request), request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        return False
