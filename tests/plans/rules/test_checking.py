"""The engine: findings in place, silences, the score, and no crash."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.document import parse
from plans.outline import ROOT
from plans.rules import Facts, Severity, check, explain, fix_all, read_rules
from plans.rules.scoring import MOST, POINTS
from plans.rules.subject import Subject
from plans.storage import count
from tests.corpus import corpus_files, require_corpus
from tests.plans.rules.plans_at_random import plans

GAP = "# Plan\n\n- [ ] **1.1** Sand\n- [ ] **1.3** Paint{}\n- [ ] **1.5** Launch\n"


def lines_of(data: str, rule: str) -> list[int]:
    return [finding.line for finding in check(data.encode()).findings if finding.rule == rule]


# ------------------------------------------------------------------------------------- findings


@settings(max_examples=60, deadline=None)
@given(plans())
def test_findings_lie_in_the_file_and_in_order(data: bytes) -> None:
    document = parse(data)
    result = check(data)
    for finding in result.findings:
        assert 0 <= finding.line <= finding.end_line <= len(document.lines)
        if finding.column:
            line = document.lines[finding.line - 1]
            assert 1 <= finding.column < finding.end_column <= len(line) + 2
    places = [(finding.line, finding.column) for finding in result.findings]
    assert places == sorted(places)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_can_be_checked_and_mended(data: bytes) -> None:
    assert 0 <= check(data).score <= 100
    fix_all(data, unsafe=True)


def test_every_plan_of_the_corpus_can_be_checked() -> None:
    root = require_corpus() / "dev" / "plans"
    results = {
        path: check(path.read_bytes(), name=path.name) for path in corpus_files() if path.parent == root
    }
    assert len(results) > 200
    scores = sorted(result.score for result in results.values())
    assert scores[len(scores) // 2] >= 97, "most real plans are sound"
    assert scores[len(scores) // 10] >= 90


def test_progress_is_counted_as_the_hub_counts_it() -> None:
    for path in corpus_files()[::9]:
        document = parse(path.read_bytes(), name=path.name)
        subject, counts = Subject(document), count(document.outline)
        for position in (*subject.phases, -1):
            key = subject.items[position].key if position >= 0 else ROOT
            assert (subject.tally.done[position], subject.tally.total[position]) == counts[key]


def test_dependencies_are_found_by_number_and_a_circle_may_go_through_a_phase() -> None:
    first = "## Phase 1: A\n\n- [ ] **Step 2.1** One #depends:2\n\n"
    plan = f"# P\n\n{first}## Phase 2: B\n\n- [ ] **2.9** Two #depends:2.1\n"
    found = {finding.rule: finding.message for finding in check(plan.encode()).findings}
    assert found["dependency-cycle"] == "These wait for each other: Step 2.1 → Phase 2 → 2.9 → Step 2.1"
    assert "dependency-unknown" not in found


def test_a_long_chain_of_dependencies_is_no_matter() -> None:
    chain = "".join(f"- [ ] **1.{n}** T #depends:1.{n + 1}\n" for n in range(1, 3000))
    found = check(f"# P\n\n{chain}- [ ] **1.3000** T #depends:1.1\n".encode()).findings
    assert [finding.line for finding in found if finding.rule == "dependency-cycle"] == [3]


# ------------------------------------------------------------------------------------- silences


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("", [4, 5]),
        (" <!-- planning-sync: disable=ref-gap -->", [5]),
        (" <!-- planning-sync: disable -->", [5]),
        (" <!-- planning-sync: disable=ref-order, ref-gap -->", [5]),
        (" <!-- planning-sync: disable=ref-order -->", [4, 5]),
        ("\n\n<!-- planning-sync: disable-next-line=ref-gap -->", [4]),
        ("\n\n<!-- planning-sync: disable=ref-gap -->", [4]),
        ("\n\n<!-- planning-sync: disable-file=ref-gap -->", []),
        ("\n\n```\n<!-- planning-sync: disable-file=ref-gap -->\n```\n", [4, 10]),
    ],
)
def test_a_comment_silences_its_line_the_next_one_all_below_or_the_file(
    comment: str, left: list[int]
) -> None:
    assert lines_of(GAP.format(comment), "ref-gap") == left


def test_a_block_ends_where_the_rule_is_enabled_again() -> None:
    start, end = "<!-- planning-sync: disable=ref-gap -->\n", "<!-- planning-sync: enable=ref-gap -->\n"
    plan = f"# P\n\n{start}- [ ] **1.1** A\n- [ ] **1.3** B\n\n{end}- [ ] **1.5** C\n"
    assert lines_of(plan, "ref-gap") == [8]


def test_what_concerns_the_whole_file_is_silenced_for_the_whole_file_alone() -> None:
    for act, found in (("disable", True), ("disable-file", False)):
        plan = f"<!-- planning-sync: {act}=title-missing -->\n\n- [ ] Sand\n".encode()
        assert any(finding.rule == "title-missing" for finding in check(plan).findings) is found


def test_a_comment_is_still_text_to_the_parser() -> None:
    plan = b"- [ ] Sand <!-- planning-sync: disable=ref-gap -->\n"
    assert parse(plan).outline.items[0].text == "Sand <!-- planning-sync: disable=ref-gap -->"


# ------------------------------------------------------------------------------------- the score


@settings(max_examples=40, deadline=None)
@given(plans())
def test_the_score_is_a_hundred_less_the_costs(data: bytes) -> None:
    result = check(data, facts=Facts())
    lost = sum(cost.points for cost in result.costs)
    assert result.score == pytest.approx(max(0, 100 - lost), abs=0.11)
    assert (result.score == 100) is (not result.findings)
    assert {cost.rule: cost.findings for cost in result.costs} == Counter(
        each.rule for each in result.findings
    )
    assert all(cost.points <= MOST[cost.severity] for cost in result.costs)
    assert len(explain(result)) == len(result.costs)


def test_a_plan_four_times_as_long_loses_half_as_much_for_a_task_and_as_much_for_itself() -> None:
    def cost(tasks: int, rule: str) -> float:
        boxes = "".join(f"- [ ] Task {number}\n" for number in range(tasks - 2))
        plan = f"{boxes}- [x] Hull\n  - [ ] Sand\n".encode()
        return {cost.rule: cost.points for cost in check(plan).costs}[rule]

    assert cost(25, "parent-done") == POINTS[Severity.WARNING]
    assert cost(100, "parent-done") == POINTS[Severity.WARNING] / 2
    assert cost(100, "title-missing") == cost(25, "title-missing") == POINTS[Severity.WARNING]


def test_a_plan_with_an_error_is_not_valid_and_severities_can_be_tuned() -> None:
    plan = b"# Plan\n\n- [x] Hull\n  - [ ] Sand\n"
    assert check(plan).is_valid
    strict = read_rules(b"rules: {parent-done: error}")
    result = check(plan, strict.settings("plan.md"))
    assert (result.is_valid, [finding.rule for finding in result.errors]) == (False, ["parent-done"])
