"""For people: each finding with its line and a caret below the place, and what the score lost."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from planning_sync.sync.management.output import clean
from planning_sync.sync.management.validation.formats.checked import Checked
from plans.rules import Finding, Report, Severity, explain

_WIDTH = 100
_BEFORE = 30
_COSTS = 4


def told(checked: Sequence[Checked], report: Report) -> str:
    lines = [line for each in checked for line in _plan(each)]
    return "\n".join([*lines, *_sum(checked, report)]) + "\n"


def _plan(checked: Checked) -> Iterator[str]:
    lines = checked.lines()
    for finding in checked.result.findings:
        said = f"{finding.severity} {finding.rule}: {clean(finding.message)}{_fix(finding)}"
        yield f"{_place(checked, finding)}: {said}"
        yield from _source(lines, finding)
    costs = explain(checked.result)
    why = f" ({'; '.join(costs[:_COSTS])}{'; …' if len(costs) > _COSTS else ''})" if costs else ""
    yield f"{clean(checked.shown)}: {checked.result.score:g} of 100{why}"
    if costs:
        yield ""


def _place(checked: Checked, finding: Finding) -> str:
    numbers = [str(number) for number in (finding.line, finding.column) if number]
    return clean(":".join([checked.shown, *numbers]))


def _fix(finding: Finding) -> str:
    if finding.fix is None:
        return ""
    return f" [{'--fix' if finding.fix.safe else '--fix --unsafe-fixes'}: {finding.fix.title}]"


def _source(lines: Sequence[str], finding: Finding) -> Iterator[str]:
    """The line and a caret below what is meant; long lines are cut around it."""
    if not 0 < finding.line <= len(lines):
        return
    line, column = lines[finding.line - 1], finding.column
    start = max(0, column - 1 - _BEFORE) if len(line) > _WIDTH else 0
    part = clean(line[start : start + _WIDTH].replace("\t", " "))
    number = f"{finding.line:>6}"
    yield f"{number} | {'…' if start else ''}{part}{'…' if len(line) > start + _WIDTH else ''}"
    if column:
        before = clean(line[start : column - 1].replace("\t", " "))
        marked = clean(line[column - 1 : min(finding.end_column - 1, start + _WIDTH)])
        blanks = " " * (_columns(before) + bool(start))
        yield f"{' ' * len(number)} | {blanks}{'^' * max(1, _columns(marked))}"


def _columns(shown: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(character) or character in "\ufe0f\u200d" else 1 + _is_wide(character)
        for character in shown
    )


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F")


def _sum(checked: Sequence[Checked], report: Report) -> Iterator[str]:
    counts = Counter(finding.severity for each in checked for finding in each.result.findings)
    found = ", ".join(_counted(counts[severity], severity) for severity in Severity)
    yield f"{_counted(len(checked), 'plan')}, score {report.score:g}: {found}."
    fixed = sum(each.fixed for each in checked)
    if fixed:
        yield f"{_counted(fixed, 'finding')} mended."
    fixes = [finding.fix for each in checked for finding in each.result.findings if finding.fix is not None]
    safe = sum(fix.safe for fix in fixes)
    if fixes:
        unsafe = len(fixes) - safe
        yield f"{safe} can be mended by --fix, {unsafe} more by --fix --unsafe-fixes (--diff shows how)."


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 or noun == "info" else f"{count} {noun}s"
