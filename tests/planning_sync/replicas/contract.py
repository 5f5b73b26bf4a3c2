"""The tests that every kind of replica must pass. A kind's own tests subclass `ReplicaContract`."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import ClassVar, NamedTuple, Protocol

import pytest

from planning_sync.replicas.base import ABSENT, Reading, Replica, Write, checksum
from planning_sync.replicas.errors import (
    OutsideRoot,
    PlanChanged,
    PlanUnreadable,
    ReplicaMissing,
    Unreadable,
    WriteFailed,
)
from plans.outline import ROOT, Item, Kind, Outline, Status

PLAN = b"# Migration\n\n## 1. Audit\n\n- [ ] List the modules\n- [x] Count the tables\n"
TICKED = PLAN.replace(b"[ ]", b"[x]")
OTHER = b"# Archive\n\n- [ ] Sort the boxes\n"
ODD = b"\xef\xbb\xbf# T\xe9st\r\n\n-  [ ] \x00 caf\xc3\xa9 \rtail\n\n\n* [X] no end"
"""A byte-order mark, bytes that are not UTF-8, a NUL, three kinds of line end, no last one."""


class Samples(NamedTuple):
    """The bytes of plans, as a replica under test writes them down."""

    plan: bytes
    """A plan "Migration" with the open task "List the modules" and the done one "Count the tables"."""
    ticked: bytes
    """The same with the first task done, and no other change."""
    other: bytes
    odd: bytes
    """Whatever is hard to keep byte for byte."""
    quiet: bytes
    """One without a title."""
    variants: tuple[bytes, ...]
    """Some more, all different."""
    empties: tuple[bytes, ...]
    """Plans without a task."""
    suffix: str
    """What the paths of new plans end in."""
    titled: bool = True
    """Whether a plan says its title; else its path does."""
    no_paths: tuple[str, ...] = ("", "n\0l.md", "\udce9.md")
    """What is no path of a plan there."""


MARKDOWN = Samples(
    plan=PLAN,
    ticked=TICKED,
    other=OTHER,
    odd=ODD,
    quiet=b"- [ ] Something\n",
    variants=tuple(b"- [ ] Number %d\n" % number for number in range(8)),
    empties=(b"", b"no newline"),
    suffix=".md",
    no_paths=(
        "",
        "/etc/hosts.md",
        "../a.md",
        "a/../../b.md",
        "./a.md",
        "a//b.md",
        "a/",
        "n\0l.md",
        "\udce9.md",
    ),
)


class World(Protocol):
    """A replica under test and what others do to it."""

    replica: Replica

    def put(self, path: str, data: bytes) -> None: ...
    def discard(self, path: str) -> None: ...
    def contents(self) -> dict[str, bytes]: ...
    def hide(self, path: str) -> None:
        """From now on scans cannot list the plan."""

    def lose(self) -> None:
        """The whole place is gone."""

    def fail_next_write(self) -> None: ...


def outline(title: str, *tasks: str) -> Outline:
    items = tuple(
        Item(f"k{number}", Kind.TASK, ROOT, text, status=Status.TODO)
        for number, text in enumerate(tasks, start=1)
    )
    return Outline(Item(ROOT, Kind.PLAN, ROOT, title), items)


def known(reading: Reading) -> Reading:
    """The reading with keys such as the hub would give."""
    return reading.rekeyed([f"id-{item.key}" for item in reading.document.outline.items])


def with_status(plan: Outline, text: str, status: Status) -> Outline:
    return replace(
        plan,
        items=tuple(item._replace(status=status) if item.text == text else item for item in plan.items),
    )


def tick(replica: Replica, path: str, text: str = "List the modules") -> Write:
    """The write that ticks one task of the plan as it is now."""
    reading = known(replica.read(path))
    return replica.prepare(reading, with_status(reading.document.outline, text, Status.DONE))


class ReplicaContract(ABC):
    samples: ClassVar[Samples] = MARKDOWN

    @pytest.fixture
    @abstractmethod
    def world(self) -> object:
        """A `World` whose replica holds nothing."""

    # --------------------------------------------------------------------------------- scan

    def test_an_empty_replica_scans_as_complete_and_empty(self, world: World) -> None:
        scan = world.replica.scan()
        assert (dict(scan.stamps), scan.problems, scan.complete) == ({}, (), True)

    def test_a_scan_lists_every_plan_in_order_of_path(self, world: World) -> None:
        for path in ("b.md", "a/c.md", "a.md", "é/plan.md"):
            world.put(path, self.samples.plan)
        assert list(world.replica.scan().stamps) == sorted(["b.md", "a/c.md", "a.md", "é/plan.md"])

    def test_a_stamp_stays_while_nothing_is_done(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        first = world.replica.scan()
        world.replica.read("a.md")
        world.replica.probe("a.md")
        assert world.replica.scan() == first

    def test_no_scan_gives_the_stamp_of_a_reading_after_an_edit_however_quick(self, world: World) -> None:
        """The edit keeps the length and comes faster than file systems count time."""
        for _ in range(20):
            world.put("a.md", self.samples.plan)
            read = world.replica.read("a.md").stamp
            world.put("a.md", self.samples.ticked)
            assert world.replica.scan().stamps["a.md"] != read

    def test_a_plan_that_a_complete_scan_does_not_list_is_gone(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        world.put("b.md", self.samples.plan)
        world.discard("a.md")
        scan = world.replica.scan()
        assert scan.gone("a.md")
        assert not scan.gone("b.md")

    def test_absence_in_an_incomplete_scan_means_nothing(self, world: World) -> None:
        world.put("sub/a.md", self.samples.plan)
        world.put("b.md", self.samples.plan)
        world.hide("sub/a.md")
        scan = world.replica.scan()
        assert "sub/a.md" not in scan.stamps
        assert not scan.complete
        assert scan.problems
        assert not scan.gone("sub/a.md")
        assert not scan.gone("never/seen.md")

    def test_a_replica_that_is_gone_is_an_error_and_not_an_empty_one(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        write = tick(world.replica, "a.md")
        world.lose()
        for act in (
            world.replica.scan,
            lambda: world.replica.read("a.md"),
            lambda: world.replica.probe("a.md"),
            lambda: world.replica.commit(write),
        ):
            with pytest.raises(ReplicaMissing):
                act()

    # --------------------------------------------------------------------------------- read

    def test_a_reading_has_the_very_bytes_and_their_checksum(self, world: World) -> None:
        for data in (self.samples.plan, self.samples.odd, *self.samples.empties):
            world.put("a.md", data)
            reading = world.replica.read("a.md")
            assert (reading.path, reading.data, reading.document.data) == ("a.md", data, data)
            assert reading.checksum == checksum(data)

    def test_a_reading_says_what_the_plan_says(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        plan = world.replica.read("a.md").document.outline
        assert plan.plan.text == ("Migration" if self.samples.titled else "a.md")
        assert [(item.text, item.status) for item in plan.tasks()] == [
            ("List the modules", "todo"),
            ("Count the tables", "done"),
        ]

    def test_a_plan_without_a_title_is_called_by_its_file_name(self, world: World) -> None:
        world.put("sub/quiet.md", self.samples.quiet)
        title = "quiet" if self.samples.titled else "sub/quiet.md"
        assert world.replica.read("sub/quiet.md").document.outline.plan.text == title

    def test_reading_what_is_not_there_says_that_it_vanished(self, world: World) -> None:
        with pytest.raises(PlanUnreadable) as caught:
            world.replica.read("a.md")
        assert caught.value.reason is Unreadable.VANISHED

    def test_a_probe_tells_what_is_there_without_reading_it(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        reading = world.replica.read("a.md")
        probe = world.replica.probe("a.md")
        assert (probe.stamp, probe.checksum) == (reading.stamp, reading.checksum)
        assert world.replica.probe("b.md") == (ABSENT, ABSENT)

    # --------------------------------------------------------------------------------- write

    def test_a_tick_changes_its_own_line_and_no_other_byte(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        write = tick(world.replica, "a.md")
        assert world.contents() == {"a.md": self.samples.plan}, "nothing is written before the commit"
        world.replica.commit(write)
        assert world.contents() == {"a.md": self.samples.ticked}

    def test_what_was_announced_is_what_is_read_afterwards(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        write = tick(world.replica, "a.md")
        stamp = world.replica.commit(write)
        reading = world.replica.read("a.md")
        assert write.document is not None
        assert (reading.data, reading.checksum, reading.stamp) == (write.data, write.after, stamp)
        assert reading.document.outline.same_shape(write.document.outline)
        assert write.left == ()

    @pytest.mark.parametrize("sample", [0, 1, 2])
    def test_a_write_of_what_is_there_touches_nothing(self, world: World, sample: int) -> None:
        data = (self.samples.plan, self.samples.odd, self.samples.empties[0])[sample]
        world.put("a.md", data)
        before = world.replica.scan()
        reading = known(world.replica.read("a.md"))
        write = world.replica.prepare(reading, reading.document.outline)
        assert write.changes_nothing
        assert write.data == data
        world.replica.commit(write)
        assert world.replica.scan() == before
        assert world.contents() == {"a.md": data}

    def test_even_a_write_of_what_is_there_notices_an_edit(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        reading = known(world.replica.read("a.md"))
        write = world.replica.prepare(reading, reading.document.outline)
        world.put("a.md", self.samples.ticked)
        with pytest.raises(PlanChanged):
            world.replica.commit(write)

    def test_a_write_over_an_edit_is_refused_and_the_edit_stays(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        write = tick(world.replica, "a.md")
        world.put("a.md", self.samples.other)
        with pytest.raises(PlanChanged) as caught:
            world.replica.commit(write)
        assert caught.value.path == "a.md"
        assert world.contents() == {"a.md": self.samples.other}

    def test_a_write_over_a_deletion_is_refused_and_it_stays_deleted(self, world: World) -> None:
        world.put("sub/a.md", self.samples.plan)
        write = tick(world.replica, "sub/a.md")
        world.discard("sub/a.md")
        with pytest.raises(PlanChanged):
            world.replica.commit(write)
        assert world.contents() == {}

    def test_a_write_is_done_once(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        write = tick(world.replica, "a.md")
        world.replica.commit(write)
        with pytest.raises(PlanChanged):
            world.replica.commit(write)
        assert world.replica.probe("a.md").checksum == write.after

    def test_a_write_can_be_taken_up_again_from_what_is_stored_of_it(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        world.replica.commit(
            Write(
                "a.md", checksum(self.samples.plan), checksum(self.samples.ticked), self.samples.ticked, None
            )
        )
        assert world.contents() == {"a.md": self.samples.ticked}

    def test_a_failed_write_leaves_everything_as_it_was(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        write = tick(world.replica, "a.md")
        before = world.replica.scan()
        world.fail_next_write()
        with pytest.raises(WriteFailed) as caught:
            world.replica.commit(write)
        assert "a.md" in str(caught.value)
        assert world.contents() == {"a.md": self.samples.plan}
        assert world.replica.scan() == before
        world.replica.commit(write)
        assert world.contents() == {"a.md": self.samples.ticked}

    def test_of_many_writers_of_one_state_exactly_one_wins(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        writes = [
            Write("a.md", checksum(self.samples.plan), checksum(data), data, None)
            for data in self.samples.variants
        ]
        won = _race(world.replica, writes)
        assert len(won) == 1
        assert world.contents() == {"a.md": won[0].data}

    # --------------------------------------------------------------------------------- new plans

    def test_a_new_plan_gets_a_path_from_its_title_and_reads_back_the_same(self, world: World) -> None:
        target = outline("Étape 2 : l'Été", "Buy paint", "Paint the door")
        write = world.replica.prepare_new(target)
        assert write.path == f"etape-2-l-ete{self.samples.suffix}"
        assert (write.before, write.left) == (ABSENT, ())
        assert world.contents() == {}
        world.replica.commit(write)
        reading = world.replica.read(write.path)
        assert reading.checksum == write.after
        keyed = reading.rekeyed([item.key for item in target.items]).recalled(target)
        assert keyed.document.outline == target
        assert list(world.replica.scan().stamps) == [write.path]

    def test_two_new_plans_of_one_title_get_two_paths(self, world: World) -> None:
        world.put(f"Roof{self.samples.suffix}", self.samples.other)
        first = world.replica.prepare_new(outline("Roof", "Count the tiles"))
        world.replica.commit(first)
        second = world.replica.prepare_new(outline("Roof", "Count the tiles"))
        suffix = self.samples.suffix
        assert (first.path, second.path) == (f"roof-2{suffix}", f"roof-3{suffix}")

    def test_a_new_plan_never_overwrites_one_that_came_first(self, world: World) -> None:
        write = world.replica.prepare_new(outline("Roof", "Count the tiles"))
        world.put(write.path, self.samples.other)
        with pytest.raises(PlanChanged):
            world.replica.commit(write)
        assert world.contents() == {write.path: self.samples.other}

    def test_of_many_writers_of_one_new_plan_exactly_one_wins(self, world: World) -> None:
        writes = [Write("new/a.md", ABSENT, checksum(data), data, None) for data in self.samples.variants]
        won = _race(world.replica, writes)
        assert len(won) == 1
        assert world.contents() == {"new/a.md": won[0].data}

    # --------------------------------------------------------------------------------- delete, restore

    def test_a_deleted_plan_is_gone(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        world.put("b.md", self.samples.other)
        write = world.replica.prepare_delete(world.replica.read("a.md"))
        assert world.replica.commit(write) == ABSENT
        assert world.contents() == {"b.md": self.samples.other}
        assert world.replica.scan().gone("a.md")

    def test_a_plan_edited_since_it_was_read_is_not_deleted(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        write = world.replica.prepare_delete(world.replica.read("a.md"))
        world.put("a.md", self.samples.ticked)
        with pytest.raises(PlanChanged):
            world.replica.commit(write)
        assert world.contents() == {"a.md": self.samples.ticked}

    def test_a_plan_already_deleted_is_not_deleted_again(self, world: World) -> None:
        world.put("a.md", self.samples.plan)
        write = world.replica.prepare_delete(world.replica.read("a.md"))
        world.discard("a.md")
        with pytest.raises(PlanChanged):
            world.replica.commit(write)

    @pytest.mark.parametrize("sample", [0, 1, 2])
    def test_a_restored_plan_has_its_very_bytes(self, world: World, sample: int) -> None:
        data = (self.samples.plan, self.samples.odd, self.samples.empties[0])[sample]
        world.put("a.md", self.samples.other)
        world.replica.commit(world.replica.prepare_restore("a.md", checksum(self.samples.other), data))
        world.replica.commit(world.replica.prepare_restore("deep/er/b.md", ABSENT, data))
        assert world.contents() == {"a.md": data, "deep/er/b.md": data}

    def test_a_write_of_nothing_where_nothing_is_notices_a_new_plan(self, world: World) -> None:
        nothing = Write("sub/a.md", ABSENT, ABSENT, None, None)
        assert world.replica.commit(nothing) == ABSENT
        world.put("sub/a.md", self.samples.empties[0])
        with pytest.raises(PlanChanged):
            world.replica.commit(nothing)

    # --------------------------------------------------------------------------------- paths

    @pytest.mark.parametrize(
        "path", ['it\'s "quoted".md', "two\nlines.md", "sp ace/é.md", "100%25.md", "%x25x41.md", "b%xE9d.md"]
    )
    def test_odd_names_are_plans_as_any_other(self, world: World, path: str) -> None:
        world.put(path, self.samples.plan)
        assert list(world.replica.scan().stamps) == [path]
        world.replica.commit(tick(world.replica, path))
        assert world.contents() == {path: self.samples.ticked}

    def test_a_path_that_is_none_is_refused(self, world: World) -> None:
        for path in self.samples.no_paths:
            for act in (
                partial(world.replica.read, path),
                partial(world.replica.probe, path),
                partial(world.replica.commit, Write(path, ABSENT, checksum(b""), b"", None)),
            ):
                with pytest.raises(OutsideRoot):
                    act()
        assert world.contents() == {}


def _race(replica: Replica, writes: list[Write]) -> list[Write]:
    """Commits all at once, each in a thread; those that were done."""
    won: list[Write] = []
    lost: list[Write] = []
    barrier = threading.Barrier(len(writes))

    def run(write: Write) -> None:
        barrier.wait()
        try:
            replica.commit(write)
        except PlanChanged:
            lost.append(write)
        else:
            won.append(write)

    threads = [threading.Thread(target=_calling(run, write)) for write in writes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) + len(lost) == len(writes)
    return won


def _calling(run: Callable[[Write], None], write: Write) -> Callable[[], None]:
    return lambda: run(write)
