"""For code scanning: SARIF 2.1.0, with the rules and the fixes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from planning_sync.sync.management.validation.formats.checked import Checked
from plans.document import text
from plans.rules import Finding, Fix, Report, Severity, Splice, all_rules

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Mapping[Severity, str] = MappingProxyType(
    {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
)


def told(checked: Sequence[Checked], report: Report) -> str:
    import orjson

    plans = [_Plan(each) for each in checked]
    names = sorted({finding.rule for each in checked for finding in each.result.findings})
    driver = {"name": "planning-sync", "rules": [_rule(name) for name in names]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [result for plan in plans for result in plan.results()],
    }
    return orjson.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}).decode() + "\n"


def _rule(name: str) -> dict[str, Any]:
    rule = all_rules().get(name)
    if rule is None:
        return {"id": name}
    return {
        "id": name,
        "shortDescription": {"text": rule.name},
        "fullDescription": {"text": rule.explanation},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": [str(rule.level)]},
    }


class _Plan:
    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        path = Path(checked.shown)
        self.location = {"uri": path.as_uri() if path.is_absolute() else quote(checked.shown, safe="/")}

    @cached_property
    def lines(self) -> list[str]:
        return text.split(text.decode(self.checked.data)[1])[0]

    def results(self) -> list[dict[str, Any]]:
        return [self.result(finding) for finding in self.checked.result.findings]

    def result(self, finding: Finding) -> dict[str, Any]:
        physical: dict[str, Any] = {"artifactLocation": self.location}
        if finding.line:
            physical["region"] = _region(finding)
        found = {
            "ruleId": finding.rule,
            "level": _LEVELS[finding.severity],
            "message": {"text": finding.message},
            "locations": [{"physicalLocation": physical}],
        }
        fix = finding.fix
        if fix is None or not text.is_sound(
            line for splice in fix.splices for each in splice.lines for line in each
        ):
            return found  # JSON has no bytes that are not UTF-8
        return {**found, "fixes": [self.fix(fix)]}

    def fix(self, fix: Fix) -> dict[str, Any]:
        replacements = [self.replacement(splice) for splice in fix.splices]
        return {
            "description": {"text": fix.title},
            "artifactChanges": [{"artifactLocation": self.location, "replacements": replacements}],
        }

    def replacement(self, splice: Splice) -> dict[str, Any]:
        """Whole lines, up to the beginning of the next one; where the last line does not end, to its last
        column.
        """
        region = {"startLine": splice.start + 1, "startColumn": 1, "endLine": splice.end + 1, "endColumn": 1}
        if splice.end >= len(self.lines) and not text.line_end(self.lines[-1]):
            region |= {"endLine": splice.end, "endColumn": len(self.lines[-1]) + 1}
        return {"deletedRegion": region, "insertedContent": {"text": "".join(splice.lines)}}


def _region(finding: Finding) -> dict[str, int]:
    region = {"startLine": finding.line, "endLine": finding.end_line}
    if finding.column:
        region |= {"startColumn": finding.column, "endColumn": finding.end_column}
    return region
