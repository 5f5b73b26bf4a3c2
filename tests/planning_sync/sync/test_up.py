"""Real processes on Linux: `up` from nothing to its end, and single commands started as a person starts them.

They run on SQLite in a state folder of their own, whatever database the other tests run on.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import PATIENCE_SECONDS, free_port, until

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "samples" / "plans"


def environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PLANNING_SYNC_HOME": str(home / "state"),
        "PYTHONPATH": str(ROOT),
        "PLANNING_SYNC_SEARCH": "0",  # has tests of its own
    }


def command(home: Path, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words],
        env=environment(home),
        cwd=cwd or home,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def family(pid: int) -> set[int]:
    """The process and all below it, as long as they are no zombies."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = place.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it ended meanwhile
        if state != "Z":
            parents[int(place.parent.name)] = int(parent)
    found = {pid} & set(parents)
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if family(pid)}


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""  # it ended meanwhile


class Up:
    """A running `planning-sync up --json`."""

    def __init__(self, home: Path, *words: str) -> None:
        self.port = free_port()
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "up", "--json", "--port", str(self.port), *words],
            env=environment(home),
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.err: list[str] = []
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._reader = threading.Thread(target=self.err.extend, args=(self.process.stderr,), daemon=True)
        self._reader.start()
        line = self.process.stdout.readline()
        assert line, self._said()
        self.answer: dict[str, Any] = json.loads(line)
        self.processes = family(self.process.pid)

    def _said(self) -> str:
        self._reader.join(PATIENCE_SECONDS)
        return "".join(self.err)

    def end(self, number: signal.Signals) -> str:
        """Send the signal; what was said on standard error. The processes known so far must be gone soon."""
        self.processes |= family(self.process.pid)
        self.process.send_signal(number)
        self.process.wait(PATIENCE_SECONDS)
        until(lambda: not alive(self.processes), told="the processes")
        return self._said()

    def wait_for(self, text: str, status: str) -> None:
        """Wait until the hub says so of the task."""
        until(lambda: self.status_of(text) == status, told=lambda: f"{text} {status}\n{''.join(self.err)}")

    def status_of(self, text: str) -> str | None:
        with closing(sqlite3.connect(self.home / "state" / "hub.sqlite3", timeout=PATIENCE_SECONDS)) as hub:
            row = hub.execute("SELECT status FROM plans_task WHERE text = ?", [text]).fetchone()
        return row[0] if row else None


@pytest.fixture
def started() -> Iterator[Callable[..., Up]]:
    running: list[Up] = []

    def start(home: Path, *words: str) -> Up:
        running.append(Up(home, *words))
        return running[-1]

    yield start
    for up in running:
        for pid in alive(up.processes | family(up.process.pid)):
            os.kill(pid, signal.SIGKILL)
        up.process.wait()
        for stream in (up.process.stdout, up.process.stderr):
            assert stream is not None
            stream.close()


class Browser:
    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(self._cookies)

    def get(self, path: str) -> str:
        with self._opener.open(self.url + path, timeout=PATIENCE_SECONDS) as response:
            return str(response.read().decode())

    def post(self, path: str, page: str, **fields: str) -> str:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, page
        data = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": token[1]}).encode()
        request = urllib.request.Request(self.url + path, data, {"Referer": self.url + path})
        with self._opener.open(request, timeout=PATIENCE_SECONDS) as response:
            return str(response.read().decode())


def test_up_does_everything_and_ends_cleanly(tmp_path: Path, started: Callable[..., Up]) -> None:
    up = started(tmp_path)
    folder = tmp_path / "state" / "sample-plans"
    assert up.answer["url"] == f"http://127.0.0.1:{up.port}/"
    assert up.answer["replicas"] == ["sample-plans"]
    assert up.answer["administrator"]["username"] == "admin"

    browser = Browser(up.answer["url"])
    page = browser.post("/login/", browser.get("/login/"), **up.answer["administrator"])
    assert "Tidewatch: roadmap" in page

    roadmap = folder / "roadmap.md"
    text = roadmap.read_text()
    roadmap.write_text(text.replace("- [ ] **2.2.1** One page", "- [x] **2.2.1** One page"))
    up.wait_for("One page for each harbour", "done")

    (watcher,) = [pid for pid in alive(up.processes) if b"\0watch" in command_of(pid)]
    os.kill(watcher, signal.SIGKILL)
    until(
        lambda: any("ended unexpectedly" in line for line in up.err), told="the death of the watcher noticed"
    )
    roadmap.write_text(text)
    up.wait_for("One page for each harbour", "todo")

    said = up.end(signal.SIGINT)
    assert up.process.returncode == 0
    assert "Traceback" not in said
    assert said.rstrip().endswith("Stopped.")
    assert roadmap.read_text() == text


