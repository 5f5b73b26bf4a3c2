"""Dependencies between tasks: unknown ones, cycles, tasks done before what they need."""

from __future__ import annotations

from collections.abc import Iterator

from plans.outline import Status
from plans.rules.dependencies import Dependencies
from plans.rules.model import Found, Level, Options, Severity
from plans.rules.registry import rule
from plans.rules.subject import Subject

_SHOWN = 8


@rule(
    *("dependency-order", Level.BUSINESS, Severity.ERROR, "a task done before what it needs"),
    bad="# Plan\n\n- [ ] **1.1** Sand\n- [x] **1.2** Paint #depends:1.1\n",
    good="# Plan\n\n- [x] **1.1** Sand\n- [x] **1.2** Paint #depends:1.1\n",
)
def dependency_order(subject: Subject, options: Options) -> Iterator[Found]:
    """A task is done while one that it depends on is open. One of the two is wrong, or the dependency is.
    A phase is done when none of its tasks is open.
    """
    dependencies = subject.shared(Dependencies)
    for position, ref, targets in dependencies.needs:
        is_done = subject.items[position].status == Status.DONE
        if is_done and targets and not any(map(dependencies.is_settled, targets)):
            line = subject.spots[targets[0]].text_line + 1
            yield subject.at(position, f"This is done, and {ref} (line {line}), which it depends on, is not")


@rule(
    *("dependency-cycle", Level.BUSINESS, Severity.ERROR, "tasks that wait for each other"),
    bad="# Plan\n\n- [ ] **1.1** Sand #depends:1.2\n- [ ] **1.2** Paint #depends:1.1\n",
    good="# Plan\n\n- [ ] **1.1** Sand\n- [ ] **1.2** Paint #depends:1.1\n",
)
def dependency_cycle(subject: Subject, options: Options) -> Iterator[Found]:
    """Each task of a circle depends on the next one, so that none can begin. Remove one of the
    dependencies.
    """
    for cycle in subject.shared(Dependencies).cycles:
        names = [subject.items[position].ref or subject.label(subject.items[position]) for position in cycle]
        if len(names) > _SHOWN:
            names[_SHOWN - 1 :] = [f"… {len(names) - _SHOWN + 1} more"]
        yield subject.at(cycle[0], f"These wait for each other: {' → '.join([*names, names[0]])}")


@rule(
    *("dependency-unknown", Level.BUSINESS, Severity.WARNING, "a dependency on nothing"),
    bad="# Plan\n\n- [ ] **1.1** Sand\n- [ ] **1.2** Paint #depends:1.7\n",
    good="# Plan\n\n- [ ] **1.1** Sand\n- [ ] **1.2** Paint #depends:1.1\n",
)
def dependency_unknown(subject: Subject, options: Options) -> Iterator[Found]:
    """A task depends on a number that no phase or task of the plan has: it was renumbered, removed or
    misspelt.
    """
    for position, ref, targets in subject.shared(Dependencies).needs:
        if not targets:
            yield subject.at(position, f"There is no {ref} in this plan")


@rule(
    *("dependency-ambiguous", Level.BUSINESS, Severity.INFO, "a dependency that may mean several"),
    bad="# Plan\n\n- [ ] **1.1** Sand\n- [ ] **1.1** Wash\n- [ ] **1.2** Paint #depends:1.1\n",
    good="# Plan\n\n- [ ] **1.1** Sand\n- [ ] **1.2** Wash\n- [ ] **1.3** Paint #depends:1.1\n",
)
def dependency_ambiguous(subject: Subject, options: Options) -> Iterator[Found]:
    """A task depends on a number that several phases or tasks have. Number them apart."""
    for position, ref, targets in subject.shared(Dependencies).needs:
        if len(targets) > 1:
            lines = ", ".join(str(subject.spots[target].text_line + 1) for target in targets[:_SHOWN])
            yield subject.at(position, f"{ref} may be any of the lines {lines}")
