"""What plans and tasks must declare, and in which form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from plans.document.inline import valid_date
from plans.outline import Status, value
from plans.rules.model import Example, Found, Level, Option, Options, Severity
from plans.rules.registry import rule
from plans.rules.subject import Subject

_SETTLED = (Status.DONE, Status.CANCELLED)
_URGENT = ("critical", "high")
_NUMBER_IN_NAME = re.compile(r"(?:^|[-_ /])v(\d{1,3}[a-z]?)(?=[-_. ])", re.IGNORECASE)
_NUMBER_IN_TITLE = re.compile(
    r"\b(?:plan|roadmap)\b[^\d:]{0,30}?[ _-]v(\d{1,3}[a-z]?)(?![\w.])", re.IGNORECASE
)


@rule(
    *("plan-metadata", Level.BUSINESS, Severity.INFO, "a plan that does not declare what it must"),
    bad="# Plan\n\n- [ ] Sand\n",
    good="# Plan\n\n*Version 1.0 - 2026-03-02*\n\n- [ ] Sand\n",
    whole=True,
    options={
        "fields": Option(
            ("version", "date"), "What a plan must declare.", ("version", "date", "status", "progress")
        ),
    },
)
def plan_metadata(subject: Subject, options: Options) -> Iterator[Found]:
    """The plan does not say which version it is, or of when. Write a line such as `*Version 1.0 -
    2026-03-02*` below the title, or front matter.
    """
    if not subject.items:
        return
    missing = [name for name in options["fields"] if not value(subject.plan, name)]
    if missing:
        yield Found(f"The plan declares no {', no '.join(missing)}")


@rule(
    *("version-format", Level.BUSINESS, Severity.WARNING, "a version of another form"),
    bad="# Plan\n\n*Version 2026-03-02*\n\n- [ ] Sand\n",
    good="# Plan\n\n*Version 1.2 - 2026-03-02*\n\n- [ ] Sand\n",
    whole=True,
    options={
        "forms": Option(
            ("X", "X.Y", "X.Y.Z", "vX", "vX.Y", "vX.Y.Z"),
            "`X`, `Y` and `Z` stand for numbers: `vXX` is `v7`, `v55`, and `v43d`.",
        )
    },
)
def version_format(subject: Subject, options: Options) -> Iterator[Found]:
    """The version that the plan declares has none of the agreed forms. A date is no version: which of two
    plans of one day is newer?
    """
    said = subject.plan.version
    if said and (valid_date(said) or not any(_form(form).fullmatch(said) for form in options["forms"])):
        yield Found(f"The version {said} has none of the forms {', '.join(options['forms'])}")


def _form(form: str) -> re.Pattern[str]:
    pieces = re.split(r"([XYZ]+)", form)
    numbers = (r"\d+" if piece[:1] in tuple("XYZ") else re.escape(piece) for piece in pieces)
    return re.compile("".join(numbers) + "[a-z]?")


@rule(
    *("title-number", Level.CONSISTENCY, Severity.WARNING, "a title with another number than the file"),
    bad=Example("# Plan v55: Boat house\n\n- [ ] Sand\n", name="plan-v56-boat-house.md"),
    good=Example("# Plan v55: Boat house\n\n- [ ] Sand\n", name="plan-v55-boat-house.md"),
    whole=True,
)
def title_number(subject: Subject, options: Options) -> Iterator[Found]:
    """The number of the plan in its title (`v55`) is not the one in the name of its file."""
    in_name = _NUMBER_IN_NAME.search(subject.name.rpartition("/")[2])
    in_title = _NUMBER_IN_TITLE.search(subject.plan.text)
    title = subject.document.title_spot
    if in_name is None or in_title is None or title is None:
        return
    if in_name[1].lower() != in_title[1].lower():
        yield subject.on(title.line, f"The title says v{in_title[1]}, the file v{in_name[1]}", title.content)


@rule(
    *("task-metadata", Level.BUSINESS, Severity.WARNING, "a task that does not declare what it must"),
    bad="# Plan\n\n- [ ] Sand #due:2026-05-01\n",
    good="# Plan\n\n- [ ] Sand #due:2026-05-01 #assigned:crew\n",
    enabled=False,
    options={
        "fields": Option(
            ("assignee", "due"),
            "What an open task must declare.",
            ("ref", "priority", "assignee", "due", "tags", "estimate"),
        ),
        "leaves": Option(default=True, explanation="Only tasks without tasks below them."),
    },
)
def task_metadata(subject: Subject, options: Options) -> Iterator[Found]:
    """An open task lacks a field that the team wants on each. Off by default: choose the fields."""
    for position in _open(subject, subject.tasks):
        if options["leaves"] and subject.children[position]:
            continue
        missing = [name for name in options["fields"] if not value(subject.items[position], name)]
        if missing:
            yield subject.at(position, f"This task declares no {', no '.join(missing)}")


@rule(
    *("owner-missing", Level.BUSINESS, Severity.WARNING, "work that nobody has"),
    bad="# Plan\n\n- [~] Sand\n",
    good="# Plan\n\n- [~] Sand #assigned:crew\n",
    enabled=False,
)
def owner_missing(subject: Subject, options: Options) -> Iterator[Found]:
    """A task that is in progress, or of critical or high priority, is assigned to nobody. Off by default,
    for teams that assign in the plan.
    """
    for position in _open(subject, subject.tasks):
        item = subject.items[position]
        if not item.assignee and (item.status == Status.IN_PROGRESS or item.priority in _URGENT):
            yield subject.at(position, "Nobody is assigned to this")


@rule(
    *("due-missing", Level.BUSINESS, Severity.WARNING, "an urgent task without a date"),
    bad="# Plan\n\n- [ ] Sand #priority:critical\n",
    good="# Plan\n\n- [ ] Sand #priority:critical #due:2026-05-01\n",
    enabled=False,
)
def due_missing(subject: Subject, options: Options) -> Iterator[Found]:
    """A task of critical or high priority has no due date. Off by default."""
    for position in _open(subject, subject.tasks):
        item = subject.items[position]
        if item.priority in _URGENT and not item.due:
            yield subject.at(position, f"This is of priority {item.priority} and has no due date")


def _open(subject: Subject, positions: Iterable[int]) -> Iterator[int]:
    return (position for position in positions if subject.items[position].status not in _SETTLED)
