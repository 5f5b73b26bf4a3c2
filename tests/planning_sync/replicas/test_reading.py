"""Reading plans that are fresh, half written, huge, foreign or forbidden."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning_sync.replicas import files
from planning_sync.replicas.errors import PlanUnreadable, Unreadable
from planning_sync.replicas.files import Loader
from planning_sync.replicas.markdown import MarkdownFolder, binary_detail
from tests.planning_sync.replicas.contract import OTHER, PLAN, TICKED
from tests.planning_sync.replicas.disk import NOBODY, nobody

NS = 1_000_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ns = time.time_ns()

    def __call__(self) -> int:
        return self.now_ns


# ------------------------------------------------------------------------------------- stamps


def test_a_fresh_file_has_a_stamp_that_no_scan_gives(root: Path) -> None:
    (root / "a.md").write_bytes(PLAN)
    clock = Clock()
    replica = MarkdownFolder(root, clock_ns=clock)
    scanned = replica.scan().stamps["a.md"]
    assert replica.read("a.md").stamp == f"{scanned}:racy"
    assert replica.probe("a.md").stamp == f"{scanned}:racy"
    clock.now_ns += 3 * NS
    assert replica.read("a.md").stamp == scanned
    assert replica.probe("a.md").stamp == scanned


def test_what_was_just_written_is_looked_at_once_more(root: Path) -> None:
    (root / "a.md").write_bytes(PLAN)
    clock = Clock()
    replica = MarkdownFolder(root, clock_ns=clock)
    stamp = replica.commit(replica.prepare_restore("a.md", replica.probe("a.md").checksum, TICKED))
    scanned = replica.scan().stamps["a.md"]
    assert stamp == f"{scanned}:racy"
    clock.now_ns += 3 * NS
    assert replica.probe("a.md").stamp == scanned


def test_an_edit_that_leaves_no_trace_in_the_stamp_is_not_missed(root: Path) -> None:
    """Same size, same inode, times put back: only the change time is out of an editor's reach."""
    place = root / "a.md"
    place.write_bytes(PLAN)
    replica = MarkdownFolder(root)
    reading = replica.read("a.md")
    times = place.stat()
    place.write_bytes(TICKED)
    os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert replica.scan().stamps["a.md"] != reading.stamp


def test_a_date_in_the_far_future_does_not_make_a_file_fresh_for_ever(root: Path) -> None:
    place = root / "a.md"
    place.write_bytes(PLAN)
    os.utime(place, ns=(0, time.time_ns() + 365 * 86400 * NS))
    clock = Clock()
    clock.now_ns += 3 * NS
    replica = MarkdownFolder(root, clock_ns=clock)
    assert replica.read("a.md").stamp == replica.scan().stamps["a.md"]


# ------------------------------------------------------------------------------------- half written


def loader_of(root: Path, pause: Callable[[float], None]) -> MarkdownFolder:
    replica = MarkdownFolder(root)
    replica._loader = Loader(replica._loader.limit_bytes, pause=pause)
    return replica


