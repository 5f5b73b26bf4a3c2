"""The engine: `check` and `check_document` give what the rules say of a plan."""

from __future__ import annotations

from collections.abc import Iterator

from plans.document.model import DEFAULT_DIALECT, Dialect, Document
from plans.document.parse import parse
from plans.rules import scoring, silencing
from plans.rules.model import Facts, Finding, Metrics, ValidationResult
from plans.rules.settings import DEFAULT_SETTINGS, Active, Settings
from plans.rules.subject import Subject


def check(
    data: bytes,
    settings: Settings = DEFAULT_SETTINGS,
    *,
    name: str = "",
    facts: Facts | None = None,
    dialect: Dialect = DEFAULT_DIALECT,
) -> ValidationResult:
    """What the rules say of the bytes of a plan. `name` is its path: it is told, and may give the title."""
    return check_document(parse(data, dialect, name), settings, name=name, facts=facts)


def check_document(
    document: Document, settings: Settings = DEFAULT_SETTINGS, *, name: str = "", facts: Facts | None = None
) -> ValidationResult:
    """What the rules say of a plan that is parsed already."""
    subject = Subject(document, name, facts, settings.known)
    silences = silencing.read(subject)
    found = [finding for active in settings.active for finding in _found(active, subject)]
    findings = [finding for finding in found if not silences.cover(finding)]
    findings.sort(key=_place)
    costs = scoring.costs(findings, settings, size=len(subject.items))
    return ValidationResult(name, tuple(findings), scoring.score(costs), costs, _metrics(subject))


def _found(active: Active, subject: Subject) -> Iterator[Finding]:
    rule, severity = active.rule, active.severity
    for message, line, column, end_column, end_line, fix in rule.check(subject, active.options):
        end = end_line or line
        yield Finding(rule.id, rule.level, severity, message, line, column, end, end_column, fix)


def _place(finding: Finding) -> tuple[int, int, str]:
    return finding.line, finding.column, finding.rule


def _metrics(subject: Subject) -> Metrics:
    declared = subject.plan.progress
    tally = subject.tally
    return Metrics(
        *(len(subject.document.data), len(subject.lines), len(subject.phases), len(subject.tasks)),
        *(tally.done[-1], round(tally.percent(-1), 2), float(declared) if declared else None),
        max(subject.depths),
    )
