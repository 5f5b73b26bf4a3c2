"""At any instant a plan is whole: after a kill, on a full disk, without rights, with others at work."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning_sync.replicas import atomic
from planning_sync.replicas.base import ABSENT, Write, checksum
from planning_sync.replicas.errors import PlanChanged, WriteFailed
from planning_sync.replicas.markdown import MarkdownFolder
from tests.planning_sync.replicas.contract import OTHER, PLAN, TICKED, tick
from tests.planning_sync.replicas.disk import (
    NOBODY,
    DiskWorld,
    at_checkpoint,
    file_size_limit,
    killed_at,
    nobody,
)

REPLACE = ("temp-written", "temp-synced", "rechecked", "renamed", "dir-synced")
REMOVE = ("rechecked", "removed", "dir-synced")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DiskWorld:
    root = tmp_path / "plans"
    root.mkdir()
    return DiskWorld(root, monkeypatch)


Act = Callable[[DiskWorld], Write]


def replacing(world: DiskWorld) -> Write:
    world.put("a.md", PLAN)
    return tick(world.replica, "a.md")


def creating(world: DiskWorld) -> Write:
    return Write("a.md", ABSENT, checksum(TICKED), TICKED, None)


def removing(world: DiskWorld) -> Write:
    world.put("a.md", PLAN)
    return world.replica.prepare_delete(world.replica.read("a.md"))


STEPS: list[tuple[Act, str]] = [
    *((replacing, step) for step in REPLACE),
    *((creating, step) for step in REPLACE),
    *((removing, step) for step in REMOVE),
]


def test_the_steps_are_the_published_ones(world: DiskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    for act, expected in ((replacing, REPLACE), (removing, REMOVE), (creating, REPLACE)):
        write = act(world)
        seen: list[str] = []
        with monkeypatch.context() as patch:
            patch.setattr(atomic, "checkpoint", seen.append)
            world.replica.commit(write)
        assert tuple(seen) == expected
    assert set(REPLACE) | set(REMOVE) == set(atomic.CHECKPOINTS)


# ------------------------------------------------------------------------------------- killed


@pytest.mark.parametrize(("act", "step"), STEPS)
def test_a_writer_killed_at_any_step_leaves_the_old_or_the_new_plan(
    world: DiskWorld, act: Act, step: str
) -> None:
    write = act(world)
    assert killed_at(step, lambda: world.replica.commit(write)) == 42
    found = world.replica.probe("a.md").checksum
    done = step in ("renamed", "removed", "dir-synced")
    assert found == (write.after if done else write.before)
    assert list(world.replica.scan().stamps) == (["a.md"] if found else [])
    if not done:
        world.replica.commit(write)
    assert world.replica.probe("a.md").checksum == write.after
    assert len(world.leftovers()) == (0 if done or act is removing else 1)
    world.replica.cleanup(older_than_seconds=0)
    assert world.contents() == ({"a.md": TICKED} if write.after else {})


def test_a_temporary_file_that_may_be_at_work_is_not_cleaned_up(world: DiskWorld) -> None:
    write = replacing(world)
    killed_at("temp-synced", lambda: world.replica.commit(write))
    assert world.replica.cleanup() == ()
    assert len(world.leftovers()) == 1
    removed = world.replica.cleanup(older_than_seconds=0)
    assert [path.startswith(".planning-sync-") for path in removed] == [True]
    assert world.leftovers() == []


def test_an_interrupt_removes_the_temporary_file(world: DiskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    write = replacing(world)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with at_checkpoint(monkeypatch, "temp-synced", interrupt), pytest.raises(KeyboardInterrupt):
        world.replica.commit(write)
    assert world.contents() == {"a.md": PLAN}


# ------------------------------------------------------------------------------------- others at work


@pytest.mark.parametrize("step", ["temp-written", "temp-synced", "rechecked"])
def test_an_edit_during_a_write_is_seen_up_to_the_rename(
    world: DiskWorld, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write = replacing(world)
    with (
        at_checkpoint(monkeypatch, step, lambda: world.put("a.md", OTHER)),
        pytest.raises(PlanChanged, match="was edited"),
    ):
        world.replica.commit(write)
    assert world.contents() == {"a.md": OTHER}


def test_an_edit_during_a_write_is_seen_even_if_it_leaves_no_trace_but_the_bytes(
    world: DiskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In place, of the same length, within one step of the file system's clock."""
    write = replacing(world)
    edited = PLAN.replace(b"modules", b"MODULES")
    monkeypatch.setattr(atomic, "same_state", lambda *_: True)
    with (
        at_checkpoint(monkeypatch, "temp-synced", lambda: world.put("a.md", edited)),
        pytest.raises(PlanChanged, match="was edited"),
    ):
        world.replica.commit(write)
    assert world.contents() == {"a.md": edited}


