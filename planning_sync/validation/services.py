"""Every write of validation: `assess_due`, `assess`, `fix`, and `preview_fix`, which writes nothing."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from planning_sync.sync import rewriting
from planning_sync.sync.models import Link
from planning_sync.sync.undo import Outcome
from planning_sync.sync.undo_preview import PlanPreview
from planning_sync.validation import assessing
from planning_sync.validation.assessing import Due
from planning_sync.validation.errors import NoFile
from planning_sync.validation.models import Assessment, Score
from plans.rules import ValidationResult

logger = logging.getLogger(__name__)

ACTOR = "validation"
SCORES_KEPT = timedelta(days=365)

Ids = Collection[UUID] | None
"""Of the replicas that somebody is limited to; None for all."""


def assess_due() -> int:
    """Look at every plan that is due; how many. Safe to run twice at once."""
    number = 0
    for each in assessing.due(today=timezone.localdate()):
        _kept(each, assessing.result_of(each))
        number += 1
    return number


def assess(plan_id: UUID) -> Assessment:
    """What the rules say of the plan now, kept. Raises `NoFile`."""
    each = due_of(plan_id)
    return _kept(each, assessing.result_of(each))


def preview_fix(
    plan_id: UUID, *, only: Collection[str] = (), unsafe: bool = False, replica_ids: Ids = None
) -> PlanPreview:
    """What `fix` would change; raises what it raises."""
    return rewriting.preview(*_change(due_of(plan_id, replica_ids=replica_ids), only, unsafe))


def fix(
    plan_id: UUID,
    *,
    actor: str,
    on_behalf_of: str = "",
    only: Collection[str] = (),
    unsafe: bool = False,
    replica_ids: Ids = None,
) -> Outcome:
    """Mend what the rules found in the plan's file, or only what those named by `only` found.

    Only the lines of the fixes change. The operation can be undone. Raises what `due_of` and
    `rewriting.rewrite` raise, also where there is nothing to mend.
    """
    link, change = _change(due_of(plan_id, replica_ids=replica_ids), only, unsafe)
    told = {"rules": sorted(only), "unsafe": unsafe}
    outcome = rewriting.rewrite(link, change, actor=actor, on_behalf_of=on_behalf_of, summary=told)
    assess(plan_id)
    return outcome


def due_of(plan_id: UUID, *, replica_ids: Ids = None) -> Due:
    """The plan as it is to be looked at. Raises `NoFile`, also where its file is in another replica."""
    link = assessing.link_of(plan_id)
    if link is None or (replica_ids is not None and link.replica_id not in replica_ids):
        raise NoFile(plan_id)
    return assessing.of_link(link, today=timezone.localdate())


def _change(each: Due, only: Collection[str], unsafe: bool) -> tuple[Link, rewriting.Change]:
    return each.link, partial(assessing.mended, each, only=only, unsafe=unsafe)


# ------------------------------------------------------------------------------------------ verdicts


def _kept(each: Due, result: ValidationResult) -> Assessment:
    """Store the verdict, and a new score where it is another one; a fall is written to the log."""
    plan_id, now = each.link.plan_id, timezone.now()
    with write_transaction():
        before = Score.objects.filter(plan_id=plan_id).order_by("-at", "-pk").first()
        if before is None or before.score != result.score:
            Score.objects.create(plan_id=plan_id, at=now, score=result.score)
            Score.objects.filter(plan_id=plan_id, at__lt=now - SCORES_KEPT).delete()
        row, _ = Assessment.objects.update_or_create(
            plan_id=plan_id,
            defaults={
                "link_id": each.link.pk,
                "basis": each.basis,
                "checked_at": now,
                **assessing.told(result),
            },
        )
        if before is not None and _has_fallen(before.score, result, each):
            _tell(each, before.score, result)
    return row


def _has_fallen(before: float, result: ValidationResult, each: Due) -> bool:
    least = each.rulebook.file.min_score
    below = least is not None and result.score < least <= before
    return below or before - result.score >= settings.PLANNING_SYNC_SCORE_FALL


def _tell(each: Due, before: float, result: ValidationResult) -> None:
    plan_id = each.link.plan_id
    worst = [cost.rule for cost in result.costs[:3]]
    note = Note(
        Entry.Action.FELL,
        plan_id,
        "plan",
        plan_id,
        "score",
        before,
        {"score": result.score, "rules": worst},
    )
    audit.note_done(Operation.Kind.VALIDATION, [note], actor=ACTOR)
    logger.warning("The score of %s fell from %g to %g", each.link.path, before, result.score)
