"""For programs: one JSON document, a list of plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from planning_sync.sync.management.validation.formats.checked import Checked
from plans.rules import Finding, Report


def told(checked: Sequence[Checked], report: Report) -> str:
    import orjson

    return orjson.dumps([_plan(each) for each in checked]).decode() + "\n"


def _plan(checked: Checked) -> dict[str, Any]:
    result = checked.result
    return {
        "path": checked.answer,
        "score": result.score,
        "valid": result.is_valid,
        "findings": [_finding(finding) for finding in result.findings],
        "costs": [cost._asdict() for cost in result.costs],
        "metrics": result.metrics._asdict(),
        "fixed": checked.fixed,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    fix = finding.fix
    return {
        "rule": finding.rule,
        "level": finding.level,
        "severity": finding.severity,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "end_column": finding.end_column,
        "message": finding.message,
        "fixable": finding.fixable,
        "fix": None if fix is None else {"title": fix.title, "safe": fix.safe},
    }