@pytest.mark.parametrize("act", [replacing, removing])
def test_a_replacement_during_a_write_is_seen_up_to_the_last_look(
    world: DiskWorld, monkeypatch: pytest.MonkeyPatch, act: Act
) -> None:
    """Most editors save by a rename: another file, which may even have the same bytes' length and times."""
    write = act(world)

    def save_by_rename() -> None:
        times = world.place("a.md").stat()
        world.place("new").write_bytes(OTHER[:1] * len(PLAN))
        os.utime(world.place("new"), ns=(times.st_atime_ns, times.st_mtime_ns))
        world.place("new").rename(world.place("a.md"))

    with at_checkpoint(monkeypatch, "rechecked", save_by_rename), pytest.raises(PlanChanged):
        world.replica.commit(write)
    assert world.contents() == {"a.md": OTHER[:1] * len(PLAN)}


def test_a_plan_deleted_during_a_write_stays_deleted(
    world: DiskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = replacing(world)
    with (
        at_checkpoint(monkeypatch, "rechecked", lambda: world.discard("a.md")),
        pytest.raises(PlanChanged, match="was deleted"),
    ):
        world.replica.commit(write)
    assert world.contents() == {}


def test_a_plan_made_during_the_making_of_a_new_one_is_not_overwritten(
    world: DiskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        at_checkpoint(monkeypatch, "rechecked", lambda: world.put("a.md", OTHER)),
        pytest.raises(PlanChanged, match="come into being"),
    ):
        world.replica.commit(creating(world))
    assert world.contents() == {"a.md": OTHER}


def test_a_plan_swapped_for_something_else_is_refused(world: DiskWorld) -> None:
    write = replacing(world)
    world.discard("a.md")
    os.mkfifo(world.place("a.md"))
    with pytest.raises(PlanChanged, match="not a plain file"):
        world.replica.commit(write)
    world.discard("a.md")
    world.place("a.md").mkdir()
    with pytest.raises(PlanChanged, match="not a plain file"):
        world.replica.commit(write)


def test_a_plan_whose_folder_became_a_file_is_refused(world: DiskWorld) -> None:
    world.put("sub/a.md", PLAN)
    write = tick(world.replica, "sub/a.md")
    world.discard("sub/a.md")
    world.place("sub").rmdir()
    world.put("sub", OTHER)
    with pytest.raises(PlanChanged, match="deleted with its folder"):
        world.replica.commit(write)
    with pytest.raises(WriteFailed):
        world.replica.commit(Write("sub/new.md", ABSENT, checksum(b""), b"", None))
    assert world.contents() == {"sub": OTHER}


def test_many_writers_in_processes_and_threads_lose_no_update(world: DiskWorld) -> None:
    """Each adds its lines one by one, taking up what it finds when someone else was faster."""
    world.put("a.md", b"")
    writers, lines = 3, 10

    def append(writer: int) -> None:
        for line in range(lines):
            while True:
                before = world.place("a.md").read_bytes()
                after = before + b"- [ ] %d %d\n" % (writer, line)
                try:
                    world.replica.commit(Write("a.md", checksum(before), checksum(after), after, None))
                    break
                except PlanChanged:
                    continue

    children = []
    for writer in range(writers):
        child = os.fork()
        if child == 0:
            try:
                threads = [threading.Thread(target=append, args=(writer * 2 + half,)) for half in (0, 1)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * writers
    found = world.place("a.md").read_bytes().splitlines()
    assert sorted(found) == sorted(b"- [ ] %d %d" % (w, n) for w in range(writers * 2) for n in range(lines))


def test_a_folder_locked_by_another_program_is_not_waited_for_for_ever(
    world: DiskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = replacing(world)
    monkeypatch.setattr(atomic, "_LOCK_SECONDS", 0.05)
    descriptor = os.open(world.root, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(WriteFailed, match="locked"):
        world.replica.commit(write)
    os.close(descriptor)
    world.replica.commit(write)
    assert world.contents() == {"a.md": TICKED}


# ------------------------------------------------------------------------------------- disks and rights


def test_a_plan_that_does_not_fit_leaves_the_old_one(world: DiskWorld) -> None:
    """A limit on the size of files stands for a full disk: the write stops half way."""
    world.put("a.md", PLAN)
    data = PLAN + b"- [ ] more\n" * 1000
    write = world.replica.prepare_restore("a.md", checksum(PLAN), data)
    with file_size_limit(4096), pytest.raises(WriteFailed, match="Free some space"):
        world.replica.commit(write)
    assert world.contents() == {"a.md": PLAN}
    with file_size_limit(4096), pytest.raises(WriteFailed):
        world.replica.commit(Write("new.md", ABSENT, checksum(data), data, None))
    assert world.contents() == {"a.md": PLAN}


FULL_DISK = """
    import json, os, sys
    from pathlib import Path
    from planning_sync.replicas.base import ABSENT, Write, checksum
    from planning_sync.replicas.errors import WriteFailed
    from planning_sync.replicas.markdown import MarkdownFolder

    root = Path(sys.argv[1])
    replica = MarkdownFolder(root)
    old = b"- [ ] old\\n"
    (root / "a.md").write_bytes(old)
    said = []

    def refused(path, before, data):
        try:
            replica.commit(Write(path, before, checksum(data), data, None))
        except WriteFailed as error:
            said.append(error.reason)

    big = b"- [ ] new\\n" * 20_000
    refused("a.md", checksum(old), big)
    refused("b.md", ABSENT, big)
    os.system("mount -o remount,ro " + str(root))
    refused("a.md", checksum(old), b"- [x] old\\n")
    refused("b.md", ABSENT, b"- [x] new\\n")
    files = {path.name: path.read_bytes().decode() for path in root.iterdir()}
    print(json.dumps([said, files]))
"""


def test_a_really_full_and_a_really_read_only_disk_leave_the_old_plan(tmp_path: Path) -> None:
    """On a small file system in memory, mounted where only this test sees it."""
    own = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    mount = 'mount -t tmpfs -o size=64k none "$0"'
    try:
        possible = subprocess.run([*own, mount, tmp_path], capture_output=True, timeout=20, check=False)
    except FileNotFoundError:
        pytest.skip("NOT RUN: no `unshare` here, so no disk of a test's own (util-linux, Linux only)")
    if possible.returncode != 0:
        pytest.skip(
            f"NOT RUN: no disk of a test's own may be mounted here: {possible.stderr.decode().strip()}"
        )
    run = f'{mount} && exec "$1" -c "$2" "$0"'
    done = subprocess.run(
        [*own, run, tmp_path, sys.executable, textwrap.dedent(FULL_DISK)],
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stderr.decode() == ""
    full, protected = "no space left on device", "read-only file system"
    assert done.stdout.decode().strip() == (
        f'[["{full}", "{full}", "{protected}", "{protected}"], {{"a.md": "- [ ] old\\n"}}]'
    )


def test_a_write_protected_plan_is_not_replaced_behind_its_owners_back(world: DiskWorld) -> None:
    write = replacing(world)
    world.place("a.md").chmod(0o444)
    with pytest.raises(WriteFailed, match="write-protected") as caught:
        world.replica.commit(write)
    assert "right" in caught.value.advice
    with pytest.raises(WriteFailed, match="write-protected"):
        world.replica.commit(world.replica.prepare_delete(world.replica.read("a.md")))
    assert world.contents() == {"a.md": PLAN}
    world.place("a.md").chmod(0o644)
    world.replica.commit(write)
    assert world.contents() == {"a.md": TICKED}


@pytest.fixture
def own_root() -> Iterator[Path]:
    """A folder that belongs to nobody, so that rights count even where the tests run as root."""
    with tempfile.TemporaryDirectory(prefix="plans-") as folder:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        yield Path(folder)


def test_a_folder_without_the_right_to_write_refuses_every_kind_of_write(own_root: Path) -> None:
    replica = MarkdownFolder(own_root)
    with nobody():
        (own_root / "a.md").write_bytes(PLAN)
        own_root.chmod(0o500)
        for before, data in ((checksum(PLAN), TICKED), (checksum(PLAN), None)):
            write = Write("a.md", before, checksum(data) if data else ABSENT, data, None)
            with pytest.raises(WriteFailed, match="ermission denied"):
                replica.commit(write)
        with pytest.raises(WriteFailed, match="ermission denied"):
            replica.commit(Write("b.md", ABSENT, checksum(b""), b"", None))
        own_root.chmod(0o700)
        assert [found.name for found in own_root.iterdir()] == ["a.md"]
        assert (own_root / "a.md").read_bytes() == PLAN


def test_a_plan_of_another_user_is_only_written_with_the_right_to(own_root: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT RUN: only the superuser can make a file that belongs to another user")
    replica = MarkdownFolder(own_root)
    (own_root / "a.md").write_bytes(PLAN)
    (own_root / "a.md").chmod(0o644)
    with nobody(), pytest.raises(WriteFailed, match="write-protected"):
        replica.commit(replica.prepare_restore("a.md", checksum(PLAN), TICKED))
    assert (own_root / "a.md").read_bytes() == PLAN


# ------------------------------------------------------------------------------------- what is kept


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o664, 0o755, 0o620])
def test_a_plan_keeps_its_mode(world: DiskWorld, mode: int) -> None:
    world.put("a.md", PLAN)
    world.place("a.md").chmod(mode)
    atomic_write = world.replica.prepare_restore("a.md", checksum(PLAN), TICKED)
    world.replica.commit(atomic_write)
    assert stat.S_IMODE(world.place("a.md").stat().st_mode) == mode


def test_a_plan_keeps_its_owner_where_that_is_allowed(world: DiskWorld) -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT RUN: only the superuser can give files away")
    write = replacing(world)
    os.chown(world.place("a.md"), 1234, 4321)
    world.replica.commit(write)
    found = world.place("a.md").stat()
    assert (found.st_uid, found.st_gid) == (1234, 4321)


def test_a_new_plan_gets_the_mode_that_new_files_get(world: DiskWorld) -> None:
    before = os.umask(0o027)
    try:
        world.replica.commit(creating(world))
    finally:
        os.umask(before)
    assert stat.S_IMODE(world.place("a.md").stat().st_mode) == 0o640


def test_a_new_plan_is_made_where_there_are_no_hard_links(
    world: DiskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    world.replica.commit(creating(world))
    assert world.contents() == {"a.md": TICKED}
    with pytest.raises(PlanChanged):
        world.replica.commit(creating(world))
    assert world.contents() == {"a.md": TICKED}


def test_a_write_is_flushed_before_it_gets_its_name_and_the_folder_after(
    world: DiskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = replacing(world)
    acts: list[str] = []
    fsync, rename = os.fsync, os.rename

    def note_fsync(descriptor: int) -> None:
        acts.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def note_rename(old: str, new: str, **folders: int) -> None:
        acts.append("rename")
        rename(old, new, **folders)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "rename", note_rename)
    world.replica.commit(write)
    assert acts == ["file", "rename", "folder"]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=5))
def test_any_bytes_come_to_the_disk_as_they_are(versions: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        replica = MarkdownFolder(folder)
        before = ABSENT
        for data in versions:
            replica.commit(Write("a.md", before, checksum(data), data, None))
            before = checksum(data)
            assert Path(folder, "a.md").read_bytes() == data
        replica.commit(Write("a.md", before, ABSENT, None, None))
        assert list(Path(folder).iterdir()) == []
