"""`Conflict`: one thing on which the hub and a replica disagree, with every value that there is."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.ids import new_id


class Conflict(models.Model):
    """A pinned clash. `item_key` is the outline key of the item, empty for the plan itself."""

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
    base_value = models.JSONField(_("base value"), null=True, blank=True)
    replica_value = models.JSONField(_("replica value"), null=True, blank=True)
    hub_value = models.JSONField(_("hub value"), null=True, blank=True)
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
    taken = models.CharField(_("taken"), max_length=10, blank=True)
    taken_value = models.JSONField(_("value taken"), null=True, blank=True)
    decided_by = models.CharField(_("decided by"), max_length=200, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("conflict")
        verbose_name_plural = _("conflicts")
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
        )

    def __str__(self) -> str:
        return f"{self.field} of {self.item_label}"