@pytest.mark.parametrize("part", [b"", b"- [ ] a line\n" * 1000])
def test_a_file_that_an_editor_is_just_writing_is_awaited(root: Path, part: bytes) -> None:
    """Saving in place empties the file first, then writes block by block."""
    place = root / "a.md"
    place.write_bytes(part[: len(part) // 4096 * 4096])
    waits: list[float] = []

    def editor(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            place.write_bytes(part + PLAN)

    assert loader_of(root, editor).read("a.md").data == part + PLAN
    assert len(waits) == 1


def test_a_plan_that_was_emptied_is_believed_when_it_stays_empty(root: Path) -> None:
    (root / "a.md").write_bytes(b"")
    waits: list[float] = []
    assert loader_of(root, waits.append).read("a.md").data == b""
    assert waits == [0.1]


def test_a_plan_emptied_long_ago_is_believed_at_once(root: Path) -> None:
    (root / "a.md").write_bytes(b"")
    clock = Clock()
    clock.now_ns += 5 * NS
    replica = MarkdownFolder(root, settle_seconds=60.0, clock_ns=clock)
    assert replica.read("a.md").data == b""


def test_an_ordinary_edit_is_not_made_to_wait(root: Path) -> None:
    (root / "a.md").write_bytes(PLAN)
    waits: list[float] = []
    loader_of(root, waits.append).read("a.md")
    assert waits == []


def test_a_file_that_changes_while_it_is_read_is_read_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = root / "a.md"
    place.write_bytes(PLAN)
    really = files._all_of
    reads = 0

    def torn(descriptor: int, size: int, limit: int) -> bytes:
        nonlocal reads
        reads += 1
        data = really(descriptor, size, limit)
        if reads == 1:
            place.write_bytes(OTHER)
        return data

    monkeypatch.setattr(files, "_all_of", torn)
    assert loader_of(root, lambda _: None).read("a.md").data == OTHER
    assert reads == 2


def test_a_file_that_never_rests_is_left_for_the_next_sync(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = root / "a.md"
    place.write_bytes(PLAN)
    really = files._all_of

    def growing(descriptor: int, size: int, limit: int) -> bytes:
        data = really(descriptor, size, limit)
        place.write_bytes(data + b"x")
        return data

    monkeypatch.setattr(files, "_all_of", growing)
    with pytest.raises(PlanUnreadable) as caught:
        loader_of(root, lambda _: None).read("a.md")
    assert caught.value.reason is Unreadable.CHANGING


def test_a_file_replaced_while_it_is_read_is_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "a.md").write_bytes(PLAN)
    (root / "new").write_bytes(OTHER)
    really = files._all_of

    def replaced(descriptor: int, size: int, limit: int) -> bytes:
        if (root / "new").exists():
            (root / "new").rename(root / "a.md")
        return really(descriptor, size, limit)

    monkeypatch.setattr(files, "_all_of", replaced)
    assert loader_of(root, lambda _: None).read("a.md").data == OTHER


# ------------------------------------------------------------------------------------- what is no plan


def test_a_file_over_the_limit_is_refused_without_reading_it(root: Path) -> None:
    with (root / "huge.md").open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)
    (root / "a.md").write_bytes(PLAN)
    replica = MarkdownFolder(root)
    assert list(replica.scan().stamps) == ["a.md", "huge.md"]
    with pytest.raises(PlanUnreadable, match=r"52,428,800 bytes, the limit is 20,971,520") as caught:
        replica.read("huge.md")
    assert caught.value.reason is Unreadable.TOO_LARGE
    assert replica.read("a.md").data == PLAN


def test_the_limit_itself_is_allowed(root: Path) -> None:
    (root / "a.md").write_bytes(b"x" * 1000)
    (root / "b.md").write_bytes(b"x" * 1001)
    replica = MarkdownFolder(root, limit_bytes=1000)
    assert len(replica.read("a.md").data) == 1000
    with pytest.raises(PlanUnreadable):
        replica.read("b.md")


def compressed() -> bytes:
    return random.Random(1).randbytes(20_000)


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes(range(256)) * 4,
        b"\x7fELF\x02\x01\x01" + bytes(500),
        compressed(),
        b"PK\x03\x04\x14\0\0\0\x08\0" + compressed(),
        "# Titre\n- [ ] Une tâche\n".encode("utf-16-le"),
        bytes(4096),
    ],
    ids=["png", "elf", "compressed", "zip", "utf-16 without a mark", "zeros"],
)
def test_a_binary_file_is_refused_with_its_reason(root: Path, data: bytes) -> None:
    (root / "a.md").write_bytes(data)
    with pytest.raises(PlanUnreadable, match="control characters") as caught:
        MarkdownFolder(root, settle_seconds=0.0).read("a.md")
    assert caught.value.reason is Unreadable.BINARY


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        PLAN,
        PLAN * 10 + b"a \0 b \0 c \0\n",
        "# Titre\n- [ ] Une tâche\n".encode("utf-16"),
        "Ã©Ã¨ â\x98\x90 \u0090\u009d".encode(),
        "тест 計画 🎯".encode(),
        "été".encode("latin-1") * 100,
        b"\x1b[31mred\x1b[0m\x08\x0c\n" * 50,
    ],
)
def test_text_with_odd_characters_is_still_text(data: bytes) -> None:
    assert binary_detail(data) == ""


@given(st.text(st.characters(exclude_categories=("Cc", "Cs"))), st.sampled_from(["utf-8", "utf-16"]))
def test_any_text_without_control_characters_is_text(text: str, encoding: str) -> None:
    assert binary_detail(text.encode(encoding)) == ""


def test_a_file_deleted_between_scan_and_read_has_vanished(root: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "a.md").write_bytes(PLAN)
    replica = MarkdownFolder(root)
    replica.scan()
    (root / "sub" / "a.md").unlink()
    (root / "sub").rmdir()
    with pytest.raises(PlanUnreadable) as caught:
        replica.read("sub/a.md")
    assert caught.value.reason is Unreadable.VANISHED
    assert replica.probe("sub/a.md") == ("", "")


def test_a_folder_replaced_by_a_file_has_vanished(root: Path) -> None:
    (root / "sub").write_bytes(PLAN)
    replica = MarkdownFolder(root)
    with pytest.raises(PlanUnreadable) as caught:
        replica.read("sub/a.md")
    assert caught.value.reason is Unreadable.VANISHED


@pytest.fixture
def own_root() -> Iterator[Path]:
    """A folder that belongs to nobody, so that rights count even where the tests run as root."""
    with tempfile.TemporaryDirectory(prefix="plans-") as folder:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        yield Path(folder)


def test_a_file_without_rights_is_refused_and_the_others_go_on(own_root: Path) -> None:
    replica = MarkdownFolder(own_root)
    with nobody():
        (own_root / "a.md").write_bytes(PLAN)
        (own_root / "b.md").write_bytes(PLAN)
        (own_root / "a.md").chmod(0)
        assert list(replica.scan().stamps) == ["a.md", "b.md"]
        for look in (replica.read, replica.probe):
            with pytest.raises(PlanUnreadable) as caught:
                look("a.md")
            assert caught.value.reason is Unreadable.FORBIDDEN
        assert replica.read("b.md").data == PLAN
