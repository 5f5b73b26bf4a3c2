"""From the records to the index: `push`, `Rebuild`, `check`. For the embedder, which has both.

    push      tells the index what it was not told yet, and notes that it was
    Rebuild   fills a new generation of the collections beside the one that is asked, then swaps
    check     compares hub and index, by number and by samples, and has what differs be told again

The index may lose anything at any time: what it was told is noted after it was told, and the vectors are in
the database.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.db.models import F, QuerySet
from django.utils import timezone

from audit.transactions import write_transaction
from planning_sync.roles import access
from planning_sync.search import embeddings, records, words
from planning_sync.search.engines.base import Engine, Point
from planning_sync.search.models import Collection, Kind, Record
from planning_sync.search.services import drifting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from planning_sync.search.encoders import Encoder

logger = logging.getLogger(__name__)

AT_ONCE = 512
SAMPLE = 100
TOLERANCE = 0.001
"""How far a cosine may be from 1 for two vectors to be the same."""


class Drift(NamedTuple):
    """What the index has against what it should have."""

    expected: int
    found: int
    differing: int
    """Of those that were looked at one by one, and those that are there or missing in vain."""


@dataclass(frozen=True)
class Place:
    """Where points go, and who makes their vectors."""

    engine: Engine
    encoder: Encoder
    generation: int

    def ensure(self) -> None:
        for kind in Kind.values:
            self.engine.ensure(self.generation, kind, self.encoder.dimension)


def push(place: Place, *, limit: int = AT_ONCE) -> int:
    """Tell the index of so many records at most; of how many it was told."""
    rows = list(records.due()[:limit])
    leaving = [row for row in rows if not row.digest]
    for kind, some in _by_kind(leaving):
        place.engine.delete(place.generation, kind, [row.item_id for row in some])
    if leaving:
        with write_transaction():
            Record.objects.filter(pk__in=[row.pk for row in leaving], digest="").delete()
    told = _tell(place, [row for row in rows if row.digest])
    _note(told)
    return len(leaving) + len(told)


@dataclass
class Rebuild:
    """A new generation, filled step by step while the old one goes on answering."""

    place: Place
    told: dict[int, UUID] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    _last: int = 0

    def step(self) -> bool:
        """Tell it of some more; whether there are more."""
        rows = list(Record.objects.exclude(digest="").filter(pk__gt=self._last).order_by("pk")[:AT_ONCE])
        for row in _tell(self.place, rows):
            self.told[row.pk] = row.item_id
            self.digests[row.pk] = row.digest
        self._last = rows[-1].pk if rows else self._last
        return len(rows) == AT_ONCE

    def finish(self) -> None:
        """From now on it is the one that is asked; what changed meanwhile is due."""
        self.place.engine.settle(self.place.generation)
        self.place.engine.swap(self.place.generation)
        left = set(self.told)
        left.difference_update(Record.objects.exclude(digest="").values_list("pk", flat=True))
        for kind in Kind.values if left else ():
            gone = [self.told[pk] for pk in sorted(left)]
            self.place.engine.delete(self.place.generation, kind, gone)
        with write_transaction():
            Record.objects.filter(digest="").delete()
            Record.objects.exclude(indexed="").update(indexed="")
            keys = sorted(self.told)
            for start in range(0, len(keys), AT_ONCE):
                some = keys[start : start + AT_ONCE]
                rows = Record.objects.filter(pk__in=some, digest__in=[self.digests[pk] for pk in some])
                rows.update(indexed=F("digest"))
            Collection.objects.update_or_create(
                pk=1,
                defaults={
                    "engine": self.place.engine.name,
                    "model": self.place.encoder.name,
                    "dimension": self.place.encoder.dimension,
                    "generation": self.place.generation,
                    "built_at": timezone.now(),
                },
            )


def check(place: Place) -> Drift:
    """Compare, note the figures, and make due what differs. What is due anyway is not drift."""
    drift = Drift(0, 0, 0)
    for kind in Kind.values:
        found = _checked(place, kind)
        drift = Drift(*(one + other for one, other in zip(drift, found, strict=True)))
    drifting.note(**drift._asdict())
    if drift.differing:
        logger.warning(
            "The search index was apart from the hub in %s points (%s expected, %s found): told again",
            drift.differing,
            drift.expected,
            drift.found,
        )
    return drift


def _checked(place: Place, kind: str) -> Drift:
    settled = Record.objects.filter(kind=kind, indexed=F("digest")).exclude(digest="")
    expected = settled.count()
    found = place.engine.count(place.generation, kind)
    wrong = _wrong_samples(place, kind, settled)
    if found != Record.objects.filter(kind=kind).exclude(indexed="").count() or wrong:
        wrong |= _misplaced(place, kind)
    if wrong:
        with write_transaction():
            for some in _chunks(sorted(wrong)):
                Record.objects.filter(item_id__in=some).update(indexed="")
    return Drift(expected, found, len(wrong))


def _wrong_samples(place: Place, kind: str, settled: QuerySet[Record]) -> set[UUID]:
    """Some records at random of which the index holds something else."""
    keys = list(settled.values_list("pk", flat=True))
    rows = Record.objects.filter(pk__in=random.sample(keys, min(SAMPLE, len(keys))))
    looked = {row.item_id: row for row in rows}
    held = place.engine.sample(place.generation, kind, looked)
    vectors = embeddings.vectors(place.encoder.name, [row.sha256 for row in looked.values()])
    wrong = set()
    for item_id, row in looked.items():
        sampled, vector = held.get(item_id), vectors.get(row.sha256)
        if (
            sampled is None
            or vector is None
            or sampled.digest != row.digest
            or _apart(sampled.vector, vector)
        ):
            wrong.add(item_id)
    return wrong


def _apart(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    return one.shape != other.shape or abs(1 - float(one @ other)) > TOLERANCE


def _misplaced(place: Place, kind: str) -> set[UUID]:
    """Those that the index lacks; what it has too much is taken out."""
    held = set(place.engine.ids(place.generation, kind))
    known = set(Record.objects.filter(kind=kind).exclude(indexed="").values_list("item_id", flat=True))
    extra = sorted(held - known)
    for some in _chunks(extra):
        place.engine.delete(place.generation, kind, some)
    return known - held


def _tell(place: Place, rows: Sequence[Record]) -> list[Record]:
    """Those of the records that the index was told of: all whose vectors are to be had now."""
    vectors = embeddings.embed(place.encoder, {row.sha256: row.text for row in rows})
    homes = access.homes_of_plans({row.plan_id for row in rows})
    told = [row for row in rows if row.sha256 in vectors]
    for kind, some in _by_kind(told):
        points = [
            Point(row.item_id, vectors[row.sha256], _sparse(row), _payload(row, homes.get(row.plan_id, ())))
            for row in some
        ]
        place.engine.upsert(place.generation, kind, points)
    return told


def _note(told: Sequence[Record]) -> None:
    """Unless they changed meanwhile: a digest is of one item with one content."""
    if told:
        with write_transaction():
            rows = Record.objects.filter(
                pk__in=[row.pk for row in told], digest__in=[row.digest for row in told]
            )
            rows.update(indexed=F("digest"))


def _sparse(row: Record) -> words.Sparse:
    return words.sparse(f"{row.ref} {row.text}")


def _payload(row: Record, homes: Iterable[UUID]) -> dict[str, Any]:
    return {
        "replica": sorted(map(str, homes)),
        "plan": str(row.plan_id),
        "phase": str(row.phase_id) if row.phase_id else None,
        "status": row.status,
        "priority": row.priority,
        "tags": list(row.tags),
        "digest": row.digest,
    }


def _by_kind(rows: Sequence[Record]) -> Iterator[tuple[str, list[Record]]]:
    for kind in Kind.values:
        some = [row for row in rows if row.kind == kind]
        if some:
            yield kind, some


def _chunks(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
