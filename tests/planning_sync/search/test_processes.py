"""What holds between processes: who loads what, and what is left of a worker that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
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


def test_the_web_process_loads_no_model_and_no_engine(tmp_path: Path) -> None:
    program = (
        "import sys, planning_sync.asgi; from django.urls import get_resolver; get_resolver().url_patterns; "
        "from planning_sync.search import services, standing; "
        "from planning_sync.search.services import vectors; "
        f"print(sorted(set('{HEAVY}'.split()) & set(sys.modules)))"
    )
    assert python(program, tmp_path).splitlines()[-1] == "[]"


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


@pytest.mark.soak
def test_a_worker_killed_while_it_embeds_leaves_work_that_the_next_one_finishes(tmp_path: Path) -> None:
    plans = tmp_path / "plans"
    plans.mkdir()
    lines = "".join(
        f"- [ ] Task {number} about the {number * 7919 % 1009} things\n" for number in range(3000)
    )
    (plans / "large.md").write_text(f"# Large\n\n{lines}")
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    environment = {**os.environ, "PLANNING_SYNC_HOME": str(home), "DATABASE_URL": ""}

    def command(*words: str) -> list[str]:
        return [sys.executable, "manage.py", *words]

    for words in (("add", str(plans)), ("sync",)):
        subprocess.run(command(*words), env=environment, cwd=ROOT, check=True, capture_output=True)
    for seconds in (3.0, 4.0):
        worker = subprocess.Popen(
            command("embedder"),
            env=environment,
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        time.sleep(seconds)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    worker = subprocess.Popen(command("embedder"), env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            doctor = command("doctor", "--json")
            answer = subprocess.run(
                doctor, env=environment, cwd=ROOT, stdout=subprocess.PIPE, check=False
            ).stdout
            if b"3001 points in step" in answer:
                break
            time.sleep(1)
        assert b"3001 points in step" in answer
    finally:
        worker.terminate()
        worker.wait()
