"""Validation over the network: of plans of the hub, of files that are sent, and fixes."""

from __future__ import annotations

import pytest

from planning_sync.validation import services
from planning_sync.validation.models import Assessment
from tests.api.programs import Program
from tests.planning_sync.sync.workbench import Workbench

POOR = "# Poor\n\n- [ ]Order rope\n- [ ] Rest\n"


@pytest.fixture
def poor(desk: Workbench) -> Workbench:
    desk.write("poor.md", POOR)
    desk.sync()
    return desk


def rules_of(answer: object) -> list[str]:
    assert isinstance(answer, dict)
    return [finding["rule"] for finding in answer["findings"]]


def test_a_plan_is_told_with_its_findings_its_costs_and_its_history(poor: Workbench, reader: Program) -> None:
    plan = poor.plan("poor.md")
    services.assess(plan.pk)
    answer = reader.get(f"validate/plan/{plan.pk}")
    assert (answer["plan"], answer["path"], answer["valid"]) == (str(plan.pk), "poor.md", True)
    assert "task-box" in rules_of(answer)
    assert answer["score"] == pytest.approx(100 - sum(cost["points"] for cost in answer["costs"]), abs=0.1)
    assert [point["score"] for point in answer["history"]] == [answer["score"]]


def test_a_file_that_is_sent_is_judged_and_not_kept(poor: Workbench, reader: Program) -> None:
    answer = reader.post("validate/file", {"text": POOR, "name": "any.md"}, status=200)
    assert "task-box" in rules_of(answer)
    assert answer["plan"] is None
    assert not Assessment.objects.exists()
    poor.write("validation-rules.yaml", "version: 1\nrules:\n  task-box: off\n")
    answer = reader.post("validate/file", {"text": POOR, "replica": poor.row.name}, status=200)
    assert "task-box" not in rules_of(answer)
    problem = reader.post("validate/file", {"text": POOR, "replica": "nowhere"}, status=400)
    assert "replica" in problem["errors"]


def test_several_plans_are_told_at_once_and_an_unknown_one_refuses_all(
    poor: Workbench, reader: Program
) -> None:
    ids = [str(poor.plan(path).pk) for path in ("poor.md", "launch.md")]
    answer = reader.post("validate/batch", {"plans": ids}, status=200)
    assert [result["plan"] for result in answer["results"]] == ids
    assert answer["score"] == pytest.approx(sum(each["score"] for each in answer["results"]) / 2, abs=0.06)
    reader.post("validate/batch", {"plans": [*ids, str(poor.row.pk)]}, status=400)
    reader.post("validate/batch", {"plans": []}, status=400)


def test_the_plans_are_listed_worst_first(poor: Workbench, reader: Program) -> None:
    services.assess_due()
    first = reader.get("validate/plans?limit=1")
    assert [row["title"] for row in first["results"]] == ["Poor"]
    assert first["next"] is not None


def test_a_fix_is_shown_then_made_and_is_for_who_may_change_plans(
    poor: Workbench, editor: Program, reader: Program
) -> None:
    address = f"validate/plan/{poor.plan('poor.md').pk}/fix"
    wanted = {"rules": ["task-box"], "unsafe": True}
    reader.post(address, wanted, status=403)
    shown = editor.post(address, {**wanted, "dry_run": True}, status=200)
    assert shown["preview"]["files"][0]["lines"][1:] == ["-- [ ]Order rope", "+- [ ] Order rope"]
    assert poor.read("poor.md") == POOR
    done = editor.post(address, wanted, status=200)
    assert poor.read("poor.md") == POOR.replace("[ ]Order", "[ ] Order")
    editor.post(f"operations/{done['outcome']['operation']}/undo", {}, status=200)
    assert poor.read("poor.md") == POOR
    editor.post(address, {"rules": ["line-ends"]}, status=409)


def test_the_rules_are_listed(desk: Workbench, reader: Program) -> None:
    rules = reader.get("validate/rules")["rules"]
    assert len(rules) >= 30
    assert {rule["level"] for rule in rules} == {"schema", "consistency", "business", "performance"}


def test_a_sync_refuses_files_that_break_rules_where_it_is_asked_to(
    poor: Workbench, operator: Program
) -> None:
    poor.write("poor.md", POOR + "<<<<<<< ours\n- [ ] A\n=======\n- [ ] B\n>>>>>>> theirs\n")
    answer = operator.post("sync/now", {"validate_first": True, "dry_run": True}, status=200)
    assert "merge-marker" in answer["reports"][0]["refused"][0]["reason"]
