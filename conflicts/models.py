"""`Conflict`: one thing on which the hub and a replica disagree, with every value that there is."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.ids import new_id


class Conflict(models.Model):
    """A pinned clash. `item_key` is the outline key of the item, empty for the plan itself.

    Without a plan it is about a replica as a whole, which a guard refused to follow.
    """

    class Kind(models.TextChoices):
        CONTENT = "content_divergence", _("content divergence")
        STRUCTURE = "structure_change", _("structure change")
        METADATA = "metadata_mismatch", _("metadata mismatch")
        PROGRESS = "progress_inconsistency", _("progress inconsistency")

    class Severity(models.TextChoices):
        LOW = "low", _("low")
        MEDIUM = "medium", _("medium")
        HIGH = "high", _("high")
        CRITICAL = "critical", _("critical")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        DECIDED = "decided", _("decided, not yet applied")
        RESOLVED = "resolved", _("resolved")
        CLOSED = "closed", _("closed by itself")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    plan = models.ForeignKey(
        "plans.Plan",
        on_delete=models.CASCADE,
        related_name="conflicts",
        db_index=False,
        null=True,
        blank=True,
        verbose_name=_("plan"),
    )
    replica_id = models.UUIDField(_("replica"))
    item_kind = models.CharField(_("item kind"), max_length=10, blank=True)
    item_key = models.CharField(_("item"), max_length=32, blank=True)
    item_label = models.TextField(_("item as it was called"), blank=True)
    field = models.CharField(_("field"), max_length=20)
    kind = models.CharField(_("kind"), max_length=24, choices=Kind.choices)
    severity = models.CharField(_("severity"), max_length=10, choices=Severity.choices)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    rule = models.CharField(
        _("rule"),
        max_length=24,
        blank=True,
        help_text=_("The guard or the rule of the policy that asks a person, where it is not a plain clash."),
    )
    base_value = models.JSONField(_("base value"), null=True, blank=True)
    replica_value = models.JSONField(_("replica value"), null=True, blank=True)
    hub_value = models.JSONField(_("hub value"), null=True, blank=True)
    replica_changed_at = models.DateTimeField(_("replica changed at"), null=True, blank=True)
    replica_changed_by = models.CharField(_("replica changed by"), max_length=200, blank=True)
    hub_changed_at = models.DateTimeField(_("hub changed at"), null=True, blank=True)
    hub_changed_by = models.CharField(_("hub changed by"), max_length=200, blank=True)
    path = models.TextField(_("path"), blank=True)
    line = models.PositiveIntegerField(_("line"), null=True, blank=True)
    excerpt = models.JSONField(
        _("lines of the file"), default=list, blank=True, help_text=_("[number, text] of each line.")
    )
    operation = models.ForeignKey(
        "audit.Operation",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("found by"),
    )
    opened_at = models.DateTimeField(_("opened at"))
    changed_at = models.DateTimeField(_("values changed at"))
    suggestion = models.JSONField(
        _("suggestion"),
        null=True,
        blank=True,
        help_text=_("take, confidence from 0 to 1, reason, and the decisions that it rests on."),
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("assigned to"),
    )
    postponed_until = models.DateTimeField(_("postponed until"), null=True, blank=True)
    taken = models.CharField(_("taken"), max_length=10, blank=True)
    taken_value = models.JSONField(_("value taken"), null=True, blank=True)
    decided_by = models.CharField(_("decided by"), max_length=200, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decision = models.ForeignKey(
        "audit.Operation",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided in"),
    )
    applied_by = models.ForeignKey(
        "audit.Operation",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("applied by"),
    )
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("conflict")
        verbose_name_plural = _("conflicts")
        permissions = (("decide_conflict", "Can decide conflicts"),)
        indexes = (
            models.Index(fields=["plan", "state"], name="conflict_plan_state"),
            models.Index(fields=["state", "severity", "opened_at"], name="conflict_queue"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["plan", "replica_id", "item_key", "field"],
                condition=models.Q(state__in=["open", "decided"]),
                name="conflict_once_while_open",
            ),
            models.UniqueConstraint(
                fields=["replica_id", "field"],
                condition=models.Q(state__in=["open", "decided"], plan=None),
                name="conflict_of_replica_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.field} of {self.item_label}"
