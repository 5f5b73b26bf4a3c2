"""`ReplicaAccess`: a replica that a person, or everyone of a group, is limited to; `GivenPermission`."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.ids import new_id
from planning_sync.sync.models import Replica

ONE_OF_TWO = Q(user__isnull=False, group__isnull=True) | Q(user__isnull=True, group__isnull=False)


class ReplicaAccess(models.Model):
    """Whom no row names sees every replica; others see those of their rows and of their groups' rows."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("user"),
    )
    group = models.ForeignKey(
        Group, on_delete=models.CASCADE, related_name="+", null=True, blank=True, verbose_name=_("group")
    )
    replica = models.ForeignKey(
        Replica,
        # The row stays: else whoever was limited to one replica would see all of them once it is gone.
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        verbose_name=_("replica"),
        help_text=_("None: it was deleted. The limit stays."),
    )
    created_at = models.DateTimeField(_("created at"))
    created_by = models.CharField(_("created by"), max_length=200)

    class Meta:
        verbose_name = _("limit to a replica")
        verbose_name_plural = _("limits to replicas")
        default_permissions = ("add", "delete", "view")
        constraints = (
            models.CheckConstraint(condition=ONE_OF_TWO, name="access_of_user_or_group"),
            models.UniqueConstraint(fields=["user", "replica"], name="access_of_user_once"),
            models.UniqueConstraint(fields=["group", "replica"], name="access_of_group_once"),
        )

    def __str__(self) -> str:
        return f"{self.user or self.group}: {self.replica or '-'}"


class GivenPermission(models.Model):
    """A permission that the group of a role was given once, and that is not given to it a second time."""

    role = models.CharField(max_length=150)
    permission = models.CharField(max_length=200)

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["role", "permission"], name="given_once"),)

    def __str__(self) -> str:
        return f"{self.role}: {self.permission}"
