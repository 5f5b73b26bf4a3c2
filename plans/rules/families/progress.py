"""What a plan says of its own progress, against its boxes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from plans.document.metadata import percent
from plans.outline import Item, Status
from plans.rules.edits import edited
from plans.rules.model import Fix, Found, Level, Option, Options, Severity
from plans.rules.registry import rule
from plans.rules.subject import Subject

_OPEN = (Status.TODO, Status.IN_PROGRESS)
_SAYS_DONE = re.compile(
    r"(?:\*\*)?(?:✅|✔️?|(?:\*\*)?(?:COMPLETED?|COMPL[ÉE]T[ÉE]E?|TERMIN[ÉE]E?|DONE|FINALIS[ÉE]E?)\b)"
)
_TOLERANCE = {
    "tolerance": Option(5, "How many points of a percentage the two may differ."),
    "min_tasks": Option(3, "With fewer tasks, nothing is said."),
}


def _differs(subject: Subject, position: int, declared: str, options: Options) -> bool:
    tally = subject.tally
    if not declared or tally.total[position] < options["min_tasks"]:
        return False
    return bool(abs(float(declared) - tally.percent(position)) > options["tolerance"])


def _told(subject: Subject, position: int, declared: str) -> str:
    tally = subject.tally
    done, total = tally.done[position], tally.total[position]
    return f"Declared {declared} %, but {done} of {total} tasks are done ({tally.percent(position):.0f} %)"


def _corrected(subject: Subject, position: int) -> Fix | None:
    """The declared progress made what the boxes say: whole percents, and exact where a fraction is
    written.
    """
    share = subject.tally.percent(position)
    fix = edited(subject, position, "Declare what the boxes say", progress=f"{share:.0f}")
    if fix is None or any("%" in line for splice in fix.splices for line in splice.lines):
        return fix
    return edited(subject, position, "Declare what the boxes say", progress=percent(Decimal(share)))


@rule(
    *("plan-progress", Level.CONSISTENCY, Severity.WARNING, "a progress that the boxes do not show"),
    bad="# Plan\n\n*Version 1.0 - 2026-03-02 - Progress: 90%*\n\n- [x] Sand\n- [ ] Prime\n- [ ] Paint\n",
    good="# Plan\n\n*Version 1.0 - 2026-03-02 - Progress: 33%*\n\n- [x] Sand\n- [ ] Prime\n- [ ] Paint\n",
    whole=True,
    fix="unsafe",
    options=_TOLERANCE,
)
def plan_progress(subject: Subject, options: Options) -> Iterator[Found]:
    """The plan declares a progress that differs from the share of its tasks that are done. Cancelled tasks
    do not count. The fix writes the computed share into the line that declares it.
    """
    declared = subject.plan.progress
    if _differs(subject, -1, declared, options):
        fix = _corrected(subject, -1)
        line = fix.splices[0].start + 1 if fix is not None else 0
        yield Found(_told(subject, -1, declared), line, fix=fix)


@rule(
    *(
        "phase-progress",
        Level.CONSISTENCY,
        Severity.WARNING,
        "a progress of a phase that the boxes do not show",
    ),
    bad="# Plan\n\n## Hull\n\n*Progress: 90%*\n\n- [x] Sand\n- [ ] Prime\n- [ ] Paint\n",
    good="# Plan\n\n## Hull\n\n*Progress: 33%*\n\n- [x] Sand\n- [ ] Prime\n- [ ] Paint\n",
    fix="unsafe",
    options=_TOLERANCE,
)
def phase_progress(subject: Subject, options: Options) -> Iterator[Found]:
    """As `plan-progress`, of one phase and all that stands below it."""
    for position in subject.phases:
        declared = subject.items[position].progress
        if declared and _differs(subject, position, declared, options):
            yield subject.at(position, _told(subject, position, declared), _corrected(subject, position))


@rule(
    *("parent-done", Level.CONSISTENCY, Severity.WARNING, "a task that is done before its parts"),
    bad="# Plan\n\n- [x] Hull\n  - [x] Sand\n  - [ ] Paint\n",
    good="# Plan\n\n- [ ] Hull\n  - [x] Sand\n  - [ ] Paint\n",
)
def parent_done(subject: Subject, options: Options) -> Iterator[Found]:
    """A task is ticked while tasks below it are open. Finish or cancel these, or open the task again."""
    tally = subject.tally
    for position in subject.tasks:
        if tally.total[position] > tally.done[position] and subject.items[position].status == Status.DONE:
            left = tally.total[position] - tally.done[position]
            yield subject.at(position, f"This is done, and {left} of the tasks below it {_are(left)} not")


@rule(
    *("parent-open", Level.CONSISTENCY, Severity.INFO, "an open task whose parts are all done"),
    bad="# Plan\n\n- [ ] Hull\n  - [x] Sand\n  - [x] Paint\n",
    good="# Plan\n\n- [x] Hull\n  - [x] Sand\n  - [x] Paint\n",
    fix="unsafe",
)
def parent_open(subject: Subject, options: Options) -> Iterator[Found]:
    """All tasks below a task are done, and it is not. The fix ticks it, which is unsafe: there may be more
    to do.
    """
    tally = subject.tally
    for position in subject.tasks:
        total = tally.total[position]
        if total and total == tally.done[position] and subject.items[position].status in _OPEN:
            fix = edited(subject, position, "Tick the task", status=Status.DONE)
            yield subject.at(position, "All tasks below this one are done", fix)


@rule(
    *("phase-done", Level.CONSISTENCY, Severity.WARNING, "a phase that is done before its tasks"),
    bad="# Plan\n\n## [x] Hull\n\n- [x] Sand\n- [ ] Paint\n",
    good="# Plan\n\n## [x] Hull\n\n- [x] Sand\n- [-] Paint\n",
)
def phase_done(subject: Subject, options: Options) -> Iterator[Found]:
    """The heading of a phase is ticked while tasks below it are open."""
    tally = subject.tally
    for position in subject.phases:
        left = tally.total[position] - tally.done[position]
        if left and subject.items[position].status == Status.DONE:
            yield subject.at(position, f"This phase is done, and {left} of its tasks {_are(left)} not")


@rule(
    *("plan-status", Level.CONSISTENCY, Severity.WARNING, "a status that the boxes contradict"),
    bad="# Plan\n\n**Status**: done\n\n- [x] Sand\n- [ ] Paint\n",
    good="# Plan\n\n**Status**: in progress\n\n- [x] Sand\n- [ ] Paint\n",
    whole=True,
)
def plan_status(subject: Subject, options: Options) -> Iterator[Found]:
    """The plan says that it is done while tasks are open, or not begun while tasks are done."""
    tally, status = subject.tally, subject.plan.status
    done, total = tally.done[-1], tally.total[-1]
    if status == Status.DONE and done < total:
        yield Found(f"The plan says it is done, and {total - done} of {total} tasks are not")
    elif status == Status.TODO and done:
        yield Found(f"The plan says it is not begun, and {done} of {total} tasks are done")


@rule(
    *("task-words", Level.CONSISTENCY, Severity.INFO, "an open task that says it is done"),
    bad="# Plan\n\n- [ ] ✅ **DONE** - Sand\n",
    good="# Plan\n\n- [x] Sand\n",
)
def task_words(subject: Subject, options: Options) -> Iterator[Found]:
    """The text begins with a sign or a word for done, and the box is open. The box counts: tick it, or
    remove the word.
    """
    for position in subject.tasks:
        item = subject.items[position]
        if item.text[:1] in "✅✔*CTDF" and item.status in _OPEN and _SAYS_DONE.match(item.text):
            yield subject.at(
                position, f"The text says that this is done, and the box that it is {_status(item)}"
            )


def _status(item: Item) -> str:
    return item.status.replace("_", " ")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
