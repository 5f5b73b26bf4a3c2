"""A Qdrant server or cluster, through qdrant-client: `ServerEngine`.

    planning-sync-<kind>-<generation>     the collections
    planning-sync-<kind>                  an alias for each, which `swap` moves in one step

With `client` given, it talks to that one: qdrant-client's own local mode speaks the same interface.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import numpy as np
from httpx import HTTPError
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException

from planning_sync.search.engines.base import (
    DENSE,
    PAYLOAD,
    SPARSE,
    Found,
    Neighbour,
    Point,
    Sampled,
    Wanted,
    conditions,
)
from planning_sync.search.errors import IndexAway, WrongDimension
from planning_sync.search.models import Kind

PREFIX = "planning-sync"
_AT_ONCE = 500
_TIMEOUT_SECONDS = 10


class ServerEngine:
    name = "qdrant"

    def __init__(self, client: QdrantClient) -> None:
        self._client = client

    @classmethod
    def connect(cls, told: Mapping[str, Any]) -> Self:
        """To the server of the settings; raises `IndexAway`."""
        with _failures():
            client = QdrantClient(
                url=told["url"],
                api_key=told["api_key"] or None,
                prefer_grpc=told["grpc"],
                timeout=_TIMEOUT_SECONDS,
                check_compatibility=False,  # it would only warn, from a thread of its own
            )
            client.get_collections()
        return cls(client)

    def close(self) -> None:
        self._client.close()

    def ensure(self, generation: int, kind: str, dimension: int) -> None:
        name = _name(generation, kind)
        with _failures():
            if not self._client.collection_exists(name):
                self._make(name, dimension)
            vectors = self._client.get_collection(name).config.params.vectors
        assert isinstance(vectors, dict), "they are named"
        if vectors[DENSE].size != dimension:
            raise WrongDimension(vectors[DENSE].size, dimension)

    def _make(self, name: str, dimension: int) -> None:
        self._client.create_collection(
            name,
            vectors_config={DENSE: models.VectorParams(size=dimension, distance=models.Distance.COSINE)},
            sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        )
        for field in PAYLOAD:
            self._client.create_payload_index(name, field, models.PayloadSchemaType.KEYWORD)

    def upsert(self, generation: int, kind: str, points: Sequence[Point]) -> None:
        with _failures():
            for start in range(0, len(points), _AT_ONCE):
                some = [_point(each) for each in points[start : start + _AT_ONCE]]
                self._client.upsert(_name(generation, kind), some, wait=True)

    def delete(self, generation: int, kind: str, ids: Sequence[UUID]) -> None:
        chosen = models.PointIdsList(points=[str(each) for each in ids])
        with _failures():
            self._client.delete(_name(generation, kind), chosen, wait=True)

    def query(self, generation: int, kind: str, wanted: Wanted) -> Found:
        chosen = _filter(wanted)
        queries = [
            models.QueryRequest(query=query, using=using, filter=chosen, limit=wanted.limit)
            for using, query in _queries(wanted)
        ]
        with _failures():
            lists = self._client.query_batch_points(_name(generation, kind), queries)
        return wanted.found(
            [[Neighbour(UUID(str(each.id)), each.score) for each in found.points] for found in lists]
        )

    def count(self, generation: int, kind: str) -> int:
        with _failures():
            return self._client.count(_name(generation, kind), exact=True).count

    def sample(self, generation: int, kind: str, ids: Collection[UUID]) -> dict[UUID, Sampled]:
        with _failures():
            found = self._client.retrieve(
                _name(generation, kind),
                [str(each) for each in ids],
                with_payload=["digest"],
                with_vectors=[DENSE],
            )
        return {UUID(str(each.id)): _sampled(each) for each in found}

    def ids(self, generation: int, kind: str) -> Iterable[UUID]:
        offset: Any = None
        while True:
            with _failures():
                found, offset = self._client.scroll(
                    _name(generation, kind), limit=_AT_ONCE, offset=offset, with_payload=False
                )
            yield from (UUID(str(each.id)) for each in found)
            if offset is None:
                return

    def settle(self, generation: int) -> None:
        """A server does so by itself."""

    def swap(self, generation: int) -> None:
        with _failures():
            self._client.update_collection_aliases([_aliased(generation, kind) for kind in Kind.values])
            kept = {_name(generation, kind) for kind in Kind.values}
            for each in self._client.get_collections().collections:
                if each.name.startswith(f"{PREFIX}-") and each.name not in kept:
                    self._client.delete_collection(each.name)

    def snapshot(self, generation: int, folder: Path) -> list[Path]:
        """Made and kept by the server, under the names that are given back."""
        with _failures():
            made = [
                (kind, self._client.create_snapshot(_name(generation, kind), wait=True))
                for kind in Kind.values
            ]
        return [Path(_name(generation, kind)) / told.name for kind, told in made if told is not None]


def _name(generation: int, kind: str) -> str:
    return f"{PREFIX}-{kind}-{generation}"


def _aliased(generation: int, kind: str) -> models.CreateAliasOperation:
    alias = models.CreateAlias(collection_name=_name(generation, kind), alias_name=f"{PREFIX}-{kind}")
    return models.CreateAliasOperation(create_alias=alias)


def _point(point: Point) -> models.PointStruct:
    sparse = models.SparseVector(indices=point.sparse.indices, values=point.sparse.values)
    vector: Any = {DENSE: point.vector.tolist(), SPARSE: sparse}
    return models.PointStruct(id=str(point.id), vector=vector, payload=dict(point.payload))


def _queries(wanted: Wanted) -> Iterator[tuple[str, Any]]:
    if wanted.vector is not None:
        yield DENSE, list(wanted.vector)
    if wanted.sparse is not None:
        yield SPARSE, models.SparseVector(indices=wanted.sparse.indices, values=wanted.sparse.values)


def _sampled(record: models.Record) -> Sampled:
    assert isinstance(record.vector, dict), "they are named"
    vector = np.asarray(record.vector[DENSE], dtype=np.float32)
    return Sampled(vector, str((record.payload or {}).get("digest", "")))


def _filter(wanted: Wanted) -> models.Filter | None:
    must: list[Any] = [
        models.FieldCondition(key=field, match=models.MatchAny(any=values))
        for field, values in conditions(wanted.filters)
    ]
    return models.Filter(must=must) if must else None


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except (ApiException, ResponseHandlingException, HTTPError, OSError, ValueError) as error:
        raise IndexAway(_told(error)) from error
    except Exception as error:
        # gRPC is there only where it is used.
        if type(error).__module__.startswith("grpc"):
            raise IndexAway(_told(error)) from error
        raise


def _told(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
