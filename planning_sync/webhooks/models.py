"""Out: `Subscription`, `Delivery`, `Position`. In: `Hook`, `Receipt`. By e-mail: the rest.

No secret is stored: each is computed from the installation's secret key and the row's `salt` (`signing`).
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.ids import new_id
from planning_sync.sync.models import Replica


class Subscription(models.Model):
    """An address that is told of events, as far as its owner may see them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    url = models.CharField(_("address"), max_length=2000)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("owner"),
        help_text=_("It is told of no more than this person may see."),
    )
    events: models.JSONField[Any, Any] = models.JSONField(
        _("events"), default=list, blank=True, help_text=_("Types of events; none: all of them.")
    )
    replicas = models.ManyToManyField(
        Replica, blank=True, related_name="+", verbose_name=_("replicas"), help_text=_("None: every replica.")
    )
    limited = models.BooleanField(
        _("limited to replicas"),
        default=False,
        help_text=_("Stays so when the replicas that were named are gone: then it is told of none."),
    )
    salt = models.CharField(_("salt"), max_length=64)
    active = models.BooleanField(_("active"), default=True)
    problem = models.TextField(_("problem"), blank=True, help_text=_("Why it was switched off."))
    failures = models.PositiveIntegerField(
        _("failures"), default=0, help_text=_("Attempts that failed since the last that went well.")
    )
    told_at = models.DateTimeField(_("last delivery that went well"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    created_by = models.CharField(_("created by"), max_length=200)
    since = models.DateTimeField(_("active since"), help_text=_("It is told of what happens from then on."))

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """Events on their way to one subscription, and what became of them."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("being sent")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("given up")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="deliveries", verbose_name=_("webhook")
    )
    body = models.TextField(_("body"), help_text=_("As it is sent, the same at each attempt."))
    count = models.PositiveIntegerField(_("events"))
    status = models.CharField(_("status"), max_length=9, choices=Status.choices, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_at = models.DateTimeField(_("next attempt at"))
    answer = models.PositiveSmallIntegerField(_("last answer"), null=True, blank=True)
    problem = models.TextField(_("problem"), blank=True)
    created_at = models.DateTimeField(_("created at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes = (
            models.Index(fields=["status", "next_at"], name="delivery_due"),
            models.Index(fields=["subscription", "-created_at"], name="delivery_recent"),
        )

    def __str__(self) -> str:
        return f"{self.status} {self.id}"


class Position(models.Model):
    """How far the log has been read for all subscriptions: the one row of its table."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    cursor = models.TextField(_("cursor"))
    queued_at = models.DateTimeField(
        _("queued at"), null=True, blank=True, help_text=_("A task to read on waits in the queue since then.")
    )

    class Meta:
        verbose_name = _("position in the log")
        verbose_name_plural = _("position in the log")
        default_permissions = ()
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="position_once"),)

    def __str__(self) -> str:
        return self.cursor


class Hook(models.Model):
    """An address of ours that is told of pushes, each of which leads to a sync of the replica."""

    class Kind(models.TextChoices):
        GITHUB = "github", "GitHub"
        GITLAB = "gitlab", "GitLab"
        GENERIC = "generic", _("Standard Webhooks")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    replica = models.ForeignKey(
        Replica, on_delete=models.CASCADE, related_name="+", verbose_name=_("replica")
    )
    kind = models.CharField(_("kind"), max_length=7, choices=Kind.choices)
    salt = models.CharField(_("salt"), max_length=64)
    created_at = models.DateTimeField(_("created at"))
    created_by = models.CharField(_("created by"), max_length=200)
    used_at = models.DateTimeField(_("last push at"), null=True, blank=True)
    problem = models.TextField(
        _("problem"), blank=True, help_text=_("Why what was pushed last could not be brought in.")
    )

    class Meta:
        verbose_name = _("hook for pushes")
        verbose_name_plural = _("hooks for pushes")

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Receipt(models.Model):
    """A push that was taken, by each of the marks that tell it from others: it is not taken twice."""

    id = models.BigAutoField(primary_key=True)
    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, related_name="+", verbose_name=_("hook"))
    mark = models.CharField(_("mark"), max_length=64)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["hook", "mark"], name="receipt_once"),)
        indexes = (models.Index(fields=["at"], name="receipt_age"),)

    def __str__(self) -> str:
        return self.mark


class AlertChoice(models.Model):
    """Of what a person wants to be told by e-mail."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="+",
        verbose_name=_("user"),
    )
    kinds: models.JSONField[Any, Any] = models.JSONField(_("kinds"), default=list, blank=True)
    since = models.DateTimeField(_("since"), help_text=_("They are told of what happens from then on."))

    class Meta:
        verbose_name = _("choice of alerts")
        verbose_name_plural = _("choices of alerts")
        default_permissions = ()

    def __str__(self) -> str:
        return ", ".join(self.kinds)


class AlertPosition(models.Model):
    """How far the log has been read for all e-mails: the one row of its table."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    cursor = models.TextField(_("cursor"))

    class Meta:
        verbose_name = _("position in the log, for alerts")
        verbose_name_plural = _("position in the log, for alerts")
        default_permissions = ()
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="alert_position_once"),)

    def __str__(self) -> str:
        return self.cursor


class AlertMail(models.Model):
    """What one person is told of one look at the log, and whether it was sent."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("user")
    )
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField(_("body"))
    status = models.CharField(
        _("status"), max_length=9, choices=Delivery.Status.choices, default=Delivery.Status.WAITING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_at = models.DateTimeField(_("next attempt at"))
    problem = models.TextField(_("problem"), blank=True)
    created_at = models.DateTimeField(_("created at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("e-mail")
        verbose_name_plural = _("e-mails")
        default_permissions = ()
        indexes = (models.Index(fields=["status", "next_at"], name="alert_mail_due"),)

    def __str__(self) -> str:
        return self.subject
