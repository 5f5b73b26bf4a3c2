"""What happened: one `Operation` per intention, an `Entry` per changed thing, `Snapshot`s of contents."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.ids import new_id


class Operation(models.Model):
    """One thing that a person, a program or a sync set out to do."""

    class Kind(models.TextChoices):
        IMPORT = "import", _("import")
        SYNC = "sync", _("sync")
        EDIT = "edit", _("edit")
        RESOLVE = "resolve", _("conflict decision")
        REPAIR = "repair", _("encoding repair")
        UNDO = "undo", _("undo")
        RESTORE = "restore", _("restore")

    class Status(models.TextChoices):
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        CONFLICTS = "conflicts", _("done, conflicts open")
        REFUSED = "refused", _("refused by a guard")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    actor = models.CharField(_("actor"), max_length=200)
    on_behalf_of = models.CharField(_("on behalf of"), max_length=200, blank=True)
    replica_id = models.UUIDField(_("replica"), null=True, blank=True)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.RUNNING)
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    summary = models.JSONField(_("summary"), default=dict, blank=True)

    class Meta:
        verbose_name = _("operation")
        verbose_name_plural = _("operations")
        indexes = (
            models.Index(fields=["-started_at"], name="operation_recent"),
            models.Index(fields=["replica_id", "-started_at"], name="operation_of_replica"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Entry(models.Model):
    """One thing that an operation changed, as it was before and after."""

    class Action(models.TextChoices):
        CREATED = "created", _("created")
        CHANGED = "changed", _("changed")
        MOVED = "moved", _("moved")
        DELETED = "deleted", _("deleted")
        RESTORED = "restored", _("restored")
        RENAMED = "renamed", _("renamed")
        OVERRULED = "overruled", _("overruled by ownership")
        WRITTEN = "written", _("file written")
        OPENED = "opened", _("conflict opened")
        DECIDED = "decided", _("conflict decided")
        REOPENED = "reopened", _("conflict reopened")
        CLOSED = "closed", _("conflict closed")
        RELEASED = "released", _("unlinked")
        LINKED = "linked", _("linked again")

    id = models.BigAutoField(primary_key=True)
    operation = models.ForeignKey(
        Operation, on_delete=models.CASCADE, related_name="entries", verbose_name=_("operation")
    )
    at = models.DateTimeField(_("at"))
    plan_id = models.UUIDField(_("plan"), null=True, blank=True)
    item_kind = models.CharField(_("item kind"), max_length=10, blank=True)
    item_id = models.UUIDField(_("item"), null=True, blank=True)
    action = models.CharField(_("action"), max_length=12, choices=Action.choices)
    field = models.CharField(_("field"), max_length=20, blank=True)
    before = models.JSONField(_("before"), null=True, blank=True)
    after = models.JSONField(_("after"), null=True, blank=True)

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        indexes = (
            models.Index(fields=["plan_id", "-id"], name="entry_of_plan"),
            models.Index(fields=["item_id", "-id"], name="entry_of_item"),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.item_kind} {self.item_id}"


class Snapshot(models.Model):
    """The bytes of a plan at one moment, kept once however often they occur."""

    checksum = models.CharField(_("checksum"), max_length=64, primary_key=True)
    size = models.BigIntegerField(_("size"))
    data = models.BinaryField(_("data"))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("snapshot")
        verbose_name_plural = _("snapshots")

    def __str__(self) -> str:
        return self.checksum
