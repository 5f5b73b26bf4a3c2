"""One contract for every engine. No Qdrant server is at hand: its class runs on the client's local mode."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from qdrant_client import QdrantClient

from planning_sync.search import words
from planning_sync.search.asking import Filters
from planning_sync.search.engines import Engine, Point, Wanted
from planning_sync.search.engines.edge import EdgeEngine
from planning_sync.search.engines.server import ServerEngine
from planning_sync.search.errors import IndexAway, WrongDimension

KINDS = ("plan", "phase", "task")
ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))
TEXTS = {ONE: "migrate the database", TWO: "write the manual", THREE: "database backup"}


def point(item_id: UUID, angle: float, *, status: str = "todo", tags: tuple[str, ...] = ()) -> Point:
    vector = np.array([np.cos(angle), np.sin(angle), 0, 0], dtype=np.float32)
    payload = {
        "replica": ["r1"],
        "plan": "p1",
        "status": status,
        "tags": list(tags),
        "digest": TEXTS[item_id],
    }
    return Point(item_id, vector, words.sparse(TEXTS[item_id]), payload)


def near(filters: Filters = Filters(), limit: int = 5) -> Wanted:  # noqa: B008  # frozen
    return Wanted([1.0, 0.0, 0.0, 0.0], words.sparse("database", query=True), filters, limit)


@pytest.fixture(params=["edge", "server"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    made: Engine = (
        EdgeEngine(tmp_path / "index") if request.param == "edge" else ServerEngine(QdrantClient(":memory:"))
    )
    made.ensure(1, "task", 4)
    made.upsert(1, "task", [point(ONE, 0.1, tags=("db",)), point(TWO, 0.2), point(THREE, 1.0, status="done")])
    yield made
    made.close()


pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")


def test_the_nearest_come_first_in_meaning_and_in_words(engine: Engine) -> None:
    found = engine.query(1, "task", near())
    assert [each.id for each in found.meaning] == [ONE, TWO, THREE]
    assert {each.id for each in found.words} == {ONE, THREE}
    assert found.meaning[0].score == pytest.approx(np.cos(0.1), abs=1e-4)


def test_filters_hold_in_both(engine: Engine) -> None:
    done = engine.query(1, "task", near(Filters(statuses=frozenset({"done"}))))
    assert [[each.id for each in some] for some in done] == [[THREE], [THREE]]
    tagged = engine.query(1, "task", near(Filters(tags=frozenset({"db"}))))
    assert [each.id for each in tagged.meaning] == [ONE]
    assert engine.query(1, "task", near(Filters(tags=frozenset({"db", "none"})))).meaning == []


def test_who_may_see_no_replica_finds_nothing(engine: Engine) -> None:
    assert engine.query(1, "task", near(Filters(sight=frozenset()))).meaning == []
    assert engine.query(1, "task", near(Filters(sight=frozenset({"r2"})))).words == []
    assert len(engine.query(1, "task", near(Filters(sight=frozenset({"r1", "r2"})))).meaning) == 3


def test_a_kind_of_vector_that_is_not_asked_for_gives_nothing(engine: Engine) -> None:
    only_words = engine.query(1, "task", Wanted(None, words.sparse("manual", query=True), Filters(), 5))
    assert (only_words.meaning, [each.id for each in only_words.words]) == ([], [TWO])
    only_meaning = engine.query(1, "task", Wanted([0.0, 1.0, 0.0, 0.0], None, Filters(), 1))
    assert ([each.id for each in only_meaning.meaning], only_meaning.words) == ([THREE], [])


def test_what_is_told_again_is_replaced_and_what_is_deleted_is_gone(engine: Engine) -> None:
    engine.upsert(1, "task", [point(ONE, 1.5, status="done")])
    engine.delete(1, "task", [TWO])
    assert engine.count(1, "task") == 2
    assert set(engine.ids(1, "task")) == {ONE, THREE}
    assert engine.query(1, "task", near()).meaning[0].id == THREE


def test_a_sample_has_the_vector_and_the_digest(engine: Engine) -> None:
    found = engine.sample(1, "task", [ONE, UUID(int=9)])
    assert set(found) == {ONE}
    assert found[ONE].digest == TEXTS[ONE]
    assert float(found[ONE].vector @ point(ONE, 0.1).vector) == pytest.approx(1, abs=1e-5)


def test_a_collection_of_another_dimension_is_refused(engine: Engine) -> None:
    with pytest.raises(WrongDimension) as caught:
        engine.ensure(1, "task", 8)
    assert (caught.value.expected, caught.value.found) == (4, 8)


def test_a_swap_leaves_the_new_generation_alone(engine: Engine) -> None:
    for kind in KINDS:
        engine.ensure(2, kind, 4)
    engine.upsert(2, "task", [point(TWO, 0.0)])
    engine.settle(2)
    engine.swap(2)
    assert engine.count(2, "task") == 1
    with pytest.raises(IndexAway):
        engine.count(1, "task")


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    first = EdgeEngine(tmp_path / "index")
    first.ensure(1, "task", 4)
    first.upsert(1, "task", [point(ONE, 0.1)])
    first.close()
    second = EdgeEngine(tmp_path / "index")
    second.ensure(1, "task", 4)
    assert second.count(1, "task") == 1
    second.close()


def test_a_snapshot_is_an_index_that_can_be_opened(tmp_path: Path) -> None:
    engine = EdgeEngine(tmp_path / "index")
    engine.ensure(1, "task", 4)
    engine.upsert(1, "task", [point(ONE, 0.1)])
    assert engine.snapshot(1, tmp_path / "copy" / "1") == [tmp_path / "copy" / "1" / "task"]
    engine.close()
    copy = EdgeEngine(tmp_path / "copy")
    copy.ensure(1, "task", 4)
    assert set(copy.ids(1, "task")) == {ONE}
    copy.close()


def test_a_second_process_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    engine = EdgeEngine(tmp_path / "index")
    program = (
        "import pathlib, sys; from planning_sync.search.engines.edge import EdgeEngine; "
        "EdgeEngine(pathlib.Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "index")]
    other = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert other.returncode == 1
    assert "IndexBusy: Another process has the search index" in other.stderr
    engine.close()


def test_a_folder_that_was_deleted_is_missed_and_made_anew(tmp_path: Path) -> None:
    engine = EdgeEngine(tmp_path / "index")
    engine.ensure(1, "task", 4)
    engine.upsert(1, "task", [point(ONE, 0.1)])
    shutil.rmtree(tmp_path / "index")
    with pytest.raises(IndexAway, match="missing"):
        engine.query(1, "task", near())
    engine.ensure(1, "task", 4)
    assert engine.count(1, "task") == 0
    engine.close()


def test_a_damaged_collection_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = EdgeEngine(tmp_path / "index")
    engine.ensure(1, "task", 4)
    engine.upsert(1, "task", [point(ONE, 0.1)])
    engine.close()
    (tmp_path / "index" / "1" / "task" / "edge_config.json").write_text("{")
    engine = EdgeEngine(tmp_path / "index")
    engine.ensure(1, "task", 4)
    assert engine.count(1, "task") == 0
    assert "is damaged, and made anew" in caplog.text
    engine.close()


def test_a_server_that_does_not_answer_is_said_to_be_away() -> None:
    with pytest.raises(IndexAway):
        ServerEngine.connect({"url": "http://127.0.0.1:9", "api_key": "", "grpc": False})
