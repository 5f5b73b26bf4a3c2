"""Undo of an operation over the hub and every file it reached: `preview`, `undo`.

Public beside them: `Preview`, `PlanPreview`, `FilePreview`, `Outcome`, `PlanOutcome`. Decisions on single
conflicts are taken back by `planning_sync.sync.reopening`.

An undo is an operation of its own, whose entries have the shape of any other's, so that it can be undone.
Each plan is undone by itself, wholly or not at all; the operation's summary says what became of each.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from audit import services as audit
from audit.models import Entry, Operation
from audit.transactions import write_transaction
from planning_sync.replicas.errors import ReplicaError
from planning_sync.sync import follow, services, undo_act, undo_case, undo_preview
from planning_sync.sync.acting import Overtaken
from planning_sync.sync.errors import (
    AlreadyUndone,
    DependentWork,
    NothingToUndo,
    PreviewStale,
    SyncError,
    UndoRefused,
    UnknownOperation,
    Unsettled,
)
from planning_sync.sync.ledger import Ledger
from planning_sync.sync.passes import Options
from planning_sync.sync.undo_model import Case, Dependent
from planning_sync.sync.undo_preview import FilePreview, PlanPreview
from plans.errors import PlansError

__all__ = ["FilePreview", "Outcome", "PlanOutcome", "PlanPreview", "Preview", "preview", "undo"]

logger = logging.getLogger(__name__)

_ROUNDS = 50
MERGED = "its file was edited at this very moment, and is merged by the next sync"

_KEPT = (ReplicaError, SyncError, PlansError)


@dataclass(frozen=True)
class Preview:
    """What an undo would do, told with no path to a function that writes."""

    operation: Operation
    undoes: tuple[Operation, ...]
    """The operation, and those that depend on it where they were asked for; newest first."""
    plans: tuple[PlanPreview, ...]
    dependents: tuple[Dependent, ...]
    """Without their undo, too, this one is refused."""
    refusals: tuple[tuple[str, str], ...]
    """(plan, reason) of plans on which it cannot be done at all."""
    fingerprint: str

    @property
    def possible(self) -> bool:
        return not (self.dependents or self.refusals)

    def as_json(self) -> dict[str, Any]:
        return {
            "operation": str(self.operation.pk),
            "kind": self.operation.kind,
            "undoes": [str(each.pk) for each in self.undoes],
            "possible": self.possible,
            "dependents": [dependent_json(each) for each in self.dependents],
            "refused": [{"plan": plan, "reason": reason} for plan, reason in self.refusals],
            "plans": [each.as_json() for each in self.plans],
            "fingerprint": self.fingerprint,
        }


@dataclass(frozen=True)
class PlanOutcome:
    plan: UUID
    title: str
    outcome: str
    """`done` or `failed`."""
    reason: str = ""
    """Why it failed, or what there is to say of its files."""

    def as_json(self) -> dict[str, str]:
        return {
            "plan": str(self.plan),
            "title": self.title,
            "outcome": self.outcome,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Outcome:
    operation: Operation
    """The undo itself."""
    undoes: tuple[UUID, ...]
    plans: tuple[PlanOutcome, ...]

    @property
    def failed(self) -> tuple[PlanOutcome, ...]:
        return tuple(each for each in self.plans if each.outcome == "failed")

    def as_json(self) -> dict[str, Any]:
        return {
            "operation": str(self.operation.pk),
            "undoes": [str(pk) for pk in self.undoes],
            "status": self.operation.status,
            "plans": [each.as_json() for each in self.plans],
        }


def preview(operation_id: UUID, *, with_dependents: bool = False) -> Preview:
    """What `undo` would do now; changes nothing.

    Raises `UnknownOperation`, `AlreadyUndone`, `NothingToUndo`, and the errors of a replica that is away.
    """
    return _Examined(operation_id, with_dependents=with_dependents).preview()


def undo(
    operation_id: UUID,
    *,
    actor: str,
    with_dependents: bool = False,
    fingerprint: str = "",
    on_behalf_of: str = "",
) -> Outcome:
    """Take the operation back on the hub and in the files, plan by plan.

    Where newer work depends on it `DependentWork` is raised, unless that is to be undone as well; where the
    world is not the one of the preview with this fingerprint, `PreviewStale`. Then nothing has changed.
    """
    examined = _Examined(operation_id, with_dependents=with_dependents)
    if fingerprint and fingerprint != examined.fingerprint:
        raise PreviewStale(operation_id)
    with follow.paused():
        if _take_in_edits(examined.cases.values(), actor):
            examined = _Examined(operation_id, with_dependents=with_dependents)
        examined.check()
        return _undo(examined, actor, on_behalf_of)


def state_of(operation: Operation) -> dict[str, list[str]]:
    """The titles of the plans that an undo has `undone`, and those that it `left` when it stopped."""
    rows = Entry.objects.filter(operation=operation)
    done = {str(pk) for pk in rows.values_list("plan_id", flat=True)}
    told: dict[str, list[str]] = {"undone": [], "left": []}
    wanted = [UUID(pk) for pk in operation.summary.get("undoes", ())]
    for each in operation.summary.get("plans", ()):
        left = each["plan"] not in done and _stands(UUID(each["plan"]), wanted)
        told["left" if left else "undone"].append(each["title"])
    return told


def _stands(plan_id: UUID, wanted: Collection[UUID]) -> bool:
    """Whether something of it is still to be undone on the plan: another undo may have done it since."""
    try:
        return undo_case.examine(plan_id, wanted) is not None
    except _KEPT:
        return True  # its file cannot be looked at now


def carried(
    build: Callable[[], Case], kind: str, summary: dict[str, Any], *, actor: str, on_behalf_of: str
) -> Outcome:
    """One case of one plan, as an operation of its own: what `build` finds to do is done, or nothing is.

    For what has the parts of an undo and is none of a whole operation.
    """
    with follow.paused():
        case = build()
        if _take_in_edits([case], actor):
            case = build()
        with write_transaction():
            operation = audit.begin(kind, actor=actor, on_behalf_of=on_behalf_of)
        try:
            remark = _built(build, case, operation, actor)
        except Exception:
            audit.finish(operation, Operation.Status.FAILED, summary)
            raise
        plan = PlanOutcome(case.plan.pk, case.plan.title, "done", remark)
        audit.finish(operation, Operation.Status.DONE, {**summary, "plans": [plan.as_json()]})
    return Outcome(operation, (), (plan,))


def _built(build: Callable[[], Case], case: Case, operation: Operation, actor: str) -> str:
    for _ in range(undo_act.ATTEMPTS):
        try:
            return undo_act.carry_out(case, operation, actor=actor)
        except Overtaken:
            if Entry.objects.filter(operation=operation).exists():
                return MERGED
            services.sync_plan(case.plan.pk, Options(actor=actor, settle_seconds=0.0))
            case = build()
        except ReplicaError as error:
            # What was committed before the file could not be written is finished by the next sync.
            if not Entry.objects.filter(operation=operation).exists():
                raise
            return str(error)
    raise Unsettled(case.plan.title)


def dependent_json(each: Dependent) -> dict[str, str]:
    operation = each.operation
    return {
        "operation": str(operation.pk),
        "kind": operation.kind,
        "actor": operation.actor,
        "on_behalf_of": operation.on_behalf_of,
        "at": operation.started_at.isoformat(),
        "what": each.what,
        "why": each.why,
    }


# --------------------------------------------------------------------------------------- deciding


class _Examined:
    """The cases of all plans that the operation, and what is to be undone with it, touched."""

    def __init__(self, operation_id: UUID, *, with_dependents: bool) -> None:
        found = Operation.objects.filter(pk=operation_id).first()
        if found is None:
            raise UnknownOperation(str(operation_id))
        self.operation = found
        self.wanted: dict[UUID, Operation] = {found.pk: found}
        self.cases: dict[UUID, Case] = {}
        for _ in range(_ROUNDS):
            self._examine()
            missing = [each for each in self.dependents if each.operation.pk not in self.wanted]
            if not with_dependents or not missing:
                break
            self.wanted |= {each.operation.pk: each.operation for each in missing}
        if not self.cases:
            self._refuse_nothing()

    def _examine(self) -> None:
        rows = Entry.objects.filter(operation__in=list(self.wanted)).exclude(plan_id=None)
        for plan_id in sorted(set(rows.values_list("plan_id", flat=True)), key=str):
            assert plan_id is not None, "entries without a plan are left out"
            case = undo_case.examine(plan_id, self.wanted.keys())
            if case is not None and (case.does_something or case.dependents or case.refusal):
                self.cases[plan_id] = case
            else:
                self.cases.pop(plan_id, None)

    def _refuse_nothing(self) -> None:
        rows = Entry.objects.filter(operation=self.operation).exclude(plan_id=None)
        for plan_id in set(rows.values_list("plan_id", flat=True)):
            assert plan_id is not None, "entries without a plan are left out"
            by = Ledger.since(plan_id, {self.operation.pk}).undone_by(self.operation.pk)
            if by is not None:
                raise AlreadyUndone(self.operation.pk, by.pk, by.actor)
        raise NothingToUndo(self.operation.pk)

    @property
    def dependents(self) -> tuple[Dependent, ...]:
        found = {each.operation.pk: each for case in self.cases.values() for each in case.dependents}
        return tuple(each for pk, each in found.items() if pk not in self.wanted)

    @property
    def refusals(self) -> tuple[tuple[str, str], ...]:
        return tuple((case.plan.title, case.refusal) for case in self.cases.values() if case.refusal)

    @property
    def fingerprint(self) -> str:
        told = [
            *sorted(map(str, self.wanted)),
            *(repr(case.told) for case in self.cases.values()),
            *sorted(str(each.operation.pk) for each in self.dependents),
        ]
        return hashlib.sha256("\n".join(told).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def undoes(self) -> tuple[Operation, ...]:
        return tuple(sorted(self.wanted.values(), key=lambda each: each.started_at, reverse=True))

    def check(self) -> None:
        if self.refusals:
            raise UndoRefused(self.operation.pk, self.refusals)
        if self.dependents:
            raise DependentWork(self.operation.pk, self.dependents)

    def preview(self) -> Preview:
        return Preview(
            *(self.operation, self.undoes),
            tuple(undo_preview.plan_preview(case) for case in self.cases.values()),
            self.dependents,
            self.refusals,
            self.fingerprint,
        )


# ----------------------------------------------------------------------------------------- acting


def _take_in_edits(cases: Iterable[Case], actor: str) -> bool:
    """Sync the plans whose file was edited since its last sync; whether there was one."""
    moved = False
    for case in cases:
        for each in case.links:
            link = each.link
            if link.released_at is None and link.gone_at is None and undo_preview.is_edited(link):
                services.sync_plan(case.plan.pk, Options(actor=actor, settle_seconds=0.0))
                moved = True
    return moved


@dataclass
class _Progress:
    """The undo as it goes; its operation is made with the first plan's transaction to come."""

    examined: _Examined
    operation: Operation
    outcomes: list[PlanOutcome] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        along = {
            str(pk): sorted(map(str, case.along)) for pk, case in self.examined.cases.items() if case.along
        }
        done = {each.plan: each for each in self.outcomes}
        return {
            "undoes": [str(each.pk) for each in self.examined.undoes],
            "kinds": sorted({each.kind for each in self.examined.undoes}),
            "along": along,
            "plans": [
                done.get(pk, PlanOutcome(pk, case.plan.title, "waiting")).as_json()
                for pk, case in self.examined.cases.items()
            ],
        }


