"""Our writes and the tool's keep one another away, by both of the tool's styles of lock."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from planning_sync.replicas.errors import WriteFailed
from planning_sync.replicas.taskmaster import TaskMasterFile, locking
from planning_sync.replicas.taskmaster.locking import held
from tests.planning_sync.replicas.contract import tick
from tests.planning_sync.replicas.taskmaster_world import file_of, tag, task
from tests.waiting import PATIENCE_SECONDS

TEXT = file_of({"master": tag(task(1, "List the modules"))})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "tasks.json"
    file.write_text(TEXT, encoding="utf-8")
    return file


def lock(file: Path, style: str) -> Path:
    """A lock as a process of the tool takes it."""
    place = file.with_name("tasks.json.lock")
    if style == "folder":
        place.mkdir()
    else:
        place.write_text('{"pid": 1, "timestamp": 1}')
    return place


def unlock(place: Path) -> None:
    if place.is_dir():
        place.rmdir()
    else:
        place.unlink()


@pytest.mark.parametrize("style", ["folder", "file"])
def test_a_write_waits_for_the_lock_of_the_tool_and_then_looks_again(
    style: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "_WAIT_SECONDS", PATIENCE_SECONDS)
    replica = TaskMasterFile(file)
    write = tick(replica, "master")
    place = lock(file, style)
    done = threading.Event()

    def commit() -> None:
        replica.commit(write)
        done.set()

    thread = threading.Thread(target=commit)
    thread.start()
    assert not done.wait(0.2)
    other = file_of({"master": tag(task(1, "List the modules")), "other": tag(task(1, "Meanwhile"))})
    file.write_text(other, encoding="utf-8")
    unlock(place)
    thread.join()
    assert file.read_text(encoding="utf-8") == other.replace("pending", "done", 1)
    assert sorted(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("style", ["folder", "file"])
def test_a_lock_that_a_killed_command_left_behind_is_taken_over(style: str, file: Path) -> None:
    replica = TaskMasterFile(file)
    place = lock(file, style)
    os.utime(place, (time.time() - 11, time.time() - 11))
    replica.commit(tick(replica, "master"))
    assert "done" in file.read_text(encoding="utf-8")
    assert sorted(file.parent.iterdir()) == [file]


def test_a_lock_that_stays_is_an_error_and_the_file_stays_too(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "_WAIT_SECONDS", 0.05)
    replica = TaskMasterFile(file)
    lock(file, "folder")
    with pytest.raises(WriteFailed, match=r"Task Master holds its lock, tasks\.json\.lock"):
        replica.commit(tick(replica, "master"))
    assert file.read_text(encoding="utf-8") == TEXT


def test_our_lock_keeps_both_styles_out_and_is_gone_afterwards(file: Path) -> None:
    place = file.with_name("tasks.json.lock")
    with TaskMasterFile(file).root.entry("tasks.json") as entry, held(entry):
        with pytest.raises(FileExistsError):
            place.mkdir()
        with pytest.raises(FileExistsError):
            place.open("x")
    assert not place.exists()


def test_a_lock_that_another_took_over_from_us_is_left_to_it(file: Path) -> None:
    place = file.with_name("tasks.json.lock")
    with TaskMasterFile(file).root.entry("tasks.json") as entry, held(entry):
        place.rmdir()
        place.with_name("kept").mkdir()
        place.mkdir()
    assert place.is_dir()
