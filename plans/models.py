"""The hub's rows: `Plan`, `Phase`, `Task`.

`position` orders the phases and tasks of a plan in document order, with gaps between the numbers so
that an insertion touches its own row only. Text columns have no length limit because files have none.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Self, TypeVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.ids import new_id


class Status(models.TextChoices):
    TODO = "todo", _("to do")
    IN_PROGRESS = "in_progress", _("in progress")
    DONE = "done", _("done")
    BLOCKED = "blocked", _("blocked")
    CANCELLED = "cancelled", _("cancelled")


class Priority(models.TextChoices):
    CRITICAL = "critical", _("critical")
    HIGH = "high", _("high")
    MEDIUM = "medium", _("medium")
    LOW = "low", _("low")
    LOWEST = "lowest", _("lowest")


Row_co = TypeVar("Row_co", bound=models.Model, covariant=True)


class BinQuerySet(models.QuerySet[Row_co]):
    """Rows of which some are in the bin."""

    def live(self) -> Self:
        """Those that are not in the bin."""
        return self.filter(deleted_at=None)


def _percent(verbose_name: Any, *, null: bool) -> models.DecimalField[Any, Any]:
    return models.DecimalField(
        verbose_name,
        max_digits=5,
        decimal_places=2,
        null=null,
        blank=null,
        default=None if null else Decimal(0),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))],
    )


class Plan(models.Model):
    """One plan. `revision` grows by one with every change of anything in it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    title = models.TextField(_("title"))
    version = models.TextField(_("version"), blank=True)
    date = models.TextField(_("date"), blank=True, help_text=_("As the author wrote it."))
    status = models.CharField(_("declared status"), max_length=12, choices=Status.choices, blank=True)
    progress = _percent(_("progress"), null=False)
    declared_progress = _percent(_("declared progress"), null=True)
    phase_count = models.PositiveIntegerField(_("phases"), default=0)
    task_count = models.PositiveIntegerField(_("tasks"), default=0)
    done_count = models.PositiveIntegerField(_("tasks done"), default=0)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    checksum = models.CharField(_("checksum"), max_length=64, blank=True)
    revision = models.PositiveBigIntegerField(_("revision"), default=0)
    created_at = models.DateTimeField(_("created at"))
    modified_at = models.DateTimeField(_("modified at"))
    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True)

    objects = BinQuerySet.as_manager()

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        indexes = (models.Index(fields=["status", "-modified_at"], name="plan_status_modified"),)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(progress__gte=0, progress__lte=100), name="plan_progress_percent"
            ),
        )

    def __str__(self) -> str:
        return self.title


class Phase(models.Model):
    """A heading section of a plan; phases nest."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    plan = models.ForeignKey(
        Plan, on_delete=models.CASCADE, related_name="phases", db_index=False, verbose_name=_("plan")
    )
    parent = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="phases",
        verbose_name=_("parent"),
    )
    position = models.BigIntegerField(_("position"))
    number = models.TextField(_("number"), blank=True)
    title = models.TextField(_("title"), blank=True)
    status = models.CharField(_("declared status"), max_length=12, choices=Status.choices, blank=True)
    progress = _percent(_("progress"), null=False)
    declared_progress = _percent(_("declared progress"), null=True)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"))
    modified_at = models.DateTimeField(_("modified at"))
    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True)

    objects = BinQuerySet.as_manager()

    class Meta:
        verbose_name = _("phase")
        verbose_name_plural = _("phases")
        indexes = (models.Index(fields=["plan", "position"], name="phase_in_order"),)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(progress__gte=0, progress__lte=100), name="phase_progress_percent"
            ),
        )

    def __str__(self) -> str:
        return f"{self.number} {self.title}".strip()


class Task(models.Model):
    """A checkbox item; tasks nest. `phase` is the section it stands in, at whatever depth."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    plan = models.ForeignKey(
        Plan, on_delete=models.CASCADE, related_name="tasks", db_index=False, verbose_name=_("plan")
    )
    phase = models.ForeignKey(
        Phase,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="tasks",
        db_index=False,
        verbose_name=_("phase"),
    )
    parent = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="tasks",
        verbose_name=_("parent"),
    )
    position = models.BigIntegerField(_("position"))
    ref = models.TextField(_("ref"), blank=True)
    text = models.TextField(_("text"), blank=True)
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.TODO)
    priority = models.CharField(_("priority"), max_length=10, choices=Priority.choices, blank=True)
    assignee = models.TextField(_("assignee"), blank=True)
    due_date = models.DateField(_("due date"), null=True, blank=True)
    tags = models.JSONField(_("tags"), default=list, blank=True)
    estimate = models.TextField(_("estimate"), blank=True)
    depends_on = models.JSONField(_("depends on"), default=list, blank=True)
    unreachable = models.BooleanField(
        _("unreachable"),
        default=False,
        help_text=_("Its line still stands in the file, but code or a comment has swallowed it."),
    )
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"))
    modified_at = models.DateTimeField(_("modified at"))
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True)

    objects = BinQuerySet.as_manager()

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        indexes = (
            models.Index(fields=["plan", "position"], name="task_in_order"),
            models.Index(fields=["phase", "status"], name="task_phase_status"),
        )
        constraints = (
            models.CheckConstraint(condition=models.Q(status__in=Status.values), name="task_status_known"),
        )

    def __str__(self) -> str:
        return f"{self.ref} {self.text}".strip()
