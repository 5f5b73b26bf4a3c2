"""For GitHub Actions: a workflow command for each finding, which becomes an annotation beside the line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from planning_sync.sync.management.validation.formats.checked import Checked
from plans.rules import Finding, Report, Severity

_COMMANDS: Mapping[Severity, str] = MappingProxyType(
    {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
)


def told(checked: Sequence[Checked], report: Report) -> str:
    return "".join(_annotation(each, finding) for each in checked for finding in each.result.findings)


def _annotation(checked: Checked, finding: Finding) -> str:
    said = {"file": checked.shown, "title": finding.rule}
    if finding.line:
        said |= {"line": str(finding.line), "endLine": str(finding.end_line)}
    if finding.column:
        said |= {"col": str(finding.column), "endColumn": str(finding.end_column)}
    properties = ",".join(f"{name}={_property(value)}" for name, value in said.items())
    return f"::{_COMMANDS[finding.severity]} {properties}::{_data(finding.message)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
