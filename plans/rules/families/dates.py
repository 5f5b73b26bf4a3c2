"""Dates: how they are written, their order, and those that are over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from plans.document import metadata
from plans.outline import Status
from plans.rules.model import Example, Facts, Found, Level, Options, Severity
from plans.rules.registry import rule
from plans.rules.subject import Subject

_SETTLED = (Status.DONE, Status.CANCELLED)
_TODAY = Facts(today=date(2026, 5, 1))
_FORMS = ("slash", "words")
_NEARBY = 12
_LIMIT = re.compile(
    r"^[ \t>]*(?:[-*+][ \t]+)?(?:\*\*|__|\")?(?:dates?[ ](?:de[ ])?)?"
    r"(?:(?P<start>début|debut|start|begin|créée?|created)|(?P<end>fin|end|achèvement|échéance|deadline|updated))"
    r"(?:[ _](?:le|at|date|on|prévue?|réelle?))*(?:\*\*|__|\")?[ \u00a0\u202f]*:(?:\*\*)?[ \t\"']*"
    r"(?P<date>\d{4}-\d\d-\d\d|\d\d/\d\d/\d{4})",
    re.IGNORECASE,
)
_STARTS = ("ébut", "ebut", "tart", "egin", "réé", "reated")
"""Parts of the words for a start, in small and capital letters."""


@rule(
    *("date-format", Level.BUSINESS, Severity.INFO, "a date that is not YYYY-MM-DD"),
    bad="# Plan\n\n*Version 1.0 - 05/06/2026*\n\n- [ ] Sand\n",
    good="# Plan\n\n*Version 1.0 - 2026-06-05*\n\n- [ ] Sand\n",
    fix="safe",
    whole=True,
)
def date_format(subject: Subject, options: Options) -> Iterator[Found]:
    """The date of the plan is written as `05/06/2026` or in words. Days and months can be taken for each
    other. The fix writes it as `2026-06-05`, which is read as the same date.
    """
    for line in subject.preamble:
        body = subject.body(line)
        if not metadata.may_declare(body):
            continue
        for part in metadata.version_parts(body):
            if part.form in _FORMS:
                new = body[: part.start] + part.value + body[part.end :]
                fix = subject.rewrite("Write the date as YYYY-MM-DD", {line: new}, safe=True)
                yield subject.on(line, f"Write this date as {part.value}", part.start, part.end, fix=fix)


@rule(
    *("date-future", Level.CONSISTENCY, Severity.INFO, "a plan of tomorrow"),
    bad=Example("# Plan\n\n*Version 1.0 - 2026-06-05*\n\n- [ ] Sand\n", facts=_TODAY),
    good=Example("# Plan\n\n*Version 1.0 - 2026-04-30*\n\n- [ ] Sand\n", facts=_TODAY),
    whole=True,
)
def date_future(subject: Subject, options: Options) -> Iterator[Found]:
    """The date of the plan is yet to come: day and month may be the wrong way round."""
    today, said = subject.facts.today, subject.plan.date
    if today is not None and said > today.isoformat():
        yield Found(f"The plan is dated {said}, which is yet to come")


@rule(
    *("dates-order", Level.CONSISTENCY, Severity.WARNING, "an end before its start"),
    bad="# Plan\n\n**Start date**: 2026-05-10\n**End date**: 2026-05-01\n\n- [ ] Sand\n",
    good="# Plan\n\n**Start date**: 2026-05-01\n**End date**: 2026-05-10\n\n- [ ] Sand\n",
)
def dates_order(subject: Subject, options: Options) -> Iterator[Found]:
    """A start and an end stand near each other, in lines of their own, and the end comes first."""
    for line in _starts(subject):
        started = _limit(subject, line)
        if started is None or not started.is_start:
            continue
        for below in range(line + 1, min(line + _NEARBY, len(subject.lines))):
            limit = _limit(subject, below)
            if limit is not None and limit.is_start:
                break
            if limit is not None and limit.date < started.date:
                yield subject.on(below, f"This is before the start in line {line + 1} ({started.date})")


def _starts(subject: Subject) -> list[int]:
    """The lines that may say when something starts, ascending."""
    found = {line for part in _STARTS if part in subject.whole for line in subject.lines_with(part)}
    return sorted(found)


class _Limit(NamedTuple):
    date: str
    is_start: bool


def _limit(subject: Subject, line: int) -> _Limit | None:
    found = _LIMIT.match(subject.lines[line])
    if found is None or subject.is_code[line]:
        return None
    said = found["date"]
    iso = f"{said[6:]}-{said[3:5]}-{said[:2]}" if "/" in said else said
    return _Limit(iso, found["start"] is not None)


@rule(
    *("due-order", Level.CONSISTENCY, Severity.WARNING, "a part that is due after the whole"),
    bad="# Plan\n\n- [ ] Hull #due:2026-05-01\n  - [ ] Paint #due:2026-05-10\n",
    good="# Plan\n\n- [ ] Hull #due:2026-05-10\n  - [ ] Paint #due:2026-05-01\n",
)
def due_order(subject: Subject, options: Options) -> Iterator[Found]:
    """A task is due later than the task that it is a part of."""
    items, parents = subject.items, subject.parents
    for position in subject.tasks:
        due = items[position].due
        if due and parents[position] >= 0:
            above = items[parents[position]].due
            if above and due > above:
                yield subject.at(position, f"This is due on {due}, and the task above it on {above}")


@rule(
    *("due-past", Level.BUSINESS, Severity.WARNING, "an open task that is overdue"),
    bad=Example("# Plan\n\n- [ ] Paint #due:2026-04-30\n", facts=_TODAY),
    good=Example("# Plan\n\n- [x] Paint #due:2026-04-30\n", facts=_TODAY),
)
def due_past(subject: Subject, options: Options) -> Iterator[Found]:
    """The day on which a task was due is over, and it is open."""
    if subject.facts.today is None:
        return
    today = subject.facts.today.isoformat()
    for position in subject.tasks:
        item = subject.items[position]
        if item.due and item.due < today and item.status not in _SETTLED:
            yield subject.at(position, f"This was due on {item.due}")
