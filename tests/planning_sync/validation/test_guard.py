"""Files that break the rules are refused where a replica or a sync asks for that, and a person may go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from conflicts import services as conflicts
from conflicts.models import Conflict
from planning_sync.sync.errors import InvalidOption
from tests.planning_sync.sync.workbench import Workbench

SOUND = "# Harbour\n\nVersion 1.0 - 2026-05-04\n\n## 1. Quay\n\n- [ ] Sand the wall\n- [x] Buy paint\n"
BROKEN = SOUND + "- [ ] Rest\n<<<<<<< ours\n- [ ] Work\n=======\n- [ ] Play\n>>>>>>> theirs\n"


@pytest.fixture
def strict(tmp_path: Path, transactional_db: None) -> Workbench:
    desk = Workbench.at(tmp_path / "strict", validation="refuse")
    desk.write("harbour.md", SOUND)
    desk.sync()
    return desk


def test_an_edit_that_breaks_a_rule_is_refused_and_a_person_is_asked(strict: Workbench) -> None:
    strict.write("harbour.md", BROKEN)
    report = strict.try_sync()
    assert report.status == "refused"
    assert "merge-marker" in report.refused[0]["reason"]
    assert strict.texts("harbour.md") == ["Sand the wall", "Buy paint"]
    row = Conflict.objects.get(state="open")
    assert (row.rule, row.severity) == ("broken_rules", "critical")


def test_what_a_person_lets_through_is_taken_in(strict: Workbench) -> None:
    strict.write("harbour.md", BROKEN)
    strict.try_sync()
    conflicts.resolve(Conflict.objects.get(state="open").pk, take="go_on", actor="alice")
    strict.try_sync()
    assert "Rest" in strict.texts("harbour.md")
    assert Conflict.objects.get().state == "resolved"


def test_a_file_that_is_mended_is_taken_in_and_the_question_goes_away(strict: Workbench) -> None:
    strict.write("harbour.md", BROKEN)
    strict.try_sync()
    strict.write("harbour.md", SOUND.replace("[ ] Sand", "[x] Sand"))
    strict.sync()
    assert strict.task("Sand the wall").status == "done"
    assert Conflict.objects.get().state == "closed"


def test_the_content_of_before_comes_back_where_a_person_wants_that(strict: Workbench) -> None:
    strict.write("harbour.md", BROKEN)
    strict.try_sync()
    conflicts.resolve(Conflict.objects.get(state="open").pk, take="restore", actor="alice")
    strict.try_sync()
    assert strict.read("harbour.md") == SOUND


def test_edits_of_the_hub_go_on_where_the_file_is_as_it_was(strict: Workbench) -> None:
    strict.set("Sand the wall", status="done")
    strict.sync()
    assert "[x] Sand" in strict.read("harbour.md")


def test_a_new_file_that_breaks_a_rule_is_not_imported_until_it_is_mended(strict: Workbench) -> None:
    strict.write("other.md", BROKEN.replace("Harbour", "Other"))
    assert strict.try_sync(dry_run=True).status == "refused"
    assert strict.try_sync().status == "refused"
    strict.write("other.md", SOUND.replace("Harbour", "Other").replace("wall", "deck"))
    strict.sync()
    assert strict.plan("other.md").title == "Other"


def test_one_sync_can_ask_for_it_and_others_warn_alone(desk: Workbench) -> None:
    desk.write("harbour.md", SOUND)
    desk.sync()
    desk.write("harbour.md", BROKEN)
    assert desk.try_sync(validate_first=True).status == "refused"
    assert "Rest" not in desk.texts("harbour.md")
    desk.sync()
    assert "Rest" in desk.texts("harbour.md")


def test_a_score_below_the_least_is_refused(strict: Workbench) -> None:
    strict.write("validation-rules.yaml", "version: 1\nmin_score: 99.5\n")
    strict.write("harbour.md", SOUND + "- [ ]Rest\n")
    assert "score" in strict.try_sync().refused[0]["reason"]


def test_the_option_is_checked(tmp_path: Path, transactional_db: None) -> None:
    with pytest.raises(InvalidOption, match="warn, refuse"):
        Workbench.at(tmp_path / "plans", validation="always")
