"""The set-up of the checks themselves: the interpreter they ask for, the PostgreSQL they start and end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pytest

from tests import postgres
from tests.waiting import until

ROOT = Path(__file__).resolve().parent.parent
RUN = (
    "from tests.postgres import Server; import time; s = Server(); "
    "print(s.url, s._keeper.pid, flush=True); time.sleep(600)"
)


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files of its own, so that no other run's server is touched."""
    try:
        postgres._programs()
    except postgres.PostgresMissing as error:
        if not os.environ.get("TEST_DATABASE_URL"):
            raise
        pytest.skip(f"TEST_DATABASE_URL names the server, and none can be started here: {error}")
    folder = Path(tempfile.mkdtemp(prefix="ps-", dir="/tmp"))
    folder.chmod(0o711)  # the account that runs the server for root has to get in
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class Started(NamedTuple):
    """A process that runs tests on a server of its own."""

    tests: subprocess.Popen[str]
    folder: Path
    keeper: int
    server: int


def start() -> Started:
    tests = subprocess.Popen([sys.executable, "-c", RUN], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert tests.stdout is not None
    url, keeper = tests.stdout.readline().split()
    folder = Path(unquote(url.partition("host=")[2])).parent
    server = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    return Started(tests, folder, int(keeper), server)


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def answers(folder: Path) -> bool:
    """Whether a server listens at the folder's socket."""
    connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    address = str(folder / "socket" / postgres._SOCKET)
    found = subprocess.run([sys.executable, "-c", connect, address], capture_output=True, check=False)
    return found.returncode == 0


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat")  # a child that nobody waited for is as good as gone
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_the_server_ends_when_its_tests_are_killed(base: Path) -> None:
    run = start()
    assert answers(run.folder)
    kill(run.tests)
    until(lambda: not run.folder.exists() and gone(run.server), told="the end of the server")


def test_what_a_killed_keeper_leaves_behind_is_cleared_by_the_next(base: Path) -> None:
    run = start()
    os.kill(run.keeper, signal.SIGKILL)
    kill(run.tests)
    assert answers(run.folder)
    postgres.Server().stop()
    assert list(base.iterdir()) == []
    until(lambda: gone(run.server), told="the end of the server")


def test_another_runs_living_server_is_left_alone(base: Path) -> None:
    run = start()
    postgres.Server().stop()
    assert answers(run.folder)
    kill(run.tests)
    until(lambda: not run.folder.exists(), told="the end of the folder")


def test_without_any_postgresql_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(postgres, "_version", lambda programs: 0)
    with pytest.raises(postgres.PostgresMissing, match="apt-get install postgresql"):
        postgres._programs()


def test_a_python_that_is_too_old_is_named_with_what_to_do(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit\nexit 1\n')
    old.chmod(0o755)
    shutil.copytree(ROOT / "deploy", tmp_path / "checkout" / "deploy")
    done = subprocess.run(
        ["bash", tmp_path / "checkout" / "deploy" / "setup"],
        env={"PATH": os.environ["PATH"], "PYTHON": str(old)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "Python 3.9.2" in done.stderr
    assert not (tmp_path / "checkout" / ".venv").exists()
