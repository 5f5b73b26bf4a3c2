"""Any edits on any side, syncs, crashes and decisions in any order: no edit is dropped, and the sides agree.

Three sides: a folder on disk, its in-memory twin as a second replica, and the hub between them. A plan lives
in one replica, so the two replicas meet where plans of the hub are shared out, in locks and in operations.

The quick test always runs the same histories. The soak runs seeded ones: SOAK_SEED and SOAK_CAMPAIGNS say
where it begins and how long it is, and a failure names its seed. MACHINE_EXAMPLES and MACHINE_STEPS say how
many histories there are in each and how long they are; MACHINE_SHRINK=1 looks for a shorter one, which
takes minutes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.db.models import QuerySet
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from audit.models import Operation
from audit.services import checksum_of
from conflicts import services as conflicts
from conflicts.errors import ConflictsError
from conflicts.models import Conflict
from planning_sync.replicas import atomic, memory
from planning_sync.replicas.kinds import Kind
from planning_sync.sync import services, sides
from planning_sync.sync.models import Intent, Link
from planning_sync.sync.passes import Options
from planning_sync.sync.report import Report
from plans import models, storage
from plans import services as plans
from plans.errors import PlansError
from plans.models import Plan
from tests.planning_sync.sync import survival
from tests.planning_sync.sync.pages import EDITS, Mint, tokens
from tests.planning_sync.sync.places import Disk, Place, Twin

NAMES = ("a.md", "b.md", "sub/a.md", "sub/c.md")
CHECKPOINTS = (*atomic.CHECKPOINTS, "decided", "written", "advanced")
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where writing to disk costs nothing, if there is such a place: crashes are injected, not real, here."""
STEP = st.integers(0, 11)
SPOT = st.integers(0, 30)


class Killed(BaseException):
    """The process dies here."""


@contextmanager
def hooked(act: Callable[[str], None]) -> Iterator[None]:
    """`act` is told of every checkpoint within the block."""
    with mock.patch.object(atomic, "checkpoint", act):
        yield


@contextmanager
def killed_at_write(number: int) -> Iterator[None]:
    """The process dies before that writing statement of the database."""
    count = 0

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal count
        if sql.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE", "COPY")):
            count += 1
            if count > number:
                raise Killed
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield


def _open() -> QuerySet[Conflict]:
    """The open conflicts that are about values; what a guard refused is not."""
    return Conflict.objects.filter(state="open").exclude(field="guard").select_related("plan")


def _plan(conflict: Conflict) -> Plan:
    assert conflict.plan is not None, "only a guard's refusal of a whole replica is about no plan"
    return conflict.plan


DEEPEST = 4
"""How deep the phases of the hub nest here, about: Markdown has no more than six levels of headings."""


def _depth(row: Any) -> int:
    return 1 + _depth(row.parent) if isinstance(row, models.Phase) else 0


