"""Each rule does what its page says."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from plans.rules import Facts, Level, Rule, Settings, all_rules, apply, check, describing
from plans.rules.model import Example
from plans.rules.settings import Active

DOCS = Path(__file__).resolve().parents[3] / "docs"
RULES = list(all_rules().values())


def alone(rule: Rule, example: Example) -> Settings:
    options = {**rule.defaults, **example.options}
    return Settings((Active(rule, rule.severity, options),), frozenset(all_rules()))


def data_of(example: Example) -> bytes:
    return example.text.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_finds_something_in_its_bad_example_and_nothing_in_its_good_one(rule: Rule) -> None:
    for example, finds in ((rule.bad, True), (rule.good, False)):
        result = check(data_of(example), alone(rule, example), name=example.name, facts=example.facts)
        assert bool(result.findings) is finds
        assert {finding.rule for finding in result.findings} <= {rule.id}


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.fix], ids=lambda rule: rule.id)
def test_the_fix_of_an_example_leaves_nothing_to_mend(rule: Rule) -> None:
    data, settings = data_of(rule.bad), alone(rule, rule.bad)
    findings = check(data, settings, name=rule.bad.name, facts=rule.bad.facts).findings
    assert {finding.fix.safe for finding in findings if finding.fix} == {rule.fix == "safe"}
    mended = apply(data, findings, unsafe=True)
    left = check(mended, settings, name=rule.bad.name, facts=rule.bad.facts).findings
    assert len(left) < len(findings)
    assert not any(finding.fixable for finding in left)


@pytest.mark.parametrize("rule", [rule for rule in RULES if not rule.fix], ids=lambda rule: rule.id)
def test_a_rule_that_is_said_to_have_no_fix_has_none(rule: Rule) -> None:
    found = check(data_of(rule.bad), alone(rule, rule.bad), name=rule.bad.name, facts=rule.bad.facts)
    assert not any(finding.fixable for finding in found.findings)


def test_there_are_thirty_rules_and_more_on_all_levels() -> None:
    counts = Counter(rule.level for rule in RULES)
    assert sum(counts.values()) >= 30
    assert set(counts) == set(Level)


def test_the_good_examples_of_all_rules_score_well_under_all_rules() -> None:
    for rule in RULES:
        result = check(data_of(rule.good), name=rule.good.name, facts=rule.good.facts)
        assert result.score >= 85, (rule.id, result.findings)
        assert result.is_valid, rule.id


def test_the_page_of_all_rules_is_current() -> None:
    assert (DOCS / "rules.md").read_text(encoding="utf-8") == describing.page(), "run python -m plans.rules"


def test_the_schema_of_the_file_of_rules_is_current() -> None:
    written = json.loads((DOCS / "validation-rules.schema.json").read_text(encoding="utf-8"))
    assert written == describing.schema(), "run python -m plans.rules"


def test_the_tables_of_the_page_on_validation_are_current() -> None:
    page = (DOCS / "validation.md").read_text(encoding="utf-8")
    for heading, table in describing.tables().items():
        assert table in page.partition(f" {heading}\n")[2], f"the table below {heading}"


def test_without_facts_nothing_is_said_of_the_hub_or_of_today() -> None:
    for rule in RULES:
        if rule.bad.facts != Facts():
            assert not check(data_of(rule.bad), alone(rule, rule.bad), name=rule.bad.name).findings, rule.id
