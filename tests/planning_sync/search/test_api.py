"""The addresses below /search and /vectors, as programs use them, with an embedder and without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from django.core.management import call_command

from planning_sync.search import importing, records, services, wire
from planning_sync.search.encoders.base import DEFAULT
from planning_sync.search.errors import InvalidImport, WrongModel
from planning_sync.search.importing import Importing
from planning_sync.search.models import Embedding
from planning_sync.search.services import vectors
from tests.api.programs import Program, person
from tests.planning_sync.search.house import ANYBODY, House
from tests.planning_sync.sync.workbench import Workbench


def ada() -> Program:
    return Program.of(person("ada", "administrator"))


def test_the_addresses_answer_without_an_embedder_and_say_so(desk: Workbench) -> None:
    records.follow()
    program = ada()
    found = program.get("search?q=database&kind=task&status=done")
    assert [hit["text"] for hit in found["results"]] == ["Make a backup of the database"]
    assert (found["engine"], found["degraded"]) == ("full-text", True)
    task = desk.task("Make a backup of the database")
    assert program.get(f"search/similar/{task.pk}")["degraded"]
    assert program.get(f"search/recommendations/{task.pk}")["reason"]
    assert program.get("search/clusters")["degraded"]
    assert program.get("search/duplicates") | {"reason": ""} == {
        "results": [],
        "degraded": True,
        "reason": "",
    }
    assert program.get("search/index")["problem"]


def test_vectors_go_in_and_out_over_the_api(house: House) -> None:
    program = ada()
    vector = np.eye(384)[5].tolist()
    told = {"model": DEFAULT, "vectors": [{"text": "Water the flowers", "vector": vector}]}
    assert program.post("vectors/upsert", told, 200) == {"stored": 1, "unknown": 0}
    house.settle()
    near = program.post("vectors/search", {"model": DEFAULT, "vector": vector, "limit": 1}, 200)
    assert near["results"][0]["text"] == "Water the flowers"
    short = {"model": DEFAULT, "vectors": [{"text": "x", "vector": [1.0]}]}
    assert program.post("vectors/upsert", short, 422)["errors"]["vector"]
    assert (
        "planning-sync reindex" in program.post("vectors/upsert", {**told, "model": "other"}, 409)["detail"]
    )


def exported(path: Path) -> Path:
    path.write_bytes(b"".join(vectors.exported(DEFAULT)))
    return path


def kept() -> dict[str, bytes]:
    return {row.sha256: bytes(row.vector or b"") for row in Embedding.objects.all()}


def test_what_is_exported_can_be_imported_again(house: House, tmp_path: Path) -> None:
    path = exported(tmp_path / "task_vectors.json")
    told = orjson.loads(path.read_bytes())
    assert (told["count"], told["dimension"], len(told["tasks"])) == (8, 384, 8)
    before = kept()
    Embedding.objects.filter(sha256=records.sha256_of("Water the flowers")).delete()
    assert Importing(path, "alice").run() == (8, 0)
    after = kept()
    assert after.keys() == before.keys()
    for checksum, vector in before.items():
        one, other = (np.frombuffer(each, dtype="<f4") for each in (vector, after[checksum]))
        assert float(one @ other) > 0.999999


def test_an_import_that_was_cut_short_goes_on_where_it_was(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = exported(tmp_path / "task_vectors.json")
    monkeypatch.setattr(importing, "AT_ONCE", 3)
    taken: list[int] = []
    take = vectors.take

    def cut(given: Any, **more: Any) -> Any:
        taken.append(len(given))
        if len(taken) == 2:
            raise KeyboardInterrupt
        return take(given, **more)

    monkeypatch.setattr(vectors, "take", cut)
    with pytest.raises(KeyboardInterrupt):
        Importing(path, "alice").run()
    assert Importing(path, "alice").run() == (8, 0)
    assert taken == [3, 3, 3, 2]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda told: told | {"count": 9}, "9 entries, and has 8"),
        (lambda told: told | {"checksum": "0"}, "damaged"),
        (lambda told: {"model": told["model"], "task": []}, "near its beginning"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    house: House, tmp_path: Path, spoil: Any, why: str
) -> None:
    path = exported(tmp_path / "task_vectors.json")
    path.write_text(json.dumps(spoil(orjson.loads(path.read_bytes()))))
    with pytest.raises(InvalidImport, match=why):
        Importing(path, "alice").run()


def test_half_a_file_and_another_model_are_refused(house: House, tmp_path: Path) -> None:
    path = exported(tmp_path / "task_vectors.json")
    half = tmp_path / "half.json"
    half.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InvalidImport, match="in the middle"):
        Importing(half, "alice").run()
    other = tmp_path / "other.json"
    other.write_bytes(path.read_bytes().replace(DEFAULT.encode(), b"other", 1))
    with pytest.raises(WrongModel):
        Importing(other, "alice").run()


def test_commands_search_and_copy_the_index(
    house: House, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    call_command("search", "writing", "manuals", "--kind", "task", "--limit", "2", "--json")
    hits = json.loads(capfd.readouterr().out)
    assert "Write the manual" in [hit["text"] for hit in hits]
    assert {"kind", "id", "plan", "text", "score"} <= hits[0].keys()
    call_command("vectors", "snapshot", str(tmp_path / "copy"), "--json")
    assert len(json.loads(capfd.readouterr().out)["snapshots"]) == 3
    assert services.search("manual", user=ANYBODY).engine == wire.ask("status")["engine"]