class World(RuleBasedStateMachine):
    follow = False

    rounds = 1
    """How many passes of each replica it takes to bring an edit everywhere."""

    def __init__(self) -> None:
        super().__init__()
        survival.forget_everything()
        self.mint = Mint()
        self.touched: dict[str, bool] = {}
        self.recorded: set[str] = set()
        self.known: set[str] = set()
        self.gone: set[str] = set()
        self.filed: set[str] = set()
        self.scratch = tempfile.TemporaryDirectory(prefix="planning-sync-machine-", dir=MEMORY)
        self.connected = dict(sides.KINDS)
        self.places = self.make_places(Path(self.scratch.name))
        self.full_sync()

    def make_places(self, folder: Path) -> tuple[Place, ...]:
        """Two places with some plans."""
        twin = memory.MemoryFolder()
        sides.KINDS["memory"] = Kind(lambda path, options: twin)
        disk = self.make_disk(folder)
        other = Twin(services.add_replica(folder / "twin", actor="alice", kind="memory"), twin)
        for place, name in ((disk, "a.md"), (disk, "b.md"), (other, "a.md")):
            place.put(name, place.fresh(self.mint, len(name)))
        return disk, other

    def make_disk(self, folder: Path) -> Disk:
        (folder / "plans").mkdir()
        return Disk(services.add_replica(folder / "plans", actor="alice"), folder / "plans")

    def teardown(self) -> None:
        try:
            if hasattr(self, "places"):
                self.full_sync()
                lost = self.recorded - survival.everything_kept() - tokens(str(self._files()))
                assert not lost, f"nowhere to be found any more: {lost}"
        finally:
            sides.KINDS = self.connected
            self.scratch.cleanup()

    # -------------------------------------------------------------------------------- the file side

    def _file(self, at: int) -> tuple[Place, str] | None:
        files = [(place, path) for place in self.places for path in place.contents()]
        return files[at % len(files)] if files else None

    @rule(at=STEP, edit=st.integers(0, len(EDITS) - 1), where=SPOT, how=STEP)
    def edit_file(self, at: int, edit: int, where: int, how: int) -> None:
        chosen = self._file(at)
        if chosen is None:
            return
        place, path = chosen
        place.edit(path, edit, self.mint, self._touch, where, how)

    @rule(side=st.integers(0, 1), name=st.sampled_from(NAMES), how=STEP)
    def create_file(self, side: int, name: str, how: int) -> None:
        place = self.places[side]
        if name not in place.contents():
            place.put(name, place.fresh(self.mint, how))

    @rule(at=STEP)
    def delete_file(self, at: int) -> None:
        chosen = self._file(at)
        if chosen is not None:
            place, path = chosen
            self.mint.kill(place.contents()[path].decode())
            place.remove(path)

    @rule(at=STEP, name=st.sampled_from(NAMES))
    def rename_file(self, at: int, name: str) -> None:
        chosen = self._file(at)
        if chosen is not None and chosen[1] != name:
            place, path = chosen
            overwritten = place.contents().get(name)
            if overwritten is not None:
                self.mint.kill(overwritten.decode())
            place.rename(path, name)

    @rule(at=STEP, name=st.sampled_from(NAMES))
    def copy_file(self, at: int, name: str) -> None:
        chosen = self._file(at)
        if chosen is not None and name not in chosen[0].contents():
            chosen[0].put(name, chosen[0].contents()[chosen[1]])

    # --------------------------------------------------------------------------------- the hub side

    @contextmanager
    def _hub_edit(self) -> Iterator[None]:
        """An edit that the hub may refuse."""
        with suppress(PlansError):
            yield

    def _rows(self) -> list[Any]:
        """Live phases and tasks, in an order that does not depend on their ids."""
        rows: list[Any] = []
        for plan in sorted(Plan.objects.live(), key=lambda plan: (plan.title, plan.created_at)):
            below = [*plan.phases.filter(deleted_at=None), *plan.tasks.filter(deleted_at=None)]
            rows.extend(sorted(below, key=lambda row: row.position))
        return rows

    def _row(self, at: int, kind: type | None = None) -> Any:
        rows = [row for row in self._rows() if kind is None or isinstance(row, kind)]
        return rows[at % len(rows)] if rows else None

    def _live_plan(self, at: int) -> Plan | None:
        found = sorted(Plan.objects.live(), key=lambda plan: (plan.title, plan.created_at))
        return found[at % len(found)] if found else None

    def _touch(self, text: str, *, whole: bool = False) -> None:
        for token in tokens(text):
            self.touched[token] = self.touched.get(token, False) or whole

    def _touch_plan(self, plan_id: Any) -> None:
        """Anything in the plan may move or go."""
        outline = storage.load(Plan.objects.get(pk=plan_id)).outline
        for item in outline.items:
            self._touch(item.text, whole=True)

    @rule(at=SPOT, how=STEP)
    def set_in_hub(self, at: int, how: int) -> None:
        row = self._row(at)
        if row is None:
            return
        text = row.title if isinstance(row, models.Phase) else row.text
        self._touch(text)
        fields = self._some_fields(row, how)
        if "text" in fields:
            self.mint.kill(text)
            self._touch(fields["text"])
        with self._hub_edit():
            plans.set_fields(row, fields, actor="bob")

    def _some_fields(self, row: Any, how: int) -> dict[str, Any]:
        if isinstance(row, models.Phase):
            return {"text": self.mint.text("phase", how)}
        status = models.Status.values[how % 5]
        match how % 6:
            case 0:
                return {"status": status}
            case 1:
                return {"text": self.mint.text("task", how)}
            case 2:
                return {"status": status, "text": self.mint.text("task", how)}
            case 3:
                return {"priority": ("high", "", "low")[how % 3]}
            case 4:
                return {"assignee": ("carol", "")[how % 2], "due": ("2026-05-31", "")[how % 2]}
        return {"tags": (["api", "docs"], [])[how % 2]}

    @rule(at=STEP, how=STEP)
    def retitle_in_hub(self, at: int, how: int) -> None:
        plan = self._live_plan(at)
        if plan is not None:
            self.mint.kill(plan.title)
            title = "Plan " + self.mint.text("title", how)
            self._touch(plan.title + title)
            plans.set_fields(plan, {"text": title}, actor="bob")

    @rule(at=SPOT, how=STEP, below=st.booleans())
    def add_task_in_hub(self, at: int, how: int, below: bool) -> None:
        row = self._row(at)
        if row is None:
            return
        parent, after = (row, None)
        if not below and isinstance(row, models.Task):
            parent, after = row.parent or row.phase or row.plan, row
        with self._hub_edit():
            plans.add_task(parent, self.mint.text("task", how), actor="bob", after=after)

    @rule(at=SPOT, how=STEP)
    def add_phase_in_hub(self, at: int, how: int) -> None:
        row = self._row(at, models.Phase) if how % 2 else self._live_plan(at)
        if row is not None and _depth(row) < DEEPEST:
            with self._hub_edit():
                plans.add_phase(row, self.mint.text("phase", how), actor="bob")

    @rule(at=SPOT, to=SPOT, how=STEP)
    def move_in_hub(self, at: int, to: int, how: int) -> None:
        row = self._row(at)
        if row is None:
            return
        others = [each for each in self._rows() if each.plan_id == row.plan_id]
        target = others[to % len(others)]
        kind = models.Phase if isinstance(row, models.Phase) else models.Task
        parent, after = target, None
        if how % 2 and isinstance(target, kind):
            parent, after = target.parent or getattr(target, "phase", None) or target.plan, target
        self._touch_plan(row.plan_id)
        if after != row and (kind is models.Task or _depth(target) < DEEPEST // 2):
            with self._hub_edit():
                plans.move(row, parent=parent, after=after, actor="bob")

    @rule(at=SPOT)
    def delete_in_hub(self, at: int) -> None:
        row = self._row(at)
        if row is None:
            return
        outline = storage.load(row.plan).outline
        for item in outline.subtree(row.pk.hex):
            self._kill_item(row.plan_id, item.text)
        plans.delete(row, actor="bob")

    def _kill_item(self, plan_id: Any, text: str) -> None:
        """An item goes, and with it what its file says in its place."""
        self.mint.kill(text)
        self._touch(text, whole=True)

    @rule(at=STEP)
    def delete_plan_in_hub(self, at: int) -> None:
        plan = self._live_plan(at)
        if plan is not None:
            self.mint.kill(plan.title)
            for item in storage.load(plan).outline.items:
                self.mint.kill(item.text)
            self._kill_file_of(plan)
            plans.delete_plan(plan, actor="bob")

    def _kill_file_of(self, plan: Plan) -> None:
        """What only the plan's file says goes with it, whatever it is called by now: prose, and what is
        not read. What was edited in its items does not.
        """
        for place in self.places:
            for link in Link.objects.filter(plan=plan, replica=place.row):
                for path, data in place.contents().items():
                    if path == link.path or checksum_of(data) == link.checksum:
                        outline = place.outline(path, data)
                        read = tokens("\n".join(item.text for item in (outline.plan, *outline.items)))
                        self.mint.dead |= tokens(data.decode()) - read

    @rule(at=STEP)
    def restore_plan_in_hub(self, at: int) -> None:
        binned = sorted(Plan.objects.exclude(deleted_at=None), key=lambda plan: (plan.title, plan.created_at))
        if binned:
            self.gone = set()  # the plan brings back what it said
            with self._hub_edit():
                plans.restore_plan(binned[at % len(binned)], actor="bob")

    @rule(how=STEP)
    def create_plan_in_hub(self, how: int) -> None:
        plan = plans.create_plan("Plan " + self.mint.text("title", how), actor="bob")
        phase = plans.add_phase(plan, self.mint.text("phase", how), actor="bob")
        plans.add_task(phase, self.mint.text("task", how), actor="bob")

    @precondition(lambda self: _open().exists())
    @rule(at=STEP, take=st.sampled_from(("replica", "hub", "value")))
    def decide(self, at: int, take: str) -> None:
        found = sorted(_open(), key=lambda row: (_plan(row).title, row.item_label, row.field))
        chosen = found[at % len(found)]
        value = None
        if take == "value":
            value = self.mint.text("task", at) if chosen.field == "text" else chosen.hub_value
        if _plan(chosen).deleted_at is None:
            self._touch_plan(_plan(chosen).pk)
        values = {"replica": chosen.replica_value, "hub": chosen.hub_value}
        for side, told in values.items():
            self._touch(str(told), whole=True)
            if side != take:
                self.mint.kill(str(told))
        if value is not None:
            self._touch(str(value), whole=True)
        if not chosen.item_key and chosen.field == "presence":
            self.gone = set()  # the file may come back as it was
            self._kill_side(chosen)
        try:
            conflicts.resolve(chosen.pk, take=take, value=value, actor="bob")
        except ConflictsError:
            if value is not None:
                self.mint.kill(str(value))

    def _kill_side(self, conflict: Conflict) -> None:
        """A decision over a whole plan may end all that either side says of it."""
        for item in storage.load(_plan(conflict)).outline.items:
            self.mint.kill(item.text)
        for place in self.places:
            for path in Link.objects.filter(plan=conflict.plan, replica=place.row).values_list(
                "path", flat=True
            ):
                self.mint.kill(place.contents().get(path, b"").decode())

    # --------------------------------------------------------------------------------------- syncs

    def _sync(self, place: Place, **options: Any) -> Report:
        place.row.refresh_from_db()
        chosen = {"actor": "alice", "settle_seconds": 0.0, "allow_mass_delete": True, **options}
        return services.sync_replica(place.row, Options(**chosen))

    def _files(self) -> list[dict[str, bytes]]:
        return [place.contents() for place in self.places]

    @rule()
    def full_sync(self) -> None:
        before = self._files()
        for place in self.places * self.rounds:
            report = self._sync(place)
            assert not report.errors, report.errors
            assert not report.refused, report.refused
        self._check_bytes(before)
        self._check_sides()
        self._check_tokens()
        self._check_second_sync()

    @rule(side=st.integers(0, 1), direction=st.sampled_from(("pull", "push")))
    def sync_one_way(self, side: int, direction: str) -> None:
        files, hub = self._files(), survival.hub_texts()
        unfinished = Intent.objects.exists()
        report = self._sync(self.places[side], direction=direction)
        assert not report.errors, report.errors
        if direction == "pull":
            # What a dead worker had decided is finished first, whichever way the pass goes.
            assert unfinished or self._files() == files
        else:
            assert survival.hub_texts() == hub

    @rule(side=st.integers(0, 1))
    def dry_run(self, side: int) -> None:
        files, operations = self._files(), Operation.objects.count()
        report = self._sync(self.places[side], dry_run=True)
        assert not report.errors, report.errors
        assert (self._files(), Operation.objects.count()) == (files, operations)

    @rule(at=STEP)
    def sync_one_path(self, at: int) -> None:
        chosen = self._file(at)
        if chosen is not None:
            place, path = chosen
            options = Options(actor="watch", settle_seconds=0.0, allow_mass_delete=True)
            report = services.sync_path(place.row, path, options)
            assert not report.errors, report.errors

    @rule(checkpoint=st.sampled_from(CHECKPOINTS), times=st.integers(0, 2), side=st.integers(0, 1))
    def crash(self, checkpoint: str, times: int, side: int) -> None:
        left = times

        def die(name: str) -> None:
            nonlocal left
            if name == checkpoint:
                left -= 1
                if left < 0:
                    raise Killed

        try:
            with hooked(die):
                self._sync(self.places[side])
        except Killed:
            pass

    @rule(number=st.integers(0, 40), side=st.integers(0, 1))
    def crash_in_the_database(self, number: int, side: int) -> None:
        try:
            with killed_at_write(number):
                self._sync(self.places[side])
        except Killed:
            pass

    @rule(
        checkpoint=st.sampled_from(("decided", "temp-synced", "written")),
        at=STEP,
        edit=st.integers(0, len(EDITS) - 1),
        where=SPOT,
        how=STEP,
    )
    def edit_during_a_sync(self, checkpoint: str, at: int, edit: int, where: int, how: int) -> None:
        done = False

        def meddle(name: str) -> None:
            nonlocal done
            if name == checkpoint and not done:
                done = True
                self.edit_file(at, edit, where, how)

        with hooked(meddle):
            for place in self.places:
                report = self._sync(place)
                assert not report.errors, report.errors

    # -------------------------------------------------------------------------------------- checks

    def _check_bytes(self, before: list[dict[str, bytes]]) -> None:
        for place, files in zip(self.places, before, strict=True):
            for path, data in place.contents().items():
                if path in files and files[path] != data:
                    wrong = place.foreign_changes(files[path], data, path, self.touched)
                    assert not wrong, f"{path}: changed without being asked: {wrong}"

    def _check_sides(self) -> None:
        self.waiting: set[str] = set()
        assert not Intent.objects.exists()
        for place in self.places:
            files = place.contents()
            links = Link.objects.filter(replica=place.row, gone_at=None).select_related("plan")
            rows = Conflict.objects.filter(state="open", item_key="", field="presence")
            conflicted = set(rows.values_list("plan_id", flat=True))
            here = {
                link.path for link in links if link.plan.deleted_at is None and link.plan_id not in conflicted
            }
            assert here <= set(files), f"plans without files: {here - set(files)}"
            assert set(files) <= {link.path for link in links}, "files without plans"
            for link in links:
                if link.plan_id in conflicted:
                    self.waiting |= tokens(files.get(link.path, b"").decode())
                elif link.path in here:
                    wrong, waiting = place.disagreements(link, files[link.path])
                    assert not wrong, "\n".join(wrong)
                    self.waiting |= waiting
        assert not Plan.objects.live().filter(links=None).exists(), "a plan that no replica has"
        assert not any(place.leftovers() for place in self.places), "temporary files were left"

    def _check_tokens(self) -> None:
        contents = "\n".join(data.decode() for files in self._files() for data in files.values())
        in_files, in_hub = tokens(contents), tokens(survival.hub_texts())
        shown = tokens(survival.conflict_texts()) | tokens(survival.plans_in_conflict()) | self.waiting
        self.recorded |= (in_files - self.waiting) | in_hub
        parsed = tokens(
            "\n".join(
                item.text
                for place, files in zip(self.places, self._files(), strict=True)
                for path, data in files.items()
                for outline in [place.outline(path, data)]
                for item in (outline.plan, *outline.items)
            )
        )
        self.known |= in_hub
        back = self.gone & (in_files | in_hub)
        assert not back, f"deleted or overwritten on every side, and back again: {back}"
        self.filed |= in_files
        # What no file ever said may come back with its plan, when a file stands at the plan's path again.
        self.gone = (self.mint.dead & self.filed) - in_files - in_hub
        lost = []
        for token, kind in self.mint.alive():
            there = token in in_files and (kind == "prose" or token in in_hub)
            unread = token in in_files and token not in parsed
            swallowed = unread and (kind in ("phase", "title") or token not in self.known)
            if not (there or token in shown or swallowed):
                lost.append((token, kind, token in in_files, token in in_hub))
        assert not lost, f"edits dropped (token, kind, in a file, in the hub): {lost}"

    def _check_second_sync(self) -> None:
        files, operations = self._files(), Operation.objects.count()
        for place in self.places:
            report = self._sync(place)
            assert (report.files_written, report.changed, report.errors) == ([], 0, [])
        assert (self._files(), Operation.objects.count()) == (files, operations), (
            "a second sync did something"
        )


class Followed(World):
    """The same with every hub edit followed by a sync at once, as the product does it."""

    follow = True


def chosen(name: str, usual: int) -> int:
    return int(os.environ.get(name, usual))


PHASES = (Phase.generate, Phase.shrink) if "MACHINE_SHRINK" in os.environ else (Phase.generate,)
QUICK = settings(
    max_examples=chosen("MACHINE_EXAMPLES", 8),
    stateful_step_count=chosen("MACHINE_STEPS", 30),
    derandomize=True,
    deadline=None,
    database=None,
    phases=PHASES,
    suppress_health_check=list(HealthCheck),
)
LONG = settings(
    QUICK,
    max_examples=chosen("MACHINE_EXAMPLES", 60),
    stateful_step_count=chosen("MACHINE_STEPS", 40),
    derandomize=False,
)


@pytest.mark.parametrize("machine", [World, Followed])
def test_no_history_of_edits_syncs_crashes_and_decisions_loses_anything(
    transactional_db: None, settings: Any, machine: type[World], caplog: pytest.LogCaptureFixture
) -> None:
    settings.PLANNING_SYNC_FOLLOW = machine.follow
    run_state_machine_as_test(machine, settings=QUICK)


@pytest.mark.soak
@pytest.mark.parametrize("machine", [World, Followed])
def test_long_seeded_campaigns_lose_nothing(
    transactional_db: None, settings: Any, machine: type[World], caplog: pytest.LogCaptureFixture
) -> None:
    settings.PLANNING_SYNC_FOLLOW = machine.follow
    soak(machine, caplog)


def soak(machine: type[World], caplog: pytest.LogCaptureFixture) -> None:
    """The campaigns that the environment asks for."""
    first = int(os.environ.get("SOAK_SEED", "0"))
    for number in range(first, first + int(os.environ.get("SOAK_CAMPAIGNS", "20"))):
        caplog.clear()
        print(f"{machine.__name__}: SOAK_SEED={number}", flush=True)
        try:
            run_state_machine_as_test(seed(number)(machine), settings=LONG)
        except Exception as failure:
            raise AssertionError(
                f"{machine.__name__} with SOAK_SEED={number} SOAK_CAMPAIGNS=1 failed"
            ) from failure