def test_a_second_start_keeps_what_there_is_and_a_killed_one_leaves_nothing(
    tmp_path: Path, started: Callable[..., Up]
) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "shop.md").write_text("# Shop\n\n- [ ] Paint the door\n")
    first = started(tmp_path, "plans")
    assert first.answer["replicas"] == ["plans"]
    password = first.answer["administrator"]["password"]
    said = first.end(signal.SIGTERM)
    assert said.count(password) == 1
    assert first.process.returncode == 0

    (tmp_path / "plans" / "shop.md").write_text("# Shop\n\n- [x] Paint the door\n")
    second = started(tmp_path, "plans")
    assert second.answer["administrator"] is None
    assert second.answer["replicas"] == ["plans"]
    second.wait_for("Paint the door", "done")
    second.end(signal.SIGKILL)


def test_a_port_in_use_is_said_before_anything_is_done(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = command(tmp_path, "up", "--port", str(port))
    assert done.returncode == 1
    assert f"Port {port} of 127.0.0.1 cannot be used" in done.stderr
    assert not (tmp_path / "state" / "hub.sqlite3").exists()


def test_a_folder_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    done = command(tmp_path, "up", "nowhere", "--port", str(free_port()))
    assert done.returncode == 2
    assert "Name a folder of plans" in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_work_from_any_folder_and_print_json_alone(tmp_path: Path) -> None:
    (tmp_path / "work" / "plans").mkdir(parents=True)
    (tmp_path / "work" / "plans" / "shop.md").write_text("# Shop\n\n- [ ] Paint the door\n")
    added = command(tmp_path, "add", "plans", "--json", cwd=tmp_path / "work")
    assert json.loads(added.stdout)["path"] == str(tmp_path / "work" / "plans")
    synced = command(tmp_path, "sync", "--json", cwd=Path("/"))
    assert json.loads(synced.stdout)["tasks"]["created"] == 1
    listed = command(tmp_path, "tasks", "shop.md", "--json", cwd=tmp_path / "work" / "plans")
    assert [task["line"] for task in json.loads(listed.stdout)] == [3]
    assert [done.stderr for done in (added, synced, listed)] == ["", "", ""]


HEAVY = ("rich", "ftfy", "watchfiles", "uvicorn")


def test_a_command_loads_no_library_that_it_does_not_use(tmp_path: Path) -> None:
    code = (
        "import sys, manage; sys.argv = ['planning-sync', 'plans', '--json']; manage.main();"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "[]\n")


def test_the_doctor_of_a_fresh_machine_says_what_is_missing(tmp_path: Path) -> None:
    done = command(tmp_path, "doctor", "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["status"] == "problem"
    (found,) = [check for check in answer["checks"] if check["state"] == "problem"]
    assert found["check"] == "migrations"
    assert "planning-sync migrate" in found["advice"]


def test_a_wrong_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "hub.sqlite3").write_text("This is no database at all, but a text. " * 50)
    done = command(tmp_path, "plans")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "planning-sync doctor" in done.stderr


def test_colours_are_for_terminals(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    try:
        subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "doctor"],
            env={**environment(tmp_path), "TERM": "xterm-256color"},
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE_SECONDS,
        )
        assert b"\x1b[32mok" in os.read(ours, 65536)
    finally:
        os.close(ours)
        os.close(theirs)


def test_the_version_is_ours(tmp_path: Path) -> None:
    assert command(tmp_path, "--version").stdout == "planning-sync 0.1.0\n"


@pytest.mark.parametrize("words", ["help", "plans --json", "doctor"])
def test_an_answer_that_nobody_reads_is_no_reason_to_complain(words: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' '{ROOT / 'manage.py'}' {words} | true"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.stderr == ""


def test_pages_for_this_machine_alone_may_add_folders_of_whoever_started_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from planning_sync.sync.management.commands import up

    monkeypatch.delenv("PLANNING_SYNC_REPLICA_ROOTS", raising=False)
    assert up._environment("127.0.0.1")["PLANNING_SYNC_REPLICA_ROOTS"] == str(Path.home())
    assert "PLANNING_SYNC_REPLICA_ROOTS" not in up._environment("0.0.0.0")
    monkeypatch.setenv("PLANNING_SYNC_REPLICA_ROOTS", "")
    assert up._environment("localhost")["PLANNING_SYNC_REPLICA_ROOTS"] == ""
