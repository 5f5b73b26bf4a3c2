"""The one process that has the model: `Embedder` follows the hub and answers for all others.

    in a loop:   records.follow -> indexing.push (embeds what is new) -> sometimes indexing.check
    on the wire: search, vectors, status, reindex ...          each in a thread, on what is in memory

What fails is said on the wire and in `Collection.problem`, and tried again; searches meanwhile are answered
by the database's full text.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from planning_sync.search import encoders, engines, fusion, grouping, indexing, records, words
from planning_sync.search.asking import Filters
from planning_sync.search.engines import Found, Wanted
from planning_sync.search.errors import IndexAway, SearchError, StillComparing, WrongDimension
from planning_sync.search.indexing import Place, Rebuild
from planning_sync.search.models import Collection, Kind
from planning_sync.search.wire import Server

logger = logging.getLogger(__name__)

SQLITE_SECONDS = 0.1
POSTGRES_SECONDS = 0.5
RETRY_SECONDS = 2.0
CHECK_SECONDS = 600.0
ALIVE_SECONDS = 10.0
MANY = 5000
"""After so many changes at once the index is put in order, which makes queries fast again."""
DEPTH = 60
"""Of so many items near in meaning, and as many near in words, the order is made."""

GROUP_SECONDS = 2.0
"""How long who asks for groups waits for them the first time."""
Group = TypeVar("Group")


class _Groups:
    """What is made in a thread of its own, for a state of the index; `found` is None until there is any."""

    def __init__(self, state: int, make: Callable[[], list[Any]], before: list[Any] | None) -> None:
        self.state = state
        self.found = before
        self.error = ""
        self.finished = Event()
        threading.Thread(target=self._run, args=(make,), name="embedder-groups", daemon=True).start()

    @property
    def done(self) -> bool:
        return self.finished.is_set()

    def _run(self, make: Callable[[], list[Any]]) -> None:
        try:
            self.found = make()
        except Exception as error:
            logger.exception("Texts could not be compared")
            self.error = f"{type(error).__name__}: {error}"
        finally:
            connection.close()
            self.finished.set()


class Embedder:
    """Raises `IndexBusy` or `ModelMissing` where it cannot be."""

    def __init__(self) -> None:
        self._engine = engines.open_engine()
        self.encoder = encoders.load(settings.PLANNING_SYNC_SEARCH_MODEL)
        self._vector = lru_cache(maxsize=4096)(self._embedded)
        self.place: Place | None = None
        """What answers; None while there is nothing that could."""
        self._rebuild: Rebuild | None = None
        self._lost: IndexAway | None = None
        """What a question met with, for the loop to see."""
        self._problem = "the index is being prepared"
        self._version: int | None = None
        self._changed = 0
        self._pushed = 0
        self._groups: dict[str, _Groups] = {}
        self._grouping = threading.Lock()
        self._writing = threading.Lock()
        self._checked_at = time.monotonic()
        self._told_at = 0.0

    # ------------------------------------------------------------------------------------- the loop

    def run(self, stop: Event) -> None:
        """Until `stop` is set."""
        gc.collect()
        gc.freeze()  # to look through all that is loaded would stop it for a tenth of a second, now and then
        server = Server(self.answers())
        server.start()
        try:
            while not stop.is_set():
                if not self.turn():
                    stop.wait(POSTGRES_SECONDS if connection.vendor == "postgresql" else SQLITE_SECONDS)
        finally:
            server.stop()
            self.close()

    def close(self) -> None:
        self._engine.close()
        connection.close()

    def turn(self) -> bool:
        """One round of the loop, whatever fails in it; whether there may be more to do at once."""
        try:
            with self._writing:
                busy = self._step()
                self._tell_alive()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The embedder waits for the database: %s", str(error).strip())
            connection.close()
            time.sleep(RETRY_SECONDS)
            return True
        except IndexAway as error:
            self._lose(error)
            return True
        return busy

    def _step(self) -> bool:
        lost, self._lost = self._lost, None
        if lost is not None:
            raise lost
        if self.place is None and self._rebuild is None:
            self._begin()
        if self._grew():
            records.follow()
            if self._rebuild is None and Collection.objects.exclude(asked_at=None).exists():
                self._start_rebuild()
        return self._push() | self._go_on() | self._check()

    def _begin(self) -> None:
        """Take up the index that is there, if it is of this model, else build another."""
        row = Collection.objects.filter(pk=1).first()
        if row is None or row.model != self.encoder.name or row.engine != self._engine.name:
            if row is not None:
                self._problem = (
                    f"The search index, of {row.model} in {row.engine}, is being replaced by one of "
                    f"{self.encoder.name} in {self._engine.name}."
                )
            records.follow()
            self._start_rebuild()
            return
        place = Place(self._engine, self.encoder, row.generation)
        try:
            place.ensure()
        except WrongDimension as error:
            self._problem = str(error)
            self._start_rebuild()
            return
        self._engine.swap(row.generation)  # what is left of a rebuild that was cut short
        indexing.check(place)
        self.place, self._problem = place, ""

    def _start_rebuild(self) -> None:
        row = Collection.objects.filter(pk=1).first()
        Collection.objects.update(asked_at=None)
        generation = (row.generation if row else 0) + 1
        logger.info("Building generation %s of the search index with %s", generation, self.encoder.name)
        if self.place is None:
            # Nothing answers: whatever is there is of no use.
            self._engine.swap(0)
        place = Place(self._engine, self.encoder, generation)
        place.ensure()
        self._rebuild = Rebuild(place)

    def _go_on(self) -> bool:
        if self._rebuild is None:
            return False
        if self._rebuild.step():
            return True
        self._rebuild.finish()
        logger.info("Generation %s of the search index answers from now on", self._rebuild.place.generation)
        self.place, self._rebuild, self._problem = self._rebuild.place, None, ""
        indexing.check(self.place)
        return True

    def _push(self) -> bool:
        if self.place is None:
            return False
        pushed = indexing.push(self.place)
        self._changed += pushed
        self._pushed += pushed
        if self._changed >= MANY and pushed < indexing.AT_ONCE:
            self._engine.settle(self.place.generation)
            self._changed = 0
        return pushed > 0

    def _check(self) -> bool:
        if self.place is None or time.monotonic() - self._checked_at < CHECK_SECONDS:
            return False
        self._checked_at = time.monotonic()
        return indexing.check(self.place).differing > 0

    def _lose(self, error: IndexAway) -> None:
        """Nothing answers; the next step opens the index anew, and tells it what it lacks."""
        logger.warning("%s It is built again from the vectors in the database.", error)
        self._problem, self.place, self._rebuild = str(error), None, None
        self._tell_alive(at_once=True)
        time.sleep(RETRY_SECONDS)

    def _grew(self) -> bool:
        """Whether the hub may have changed since the last time."""
        if connection.vendor == "postgresql":
            return True
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA data_version")
            (version,) = cursor.fetchone()
        known, self._version = self._version, version
        return bool(known != version)

    def _tell_alive(self, *, at_once: bool = False) -> None:
        if at_once or time.monotonic() - self._told_at > ALIVE_SECONDS:
            self._told_at = time.monotonic()
            if self.place is not None:
                self.place.engine.count(self.place.generation, Kind.PLAN)  # is it there?
            Collection.objects.filter(pk=1).update(alive_at=timezone.now(), problem=self._problem)

    # ------------------------------------------------------------------------------------- the wire

    def answers(self) -> Mapping[str, Callable[..., Any]]:
        return {
            "search": self.search,
            "near": self.near,
            "pairs": self.pairs,
            "clusters": self.clusters,
            "status": self.status,
            "snapshot": self.snapshot,
        }

    def search(self, text: str, filters: Mapping[str, Sequence[str]], limit: int) -> dict[str, Any]:
        """What is near to the text in meaning and words: [id, score from 0 to 1], the best first."""
        place, plain = self._ready(), words.plain(text)
        sparse = words.sparse(plain, query=True)
        wanted = Wanted(
            vector=self._vector(plain),
            sparse=sparse if sparse.indices else None,
            filters=Filters.of_json(filters),
            limit=max(limit, DEPTH),
        )
        return {"hits": fusion.fused(self._asked(place, wanted))[:limit], "engine": place.engine.name}

    def near(
        self,
        filters: Mapping[str, Sequence[str]],
        limit: int,
        *,
        text: str = "",
        vector: Sequence[float] | None = None,
    ) -> dict[str, Any]:
        """What is near in meaning alone, to the vector or the text: [id, cosine], the nearest first."""
        place = self._ready()
        if vector is not None and len(vector) != place.encoder.dimension:
            raise WrongDimension(place.encoder.dimension, len(vector))
        asked = vector if vector is not None else self._vector(words.plain(text))
        wanted = Wanted(asked, None, Filters.of_json(filters), limit)
        found = [each for found in self._asked(place, wanted) for each in found.meaning]
        found.sort(key=lambda each: (-each.score, each.id))
        return {"hits": found[:limit], "engine": place.engine.name}

    def pairs(self) -> list[grouping.Pair]:
        return self._grouped("pairs", lambda: grouping.pairs(self.encoder.name))

    def clusters(self, kind: str, number: int) -> list[grouping.Group]:
        name = f"clusters {kind} {number}"
        return self._grouped(name, lambda: grouping.groups(self.encoder.name, kind, number))

    def _grouped(self, name: str, make: Callable[[], list[Group]]) -> list[Group]:
        """Made once for each state of the index, in the background; meanwhile that of an earlier state."""
        with self._grouping:
            made = self._groups.get(name)
            if made is None or (made.done and made.state != self._pushed):
                made = self._groups[name] = _Groups(self._pushed, make, made.found if made else None)
        made.finished.wait(GROUP_SECONDS)
        if made.error:
            raise SearchError(f"Texts could not be compared: {made.error}")
        if made.found is None:
            raise StillComparing
        return made.found

    def status(self) -> dict[str, Any]:
        place = self.place
        counts = {kind: place.engine.count(place.generation, kind) for kind in Kind.values} if place else {}
        return {
            "engine": self._engine.name,
            "model": self.encoder.name,
            "dimension": self.encoder.dimension,
            "generation": place.generation if place else None,
            "points": counts,
            "rebuilding": self._rebuild is not None,
            "rebuilt": len(self._rebuild.told) if self._rebuild else 0,
            "problem": self._problem,
        }

    def snapshot(self, folder: str) -> list[str]:
        """Copies of the collections, made between two writes."""
        place = self._ready()
        with self._writing:
            return [str(path) for path in place.engine.snapshot(place.generation, Path(folder))]

    def _asked(self, place: Place, wanted: Wanted) -> list[Found]:
        """Of each kind that is wanted. A failure is one for the loop to mend as well."""
        kinds = [kind for kind in Kind.values if not wanted.filters.kinds or kind in wanted.filters.kinds]
        try:
            return [place.engine.query(place.generation, kind, wanted) for kind in kinds]
        except IndexAway as error:
            self._lost = error
            raise

    def _ready(self) -> Place:
        place = self.place
        if place is None:
            raise SearchError(self._problem)
        return place

    def _embedded(self, text: str) -> list[float]:
        vector: list[float] = self.encoder.encode([text])[0].tolist()
        return vector
