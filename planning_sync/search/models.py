"""What search keeps in the database: `Record`, `Seen`, `Embedding`, `Collection`, `Verdict`.

    Plan, Phase, Task --records.follow--> Record --indexing.push--> the index
                                            |  its text --embeddings--> Embedding (once in its life)

All of it but `Verdict`, and vectors from outside, can be made again from the hub.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from audit.ids import new_id


class Kind(models.TextChoices):
    PLAN = "plan", _("plan")
    PHASE = "phase", _("phase")
    TASK = "task", _("task")


class Record(models.Model):
    """One plan, phase or task as search knows it. `digest` is empty once it has left the hub.

    The integer key is what SQLite's full text goes by.
    """

    id = models.BigAutoField(primary_key=True)
    item_id = models.UUIDField(_("item"), unique=True)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    plan_id = models.UUIDField(_("plan"))
    phase_id = models.UUIDField(_("phase"), null=True)
    ref = models.TextField(_("ref"), blank=True)
    called = models.CharField(_("called"), max_length=64, blank=True, help_text=_("The ref as one word."))
    text = models.TextField(_("text"), help_text=_("Mended, and without the marks of Markdown."))
    words = models.TextField(_("words"), help_text=_("The text for the full-text search."))
    status = models.CharField(_("status"), max_length=12, blank=True)
    priority = models.CharField(_("priority"), max_length=10, blank=True)
    tags = models.JSONField(_("tags"), default=list)
    sha256 = models.CharField(_("checksum of the text"), max_length=64)
    digest = models.CharField(_("digest of the whole"), max_length=64, blank=True)
    indexed = models.CharField(
        _("digest in the index"), max_length=64, blank=True, help_text=_("What the index was told last.")
    )

    class Meta:
        verbose_name = _("search record")
        verbose_name_plural = _("search records")
        indexes = (
            models.Index(fields=["plan_id", "kind"], name="search_record_plan"),
            # Most items have no ref: a database that counts them would think nothing of an index of them all.
            models.Index(fields=["called"], name="search_record_called", condition=Q(called__gt="")),
            models.Index(fields=["sha256"], name="search_record_sha256"),
            # What the index has not been told yet: nearly always few.
            models.Index(fields=["id"], name="search_record_due", condition=~Q(indexed=F("digest"))),
        )

    def __str__(self) -> str:
        return self.text


class Seen(models.Model):
    """The plan as `Record` has it: its revision, and the links that say in which replicas it stands."""

    plan_id = models.UUIDField(primary_key=True)
    revision = models.BigIntegerField()
    links = models.PositiveIntegerField()
    newest_link = models.BigIntegerField()
    format = models.PositiveSmallIntegerField()

    def __str__(self) -> str:
        return f"{self.plan_id} at {self.revision}"


class Embedding(models.Model):
    """The vector of a text by one model: 32-bit numbers, of length 1 together.

    Empty while the worker that claimed it is at it. One without `claim` came from outside.
    """

    id = models.BigAutoField(primary_key=True)
    model = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    vector = models.BinaryField(null=True)
    claim = models.UUIDField(null=True)
    claimed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["model", "sha256"], name="search_embedding_once"),)

    def __str__(self) -> str:
        return f"{self.model} {self.sha256[:12]}"


class Collection(models.Model):
    """The one index of this hub, and what its embedder last said of it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    engine = models.CharField(_("engine"), max_length=20, blank=True)
    model = models.CharField(_("model"), max_length=200)
    dimension = models.PositiveIntegerField(_("dimension"))
    generation = models.PositiveIntegerField(_("generation"), default=0)
    built_at = models.DateTimeField(_("built at"), null=True)
    asked_at = models.DateTimeField(
        _("asked for anew at"), null=True, help_text=_("Until the embedder begins a new generation.")
    )
    alive_at = models.DateTimeField(_("embedder alive at"), null=True)
    problem = models.TextField(_("problem"), blank=True)
    checked_at = models.DateTimeField(_("compared with the hub at"), null=True)
    expected = models.PositiveIntegerField(_("points expected"), default=0)
    found = models.PositiveIntegerField(_("points found"), default=0)
    differing = models.PositiveIntegerField(_("points that differed"), default=0)

    def __str__(self) -> str:
        return f"{self.model}, generation {self.generation}"


class Verdict(models.Model):
    """What a person decided on two tasks that look the same; `first` is the smaller id of the two."""

    class Choice(models.TextChoices):
        LINK = "link", _("link")
        MERGE = "merge", _("merge")
        IGNORE = "ignore", _("ignore")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    first = models.UUIDField(_("first task"))
    second = models.UUIDField(_("second task"))
    choice = models.CharField(_("choice"), max_length=8, choices=Choice.choices)
    decided_by = models.TextField(_("decided by"))
    decided_at = models.DateTimeField(_("decided at"))

    class Meta:
        verbose_name = _("verdict on a duplicate")
        verbose_name_plural = _("verdicts on duplicates")
        constraints = (models.UniqueConstraint(fields=["first", "second"], name="search_verdict_once"),)

    def __str__(self) -> str:
        return f"{self.choice}: {self.first}, {self.second}"
