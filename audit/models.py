"""What happened: one `Operation` per intention, an `Entry` per changed thing, `Snapshot`s of contents.

Entries only come to be: rows are neither changed nor deleted, which triggers of the database see to as well
(`audit.triggers`). `Seal`s chain them up (`audit.seals`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn, TypeVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.errors import AppendOnly
from audit.ids import new_id

Row = TypeVar("Row", bound=models.Model)


class AppendOnlyQuerySet(models.QuerySet[Row]):
    """Rows that can be added and read; of those that are there, only `changing` columns may change."""

    def update(self, **values: Any) -> int:
        if not values.keys() <= getattr(self.model, "changing", frozenset()):
            raise AppendOnly(_named(self.model))
        return super().update(**values)

    def delete(self) -> NoReturn:
        raise AppendOnly(_named(self.model))

    def bulk_update(
        self, objs: Iterable[Row], fields: Iterable[str], batch_size: int | None = None
    ) -> NoReturn:
        raise AppendOnly(_named(self.model))

    def bulk_create(self, objs: Iterable[Row], *args: Any, **options: Any) -> list[Row]:
        if options.get("update_conflicts"):
            raise AppendOnly(_named(self.model))
        return super().bulk_create(objs, *args, **options)


def _named(model: type[models.Model]) -> str:
    return f"an {model._meta.object_name}" if model is not Seal else "a Seal"


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
        ACCESS = "access", _("access")
        ADMIN = "admin", _("people and roles")
        EXPORT = "export", _("export of the log")
        PRUNE = "prune", _("retention of the log")
        VALIDATION = "validation", _("validation")

    class Via(models.TextChoices):
        PERSON = "person", _("a person's browser")
        TOKEN = "token", _("a person's token")
        KEY = "key", _("an API key")
        AGENT = "agent", _("an agent for a person")
        COMMAND = "command", _("command line")
        SCHEDULE = "schedule", _("schedule")
        WATCHER = "watcher", _("watcher")
        WEBHOOK = "webhook", _("webhook")

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
    via = models.CharField(
        _("by way of"), max_length=10, choices=Via.choices, blank=True, default="", db_default=""
    )
    address = models.CharField(_("from"), max_length=45, blank=True, default="", db_default="")
    replica_id = models.UUIDField(_("replica"), null=True, blank=True)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.RUNNING)
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    summary = models.JSONField(_("summary"), default=dict, blank=True)

    changing: ClassVar = frozenset({"status", "finished_at", "summary"})
    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        verbose_name = _("operation")
        verbose_name_plural = _("operations")
        indexes = (
            models.Index(fields=["-started_at"], name="operation_recent"),
            models.Index(fields=["replica_id", "-started_at"], name="operation_of_replica"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        raise AppendOnly(_named(Operation))


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
        ASSIGNED = "assigned", _("conflict assigned")
        POSTPONED = "postponed", _("conflict postponed")
        RELEASED = "released", _("unlinked")
        LINKED = "linked", _("linked again")
        LOGGED_IN = "logged_in", _("signed in")
        LOGGED_OUT = "logged_out", _("signed out")
        REFUSED = "refused", _("sign-in refused")
        FORBIDDEN = "forbidden", _("forbidden")
        USED = "used", _("key used")
        GRANTED = "granted", _("granted")
        REVOKED = "revoked", _("revoked")
        EXPORTED = "exported", _("exported")
        PRUNED = "pruned", _("pruned")
        FELL = "fell", _("score fallen")
        DRIFTED = "drifted", _("index apart")

    id = models.BigAutoField(primary_key=True)
    operation = models.ForeignKey(
        Operation, on_delete=models.PROTECT, related_name="entries", verbose_name=_("operation")
    )
    at = models.DateTimeField(_("at"))
    plan_id = models.UUIDField(_("plan"), null=True, blank=True)
    item_kind = models.CharField(_("item kind"), max_length=10, blank=True)
    item_id = models.UUIDField(_("item"), null=True, blank=True)
    action = models.CharField(_("action"), max_length=12, choices=Action.choices)
    field = models.CharField(_("field"), max_length=20, blank=True)
    before = models.JSONField(_("before"), null=True, blank=True)
    after = models.JSONField(_("after"), null=True, blank=True)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        indexes = (
            models.Index(fields=["plan_id", "-id"], name="entry_of_plan"),
            models.Index(fields=["item_id", "-id"], name="entry_of_item"),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.item_kind} {self.item_id}"

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise AppendOnly(_named(Entry))
        super().save(*args, **{**options, "force_insert": True})

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        raise AppendOnly(_named(Entry))


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


class Seal(models.Model):
    """A stretch of the log that is complete: what its entries said, chained to the seal before it."""

    number = models.PositiveIntegerField(_("number"), primary_key=True)
    first_id = models.BigIntegerField(
        _("first entry"), help_text=_("Follows the last one of the seal before.")
    )
    last_id = models.BigIntegerField(_("last entry"))
    count = models.PositiveIntegerField(_("entries"))
    content = models.CharField(_("digest of the entries"), max_length=64)
    marks = models.BinaryField(
        _("marks"), help_text=_("The first bytes of each entry's digest, by which a broken one is named.")
    )
    digest = models.CharField(_("digest"), max_length=64)
    sealed_at = models.DateTimeField(_("sealed at"))
    pruned_at = models.DateTimeField(_("pruned at"), null=True, blank=True)

    changing: ClassVar = frozenset({"pruned_at", "marks"})
    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        verbose_name = _("seal")
        verbose_name_plural = _("seals")
        indexes = (
            models.Index(fields=["last_id"], name="seal_pruned", condition=models.Q(pruned_at__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.number}: {self.digest}"

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise AppendOnly(_named(Seal))
        super().save(*args, **{**options, "force_insert": True})

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        raise AppendOnly(_named(Seal))
