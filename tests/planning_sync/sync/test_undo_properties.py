"""Any edits, syncs and decisions, then the undo of any operation.

Refused, it changes nothing. Done, it leaves the hub and the file as they were before the operation where
nothing newer happened, and newer work where it did; and its own undo brings all of it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from audit import services as audit
from audit.models import Operation
from conflicts import services as conflicts
from conflicts.errors import ConflictsError
from conflicts.models import Conflict
from planning_sync.replicas import memory
from planning_sync.replicas.kinds import Kind
from planning_sync.sync import services, sides, undo
from planning_sync.sync.errors import UndoRefused
from planning_sync.sync.models import Intent, Link, Replica
from planning_sync.sync.passes import Options
from plans import models, storage
from plans import services as plans
from plans.errors import PlansError
from plans.models import Plan
from plans.outline import Outline
from tests.planning_sync.sync import survival
from tests.planning_sync.sync.pages import EDITS, Mint, new_plan, tokens

PATH = "a.md"
NUMBER = st.integers(0, 30)
STEPS = ("file", "file", "hub", "hub", "hub", "sync", "sync", "sync", "decide", "undo")
STEP = st.tuples(st.sampled_from(STEPS), NUMBER, NUMBER, NUMBER)


class State(NamedTuple):
    files: dict[str, bytes]
    hub: tuple[Outline, bool]
    """What the plan says, and whether it is in the bin."""


class Bench:
    """One plan in the hub and in a folder in memory."""

    def __init__(self) -> None:
        survival.forget_everything()
        self.mint = Mint()
        self.folder = memory.MemoryFolder({PATH: new_plan(self.mint, 3).encode()})
        sides.KINDS["memory"] = Kind(lambda path, options: self.folder)
        self.row = Replica.objects.create(
            name="memory", kind="memory", path="memory", created_at="2026-01-01T00:00:00Z"
        )
        self.before: dict[UUID, State] = {}
        self.brought: dict[UUID, set[str]] = {}
        self.sync()

    def state(self) -> State:
        plan = Plan.objects.get()
        return State(self.folder.contents(), (storage.load(plan).outline, plan.deleted_at is not None))

    def last_synced(self) -> State:
        """As it is, but for edits of the file that no sync has seen."""
        link = Link.objects.get()
        present = self.state()
        if link.checksum and PATH in present.files:
            return present._replace(files={PATH: audit.snapshot(link.checksum)})
        return present

    def sync(self) -> None:
        report = services.sync_replica(
            self.row, Options(actor="alice", settle_seconds=0.0, allow_mass_delete=True)
        )
        assert not report.errors, report.errors

    def take(self, step: tuple[str, int, int, int]) -> None:
        """One step, and what each operation found that it made."""
        name, at, how, where = step
        if name == "file":
            self._edit_file(at, how, where)
            return
        known = set(Operation.objects.values_list("pk", flat=True))
        before, minted = self.last_synced(), set(self.mint.kinds)
        pending = tokens(str(self.folder.contents())) - tokens(str(before.hub))
        if name == "hub":
            with suppress(PlansError):
                self._edit_hub(at, how, where)
        elif name == "sync":
            self.sync()
        elif name == "decide":
            self._decide(at, how)
        elif name == "undo":
            self.undo_one(at)
            return
        for pk in set(Operation.objects.values_list("pk", flat=True)) - known:
            self.before[pk] = before
            self.brought[pk] = (set(self.mint.kinds) - minted) | (pending if name == "sync" else set())

    def _edit_file(self, at: int, how: int, where: int) -> None:
        text = self.folder.contents()[PATH].decode()
        after = EDITS[at % len(EDITS)](text, self.mint, where, how)
        if after != text and after.strip():
            self.folder.put(PATH, after.encode())

    def _edit_hub(self, at: int, how: int, where: int) -> None:
        phases, tasks = models.Phase.objects.live(), models.Task.objects.live()
        found: list[models.Phase | models.Task] = [*phases]
        found += tasks
        rows = sorted(found, key=lambda row: row.position)
        if not rows:
            return
        row, other = rows[at % len(rows)], rows[where % len(rows)]
        match how % 7:
            case 0 | 1:
                plans.set_fields(row, {"text": self.mint.text("task", how)}, actor="bob")
            case 2:
                plans.set_fields(row, {"status": "done" if at % 2 else "todo"}, actor="bob")
            case 3 | 4:
                plans.add_task(row, self.mint.text("task", how), actor="bob")
            case 5:
                plans.delete(row, actor="bob")
            case 6:
                plans.move(row, parent=other, after=None, actor="bob")

    def _decide(self, at: int, how: int) -> None:
        found = sorted(Conflict.objects.filter(state="open"), key=lambda row: (row.item_label, row.field))
        if found:
            with suppress(ConflictsError):
                chosen = found[at % len(found)]
                conflicts.resolve(chosen.pk, take=("hub", "replica")[how % 2], actor="bob")

    def story(self) -> str:
        """What happened, for a failure."""
        told = []
        for operation in Operation.objects.order_by("started_at", "pk"):
            undoes = operation.summary.get("undoes", "")
            told.append(f"{str(operation.pk)[-8:]} {operation.kind} {[each[-8:] for each in undoes]}")
            for entry in operation.entries.order_by("id"):
                item = str(entry.item_id)[-4:]
                told.append(
                    f"    {entry.action} {entry.item_kind} {item} {entry.field} {entry.before} {entry.after}"
                )
        return "\n".join([*told, *(data.decode() for data in self.folder.contents().values())])

    # ---------------------------------------------------------------------------------------- undo

    def undo_one(self, at: int) -> None:
        self.sync()
        found = list(Operation.objects.order_by("started_at", "pk"))
        chosen = found[at % len(found)]
        before, count = self.state(), Operation.objects.count()
        newer = found[found.index(chosen) + 1 :]
        try:
            shown = undo.preview(chosen.pk)
            assert self.state() == before
            outcome = undo.undo(chosen.pk, actor="carol", fingerprint=shown.fingerprint)
        except UndoRefused:
            assert (self.state(), Operation.objects.count()) == (before, count)
            return
        assert not outcome.failed, outcome
        after = self.state()
        self._check_exact(chosen, newer, after)
        self._check_newer_work(newer, before, after, outcome)
        assert not Intent.objects.exists()
        self.before[outcome.operation.pk] = before
        if Operation.objects.filter(kind="sync", started_at__gt=outcome.operation.started_at).exists():
            return  # the file was edited while it was unlinked: that is newer work
        again = undo.undo(outcome.operation.pk, actor="carol")
        assert not again.failed, again
        assert self.state() == before, "the undo of the undo is not as before"
        if at % 2:
            undo.undo(chosen.pk, actor="carol")
            assert self.state() == after
        self.sync()
        files, operations = self.folder.contents(), Operation.objects.count()
        self.sync()
        assert (self.folder.contents(), Operation.objects.count()) == (files, operations)

    def _check_exact(self, chosen: Operation, newer: list[Operation], after: State) -> None:
        if chosen.pk in self.before and not newer:
            assert after == self.before[chosen.pk], "not as it was before"

    def _check_newer_work(
        self, newer: list[Operation], before: State, after: State, outcome: undo.Outcome
    ) -> None:
        """What newer operations brought to the hub is still there."""
        taken = {str(pk) for pk in outcome.undoes} | {
            each for listed in outcome.operation.summary["along"].values() for each in listed
        }
        if after.hub[1]:
            return
        for operation in newer:
            if str(operation.pk) not in taken:
                there = self.brought.get(operation.pk, set()) & tokens(str(before.hub))
                lost = there - tokens(str(after.hub))
                assert not lost, f"{operation.kind} brought {lost}, which is gone"


@pytest.fixture
def connected() -> Iterator[None]:
    known = dict(sides.KINDS)
    yield
    sides.KINDS = known


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),  # to look for a shorter history takes minutes
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(steps=st.lists(STEP, min_size=4, max_size=14), at=NUMBER)
def test_an_undo_gives_back_what_was_or_changes_nothing(
    transactional_db: None, connected: None, steps: list[Any], at: int
) -> None:
    with_follow_off(steps, at)


def with_follow_off(steps: list[Any], at: int) -> None:
    with override_settings(PLANNING_SYNC_FOLLOW=False):
        bench = Bench()
        try:
            for step in steps:
                bench.take(step)
            bench.undo_one(len(Operation.objects.all()) - 1 if at % 2 else at)
        except Exception as failure:
            failure.add_note(bench.story())
            raise
