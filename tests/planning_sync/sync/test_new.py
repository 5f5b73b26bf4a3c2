"""`planning-sync new`: plans and phases from templates that ship, and from a team's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from planning_sync.sync.management.validation.clock import today
from plans import starters
from plans.document import parse
from plans.rules import Facts, check
from tests.planning_sync.sync.console import ask, run

ALL = [(language, name) for language in starters.LANGUAGES for name in starters.names(language)]


@pytest.mark.parametrize(("language", "name"), ALL)
def test_a_template_that_ships_passes_all_rules(language: str, name: str, tmp_path: Path) -> None:
    plan = tmp_path / "plan.md"
    phase = starters.find(name, language)
    assert phase is not None
    if phase.makes_phase:
        run("new", "--template", "sprint", "--language", language, str(plan))
    assert run("new", "--template", name, "--language", language, "--title", "Été 2026", str(plan)).code == 0
    result = check(plan.read_bytes(), name="plan.md", facts=Facts(today=today()))
    assert (result.findings, result.score) == ((), 100)
    assert result.metrics.tasks >= 4


def test_both_languages_have_the_same_templates() -> None:
    assert starters.names("en") == starters.names("fr")
    assert set(starters.names()) >= {"sprint", "release", "feature", "migration", "bug-hunt"}


def test_a_plan_is_made_in_a_folder_and_never_over_another_one(tmp_path: Path) -> None:
    made = ask("new", "--template", "sprint", "--title", "Sprint 12: À quai", str(tmp_path))
    path = tmp_path / "sprint-12-a-quai.md"
    assert made == {"template": "sprint", "path": str(path), "title": "Sprint 12: À quai", "kind": "plan"}
    outline = parse(path.read_bytes()).outline
    assert (outline.plan.text, outline.plan.date) == ("Sprint 12: À quai", today().isoformat())
    again = run("new", "--template", "sprint", "--title", "Sprint 12: À quai", str(tmp_path))
    assert (again.code, "already" in again.err) == (2, True)


@pytest.mark.parametrize(
    ("before", "end"), [("# P\r\n\r\n## Phase 3: C\r\n", "\r\n"), ("# P\n\n## 3. C", "\n"), ("", "\n")]
)
def test_a_phase_is_put_at_the_end_with_the_next_number(before: str, end: str, tmp_path: Path) -> None:
    plan = tmp_path / "plan.md"
    plan.write_bytes(before.encode())
    assert run("new", "--template", "rollout", "--title", "Go", str(plan)).code == 0
    number = 4 if before else 1
    text = plan.read_bytes().decode()
    assert text.startswith(before)
    assert f"{end}## Phase {number}: Go{end}{end}- [ ] **{number}.1** " in end + text
    assert check(text.encode(), name="plan.md").metrics.tasks == 4
    assert "line-ends" not in {finding.rule for finding in check(text.encode()).findings}


def test_a_team_has_templates_of_its_own_beside_its_plans(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "voyage.md").write_text("# {{TITLE}} of {{DATE}}\n\n- [ ] Pack {{OTHER}}\n")
    (tmp_path / "team").mkdir()
    assert "voyage" in ask("new", str(tmp_path / "team"))["templates"]
    made = ask("new", "--template", "voyage", str(tmp_path / "team"))
    text = Path(made["path"]).read_text()
    assert text == f"# Voyage of {today().isoformat()}\n\n- [ ] Pack {{{{OTHER}}}}\n"


def test_what_cannot_be_made_is_refused(tmp_path: Path) -> None:
    unknown = run("new", "--template", "nope", str(tmp_path))
    assert (unknown.code, "bug-hunt" in unknown.err) == (2, True)
    assert run("new", "--template", "rollout", str(tmp_path)).code == 2
    assert run("new", "--template", "sprint", str(tmp_path / "no" / "plan.md")).code == 2
    assert run("new", "--template", "sprint", str(tmp_path / "plan.txt.md")).code == 0
