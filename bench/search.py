"""Search: what it costs beside the bare engine and the bare model.

`rows` fills hubs with tasks whose vectors are given, since an index does not care what they mean; what is
embedded is embedded by the real model. The embedder is a process of its own, as it is in use: what is bare is
measured in that process, in turns with what is ours in another one. PostgreSQL takes over the index that was
built for SQLite.
"""

from __future__ import annotations

import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bench.table import Row, median, ms, p95
from bench.workplace import DATABASES, Hub, Missing, Workplace

if TYPE_CHECKING:
    from planning_sync.search.embedder import Embedder

SIZES = {10_000: 0.040, 100_000: 0.060}
SMALL = min(SIZES)
"""Of this size is all measured; of others, searches and memory."""
ASKED = 200
UNTIMED = 20
MOST_RATIO = 1.5
CHANGED = 1_000
IMPORT_BYTES = 50 * 1024 * 1024
MOST_MEMORY = 2 * 1024**3
PATIENCE_SECONDS = 1200.0
FILTERS: Mapping[str, Mapping[str, list[str]]] = {"": {}, ", with filters": {"statuses": ["blocked", "todo"]}}
WORDS = (
    *("build", "check", "deploy", "measure", "repair", "document", "migrate"),
    *("server", "client", "index", "cache", "report", "queue", "draft"),
)


def rows(place: Workplace) -> Iterator[Row]:
    for number in [SMALL] if place.quick else SIZES:
        index = place.fresh_folder("index") / "index"
        for database in DATABASES:
            try:
                with place.dropping(place.hub(database)) as hub:
                    told = _measured(hub, number, index)
            except Missing as error:
                yield Row(f"search among {number:,}, {database}", problem=str(error))
                continue
            yield from _told(f"{number:,}, {database}", number, told)
        shutil.rmtree(index)


def _measured(hub: Hub, number: int, index: Path) -> dict[str, Any]:
    built = index.exists()
    if built:
        shutil.copytree(index, hub.home / "index")
    hub.run("bench.search:fill", number=number, indexed=built)
    peak = hub.run("bench.search:build")
    if not built:
        shutil.copytree(hub.home / "index", index)
    file = str(hub.home / "task_vectors.json") if number == SMALL else ""
    told: dict[str, Any] = hub.run("bench.search:speed", file=file)
    told["memory"] = max(peak, told["memory"])
    return told


def _told(where: str, number: int, told: Mapping[str, Any]) -> Iterator[Row]:
    for filtered in FILTERS:
        ours, bare = told[f"ours{filtered}"], told[f"bare{filtered}"]
        yield Row(
            f"search among {where}{filtered}, p95 (p50); bare engine and model",
            _both(ours),
            _both(bare),
            f"{p95(ours) / p95(bare):.2f} ({median(ours) / median(bare):.2f})",
            target=f"at most {MOST_RATIO}, under {ms(SIZES[number])}",
            met=p95(ours) <= MOST_RATIO * p95(bare) and p95(ours) < SIZES[number],
        )
    yield Row(
        f"memory of the embedder at most, and of a process that searches, {where}",
        f"{told['memory'] / 1024**2:.0f} MiB, {told['searcher'] / 1024**2:.0f} MiB",
        target="under 2 GiB",
        met=told["memory"] + told["searcher"] < MOST_MEMORY,
    )
    if "model" in told:
        yield from _told_once(where, told)


def _both(seconds: Sequence[float]) -> str:
    return f"{ms(p95(seconds))} ({ms(median(seconds))})"


def _told_once(where: str, told: Mapping[str, float]) -> Iterator[Row]:
    share = told["model"] / told["embedding"]
    yield Row(
        f"embedding 1,000 texts, texts/s, {where}; bare model, batches of 16 by length",
        *(f"{1000 / told['embedding']:.0f}", f"{1000 / told['model']:.0f}", f"{share:.2f}"),
        target="at least 0.9",
        met=share >= 0.9,
    )
    yield _under(f"{CHANGED:,} changed tasks of {where}, until they are in the index", told["changed"], 30.0)
    yield _under("their plans once more, with nothing new in them", told["again"], 1.0)
    yield _under(f"import of a task_vectors.json of 50 MB, {where}", told["import"], 15.0)


def _under(what: str, seconds: float, most: float) -> Row:
    return Row(what, f"{seconds:.2f} s", target=f"under {most:g} s", met=seconds < most)


# ------------------------------------------------------------------------------------------ a hub


