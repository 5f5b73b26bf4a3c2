"""Search: how much of what is asked for is found, by nearness in meaning, in words, and in both.

The queries of tests/data/search are asked of every task line of the corpus. Numbers of the product may be
chosen on the half `tune` alone; the half `held` says what they are worth. PLANNING_SYNC_SEARCH_MODEL names
another model to measure.
"""

from __future__ import annotations

import hashlib
import math
import os
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.table import Row
from bench.workplace import CORPUS, REPOSITORY, Workplace

if TYPE_CHECKING:
    from planning_sync.search.indexing import Place

QUERIES = REPOSITORY / "tests" / "data" / "search" / "queries.toml"
TOP = 5
DEPTH = 60
"""So many lines of each kind of nearness are fused, as the embedder does."""
LIKELY = 0.05
"""A lead that chance alone gives more often than this is none."""
NATURAL = ("paraphrase", "question")


@dataclass(frozen=True)
class Query:
    text: str
    language: str
    kind: str
    earlier: bool
    """Whether numbers of the product were chosen on it."""
    right: frozenset[str]
    """The checksums of the lines that are."""

    @property
    def half(self) -> str:
        """As decided before any of them was asked; most that are new are held back."""
        new_to_tune = hashlib.sha256(self.text.encode()).digest()[0] % 4 == 0
        return "tune" if self.earlier or new_to_tune else "held"


class Hits(NamedTuple):
    """Whether a right line was among the first few."""

    both: bool
    meaning: bool
    words: bool


Asked = tuple[Query, Hits]


def rows(place: Workplace) -> Iterator[Row]:
    """Recall by half and by kind of query; in the half that was held back it has to be best with both."""
    if not CORPUS.exists():
        yield Row(f"recall@{TOP}", problem=f"the corpus is not at {CORPUS}")
        return
    model = os.environ.get("PLANNING_SYNC_SEARCH_MODEL", "")
    with place.dropping(place.hub("sqlite")) as hub:
        told = hub.run("bench.search_quality:ask", folder=str(CORPUS / "dev"), model=model)
    asked = list(zip(queries(), (Hits(*each) for each in told), strict=True))
    for half in ("held", "tune"):
        some = [each for each in asked if each[0].half == half]
        yield _recall(f"{half} half", some, must_lead=half == "held")
        for kind, language in sorted({(query.kind, query.language) for query, _ in some}):
            of_kind = [each for each in some if (each[0].kind, each[0].language) == (kind, language)]
            yield _recall(f"{half} half, {kind}, {language}", of_kind)
    held = [each for each in asked if each[0].half == "held"]
    yield _duel("held half", held, must_win=True)
    for language in ("en", "fr"):
        natural = [each for each in held if each[0].kind in NATURAL and each[0].language == language]
        yield _duel(f"held half, {' and '.join(NATURAL)}, {language}", natural)


def queries() -> list[Query]:
    told = tomllib.loads(QUERIES.read_text(encoding="utf-8"))["wanted"]
    return [
        Query(
            **query,
            earlier=wanted.get("earlier", False),
            right=frozenset(checksum for _, checksum in wanted["lines"]),
        )
        for wanted in told
        for query in wanted["queries"]
    ]


def sign_test(won: int, lost: int) -> float:
    """How often chance alone wins at least so many of those that are not drawn."""
    number = won + lost
    return float(sum(math.comb(number, each) for each in range(won, number + 1)) / 2**number)


def _recall(name: str, asked: Sequence[Asked], *, must_lead: bool = False) -> Row:
    columns = zip(*(hits for _, hits in asked), strict=True)
    both, meaning, words = (sum(column) / len(asked) for column in columns)
    best = max(meaning, words)
    return Row(
        f"recall@{TOP}, {name}, {len(asked)} queries: both; meaning, words alone",
        *(f"{both:.2f}", f"{meaning:.2f}, {words:.2f}", f"{both / best:.2f}" if best else "-"),
        target="above each alone" if must_lead else "-",
        met=both > best if must_lead else None,
    )


def _duel(name: str, asked: Sequence[Asked], *, must_win: bool = False) -> Row:
    """Both against words alone, query by query."""
    won = sum(hits.both and not hits.words for _, hits in asked)
    lost = sum(hits.words and not hits.both for _, hits in asked)
    chance = sign_test(won, lost)
    return Row(
        f"{name}: queries that only both find; that only words alone finds; chance",
        *(str(won), str(lost), f"{chance:.4f}"),
        target=f"chance under {LIKELY}" if must_win else "-",
        met=chance < LIKELY if must_win else None,
    )


# --------------------------------------------------------------------------- in the measuring process


def ask(folder: str, model: str) -> list[Hits]:
    """The hits of all queries, in order."""
    from planning_sync.search import fusion, words
    from planning_sync.search.asking import Filters
    from planning_sync.search.engines import Found, Wanted
    from planning_sync.search.models import Kind, Record

    place = _index(Path(folder), model)
    sums = dict(Record.objects.values_list("item_id", "sha256"))
    found = []
    for query in queries():
        assert query.right <= set(sums.values()), f"the corpus lacks a line for: {query.text}"
        plain = words.plain(query.text)
        vector = place.encoder.encode([plain])[0].tolist()
        wanted = Wanted(vector, words.sparse(plain, query=True), Filters(), DEPTH)
        near = place.engine.query(place.generation, Kind.TASK, wanted)
        ways = (near, Found(near.meaning, []), Found([], near.words))
        firsts = ({sums[key] for key, _ in fusion.fused([way])[:TOP]} for way in ways)
        found.append(Hits(*(bool(query.right & first) for first in firsts)))
    place.engine.close()
    return found


def _index(folder: Path, model: str) -> Place:
    """Of every task of the corpus but for its histories, which repeat themselves."""
    from planning_sync.search import encoders, engines, records
    from planning_sync.search.indexing import Place, Rebuild
    from planning_sync.sync import services
    from planning_sync.sync.passes import Options

    row = services.add_replica(folder, actor="bench", exclude=["history/**"])
    services.sync_replica(row, Options(actor="bench"))
    records.follow()
    rebuild = Rebuild(Place(engines.open_engine(), encoders.load(model or encoders.DEFAULT), 1))
    rebuild.place.ensure()
    while rebuild.step():
        pass
    rebuild.finish()
    return rebuild.place
