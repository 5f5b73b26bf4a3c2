"""`Mark`: one row for each thing that the log gained, in an order that a follower can resume from.

The log itself has no such order: an operation that finishes is a row that changes, and on PostgreSQL rows
appear in the order of commits, which is not that of their ids. Marks are written by the triggers in
`triggers`, in the transaction of what they mark, so that no writer can forget them.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.models import Entry, Operation


class Mark(models.Model):
    class Phase(models.TextChoices):
        STARTED = "started", _("operation started")
        RECORDED = "recorded", _("entry recorded")
        PROGRESS = "progress", _("sync on its way")
        FINISHED = "finished", _("operation finished")

    id = models.BigAutoField(primary_key=True)
    operation = models.ForeignKey(
        Operation,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("operation"),
    )
    entry = models.ForeignKey(
        Entry,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        null=True,
        blank=True,
        verbose_name=_("entry"),
    )
    phase = models.CharField(_("phase"), max_length=8, choices=Phase.choices)
    status = models.CharField(
        _("status"), max_length=20, blank=True, help_text=_("What the operation finished as.")
    )
    xid = models.BigIntegerField(
        _("transaction"), null=True, blank=True, help_text=_("The transaction that wrote it, on PostgreSQL.")
    )
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("mark")
        verbose_name_plural = _("marks")
        default_permissions = ()
        indexes = (
            models.Index(fields=["xid"], name="mark_of_transaction", condition=models.Q(xid__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.phase} {self.operation_id}"
