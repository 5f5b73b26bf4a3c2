"""Rules for plans: what is wrong with a plan, what its score is, and how it is mended. Pure.

Public: `check`, `check_document` and `DEFAULT_SETTINGS`; `read_rules`, `RulesFile`, `Settings`, `FILE_NAME`,
`InvalidRules`; `apply`, `fix_all`, `Fixed`; `explain`; `all_rules`; and the values of `model`.

    rules = read_rules(data, "validation-rules.yaml")
    result = check(plan_bytes, rules.settings("a/plan.md"), name="a/plan.md", facts=Facts(today=...))
    mended = apply(plan_bytes, result.findings)

A rule is a function with the decorator `registry.rule` in a module of `families`.
"""

from __future__ import annotations

from plans.rules.checking import check, check_document
from plans.rules.errors import InvalidRules
from plans.rules.fixing import Fixed, apply, fix_all
from plans.rules.model import (
    Cost,
    Facts,
    Finding,
    Fix,
    Level,
    Metrics,
    Report,
    Rule,
    Severity,
    Splice,
    ValidationResult,
)
from plans.rules.reading import FILE_NAME, read_rules
from plans.rules.registry import all_rules
from plans.rules.scoring import explain
from plans.rules.settings import DEFAULT_SETTINGS, RulesFile, Settings

__all__ = [
    "DEFAULT_SETTINGS",
    "FILE_NAME",
    "Cost",
    "Facts",
    "Finding",
    "Fix",
    "Fixed",
    "InvalidRules",
    "Level",
    "Metrics",
    "Report",
    "Rule",
    "RulesFile",
    "Settings",
    "Severity",
    "Splice",
    "ValidationResult",
    "all_rules",
    "apply",
    "check",
    "check_document",
    "explain",
    "fix_all",
    "read_rules",
]
