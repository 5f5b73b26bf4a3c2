"""What lets programs in, and what they asked for: `Token`, `ApiKey`, `IdempotentRequest`, `Job`.

Secrets are kept as SHA-256 only. They are random enough (256 bits) that no slower hash is needed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.ids import new_id
from planning_sync.sync.models import Replica


class Token(models.Model):
    """What a person got for a name and a password. An access token and its refresh token share a family."""

    class Kind(models.TextChoices):
        ACCESS = "access", _("access")
        REFRESH = "refresh", _("refresh")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens", verbose_name=_("user")
    )
    kind = models.CharField(_("kind"), max_length=7, choices=Kind.choices)
    family = models.UUIDField(_("family"), db_index=True)
    hash = models.CharField(_("hash"), max_length=64, unique=True)
    password_mark = models.CharField(
        _("password mark"), max_length=128, help_text=_("Another one once the person has another password.")
    )
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        indexes = (models.Index(fields=["expires_at"], name="token_expiry"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class ApiKey(models.Model):
    """What a program shows. It may do what its owner may do, less where roles or replicas are named."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(_("name"), max_length=100, unique=True)
    prefix = models.CharField(_("prefix"), max_length=12, unique=True, help_text=_("How the key begins."))
    hash = models.CharField(_("hash"), max_length=64)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys", verbose_name=_("owner")
    )
    roles = models.ManyToManyField(
        Group, blank=True, verbose_name=_("roles"), help_text=_("None: all that the owner may do.")
    )
    replicas = models.ManyToManyField(
        Replica, blank=True, verbose_name=_("replicas"), help_text=_("None: every replica.")
    )
    has_roles = models.BooleanField(
        _("limited to roles"),
        default=False,
        help_text=_("Stays so when the roles that were named are gone: then it may do nothing."),
    )
    limited = models.BooleanField(
        _("limited to replicas"),
        default=False,
        help_text=_("Stays so when the replicas that were named are gone: then it sees none."),
    )
    created_at = models.DateTimeField(_("created at"))
    created_by = models.CharField(_("created by"), max_length=200)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return self.name

    @property
    def actor(self) -> str:
        """The key in the log."""
        return f"key:{self.name}"

    def is_valid(self, at: datetime) -> bool:
        """Whether it has neither been revoked nor expired by then."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > at)


class IdempotentRequest(models.Model):
    """A POST that carried an `Idempotency-Key`, and its answer, once there is one."""

    id = models.BigAutoField(primary_key=True)
    who = models.CharField(_("who"), max_length=60)
    key = models.CharField(_("key"), max_length=200)
    fingerprint = models.CharField(_("fingerprint of the request"), max_length=64)
    status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    headers: models.JSONField[Any, Any] = models.JSONField(_("headers"), default=dict, blank=True)
    body = models.TextField(_("body"), blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("idempotent request")
        verbose_name_plural = _("idempotent requests")
        constraints = (models.UniqueConstraint(fields=["who", "key"], name="idempotency_key_once"),)
        indexes = (models.Index(fields=["created_at"], name="idempotency_age"),)

    def __str__(self) -> str:
        return f"{self.who} {self.key}"


class Job(models.Model):
    """A sync that was asked for and that a worker does: one pass for each of `passes`, in order."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        CONFLICTS = "conflicts", _("done, conflicts open")
        REFUSED = "refused", _("refused by a guard")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    actor = models.CharField(_("actor"), max_length=200)
    on_behalf_of = models.CharField(_("on behalf of"), max_length=200, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.QUEUED)
    passes: models.JSONField[Any, Any] = models.JSONField(_("passes"), default=list)
    done = models.PositiveIntegerField(_("plans done"), default=0)
    total = models.PositiveIntegerField(_("plans to do"), default=0)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created at"))
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    problem = models.TextField(_("problem"), blank=True)

    class Meta:
        verbose_name = _("sync job")
        verbose_name_plural = _("sync jobs")
        indexes = (models.Index(fields=["-created_at"], name="job_recent"),)

    def __str__(self) -> str:
        return f"{self.status} {self.id}"
