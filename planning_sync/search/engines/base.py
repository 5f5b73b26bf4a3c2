"""`Engine`: what an index of vectors can do, whichever keeps it.

A collection holds points of one kind (`plan`, `phase`, `task`) in one generation. `swap` makes a generation
the one that is asked from then on, at once, and throws the others away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import UUID

from planning_sync.search.asking import Filters
from planning_sync.search.words import Sparse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DENSE, SPARSE = "meaning", "words"
"""The names of a point's two vectors."""

FIELDS: Mapping[str, str] = {
    "plans": "plan",
    "phases": "phase",
    "replicas": "replica",
    "statuses": "status",
    "priorities": "priority",
    "tags": "tags",
    "sight": "replica",
}
"""By the field of `Filters`, that of a point's payload."""
PAYLOAD = tuple(dict.fromkeys(FIELDS.values()))


class Point(NamedTuple):
    id: UUID
    vector: NDArray[np.float32]
    sparse: Sparse
    payload: Mapping[str, Any]


class Neighbour(NamedTuple):
    id: UUID
    score: float


class Sampled(NamedTuple):
    """What the index holds of a point."""

    vector: NDArray[np.float32]
    digest: str


class Found(NamedTuple):
    """The nearest of each kind of vector, the best first; none of a kind that was not asked for."""

    meaning: list[Neighbour]
    words: list[Neighbour]


@dataclass(frozen=True)
class Wanted:
    """`limit` items near in meaning, and as many near in words, as far as each is given."""

    vector: Sequence[float] | None
    sparse: Sparse | None
    filters: Filters
    limit: int

    def found(self, lists: Sequence[list[Neighbour]]) -> Found:
        """The lists that came, in the order in which they were asked for."""
        asked = iter(lists)
        meaning = next(asked) if self.vector is not None else []
        return Found(meaning, next(asked) if self.sparse is not None else [])


class Engine(Protocol):
    """Every method raises `IndexAway` where the index cannot be used."""

    name: str

    def ensure(self, generation: int, kind: str, dimension: int) -> None:
        """Have the collection be there; raises `WrongDimension` if it is, with another."""
        ...

    def upsert(self, generation: int, kind: str, points: Sequence[Point]) -> None: ...

    def delete(self, generation: int, kind: str, ids: Sequence[UUID]) -> None: ...

    def query(self, generation: int, kind: str, wanted: Wanted) -> Found: ...

    def count(self, generation: int, kind: str) -> int: ...

    def sample(self, generation: int, kind: str, ids: Collection[UUID]) -> dict[UUID, Sampled]:
        """What is held of these, as far as they are there."""
        ...

    def ids(self, generation: int, kind: str) -> Iterable[UUID]: ...

    def settle(self, generation: int) -> None:
        """After many changes: make queries fast, and what was written durable."""
        ...

    def swap(self, generation: int) -> None: ...

    def snapshot(self, generation: int, folder: Path) -> list[Path]:
        """Copies of the collections in `folder`, which the engine can read again."""
        ...

    def close(self) -> None: ...


def conditions(filters: Filters) -> list[tuple[str, list[str]]]:
    """(field of the payload, values of which it has one), all of which hold."""
    found = [
        (field, sorted(getattr(filters, name)))
        for name, field in FIELDS.items()
        if name != "tags" and getattr(filters, name)
    ]
    if filters.sight is not None and not filters.sight:
        found.append(("replica", []))
    return [*found, *(("tags", [tag]) for tag in sorted(filters.tags))]
