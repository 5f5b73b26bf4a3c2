"""What holds between processes: who loads what, and what is left of a worker that is killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HEAVY = "torch transformers sentence_transformers onnxruntime onnx tokenizers qdrant_client qdrant_edge"


def python(program: str, home: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, "PLANNING_SYNC_HOME": str(home), "DATABASE_URL": "", **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_web_process_loads_no_model_and_no_engine_and_hides_the_rest_from_the_collector(
    tmp_path: Path,
) -> None:
    program = (
        "import gc, sys, planning_sync.asgi; "
        "from planning_sync.search import services, standing; "
        "from planning_sync.search.services import vectors; "
        f"print(sorted(set('{HEAVY}'.split()) & set(sys.modules))); "
        "print('planning_sync.dashboard.urls' in sys.modules, gc.get_freeze_count() > 50_000)"
    )
    assert python(program, tmp_path).splitlines()[-2:] == ["[]", "True True"]


def test_the_light_model_is_as_good_as_sentence_transformers_which_loads_others(
    tmp_path: Path,
) -> None:
    program = """
import django; django.setup()
import numpy as np
from planning_sync.search import encoders
from planning_sync.search.encoders.minilm import model_folder
from planning_sync.search.errors import ModelMissing
texts = ["Créer la base", "x", "", "a longer text, " * 60, "日本語", "Retry with exponential backoff"]
light, whole = encoders.load(encoders.DEFAULT), encoders.load(str(model_folder()))
assert light.dimension == whole.dimension == 384
print(float((light.encode(texts) * whole.encode(texts)).sum(axis=1).min()))
try:
    encoders.load("no/such-model")
except ModelMissing as error:
    print(error)
"""
    told = python(program, tmp_path, DJANGO_SETTINGS_MODULE="planning_sync.settings", HF_HUB_OFFLINE="1")
    cosine, missing = told.splitlines()[-2:]
    assert float(cosine) > 0.99999
    assert "The model 'no/such-model' cannot be loaded" in missing


TASKS = 800
WHOLE = """
import django; django.setup()
from django.conf import settings
from planning_sync.search import embeddings, engines, records
from planning_sync.search.models import Collection, Embedding, Kind, Record
engine, row = engines.open_engine(), Collection.objects.get()
assert not records.behind().exists() and not records.due().exists()
sums = set(Record.objects.values_list("sha256", flat=True))
kept = embeddings.vectors(row.model, sums)
assert set(kept) == sums and Embedding.objects.count() == len(sums), "each text is embedded once"
for kind in Kind.values:
    engine.ensure(row.generation, kind, row.dimension)
    known = {record.item_id: record for record in Record.objects.filter(kind=kind)}
    assert set(engine.ids(row.generation, kind)) == set(known), "the index has what the hub has"
    for item_id, held in engine.sample(row.generation, kind, list(known)).items():
        assert held.digest == known[item_id].digest
        assert float(held.vector @ kept[known[item_id].sha256]) > 0.999
print(len(sums))
"""


@pytest.mark.soak
def test_workers_killed_while_they_embed_leave_work_that_the_next_one_finishes(tmp_path: Path) -> None:
    """Seeded; SOAK_CAMPAIGNS says how many, SOAK_SEED where to begin, and a failure names its seed."""
    plans, fresh = tmp_path / "plans", tmp_path / "fresh"
    plans.mkdir()
    lines = "".join(f"- [ ] Task {number} of {number * 7919 % 1009} things\n" for number in range(TASKS))
    (plans / "large.md").write_text(f"# Large\n\n{lines}")
    fresh.mkdir(mode=0o700)
    for words in (("add", str(plans)), ("sync",)):
        subprocess.run(command(*words), env=environment(fresh), cwd=ROOT, check=True, capture_output=True)
    first = int(os.environ.get("SOAK_SEED", "0"))
    for seed in range(first, first + int(os.environ.get("SOAK_CAMPAIGNS", "3"))):
        home = tmp_path / f"home-{seed}"
        shutil.copytree(fresh, home)
        chance = random.Random(seed)
        for _ in range(chance.randint(1, 3)):
            with embedder(home) as worker:
                wait_for_vectors(home, worker, chance.randint(0, TASKS))
                time.sleep(chance.random() / 2)
                worker.send_signal(signal.SIGKILL)
        with embedder(home) as worker:
            wait_for_vectors(home, worker, TASKS + 1, told="search_record", where="indexed = digest")
        assert python(WHOLE, home, DJANGO_SETTINGS_MODULE="planning_sync.settings").split() == [
            str(TASKS + 1)
        ], f"SOAK_SEED={seed}"
        shutil.rmtree(home)


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "PLANNING_SYNC_HOME": str(home), "DATABASE_URL": ""}


def command(*words: str) -> list[str]:
    return [sys.executable, "manage.py", *words]


@contextmanager
def embedder(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command("embedder"), env=environment(home), cwd=ROOT, stderr=subprocess.DEVNULL
    ) as worker:
        try:
            yield worker
        finally:
            worker.terminate()


def wait_for_vectors(
    home: Path,
    worker: subprocess.Popen[bytes],
    number: int,
    told: str = "search_embedding",
    where: str = "vector IS NOT NULL",
) -> None:
    """Until so many are there, told or kept, while the worker lives."""
    deadline = time.monotonic() + 300
    with closing(sqlite3.connect(home / "hub.sqlite3")) as hub:
        query = f"SELECT count(*) FROM {told} WHERE {where}"
        while hub.execute(query).fetchone()[0] < number:
            assert worker.poll() is None, "the embedder ended by itself"
            assert time.monotonic() < deadline, "the embedder does not get on"
            time.sleep(0.05)
