"""Conflict policies in the admin, with what each comes to; and how well learning fares."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from audit import sight
from audit.admin import ReadOnlyAdmin
from audit.transactions import write_transaction
from conflicts import policy as policies
from conflicts import rulebook
from conflicts.errors import InvalidPolicy
from conflicts.learning import memory
from conflicts.models import Hit, LearnedModel, Policy, PolicyRule
from conflicts.policy import ArbitrationPolicy, Layer
from conflicts.policy_forms import OWNED, WATCHED, PolicyForm, RuleForm, RuleFormSet

logger = logging.getLogger(__name__)


class RuleInline(admin.StackedInline[PolicyRule, Policy]):
    model = PolicyRule
    form = RuleForm
    formset = RuleFormSet
    extra = 0
    fields = (
        ("position", "note"),
        "strategies",
        ("field_names", "kinds"),
        ("severity", "min_kept", "confidence"),
    )


@admin.register(Policy)
class PolicyAdmin(admin.ModelAdmin[Policy]):
    form = PolicyForm
    inlines = (RuleInline,)
    list_display = ("__str__", "enabled", "reads_file", "changed_at")
    list_filter = ("enabled",)
    ordering = ("-changed_at",)
    readonly_fields = ("comes_to", "learning")
    fieldsets = (
        (None, {"fields": ("replica_id", "enabled", "reads_file")}),
        (_("What this comes to"), {"fields": ("comes_to", "learning")}),
        (
            _("Owners"),
            {
                "fields": tuple(OWNED),
                "classes": ("collapse",),
                "description": _(
                    "The owner's value returns, whatever the other side says. For presence, parent and "
                    "order the owner settles what both sides changed."
                ),
            },
        ),
        (
            _("Watched edits"),
            {
                "fields": WATCHED,
                "classes": ("collapse",),
                "description": _("Empty: not said here. Then the general policy holds, or the file."),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        return sight.shown(super().get_queryset(request), request.user)

    # A policy can be for any replica, and the form names them all.

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not sight.limited(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        return super().has_change_permission(request, obj) and not sight.limited(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not sight.limited(request.user)

    @admin.display(description=_("for each field"))
    def comes_to(self, policy: Policy) -> str:
        """The strategies tried for each field, and what may be lost."""
        found, problem = _in_force(policy)
        context = {
            "rows": policies.outlook(found),
            "problem": problem,
            "reads_file": policy.reads_file,
            "file": policies.FILE_NAME,
        }
        return render_to_string("admin/conflicts/policy/outlook.html", context)

    @admin.display(description=_("learning"))
    def learning(self, policy: Policy) -> str:
        return _told_of_learning()

    def save_model(self, request: HttpRequest, obj: Policy, form: Any, change: bool) -> None:
        form.kept_before = rulebook.kept(obj) if change else None
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """In the transaction of `save_model`."""
        super().save_related(request, form, formsets, change)
        logger.info("Conflict policy changed: %s, by %s", form.instance, request.user.get_username())
        rulebook.record_form(form.instance, form.kept_before, actor=request.user.get_username())

    def delete_model(self, request: HttpRequest, obj: Policy) -> None:
        logger.info("Conflict policy deleted: %s, by %s", obj, request.user.get_username())
        rulebook.remove(obj, actor=request.user.get_username())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Policy]) -> None:
        with write_transaction():
            for policy in queryset:
                self.delete_model(request, policy)


def _in_force(policy: Policy) -> tuple[ArbitrationPolicy, str]:
    """This policy, and the general one after it; and why they cannot be read."""
    rows = [policy]
    if policy.replica_id is not None:
        rows += Policy.objects.filter(replica_id=None, enabled=True).exclude(pk=policy.pk)
    try:
        return policies.combined([Layer(row.as_mapping(), str(row)) for row in rows]), ""
    except InvalidPolicy as error:
        return policies.MANUAL_ONLY, str(error)


def _told_of_learning() -> str:
    status = memory.status()
    told = {
        "status": status,
        "enough": memory.MEASURED_ENOUGH,
        "acts_percent": _percent(memory.ACTS_FROM),
        "hit_percent": _percent(status.hit_rate),
        "training_percent": _percent(status.training_hit_rate),
    }
    return render_to_string("admin/conflicts/policy/learning.html", told)


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.0f}"


@admin.register(LearnedModel)
class LearnedModelAdmin(ReadOnlyAdmin):
    list_display = ("trained_at", "decisions", "hit_rate")
    ordering = ("-pk",)
    exclude = ("content",)
    readonly_fields = ("learning",)

    @admin.display(description=_("learning"))
    def learning(self, model: LearnedModel) -> str:
        return _told_of_learning()


@admin.register(Hit)
class HitAdmin(ReadOnlyAdmin):
    list_display = ("at", "is_hit", "suggested", "taken", "confidence", "conflict")
    list_filter = ("is_hit", "suggested", "at")
    list_select_related = ("conflict",)
    ordering = ("-at", "-pk")
    show_full_result_count = False
