"""Plans that are too large for people to read, or for syncs to be quick."""

from __future__ import annotations

from collections.abc import Iterator

from plans.rules.model import Example, Found, Level, Option, Options, Severity
from plans.rules.registry import rule
from plans.rules.subject import Subject

_TASKS = "".join(f"- [ ] Sand plank {number}\n" for number in range(1, 5))


@rule(
    *("file-size", Level.PERFORMANCE, Severity.WARNING, "a large file"),
    bad=Example(f"# Plan\n\n{_TASKS}", options={"kilobytes": 0.05}),
    good=f"# Plan\n\n{_TASKS}",
    whole=True,
    options={"kilobytes": Option(500.0, "The most kilobytes (of 1,000 bytes) that a plan should have.")},
)
def file_size(subject: Subject, options: Options) -> Iterator[Found]:
    """The file is so large that each sync and each editor takes its time. Move what is done into an
    archive.
    """
    size, most = len(subject.document.data) / 1000, options["kilobytes"]
    if size > most:
        yield Found(f"The file has {size:,.0f} kB, and {most:g} kB are enough for a plan")


@rule(
    *("task-count", Level.PERFORMANCE, Severity.WARNING, "very many tasks"),
    bad=Example(f"# Plan\n\n{_TASKS}", options={"most": 3}),
    good=f"# Plan\n\n{_TASKS}",
    whole=True,
    options={"most": Option(2000, "The most tasks that a plan should have.")},
)
def task_count(subject: Subject, options: Options) -> Iterator[Found]:
    """The plan has more tasks than anyone can oversee. Divide it into several plans."""
    if len(subject.tasks) > options["most"]:
        yield Found(f"The plan has {len(subject.tasks):,} tasks, more than {options['most']:,}")


@rule(
    *("phase-count", Level.PERFORMANCE, Severity.WARNING, "very many phases"),
    bad=Example("# Plan\n\n## A\n\n- [ ] Sand\n\n## B\n\n- [ ] Paint\n", options={"most": 1}),
    good="# Plan\n\n## A\n\n- [ ] Sand\n\n## B\n\n- [ ] Paint\n",
    whole=True,
    options={"most": Option(300, "The most phases that a plan should have.")},
)
def phase_count(subject: Subject, options: Options) -> Iterator[Found]:
    """The plan has more headings than anyone can oversee. Divide it into several plans."""
    if len(subject.phases) > options["most"]:
        yield Found(f"The plan has {len(subject.phases):,} phases, more than {options['most']:,}")


@rule(
    *("nesting-depth", Level.PERFORMANCE, Severity.INFO, "tasks nested very deeply"),
    bad=Example("# Plan\n\n- [ ] Hull\n  - [ ] Planks\n    - [ ] Sand\n", options={"most": 2}),
    good="# Plan\n\n- [ ] Hull\n  - [ ] Planks\n    - [ ] Sand\n",
    whole=True,
    options={"most": Option(8, "How many tasks may stand around a task, itself included.")},
)
def nesting_depth(subject: Subject, options: Options) -> Iterator[Found]:
    """A task is a part of a part of a part ... Nobody sees any more what it belongs to. Make phases of the
    upper ones.
    """
    depths = subject.depths
    deepest = max(depths)
    if deepest > options["most"]:
        yield subject.at(
            depths.index(deepest), f"This task is nested {deepest} deep, more than {options['most']}"
        )


@rule(
    *("task-length", Level.PERFORMANCE, Severity.INFO, "a very long task"),
    bad=Example("# Plan\n\n- [ ] Sand the planks, then prime and paint them\n", options={"most": 20}),
    good="# Plan\n\n- [ ] Sand the planks\n  - then prime and paint them\n",
    options={"most": Option(400, "The most characters that the text of a task should have.")},
)
def task_length(subject: Subject, options: Options) -> Iterator[Found]:
    """The text of a task is longer than lists and screens can show. Say what is to be done, and the rest
    below it.
    """
    most = options["most"]
    for position in subject.tasks:
        if len(subject.items[position].text) > most:
            length = len(subject.items[position].text)
            yield subject.at(position, f"This task has {length:,} characters, more than {most:,}")


@rule(
    *("line-length", Level.PERFORMANCE, Severity.INFO, "a very long line"),
    bad=Example(f"# Plan\n\n{'All about planks. ' * 4}\n", options={"most": 50}),
    good="# Plan\n\nAll about planks.\n",
    options={"most": Option(5000, "The most characters that a line should have.")},
)
def line_length(subject: Subject, options: Options) -> Iterator[Found]:
    """A line is so long that something must have lost its line ends: a table, or JSON."""
    most = options["most"]
    for line, text in enumerate(subject.lines):
        if len(text) > most:
            yield Found(f"This line has {len(text):,} characters, more than {most:,}", line + 1)
