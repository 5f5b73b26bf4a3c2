"""`ProgressDay`: by how much the counts of a plan changed on one day; triggers of the database write it.

What the whole was at the end of any day is its present less the changes since, which takes one short sum
where the log would have to be read through. A hub that is upgraded has them from that day on.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class ProgressDay(models.Model):
    id = models.BigAutoField(primary_key=True)
    plan_id = models.UUIDField(_("plan"))
    date = models.DateField(_("date"), db_index=True, help_text=_("In UTC."))
    tasks = models.IntegerField(_("tasks more"), help_text=_("Or fewer; none of a plan in the bin count."))
    done = models.IntegerField(_("tasks done more"))

    class Meta:
        verbose_name = _("day of progress")
        verbose_name_plural = _("days of progress")
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["plan_id", "date"], name="progress_day_once"),)

    def __str__(self) -> str:
        return f"{self.date} {self.plan_id}"
