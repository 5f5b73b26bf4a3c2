"""`Replica`: an outside place where plans live. `Link`: what it and the hub last agreed on about one plan.

`Unpaired`: a plan there that is not linked, until a person says whether it is one that the hub has already.
"""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.ids import new_id


class Replica(models.Model):
    class Kind(models.TextChoices):
        MARKDOWN = "markdown", _("folder of Markdown files")
        TASK_MASTER = "taskmaster", _("Task Master project")
        ROADMAP = "roadmap", _("roadmap file or service")
        LIST = "list", _("list of tasks in JSON or CSV")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(_("name"), max_length=200, unique=True)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    path = models.TextField(_("path"), help_text=_("The folder or file, absolute; or the address."))
    options = models.JSONField(
        _("options"),
        default=dict,
        blank=True,
        help_text=_("Which there are depends on the kind: see the documentation."),
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField(_("created at"))
    last_sync_at = models.DateTimeField(_("last sync at"), null=True, blank=True)
    last_status = models.CharField(_("last status"), max_length=12, blank=True)
    last_problem = models.TextField(_("last problem"), blank=True)
    seen_at = models.DateTimeField(
        _("last seen at"), null=True, blank=True, help_text=_("When it last answered.")
    )
    lost_at = models.DateTimeField(
        _("away since"), null=True, blank=True, help_text=_("Empty as long as it is there.")
    )
    retry_at = models.DateTimeField(
        _("next try at"), null=True, blank=True, help_text=_("Until then only who asks for it tries.")
    )
    failed_tries = models.PositiveIntegerField(_("tries in vain"), default=0)

    class Meta:
        verbose_name = _("replica")
        verbose_name_plural = _("replicas")

    def __str__(self) -> str:
        return self.name

    @classmethod
    def names(cls) -> dict[UUID, str]:
        return dict(cls.objects.order_by("name").values_list("pk", "name"))


class Link(models.Model):
    """One plan at one replica. The packed columns are read and written by `sync.state`."""

    id = models.BigAutoField(primary_key=True)
    replica = models.ForeignKey(
        Replica, on_delete=models.CASCADE, related_name="links", db_index=False, verbose_name=_("replica")
    )
    plan = models.ForeignKey(
        "plans.Plan", on_delete=models.CASCADE, related_name="links", verbose_name=_("plan")
    )
    path = models.TextField(_("path"))
    stamp = models.TextField(
        _("stamp"), blank=True, help_text=_("Cheap fingerprint of the content read last.")
    )
    checksum = models.CharField(_("checksum"), max_length=64, blank=True)
    commit = models.CharField(_("git commit"), max_length=64, blank=True)
    revision = models.BigIntegerField(
        _("hub revision"), default=-1, help_text=_("The plan's revision that the replica has been told of.")
    )
    seen = models.BinaryField(_("outline seen last"), help_text=_("With the ids of its items."))
    base = models.BinaryField(
        _("outline agreed on"), null=True, help_text=_("Where it differs from the one seen last.")
    )
    held = models.BinaryField(_("values that the replica cannot say"), null=True)
    findings = models.JSONField(_("findings"), default=list, blank=True)
    problem = models.TextField(_("problem"), blank=True)
    gone_at = models.DateTimeField(_("gone from the replica at"), null=True, blank=True)
    released_at = models.DateTimeField(
        _("unlinked at"),
        null=True,
        blank=True,
        help_text=_("Since then neither side follows the other; both are left as they are."),
    )
    synced_at = models.DateTimeField(_("synced at"))

    class Meta:
        verbose_name = _("link")
        verbose_name_plural = _("links")
        constraints = (
            models.UniqueConstraint(fields=["replica", "path"], name="link_path_once"),
            models.UniqueConstraint(fields=["replica", "plan"], name="link_plan_once"),
        )

    def __str__(self) -> str:
        return self.path


class Unpaired(models.Model):
    """A plan at a replica that is much like one of the hub: it is not imported before a person says so."""

    id = models.BigAutoField(primary_key=True)
    replica = models.ForeignKey(
        Replica,
        on_delete=models.CASCADE,
        related_name="unpaired",
        db_index=False,
        verbose_name=_("replica"),
    )
    path = models.TextField(_("path"))
    plan = models.ForeignKey(
        "plans.Plan",
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("plan"),
        help_text=_("The plan of the hub that it is most like."),
    )
    score = models.FloatField(_("score"), help_text=_("How much of the two is the same work, 0 to 1."))
    as_new = models.BooleanField(
        _("taken as new"), default=False, help_text=_("A person said that it is another plan.")
    )
    found_at = models.DateTimeField(_("found at"))

    class Meta:
        verbose_name = _("plan that waits to be paired")
        verbose_name_plural = _("plans that wait to be paired")
        constraints = (models.UniqueConstraint(fields=["replica", "path"], name="unpaired_path_once"),)

    def __str__(self) -> str:
        return self.path


class Intent(models.Model):
    """A write to the replica that was decided: the link becomes this once the write is done.

    `before` and `after` are checksums of the content ("" for no file); the content to write is the
    snapshot `after`. It lives from the commit of the decision to the advance of the base.
    """

    link = models.OneToOneField(
        Link, on_delete=models.CASCADE, primary_key=True, related_name="intent", verbose_name=_("link")
    )
    before = models.CharField(_("before"), max_length=64, blank=True)
    after = models.CharField(_("after"), max_length=64, blank=True)
    revision = models.BigIntegerField(_("hub revision"))
    seen = models.BinaryField(_("outline then seen"))
    base = models.BinaryField(_("outline then agreed on"), null=True)
    held = models.BinaryField(_("values that the replica cannot say"), null=True)
    owes_hub = models.BooleanField(
        _("owes the hub"),
        default=False,
        help_text=_("The replica holds edits that the hub has not taken yet."),
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("intent")
        verbose_name_plural = _("intents")

    def __str__(self) -> str:
        return f"{self.before[:12]} -> {self.after[:12]}"
