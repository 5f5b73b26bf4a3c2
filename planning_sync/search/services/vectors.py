"""Vectors that others made, and ours for others: `upsert`, `take`, `exported`.

They are kept by the texts that they are of, as our own are. Whatever in the index they concern is told anew.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import orjson

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from planning_sync.search import words
from planning_sync.search.errors import InvalidVector, SearchError, WrongDimension, WrongModel
from planning_sync.search.models import Collection as Index
from planning_sync.search.models import Kind, Record
from planning_sync.search.records import sha256_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_AT_ONCE = 500


class Given(NamedTuple):
    """The vector of a text, or of the item of that id."""

    vector: list[float]
    text: str = ""
    item_id: UUID | None = None


class Taken(NamedTuple):
    stored: int
    unknown: int
    """Without a text, and of an item that search knows nothing of."""


def upsert(given: Collection[Given], *, model: str, actor: str, on_behalf_of: str = "") -> Taken:
    """Store them over what is there. Raises `WrongModel`, `WrongDimension`, `InvalidVector`: then none is."""
    with write_transaction():
        taken = take(given, model=model)
        note_taken(taken, model, actor=actor, on_behalf_of=on_behalf_of)
    return taken


def take(given: Collection[Given], *, model: str) -> Taken:
    """As `upsert`, as part of something larger that is noted by itself."""
    from planning_sync.search import embeddings

    index = index_of(model)
    by_item = _checksums([each.item_id for each in given if each.item_id is not None and not each.text])
    made: dict[str, NDArray[np.float32]] = {}
    unknown = 0
    for each in given:
        vector = unit(each.vector, index.dimension)
        checksum = sha256_of(words.plain(each.text)) if each.text else by_item.get(each.item_id)
        if checksum is None:
            unknown += 1
        else:
            made[checksum] = vector
    with write_transaction():
        embeddings.keep(model, made)
        _tell_again(made)
    return Taken(len(given) - unknown, unknown)


def note_taken(taken: Taken, model: str, *, actor: str, on_behalf_of: str = "") -> None:
    told = {"model": model, **taken._asdict()}
    note = Note(Entry.Action.CHANGED, item_kind="vectors", after=told)
    audit.note_done(Operation.Kind.ADMIN, [note], actor=actor, on_behalf_of=on_behalf_of)


def index_of(model: str) -> Index:
    """The index, whose vectors are of this model. Raises `WrongModel`, `SearchError` where there is none."""
    row = Index.objects.filter(pk=1).first()
    if row is None:
        raise SearchError("There is no search index yet. Start an embedder: `planning-sync up`.")
    if row.model != model:
        raise WrongModel(row.model, model)
    return row


def unit(values: Iterable[float], dimension: int) -> NDArray[np.float32]:
    """The vector at length 1. Raises `WrongDimension`, `InvalidVector`."""
    import numpy as np

    vector = np.asarray(values, dtype=np.float32)
    if vector.shape != (dimension,):
        raise WrongDimension(dimension, vector.size)
    length = float(np.linalg.norm(vector))
    if not math.isfinite(length) or length == 0:
        raise InvalidVector
    return vector / np.float32(length)


def exported(model: str) -> Iterator[bytes]:
    """A task_vectors.json in pieces: every task whose vector is there, then their number and checksum."""
    return _exported(index_of(model))


def _exported(index: Index) -> Iterator[bytes]:
    head = orjson.dumps({"model": index.model, "dimension": index.dimension}).removesuffix(b"}")
    yield head + b',"tasks":['
    chain, count = "", 0
    for item_id, text, vector in _with_vectors(index.model):
        chain = chained(chain, vector.tobytes())
        told = orjson.dumps(
            {"id": str(item_id), "text": text, "vector": vector}, option=orjson.OPT_SERIALIZE_NUMPY
        )
        yield (b",\n" if count else b"\n") + told
        count += 1
    yield f'\n],"count":{count},"checksum":"{chain}"}}\n'.encode()


def chained(chain: str, vector: bytes) -> str:
    """The checksum of all vectors up to this one, given that before it; so it can be gone on with later."""
    return hashlib.sha256(chain.encode() + vector).hexdigest()


def _with_vectors(model: str) -> Iterator[tuple[UUID, str, NDArray[np.float32]]]:
    from planning_sync.search import embeddings

    last = 0
    while rows := list(
        Record.objects.filter(kind=Kind.TASK, pk__gt=last).exclude(digest="").order_by("pk")[:_AT_ONCE]
    ):
        vectors = embeddings.vectors(model, [row.sha256 for row in rows])
        yield from ((row.item_id, row.text, vectors[row.sha256]) for row in rows if row.sha256 in vectors)
        last = rows[-1].pk


def _checksums(ids: Collection[UUID]) -> Mapping[UUID | None, str]:
    return dict(Record.objects.filter(item_id__in=ids).exclude(digest="").values_list("item_id", "sha256"))


def _tell_again(made: Mapping[str, Any]) -> None:
    keys = sorted(made)
    for start in range(0, len(keys), _AT_ONCE):
        Record.objects.filter(sha256__in=keys[start : start + _AT_ONCE]).exclude(indexed="").update(
            indexed=""
        )
