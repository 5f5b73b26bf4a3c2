"""The engine in this process: `EdgeEngine`, on a folder that one process may have open.

    index/<generation>/<kind>/    a shard of Qdrant Edge

Its log of writes is on: with it a second process is refused, and a process that is killed loses nothing.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import orjson
import qdrant_edge as edge
from filelock import FileLock, Timeout

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
from planning_sync.search.errors import IndexAway, IndexBusy, SearchError, WrongDimension

logger = logging.getLogger(__name__)

_AT_ONCE = 1000
_CONFIG = "edge_config.json"
_Place = tuple[int, str]
_RESCORED = edge.SearchParams(quantization=edge.QuantizationSearchParams(rescore=True, oversampling=2.0))
"""What is near by its bytes is put in order by its numbers."""


class EdgeEngine:
    name = "qdrant-edge"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._owner = FileLock(folder.with_name(f"{folder.name}.lock"))
        try:
            self._owner.acquire(timeout=0)
        except Timeout as error:
            raise IndexBusy(folder) from error
        self._lock = threading.Lock()
        self._shards: dict[_Place, edge.EdgeShard] = {}

    def close(self) -> None:
        with self._lock:
            for shard in self._shards.values():
                with suppress(Exception):  # its folder may be gone
                    shard.close()
            self._shards.clear()
        self._owner.release()

    def ensure(self, generation: int, kind: str, dimension: int) -> None:
        path = self._path(generation, kind)
        with self._lock, _failures():
            shard = self._shards.get((generation, kind))
            if shard is not None and not path.exists():
                # Deleted under our feet: what is still in memory would never reach a disk.
                self._shards.pop((generation, kind))
                shard = None
            if shard is None:
                shard = self._open(path, dimension)
                self._shards[generation, kind] = shard
        found = _dimension(path)
        if found != dimension:
            raise WrongDimension(found, dimension)

    def _open(self, path: Path, dimension: int) -> edge.EdgeShard:
        if (path / _CONFIG).exists():
            try:
                return edge.EdgeShard.load(str(path), _config(_dimension(path)))
            except Exception:
                logger.warning("%s is damaged, and made anew", path, exc_info=True)
        shutil.rmtree(path, ignore_errors=True)  # or it was being made when its process was killed
        path.mkdir(mode=0o700, parents=True)
        shard = edge.EdgeShard.create(str(path), _config(dimension))
        for field in PAYLOAD:
            shard.update(edge.UpdateOperation.create_field_index(field, edge.PayloadSchemaType.Keyword))
        shard.flush()
        return shard

    def upsert(self, generation: int, kind: str, points: Sequence[Point]) -> None:
        shard = self._shard(generation, kind)
        with _failures():
            for start in range(0, len(points), _AT_ONCE):
                some = [_point(each) for each in points[start : start + _AT_ONCE]]
                shard.update(edge.UpdateOperation.upsert_points(some))
            shard.flush()

    def delete(self, generation: int, kind: str, ids: Sequence[UUID]) -> None:
        shard = self._shard(generation, kind)
        with _failures():
            shard.update(edge.UpdateOperation.delete_points(list(ids)))
            shard.flush()

    def query(self, generation: int, kind: str, wanted: Wanted) -> Found:
        chosen = _filter(wanted)
        queries = [
            edge.QueryRequest(limit=wanted.limit, query=query, filter=chosen, params=_RESCORED)
            for query in _queries(wanted)
        ]
        with _failures():
            lists = self._shard(generation, kind).query_batch(edge.QueryBatchRequest(queries))
        return wanted.found([[Neighbour(_id(each.id), each.score) for each in found] for found in lists])

    def count(self, generation: int, kind: str) -> int:
        with _failures():
            return self._shard(generation, kind).count(edge.CountRequest(exact=True))

    def sample(self, generation: int, kind: str, ids: Collection[UUID]) -> dict[UUID, Sampled]:
        with _failures():
            found = self._shard(generation, kind).retrieve(list(ids), with_payload=True, with_vector=[DENSE])
        return {_id(each.id): _sampled(each) for each in found}

    def ids(self, generation: int, kind: str) -> Iterable[UUID]:
        shard, offset = self._shard(generation, kind), None
        while True:
            with _failures():
                request = edge.ScrollRequest(offset=offset, limit=_AT_ONCE, with_payload=False)
                found, offset = shard.scroll(request)
            yield from (_id(each.id) for each in found)
            if offset is None:
                return

    def settle(self, generation: int) -> None:
        for shard in self._of(generation):
            with _failures():
                shard.optimize()
                shard.flush()

    def swap(self, generation: int) -> None:
        with self._lock:
            for place in [place for place in self._shards if place[0] != generation]:
                with suppress(Exception):  # it is thrown away
                    self._shards.pop(place).close()
        for folder in self._folder.iterdir():
            if folder.name != str(generation):
                shutil.rmtree(folder, ignore_errors=True)

    def snapshot(self, generation: int, folder: Path) -> list[Path]:
        made = []
        for (number, kind), shard in list(self._shards.items()):
            if number == generation:
                with _failures():
                    shard.flush()
                target = folder / kind
                shutil.copytree(self._path(number, kind), target)
                made.append(target)
        return made

    def _of(self, generation: int) -> list[edge.EdgeShard]:
        with self._lock:
            return [shard for (number, _), shard in self._shards.items() if number == generation]

    def _shard(self, generation: int, kind: str) -> edge.EdgeShard:
        shard = self._shards.get((generation, kind))
        if shard is None or not self._path(generation, kind).exists():
            raise IndexAway(f"its folder {self._path(generation, kind)} is missing")
        return shard

    def _path(self, generation: int, kind: str) -> Path:
        return self._folder / str(generation) / kind


def _config(dimension: int) -> edge.EdgeConfig:
    """No graph of neighbours (m=0), which takes minutes to make and stops the whole process for as long.

    To look at bytes in place of numbers is as fast up to some hundred thousand points, and misses nothing.
    """
    return edge.EdgeConfig(
        vectors={DENSE: edge.EdgeVectorParams(size=dimension, distance=edge.Distance.Cosine)},
        hnsw_config=edge.HnswIndexConfig(m=0, ef_construct=100, full_scan_threshold=10_000),
        quantization_config=edge.ScalarQuantizationConfig(
            type=edge.ScalarType.Int8, quantile=0.99, always_ram=True
        ),
        sparse_vectors={SPARSE: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
        wal_enabled=True,
    )


def _dimension(path: Path) -> int:
    with _failures():
        told = orjson.loads((path / _CONFIG).read_bytes())
    return int(told["vectors"][DENSE]["size"])


def _point(point: Point) -> edge.Point:
    sparse = edge.SparseVector(point.sparse.indices, point.sparse.values)
    return edge.Point(point.id, {DENSE: point.vector.tolist(), SPARSE: sparse}, dict(point.payload))


def _queries(wanted: Wanted) -> Iterator[edge.Query]:
    if wanted.vector is not None:
        yield edge.Query.Nearest(list(wanted.vector), using=DENSE)
    if wanted.sparse is not None:
        yield edge.Query.Nearest(edge.SparseVector(wanted.sparse.indices, wanted.sparse.values), using=SPARSE)


def _sampled(record: edge.Record) -> Sampled:
    assert isinstance(record.vector, dict), "they are named"
    vector = np.asarray(record.vector[DENSE], dtype=np.float32)
    return Sampled(vector, str((record.payload or {}).get("digest", "")))


def _filter(wanted: Wanted) -> edge.Filter | None:
    must: list[Any] = [
        edge.FieldCondition(key=field, match=edge.MatchAny(values))
        for field, values in conditions(wanted.filters)
    ]
    return edge.Filter(must=must) if must else None


def _id(told: Any) -> UUID:
    return told if isinstance(told, UUID) else UUID(str(told))


@contextmanager
def _failures() -> Iterator[None]:
    """The engine raises nothing but `Exception`."""
    try:
        yield
    except SearchError:
        raise
    except Exception as error:
        raise IndexAway(str(error).splitlines()[0] if str(error) else type(error).__name__) from error
