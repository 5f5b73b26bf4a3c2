"""Search: how much it finds, and what it costs beside the bare engine and the bare model.

`quality` asks the queries of tests/data/search of the corpus: nearness in meaning, in words, and both.
`rows` fills hubs with tasks whose vectors are given, since an index does not care what they mean; what is
embedded is embedded by the real model. Ours and the reference take turns in one process.
"""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.table import Row, median, ms, p95
from bench.workplace import CORPUS, Workplace

if TYPE_CHECKING:
    from planning_sync.search.embedder import Embedder
    from planning_sync.search.indexing import Place

QUERIES = Path(__file__).resolve().parent.parent / "tests" / "data" / "search" / "queries.toml"
TOP = 5
SIZES = {10_000: 0.040, 100_000: 0.060}
ASKED = 60
MOST_RATIO = 1.5
CHANGED = 1_000
IMPORT_BYTES = 50 * 1024 * 1024
MOST_MEMORY = 2 * 1024**3
WORDS = [
    "build",
    "check",
    "deploy",
    "measure",
    "repair",
    "document",
    "migrate",
    "server",
    "client",
    "index",
    "cache",
    "report",
    "queue",
    "draft",
]


# ---------------------------------------------------------------------------------------- quality


def quality(place: Workplace) -> Iterator[Row]:
    """Recall@5 by kind of query; it has to be best with both."""
    if not CORPUS.exists():
        yield Row("recall@5", problem=f"the corpus is not at {CORPUS}")
        return
    with place.dropping(place.hub("sqlite")) as hub:
        told = hub.run("bench.search:recall", folder=str(CORPUS / "dev"))
    for name, (both, meaning, words) in told.items():
        best = max(meaning, words)
        yield Row(
            f"recall@{TOP}, {name}: both; meaning, words alone",
            *(f"{both:.2f}", f"{meaning:.2f}, {words:.2f}", f"{both / best:.2f}" if best else "-"),
            target="above each alone" if name.startswith("all") else "-",
            met=both > best if name.startswith("all") else None,
        )


def recall(folder: str) -> dict[str, tuple[float, float, float]]:
    import tomllib

    from planning_sync.search import fusion, words
    from planning_sync.search.asking import Filters
    from planning_sync.search.engines import Found, Wanted
    from planning_sync.search.models import Record

    place = _corpus(Path(folder))
    sums = dict(Record.objects.values_list("item_id", "sha256"))
    found: dict[str, list[tuple[bool, ...]]] = {}
    for query in tomllib.loads(QUERIES.read_text(encoding="utf-8"))["query"]:
        plain = words.plain(query["text"])
        vector = place.encoder.encode([plain])[0].tolist()
        wanted = Wanted(vector, words.sparse(plain, query=True), Filters(), 60)
        near = place.engine.query(place.generation, "task", wanted)
        hits = tuple(
            query["sha256"] in {sums[key] for key, _ in fusion.fused([lists])[:TOP]}
            for lists in (near, Found(near.meaning, []), Found([], near.words))
        )
        found.setdefault(f"{query['kind']}, {query['language']}", []).append(hits)
        found.setdefault("all queries", []).append(hits)
    place.engine.close()
    return {name: _means(hits) for name, hits in sorted(found.items())}


def _means(hits: Sequence[tuple[bool, ...]]) -> tuple[float, float, float]:
    both, meaning, words = (sum(column) / len(hits) for column in zip(*hits, strict=True))
    return both, meaning, words


def _corpus(folder: Path) -> Place:
    """An index of every task of the corpus but for its histories, which repeat themselves."""
    from planning_sync.search import records
    from planning_sync.search.indexing import Rebuild
    from planning_sync.sync import services
    from planning_sync.sync.passes import Options

    row = services.add_replica(folder, actor="bench", exclude=["history/**"])
    services.sync_replica(row, Options(actor="bench"))
    records.follow()
    rebuild = Rebuild(_place())
    rebuild.place.ensure()
    while rebuild.step():
        pass
    rebuild.finish()
    return rebuild.place


def _place() -> Place:
    from django.conf import settings

    from planning_sync.search import encoders, engines
    from planning_sync.search.indexing import Place

    return Place(engines.open_engine(), encoders.load(settings.PLANNING_SYNC_SEARCH_MODEL), 1)


