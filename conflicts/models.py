"""`Conflict`: one thing on which the hub and a replica disagree, with every value that there is.

`Policy` and its `PolicyRule`s say what needs no person; `LearnedModel` and `Hit` hold what was learned from
the decisions of people, and how well that fares.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from audit.ids import new_id
from conflicts import replicas

GUARD = "guard"
"""The "field" of a conflict about what a guard refused, rather than about a value."""


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
            # Holds all that the queue sorts and counts by, so that its wide rows are not read for that.
            models.Index(
                fields=["state", "severity", "opened_at", "id", "postponed_until"], name="conflict_queue"
            ),
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


class PolicyQuerySet(models.QuerySet["Policy"]):
    def in_force(self, replica_id: UUID) -> list[Policy]:
        """The enabled policies for a replica with their rules, its own before the general. Two queries."""
        rows = self.filter(models.Q(replica_id=replica_id) | models.Q(replica_id=None), enabled=True)
        return sorted(rows.prefetch_related("rules"), key=lambda policy: policy.replica_id is None)


class Policy(models.Model):
    """What may be settled without a person, and what may not, in one replica or in all of them.

    It goes before the file beside the plans. `conflicts.policy` says what the columns mean.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    replica_id = models.UUIDField(
        _("replica"), null=True, blank=True, help_text=_("None: the general policy, for every replica.")
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    reads_file = models.BooleanField(
        _("reads the file"),
        default=True,
        help_text=_("Whether conflict-policy.toml beside the plans is read too; this goes before it."),
    )
    owners = models.JSONField(_("owners"), default=dict, blank=True)
    watch = models.JSONField(_("watch"), default=dict, blank=True)
    changed_at = models.DateTimeField(_("changed at"), auto_now=True)

    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name = _("conflict policy")
        verbose_name_plural = _("conflict policies")
        constraints = (
            models.UniqueConstraint(
                Coalesce("replica_id", models.Value(UUID(int=0), output_field=models.UUIDField())),
                name="policy_once_per_replica",
                violation_error_message=_("There is such a policy already: change that one."),
            ),
        )

    def __str__(self) -> str:
        if self.replica_id is None:
            return str(_("general policy"))
        return _("policy of %s") % replicas.names().get(self.replica_id, self.replica_id)

    def as_mapping(self) -> dict[str, Any]:
        """As `conflicts.policy.from_mapping` reads it."""
        rules = [rule.as_mapping() for rule in self.rules.all()]
        return {"owners": self.owners, "watch": self.watch, "rule": rules}


class PolicyRule(models.Model):
    """A rule of a policy: which clashes, and the strategies that may settle them, in order."""

    id = models.BigAutoField(primary_key=True)
    policy = models.ForeignKey(
        Policy, on_delete=models.CASCADE, related_name="rules", verbose_name=_("policy")
    )
    position = models.PositiveIntegerField(
        _("position"), default=0, help_text=_("The first rule that matches decides alone.")
    )
    field_names = models.JSONField(_("fields"), default=list, blank=True, help_text=_("None: every field."))
    kinds = models.JSONField(_("kinds"), default=list, blank=True, help_text=_("None: every kind."))
    severity = models.CharField(
        _("up to severity"),
        max_length=10,
        choices=Conflict.Severity.choices,
        default=Conflict.Severity.HIGH,
    )
    strategies = models.JSONField(_("strategies"), default=list, help_text=_("Tried in this order."))
    min_kept = models.FloatField(
        _("share of words kept"), default=0.5, help_text=_("For auto_merge of texts, from 0 to 1.")
    )
    confidence = models.FloatField(_("confidence"), default=0.95, help_text=_("For learned, from 0 to 1."))
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        ordering = ("position", "id")

    def __str__(self) -> str:
        return self.note or ", ".join(self.strategies)

    def as_mapping(self) -> dict[str, Any]:
        said: dict[str, Any] = {"severity": self.severity, "strategies": self.strategies}
        said |= {"min_kept": self.min_kept, "confidence": self.confidence}
        return said | {
            name: given for name, given in (("field", self.field_names), ("kind", self.kinds)) if given
        }


class LearnedModel(models.Model):
    """What was learned from decisions at one time; the last one counts. `conflicts.learning` reads it."""

    id = models.BigAutoField(primary_key=True)
    trained_at = models.DateTimeField(_("trained at"))
    decisions = models.PositiveIntegerField(_("decisions it rests on"))
    hit_rate = models.FloatField(
        _("hit rate in training"),
        null=True,
        help_text=_("Of guesses on decisions that were kept back from the training."),
    )
    content = models.JSONField(_("content"), help_text=_("Weights of the features, and counts of cases."))

    class Meta:
        verbose_name = _("learned model")
        verbose_name_plural = _("learned models")

    def __str__(self) -> str:
        return f"{self.trained_at:%Y-%m-%d %H:%M}"


class Hit(models.Model):
    """How a guess fared: a person decided as suggested or not, or took an automatic decision back."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("at"), db_index=True)
    conflict = models.OneToOneField(
        Conflict, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("conflict")
    )
    entry_id = models.BigIntegerField(
        _("entry"), null=True, unique=True, help_text=_("Of the automatic decision that was taken back.")
    )
    suggested = models.CharField(_("suggested"), max_length=10)
    confidence = models.FloatField(_("confidence"))
    taken = models.CharField(_("taken"), max_length=10, blank=True)
    is_hit = models.BooleanField(_("hit"))

    class Meta:
        verbose_name = _("measured guess")
        verbose_name_plural = _("measured guesses")

    def __str__(self) -> str:
        return f"{self.suggested} -> {self.taken}"
