"""The limits to replicas in the admin: a list, to add to and to take from."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext as _

from audit import sight
from planning_sync.roles import services
from planning_sync.roles.models import ReplicaAccess


class LimitForm(ModelForm[ReplicaAccess]):
    """Takes a user or a group, and a replica that is there."""

    class Meta:
        model = ReplicaAccess
        fields = ("user", "group", "replica")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "replica" in self.fields:
            self.fields["replica"].required = True

    def clean(self) -> dict[str, Any]:
        told = super().clean() or self.cleaned_data
        if bool(told.get("user")) == bool(told.get("group")):
            raise ValidationError(_("Choose a user or a group."))
        return told


@admin.register(ReplicaAccess)
class ReplicaAccessAdmin(admin.ModelAdmin[ReplicaAccess]):
    form = LimitForm
    fields = ("user", "group", "replica")
    list_display = ("id", "user", "group", "replica", "created_at", "created_by")
    list_filter = (("replica", admin.RelatedOnlyFieldListFilter),)
    list_select_related = ("user", "group", "replica")
    ordering = ("created_at",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and _is_free(request)

    def has_change_permission(self, request: HttpRequest, obj: ReplicaAccess | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ReplicaAccess | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _is_free(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReplicaAccess]:
        return sight.shown(super().get_queryset(request), request.user)

    def save_model(self, request: HttpRequest, obj: ReplicaAccess, form: Any, change: bool) -> None:
        whom: Any = obj.user or obj.group
        assert obj.replica is not None, "the form asks for it"
        made = services.limit(whom, obj.replica, by=_person(request), actor=_person(request).get_username())
        obj.pk, obj._state.adding = made.pk, False

    def delete_model(self, request: HttpRequest, obj: ReplicaAccess) -> None:
        services.lift(obj, by=_person(request), actor=_person(request).get_username())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ReplicaAccess]) -> None:
        for row in queryset:
            self.delete_model(request, row)
        self.message_user(request, _("Whom no limit names any more sees every replica."), messages.INFO)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "the admin lets nobody else in"
    return request.user


def _is_free(request: HttpRequest) -> bool:
    return not sight.limited(request.user)