# ------------------------------------------------------------------------------------------ speed


def rows(place: Workplace) -> Iterator[Row]:
    for number in [10_000] if place.quick else SIZES:
        with place.dropping(place.hub("sqlite")) as hub:
            yield from _told(number, hub.run("bench.search:speed", number=number, folder=str(place.folder)))


def _told(number: int, told: dict[str, Any]) -> Iterator[Row]:
    for filtered in ("", ", with filters"):
        ours, bare = told[f"ours{filtered}"], told[f"bare{filtered}"]
        yield Row(
            f"search among {number:,}{filtered}, p95; bare engine and model",
            *(ms(p95(ours)), ms(p95(bare)), f"{p95(ours) / p95(bare):.2f}"),
            target=f"at most {MOST_RATIO}, under {ms(SIZES[number])}",
            met=p95(ours) <= MOST_RATIO * p95(bare) and p95(ours) < SIZES[number],
        )
    yield Row(
        "embedding 1,000 texts, texts/s; bare model, batches of 16 by length",
        *(f"{1000 / told['embedding']:.0f}", f"{1000 / told['model']:.0f}"),
        f"{told['model'] / told['embedding']:.2f}",
        target="at least 0.9",
        met=told["model"] / told["embedding"] >= 0.9,
    )
    yield _under(f"{CHANGED:,} changed tasks of {number:,} in the index", told["changed"], 30.0)
    yield _under("the same, already in step", told["again"], 1.0)
    yield _under("import of a task_vectors.json of 50 MB", told["import"], 15.0)
    memory = told["memory"]
    yield Row(
        f"memory of the embedder and this process, {number:,} points",
        f"{memory / 1024**2:.0f} MiB",
        target="under 2 GiB",
        met=memory < MOST_MEMORY,
    )


def _under(what: str, seconds: float, most: float) -> Row:
    return Row(what, f"{seconds:.2f} s", target=f"under {most:g} s", met=seconds < most)


