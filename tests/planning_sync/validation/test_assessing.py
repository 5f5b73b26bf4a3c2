"""What the rules say of plans is kept, follows what changes, and falls are told."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from audit.models import Entry, Operation
from planning_sync.sync import sides, validity
from planning_sync.sync.models import Link
from planning_sync.validation import assessing, services, tasks
from planning_sync.validation.errors import NoFile
from planning_sync.validation.models import Assessment, Score
from tests.planning_sync.sync.workbench import Workbench

SOUND = "# Harbour\n\nVersion 1.0 - 2026-05-04\n\n## 1. Quay\n\n- [ ] Sand the wall\n- [x] Buy paint\n"
POOR = SOUND + "- [ ]Order rope\n\n## 1. Quay\n\n## 3. Nothing\n"


def assessment(desk: Workbench, path: str = "harbour.md") -> Assessment:
    return Assessment.objects.get(plan=desk.plan(path))


def test_a_sound_plan_has_all_points(desk: Workbench) -> None:
    desk.write("harbour.md", SOUND)
    desk.sync()
    assert services.assess_due() == 1
    row = assessment(desk)
    assert (row.score, row.is_valid, row.findings) == (100.0, True, [])
    assert row.metrics["tasks"] == 2


def test_nothing_is_looked_at_twice_until_something_changes(desk: Workbench) -> None:
    desk.write("harbour.md", SOUND)
    desk.write("other.md", "# Other\n\n- [ ] Rest\n")
    desk.sync()
    assert services.assess_due() == 2
    assert services.assess_due() == 0
    desk.write("harbour.md", POOR)
    desk.sync()
    assert services.assess_due() == 1
    row = assessment(desk)
    assert row.score < 100
    found = next(each for each in row.findings if each["rule"] == "task-box")
    assert (found["line"], found["fixable"], found["safe"]) == (9, True, False)
    assert sum(cost["points"] for cost in row.costs) == pytest.approx(100 - row.score, abs=0.1)


def test_a_date_that_passes_makes_every_plan_due(desk: Workbench) -> None:
    desk.write("harbour.md", SOUND)
    desk.sync()
    services.assess_due()
    tomorrow = timezone.localdate() + timedelta(days=1)
    assert [each.link.path for each in assessing.due(today=tomorrow)] == ["harbour.md"]


def test_the_rules_beside_the_plans_hold_and_their_change_is_followed(desk: Workbench) -> None:
    desk.write("harbour.md", POOR)
    desk.sync()
    services.assess_due()
    before = assessment(desk).score
    desk.write("validation-rules.yaml", "version: 1\nrules:\n  task-box: off\n")
    assert services.assess_due() == 1
    assert assessment(desk).score > before


def test_rules_that_cannot_be_read_are_said_and_those_that_ship_hold(desk: Workbench) -> None:
    desk.write("harbour.md", POOR)
    desk.write("validation-rules.yaml", "rules: [")
    desk.sync()
    link = Link.objects.get()
    rulebook = validity.rulebook_of(sides.connect(link.replica))
    assert "validation-rules.yaml" in rulebook.problem
    services.assess_due()
    assert assessment(desk).score < 100


def test_scores_are_kept_as_they_change_and_a_fall_is_in_the_log(desk: Workbench, settings: Any) -> None:
    settings.PLANNING_SYNC_SCORE_FALL = 2
    desk.write("harbour.md", SOUND)
    desk.sync()
    services.assess_due()
    desk.write("harbour.md", POOR)
    desk.sync()
    services.assess_due()
    scores = list(Score.objects.order_by("at").values_list("score", flat=True))
    assert scores == [100.0, assessment(desk).score]
    entry = Entry.objects.get(action=Entry.Action.FELL)
    assert (entry.plan_id, entry.before) == (desk.plan("harbour.md").pk, 100.0)
    assert entry.after is not None
    assert entry.after["score"] == scores[1]


def test_a_small_fall_is_told_only_below_what_the_rules_ask_for(desk: Workbench, settings: Any) -> None:
    settings.PLANNING_SYNC_SCORE_FALL = 90
    desk.write("harbour.md", SOUND)
    desk.write("validation-rules.yaml", "version: 1\nmin_score: 99\n")
    desk.sync()
    services.assess_due()
    desk.write("harbour.md", POOR)
    desk.sync()
    services.assess_due()
    assert Entry.objects.filter(action=Entry.Action.FELL).count() == 1
    desk.edit("harbour.md", "## 3. Nothing\n", "## 3. Nothing\n\n## 4. Nothing\n")
    desk.sync()
    services.assess_due()
    assert Entry.objects.filter(action=Entry.Action.FELL).count() == 1, "it was below already"


def test_a_plan_without_a_markdown_file_is_not_judged(desk: Workbench) -> None:
    desk.write("harbour.md", SOUND)
    desk.sync()
    plan = desk.plan("harbour.md")
    Link.objects.update(released_at=timezone.now())
    assert list(assessing.due(today=date(2026, 5, 4))) == []
    with pytest.raises(NoFile, match="Markdown"):
        services.assess(plan.pk)


def test_an_operation_that_ends_queues_one_look(desk: Workbench, settings: Any) -> None:
    settings.PLANNING_SYNC_VALIDATION = True
    desk.write("harbour.md", SOUND)
    desk.sync()
    desk.set("Sand the wall", status="done")
    assert OrmQ.objects.count() == 1
    assert tasks.assess_due() == 1
    desk.set("Sand the wall", status="todo")
    assert OrmQ.objects.count() == 2


def test_an_edit_of_the_hub_that_the_file_was_never_told_of_is_found(desk: Workbench, settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    desk.write("harbour.md", SOUND)
    desk.sync()
    services.assess_due()
    desk.set("Sand the wall", status="done")
    assert services.assess_due() == 1
    (found,) = [each for each in assessment(desk).findings if each["rule"] == "hub-drift"]
    assert "status of task 'Sand the wall': 'todo' in the file, 'done' in the hub" in found["message"]
    desk.sync()
    services.assess_due()
    assert assessment(desk).findings == []


def test_a_plan_whose_last_sync_took_long_is_told(desk: Workbench) -> None:
    desk.write("harbour.md", SOUND)
    desk.sync()
    operation = Operation.objects.get()
    slow = {"plans": {"changed": 2}}
    ended = operation.started_at + timedelta(seconds=24)
    Operation.objects.filter(pk=operation.pk).update(finished_at=ended, summary=slow)
    services.assess_due()
    (found,) = [each for each in assessment(desk).findings if each["rule"] == "sync-cost"]
    assert "12.0 s" in found["message"]