def _undo(examined: _Examined, actor: str, on_behalf_of: str) -> Outcome:
    with write_transaction():
        operation = audit.begin(Operation.Kind.UNDO, actor=actor, on_behalf_of=on_behalf_of)
        progress = _Progress(examined, operation)
        operation.summary = progress.summary()
        operation.save(update_fields=["summary"])
    for plan_id in examined.cases:
        progress.outcomes.append(_undo_plan(examined, plan_id, operation, actor))
    return _finished(progress)


def _undo_plan(examined: _Examined, plan_id: UUID, operation: Operation, actor: str) -> PlanOutcome:
    case = examined.cases[plan_id]
    title = case.plan.title
    try:
        remark = _attempted(case, examined.wanted.keys(), operation, actor)
    except _KEPT as error:
        # What was committed before the file could not be written is finished by the next sync.
        done = Entry.objects.filter(operation=operation, plan_id=plan_id).exists()
        logger.warning("Undo %s, plan %s: %s", operation.pk, title, error)
        return PlanOutcome(plan_id, title, "done" if done else "failed", str(error))
    return PlanOutcome(plan_id, title, "done", remark)


def _attempted(case: Case, wanted: Collection[UUID], operation: Operation, actor: str) -> str:
    for _ in range(undo_act.ATTEMPTS):
        try:
            return undo_act.carry_out(case, operation, actor=actor)
        except Overtaken:
            if Entry.objects.filter(operation=operation, plan_id=case.plan.pk).exists():
                return MERGED
            services.sync_plan(case.plan.pk, Options(actor=actor, settle_seconds=0.0))
            again = undo_case.examine(case.plan.pk, wanted)
            if again is None:
                return ""
            if again.refusal:
                raise UndoRefused(operation.pk, ((case.plan.title, again.refusal),)) from None
            missing = tuple(each for each in again.dependents if each.operation.pk not in wanted)
            if missing:
                raise DependentWork(operation.pk, missing) from None
            case = again
    raise Unsettled(case.plan.title)


def _finished(progress: _Progress) -> Outcome:
    operation, outcomes = progress.operation, tuple(progress.outcomes)
    failed = any(each.outcome == "failed" for each in outcomes)
    status = Operation.Status.FAILED if failed else Operation.Status.DONE
    audit.finish(operation, status, progress.summary())
    return Outcome(operation, tuple(each.pk for each in progress.examined.undoes), outcomes)