def fill(number: int, *, indexed: bool) -> None:
    """Plans of a hundred tasks each, the same each time, and a vector for every text.

    With `indexed`, the index has them already.
    """
    from django.db.models import F
    from django.utils import timezone

    from planning_sync.search import records
    from planning_sync.search.encoders import DEFAULT
    from planning_sync.search.models import Collection, Record
    from plans.models import Plan, Status, Task

    chance, now = random.Random(1), timezone.now()
    stamps = {"created_at": now, "modified_at": now}
    plans = [
        Plan(pk=_id(chance), title=f"Plan {each}", task_count=100, revision=1, **stamps)
        for each in range(number // 100)
    ]
    Plan.objects.bulk_create(plans)
    tasks = (
        Task(
            pk=_id(chance),
            plan=plans[each // 100],
            position=each % 100,
            text=f"{' '.join(chance.choices(WORDS, k=5))} {each}",
            status=chance.choice(Status.values),
            **stamps,
        )
        for each in range(number)
    )
    Task.objects.bulk_create(tasks, batch_size=2000)
    records.follow()
    _give_vectors()
    _analyze()
    if indexed:
        Record.objects.update(indexed=F("digest"))
        told = {"engine": "qdrant-edge", "model": DEFAULT, "dimension": 384, "generation": 1}
        Collection.objects.create(**told)


def _analyze() -> None:
    """What PostgreSQL does by itself within a minute, and SQLite never does."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _id(chance: random.Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)


def _give_vectors() -> None:
    import numpy as np

    from planning_sync.search import embeddings
    from planning_sync.search.encoders import DEFAULT
    from planning_sync.search.models import Record

    sums = sorted(set(Record.objects.values_list("sha256", flat=True)))
    generator = np.random.default_rng(1)
    for start in range(0, len(sums), 5000):
        some = sums[start : start + 5000]
        vectors = generator.standard_normal((len(some), 384), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        embeddings.keep(DEFAULT, dict(zip(some, vectors, strict=True)))


# ---------------------------------------------------------------------------------- its embedder


def serve() -> None:
    """The embedder, which tells of what is bare as well."""
    import signal
    from threading import Event

    from planning_sync.search.embedder import MANY, Embedder

    class Measured(Embedder):
        def answers(self) -> Mapping[str, Callable[..., Any]]:
            return {
                **super().answers(),
                "bare": lambda **told: _timed(partial(_bare, self, **told)),
                "embedding": lambda: _embedding(self),
                "settled": lambda: self.place is not None and self._changed < MANY,
                "peak": _peak,
            }

    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    Measured().run(stop)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _bare(embedder: Embedder, text: str, filters: Mapping[str, list[str]]) -> None:
    """The query embedded, and the engine asked for the fusion of both kinds of nearness."""
    import qdrant_edge as edge

    from planning_sync.search import words
    from planning_sync.search.engines.base import DENSE, SPARSE

    assert embedder.place is not None
    engine: Any = embedder.place.engine  # what is below its interface is what is measured
    shard = engine._shard(embedder.place.generation, "task")
    sparse = words.sparse(text, query=True)
    must: list[Any] = [
        edge.FieldCondition(key="status", match=edge.MatchAny(values)) for values in filters.values()
    ]
    chosen = edge.Filter(must=must) if must else None
    near = [
        edge.Query.Nearest(embedder.encoder.encode([text])[0].tolist(), using=DENSE),
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


# ---------------------------------------------------------------------------------- who asks it


def build() -> int:
    """Have the index built; the most memory that this took."""
    from planning_sync.search import wire

    with _embedder():
        peak: int = wire.ask("peak")
    return peak


def speed(file: str) -> dict[str, Any]:
    """With a `file` to write, more than searches."""
    from planning_sync.search import wire

    with _embedder():
        told: dict[str, Any] = {}
        for filtered, filters in FILTERS.items():
            told |= _searches(filtered, filters)
        told["searcher"] = _peak()
        if file:
            told |= wire.ask("embedding", timeout_seconds=PATIENCE_SECONDS)
            told |= _changes()
            _write(Path(file))
            told["import"] = _timed(partial(_import, Path(file)))
        told["memory"] = wire.ask("peak")
    return told


@contextmanager
def _embedder() -> Iterator[None]:
    """One that has told the index everything."""
    from planning_sync.search import wire
    from planning_sync.search.errors import SearchError

    command = [sys.executable, "-m", "bench.child", "bench.search:serve"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as child:

        def whole() -> bool:
            assert child.poll() is None, "the embedder ended"
            try:
                settled: bool = wire.ask("settled", timeout_seconds=60.0)
            except SearchError:
                return False
            return settled and _in_step()

        try:
            _wait(whole)
            yield
        finally:
            child.terminate()


def _in_step() -> bool:
    from planning_sync.search import records

    return not records.behind().exists() and not records.due().exists()


def _wait(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        assert time.monotonic() < deadline, "the embedder does not come to rest"
        time.sleep(0.02)


def _searches(filtered: str, filters: Mapping[str, list[str]]) -> dict[str, list[float]]:
    """Each of its own words, so that no vector of a query is known already."""
    from django.contrib.auth.models import AnonymousUser

    from planning_sync.search import services, wire
    from planning_sync.search.asking import Filters

    chance = random.Random(filtered)
    ask = partial(services.search, user=AnonymousUser(), kinds=["task"], filters=Filters.of_json(filters))
    ours, bare = [], []
    for number in range(UNTIMED + ASKED):
        one, other = (f"{' '.join(chance.choices(WORDS, k=4))} {each}" for each in (number, f"b{number}"))
        ours.append(_timed(partial(_whole, ask, one)))
        bare.append(wire.ask("bare", text=other, filters=filters, timeout_seconds=PATIENCE_SECONDS))
    return {f"ours{filtered}": ours[UNTIMED:], f"bare{filtered}": bare[UNTIMED:]}


def _whole(ask: Callable[[str], Any], text: str) -> None:
    answer = ask(text)
    assert answer.hits, "there is something to be found"
    assert not answer.degraded, answer.reason


def _changes() -> dict[str, float]:
    from django.db.models import F

    from plans.models import Plan, Task

    ids = list(Task.objects.order_by("plan", "pk").values_list("pk", flat=True)[:CHANGED])
    changed = [Task(pk=pk, text=f"now {' '.join(WORDS[:6])} {number}") for number, pk in enumerate(ids)]
    plans = Plan.objects.filter(pk__in=Task.objects.filter(pk__in=ids).values("plan"))

    def act() -> None:
        plans.update(revision=F("revision") + 1)
        _wait(_in_step)

    Task.objects.bulk_update(changed, ["text"], batch_size=500)
    return {"changed": _timed(act), "again": _timed(act)}


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
