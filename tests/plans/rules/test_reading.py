"""Files of rules: what they may say, and what is said of those that are wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.rules import InvalidRules, Severity, check, describing, read_rules

GOOD = {
    "everything": b"""\
version: 1
min_score: 80
rules:
  title-missing: off
  ref-gap: warning
  heading-skip: on
  plan-progress: {severity: error, tolerance: 10, min_tasks: 1}
  plan-metadata: {fields: [version]}
  version-format: {forms: vXX}
  file-size: {kilobytes: 12.5}
  owner-missing: {enabled: true}
folders:
  archive/**: {title-several: off, enough: off}
  "*/drafts/*": {}
own:
  enough: size(tasks) >= 3
  under-a-hundred:
    expression: phase_progress <= 100
    each: phase
    message: More than all
    severity: error
    level: consistency
""",
    "nothing": b"",
    "a comment": b"# nothing yet\n",
    "only a version": b"version: 1\n",
}
BAD = {
    b"rules:\n  title-mising: off\n": (2, 3, "title-missing"),
    b"rules:\n  title-missing: maybe\n": (2, 18, "on, off, error"),
    b"rules:\n  title-missing: {tolerance: 3}\n": (2, 19, "enabled, severity"),
    b"rules:\n  plan-progress: {tolerance: much}\n": (2, 30, "number"),
    b"rules:\n  plan-progress: {tolerance: 1.5}\n": (2, 30, "whole number"),
    b"rules:\n  plan-progress: {tolerance: -1}\n": (2, 30, "0 or more"),
    b"rules:\n  task-metadata: {leaves: 3}\n": (2, 27, "true"),
    b"rules:\n  plan-metadata: {fields: [versoin]}\n": (2, 27, "version, date"),
    b"rules: [title-missing]\n": (1, 8, "mapping"),
    b"rules:\n  ref-gap: off\n  ref-gap: on\n": (3, 3, "twice"),
    b"ruels: {}\n": (1, 1, "rules"),
    b"version: 2\n": (1, 10, "version: 1"),
    b"min_score: 101\n": (1, 12, "0 to 100"),
    b"own:\n  a: 1 +\n": (2, 6, "column 4 of the expression"),
    b"own:\n  a: nope > 1\n": (2, 6, "There is no nope"),
    b"own:\n  a: phase_progress <= 100\n": (2, 6, "each: phase"),
    b"own:\n  a: phase.tasks > 1\n": (2, 6, "each: phase"),
    b"own:\n  a: plan_progress\n": (2, 6, "true or false"),
    b"own:\n  a: {each: phase}\n": (2, 6, "no expression"),
    b"own:\n  a: {expression: 'true', each: line}\n": (2, 33, "plan, phase, task"),
    b"own:\n  ref-gap: 'true'\n": (2, 12, "ships"),
    b"own:\n  A b: 'true'\n": (2, 8, "small letters"),
    b"own: {a: [x]}\n": (1, 10, "mapping"),
}
BROKEN = {
    b"rules:\n\tref-gap: off\n": 2,
    b"rules: {\n": 2,
    b"a: b: c\n": 1,
    b"one: 1\n---\ntwo: 2\n": 2,
    b"rules:\n  caf\xe9: off\n": 2,
    b"rules: \x01\n": 1,
    b"[" * 2_000: 1,
    b"x" * 200_000: 1,
}


def test_a_file_of_rules_tunes_switches_and_scopes() -> None:
    file = read_rules(GOOD["everything"])
    top = {active.rule.id: active for active in file.settings("plan.md").active}
    assert "title-missing" not in top
    assert top["ref-gap"].severity is Severity.WARNING
    assert top["plan-progress"].options == {"tolerance": 10, "min_tasks": 1}
    assert top["version-format"].options["forms"] == ("vXX",)
    assert "owner-missing" in top
    assert file.min_score == 80
    archived = {active.rule.id for active in file.settings("archive/2025/old.md").active}
    assert set(top) - archived == {"title-several", "enough"}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_reader_and_schema_take_what_is_right(data: bytes) -> None:
    read_rules(data)
    jsonschema.validate(yaml.safe_load(data) or {}, describing.schema())


@pytest.mark.parametrize("data", BAD, ids=lambda data: data.decode().replace("\n", " "))
def test_the_reader_says_where_it_is_wrong_and_what_to_do(data: bytes) -> None:
    line, column, advice = BAD[data]
    with pytest.raises(InvalidRules) as raised:
        read_rules(data, "rules.yaml")
    assert (raised.value.line, raised.value.column) == (line, column)
    assert advice in str(raised.value)
    assert str(raised.value).startswith(f"rules.yaml:{line}:{column}: ")


@pytest.mark.parametrize(
    "data",
    [data for data in BAD if b"own:\n  a: " not in data or b"{" in data],
    ids=lambda data: data.decode().replace("\n", " "),
)
def test_the_schema_refuses_what_the_reader_refuses_but_for_expressions(data: bytes) -> None:
    if b"\n  ref-gap: off\n  ref-gap" in data:
        return  # JSON has no key twice
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(data), describing.schema())


@pytest.mark.parametrize("data", BROKEN, ids=lambda data: repr(data[:20]))
def test_what_is_not_yaml_is_refused_with_its_line(data: bytes) -> None:
    with pytest.raises(InvalidRules) as raised:
        read_rules(data)
    assert raised.value.line == BROKEN[data]


def test_aliases_do_not_blow_up() -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))]
    with pytest.raises(InvalidRules):
        read_rules("\n".join(lines).encode())


_WORDS = st.sampled_from(
    (
        "rules",
        "own",
        "folders",
        "min_score",
        "version",
        "ref-gap",
        "plan-progress",
        "tolerance",
        "off",
        "error",
        "**",
    )
)
_YAML = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), _WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_WORDS, inner, max_size=4)),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200), _YAML.map(lambda value: yaml.safe_dump(value, allow_unicode=True).encode())
    )
)
def test_any_file_of_rules_is_read_or_refused(data: bytes) -> None:
    try:
        file = read_rules(data)
    except InvalidRules:
        return
    check(b"# Plan\n\n- [ ] Sand\n", file.settings("plan.md"))


# ------------------------------------------------------------------------------------- expressions


PLAN = b"""\
# Plan

*Progress: 50%*

## A

- [x] **1.1** Sand #due:2026-05-01 #tags:wood
  - [x] Edges

## B

*Progress: 25%*

- [ ] **2.1** Paint the hull and the deck #depends:1.1
"""


def own(rule: dict[str, Any]) -> list[tuple[int, str]]:
    file = read_rules(yaml.safe_dump({"own": {"mine": rule}}).encode())
    return [
        (finding.line, finding.message)
        for finding in check(PLAN, file.settings("plan.md"), name="plan.md").findings
        if finding.rule == "mine"
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "plan_progress == 50",
        "phase_progress == [100, 25]",
        "avg(phase_progress) == 62.5",
        "sum(phase_progress) == 125",
        "no_circular_dependencies",
        "plan.tasks == 3 && plan.done == 2 && plan.path == 'plan.md' && plan.depth == 2",
        "phases.all(p, p.computed <= 100) && phases.exists(p, p.declared == null)",
        "tasks.filter(t, t.status == 'done').size() == 2",
        "tasks.exists(t, 'wood' in t.tags && t.due == '2026-05-01' && t.parts == 1 && t.phase == 'A')",
        "days('2026-05-01', '2026-05-10') == 9",
        "plan.title.matches('^P') && plan.title.startsWith('Pl')",
    ],
)
def test_an_expression_sees_the_plan(expression: str) -> None:
    assert own({"expression": expression}) == []
    assert own({"expression": f"!({expression})"}) == [(0, f"Not so: !({expression})")]


def test_an_expression_is_asked_of_each_phase_or_task() -> None:
    assert own({"expression": "phase_progress > 50", "each": "phase", "message": "Slow"}) == [(10, "Slow")]
    assert own({"expression": "size(task.text) < 10", "each": "task", "message": "Long"}) == [(14, "Long")]


def test_an_expression_that_fails_on_a_plan_is_a_finding() -> None:
    (line, message), *others = own({"expression": "tasks[7].text != ''"})
    assert (line, others) == (0, [])
    assert message.startswith("This rule cannot be tried")


def test_loops_in_loops_in_loops_are_not_tried() -> None:
    nested = "tasks.all(a, tasks.all(b, tasks.all(c, tasks.all(d, true))))"
    assert "steps" in own({"expression": nested})[0][1]


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="task.phse()[]&|!=<>+-*/'\"0123456789 ,?:{}all", max_size=60))
def test_any_expression_is_taken_or_refused(expression: str) -> None:
    try:
        own({"expression": expression})
    except InvalidRules:
        return


# ------------------------------------------------------------------------------------- the page


def test_the_files_of_rules_on_the_page_are_right() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "validation.md").read_text(encoding="utf-8")
    found = [
        block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if not block.startswith("repos")
    ]
    assert len(found) == 2
    for block in found:
        assert read_rules(block.encode()).own
