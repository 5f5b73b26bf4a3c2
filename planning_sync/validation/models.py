"""`Assessment`: what the rules last said of a plan. `Score`: how its score went. `Turn`: who looks next."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Assessment(models.Model):
    """What the rules say of a plan's file, as it was at the last sync. Can be made again at any time."""

    plan = models.OneToOneField(
        "plans.Plan",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="assessment",
        verbose_name=_("plan"),
    )
    link = models.ForeignKey("sync.Link", on_delete=models.CASCADE, related_name="+", verbose_name=_("link"))
    basis = models.CharField(
        _("basis"), max_length=64, help_text=_("Digest of all that the verdict rests on.")
    )
    checked_at = models.DateTimeField(_("checked at"))
    score = models.FloatField(_("score"))
    errors = models.PositiveIntegerField(_("errors"))
    warnings = models.PositiveIntegerField(_("warnings"))
    remarks = models.PositiveIntegerField(_("remarks"))
    fixable = models.PositiveIntegerField(_("fixable"))
    rules = models.TextField(
        _("rules"), blank=True, help_text=_("Those that found something, each between two bars.")
    )
    findings = models.JSONField(_("findings"), default=list)
    costs = models.JSONField(_("costs"), default=list)
    metrics = models.JSONField(_("metrics"), default=dict)

    class Meta:
        verbose_name = _("assessment")
        verbose_name_plural = _("assessments")
        indexes = (models.Index(fields=["score", "plan"], name="assessment_worst"),)

    def __str__(self) -> str:
        return f"{self.score:g}"

    @staticmethod
    def mention(rule: str) -> str:
        """What `rules` contains if that rule found something."""
        return f"|{rule}|"

    @property
    def is_valid(self) -> bool:
        return not self.errors


class Score(models.Model):
    """The score of a plan from then on, until the next row."""

    id = models.BigAutoField(primary_key=True)
    plan = models.ForeignKey(
        "plans.Plan",
        on_delete=models.CASCADE,
        related_name="scores",
        db_index=False,
        verbose_name=_("plan"),
    )
    at = models.DateTimeField(_("at"))
    score = models.FloatField(_("score"))

    class Meta:
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        indexes = (models.Index(fields=["plan", "at"], name="score_of_plan"),)

    def __str__(self) -> str:
        return f"{self.score:g}"


class Turn(models.Model):
    """The one row that says whether a look at what is due waits in the queue."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    queued_at = models.DateTimeField(_("queued at"), null=True)

    def __str__(self) -> str:
        return f"queued at {self.queued_at}"