def speed(number: int, folder: str) -> dict[str, Any]:
    from planning_sync.search.embedder import Embedder
    from planning_sync.search.wire import Server

    _fill(number)
    embedder = Embedder()
    while embedder.turn():
        pass
    server = Server(embedder.answers())
    server.start()
    try:
        told: dict[str, Any] = {**_searches(embedder, ""), **_searches(embedder, ", with filters")}
        told |= _embedding(embedder) | _changes(embedder)
        told["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        path = Path(folder) / "task_vectors.json"
        _write(path)
        told["import"] = _timed(lambda: _import(path))
    finally:
        server.stop()
        embedder.close()
    return told


def _fill(number: int) -> None:
    """Plans of a hundred tasks each, and a vector for every text."""
    import numpy as np
    from django.utils import timezone

    from planning_sync.search import embeddings, records
    from planning_sync.search.encoders import DEFAULT
    from planning_sync.search.models import Record
    from plans.models import Plan, Status, Task

    chance, now = random.Random(1), timezone.now()  # the same plans each time
    stamps = {"created_at": now, "modified_at": now}
    plans = [
        Plan(title=f"Plan {each}", task_count=100, revision=1, **stamps) for each in range(number // 100)
    ]
    Plan.objects.bulk_create(plans)
    Task.objects.bulk_create(
        [
            Task(
                plan=plans[each // 100],
                position=each % 100,
                text=f"{' '.join(chance.choices(WORDS, k=5))} {each}",
                status=chance.choice(Status.values),
                **stamps,
            )
            for each in range(number)
        ],
        batch_size=2000,
    )
    records.follow()
    sums = sorted(set(Record.objects.values_list("sha256", flat=True)))
    generator = np.random.default_rng(1)
    for start in range(0, len(sums), 5000):
        some = sums[start : start + 5000]
        vectors = generator.standard_normal((len(some), 384), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        embeddings.keep(DEFAULT, dict(zip(some, vectors, strict=True)))


def _searches(embedder: Embedder, filtered: str) -> dict[str, list[float]]:
    from django.contrib.auth.models import AnonymousUser

    from planning_sync.search import services
    from planning_sync.search.asking import Filters

    chance = random.Random(len(filtered))
    filters = Filters(statuses=frozenset({"todo", "blocked"})) if filtered else Filters()
    queries = [" ".join(chance.choices(WORDS, k=4)) + f" {each}" for each in range(2 * ASKED + 20)]
    ours, bare = [], []
    for place, query in enumerate(queries):
        if place % 2:
            asked = partial(services.search, user=AnonymousUser(), kinds=["task"], filters=filters)
            ours.append(_timed(partial(asked, query)))
        else:
            bare.append(_timed(partial(_bare, embedder, query, filters)))
    return {f"ours{filtered}": ours[10:], f"bare{filtered}": bare[10:]}


def _bare(embedder: Embedder, query: str, filters: Any) -> None:
    """The query embedded, and the engine asked for the fusion of both kinds of nearness."""
    import qdrant_edge as edge

    from planning_sync.search import words
    from planning_sync.search.engines.base import DENSE, SPARSE

    assert embedder.place is not None
    engine: Any = embedder.place.engine  # what is below its interface is what is measured
    shard = engine._shard(embedder.place.generation, "task")
    sparse = words.sparse(query, query=True)
    match = edge.MatchAny(sorted(filters.statuses))
    must = [edge.FieldCondition(key="status", match=match)] if filters.statuses else []
    chosen = edge.Filter(must=must) if must else None  # type: ignore[arg-type]  # a list is invariant
    near = [
        edge.Query.Nearest(embedder.encoder.encode([query])[0].tolist(), using=DENSE),
        edge.Query.Nearest(edge.SparseVector(sparse.indices, sparse.values), using=SPARSE),
    ]
    prefetches = [edge.Prefetch(limit=60, query=each, filter=chosen) for each in near]
    fused: Any = edge.Fusion.Rrf(k=2)
    shard.query(edge.QueryRequest(limit=20, query=fused, prefetches=prefetches))


def _embedding(embedder: Embedder) -> dict[str, float]:
    from planning_sync.search import embeddings
    from planning_sync.search.records import sha256_of

    def texts(run: int) -> list[str]:
        chance = random.Random(run)
        return [" ".join(chance.choices(WORDS, k=chance.randint(3, 14))) + f" {run}" for _ in range(1000)]

    encoder: Any = embedder.encoder  # the bare model is below its interface

    def bare(run: int) -> None:
        ordered = sorted(texts(run), key=len)
        for start in range(0, 1000, 16):
            encoder._encode(ordered[start : start + 16])

    def ours(run: int) -> None:
        embeddings.embed(embedder.encoder, {sha256_of(text): text for text in texts(run)})

    taken = [(_timed(partial(bare, run)), _timed(partial(ours, run))) for run in range(3)]
    return {"model": median([one for one, _ in taken]), "embedding": median([other for _, other in taken])}


def _changes(embedder: Embedder) -> dict[str, float]:
    from django.db.models import F

    from plans.models import Plan, Task

    ids = list(Task.objects.order_by("pk").values_list("pk", flat=True)[:CHANGED])
    changed = [Task(pk=pk, text=f"now {' '.join(WORDS[:6])} {place}") for place, pk in enumerate(ids)]
    Task.objects.bulk_update(changed, ["text"], batch_size=500)
    Plan.objects.filter(tasks__in=ids).update(revision=F("revision") + 1)
    return {"changed": _timed(lambda: _turned(embedder)), "again": _timed(lambda: _turned(embedder))}


def _turned(embedder: Embedder) -> None:
    from planning_sync.search import records

    records.follow()
    while embedder.turn():
        pass


def _import(path: Path) -> None:
    from planning_sync.search.importing import Importing

    Importing(path, "bench").run()


def _write(path: Path) -> None:
    """A file of vectors of the size that is asked for."""
    import numpy as np
    import orjson

    from planning_sync.search.encoders import DEFAULT

    generator = np.random.default_rng(2)
    with path.open("wb") as file:
        file.write(b'{"model":"' + DEFAULT.encode() + b'","dimension":384,"tasks":[')
        number = 0
        while file.tell() < IMPORT_BYTES:
            entry = {"text": f"text {number}", "vector": generator.standard_normal(384, dtype=np.float32)}
            file.write((b"," if number else b"") + orjson.dumps(entry, option=orjson.OPT_SERIALIZE_NUMPY))
            number += 1
        file.write(f'],"count":{number}}}'.encode())


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
