"""The numbers of phases and tasks: repeated, out of order, left out, of another branch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from typing import NamedTuple

from plans.rules.model import Found, Level, Options, Severity
from plans.rules.registry import rule
from plans.rules.subject import Subject

_DIGITS = "0123456789"
_LONGEST = 9
_WIDEST = 10
"""A wider gap is the beginning of another series."""
_DAY = re.compile(r"(?:jour|day|semaine|week|j|d|s|w) ?\d", re.IGNORECASE)
"""Several tasks of one day or week are fine."""


class _Step(NamedTuple):
    """An item and the one before it with the same parent and the same prefix."""

    position: int
    before: int
    """The last part of the number of the one before."""
    number: int
    used: Set[int]
    """All such numbers below that parent."""


def _steps(subject: Subject) -> list[_Step]:
    """Each numbered item whose number is not the next one after that of the item before it, such as 1.4 after
    1.2. Words with a dash before the number, such as task-004, are names and no numbers.
    """
    found: list[_Step] = []
    series: dict[tuple[int, bool, str], tuple[int, set[int]]] = {}
    parents, depths = subject.parents, subject.depths
    for position, item in enumerate(subject.items):
        ref = item.ref
        if not ref:
            continue
        prefix = ref.rstrip(_DIGITS)
        tail = ref[len(prefix) :]
        if not tail or len(tail) > _LONGEST or prefix[-1:] not in ("", ".", " "):
            continue
        key, number = (parents[position], depths[position] > 0, prefix), int(tail)
        known = series.get(key)
        if known is None:
            series[key] = number, {number}
            continue
        before, used = known
        used.add(number)
        series[key] = number, used
        if number != before + 1:
            found.append(_Step(position, before, number, used))
    return found


@rule(
    *("ref-duplicate", Level.SCHEMA, Severity.WARNING, "a number used twice"),
    bad="# Plan\n\n## Hull\n\n- [ ] **1.1** Sand\n- [ ] **1.1** Paint\n",
    good="# Plan\n\n## Hull\n\n- [ ] **1.1** Sand\n- [ ] **1.2** Paint\n",
)
def ref_duplicate(subject: Subject, options: Options) -> Iterator[Found]:
    """Two tasks of one phase, or two phases side by side, have the same number. Dependencies on it can
    mean either, and after an edit it is harder to tell which is which. Numbers that begin again in each
    phase are fine.
    """
    seen: dict[tuple[int, bool, str], int] = {}
    sections, depths = subject.sections, subject.depths
    for position, item in enumerate(subject.items):
        if item.ref and _DAY.match(item.ref) is None:
            first = seen.setdefault((sections[position], depths[position] > 0, item.ref), position)
            if first != position:
                line = subject.spots[first].line + 1
                yield subject.at(position, f"{item.ref} is the number of line {line} already")


@rule(
    *("ref-order", Level.SCHEMA, Severity.INFO, "numbers out of order"),
    bad="# Plan\n\n- [ ] **1.3** Paint\n- [ ] **1.2** Sand\n",
    good="# Plan\n\n- [ ] **1.1** Sand\n- [ ] **1.2** Paint\n",
)
def ref_order(subject: Subject, options: Options) -> Iterator[Found]:
    """A number is lower than the one before it. Put the items in order, or number them anew."""
    for position, before, number, _ in subject.shared(_steps):
        if 1 < number < before:
            yield subject.at(
                position, f"{subject.items[position].ref} comes after a higher number ({before})"
            )


@rule(
    *("ref-gap", Level.SCHEMA, Severity.INFO, "a number left out"),
    bad="# Plan\n\n- [ ] **1.1** Sand\n- [ ] **1.3** Paint\n",
    good="# Plan\n\n- [ ] **1.1** Sand\n- [ ] **1.2** Paint\n",
)
def ref_gap(subject: Subject, options: Options) -> Iterator[Found]:
    """A number is missing between two neighbours, and stands nowhere else beside them: something was removed,
    or forgotten.
    """
    for position, before, number, used in subject.shared(_steps):
        if before + 1 < number <= before + _WIDEST:
            missing = [str(between) for between in range(before + 1, number) if between not in used]
            if missing:
                are = "is" if len(missing) == 1 else "are"
                said = f"{subject.items[position].ref} follows {before}: {', '.join(missing)} {are} missing"
                yield subject.at(position, said)


@rule(
    *("ref-parent", Level.SCHEMA, Severity.INFO, "a number of another branch"),
    bad="# Plan\n\n- [ ] **1.1** Hull\n  - [ ] **2.1.1** Sand\n",
    good="# Plan\n\n- [ ] **1.1** Hull\n  - [ ] **1.1.1** Sand\n",
)
def ref_parent(subject: Subject, options: Options) -> Iterator[Found]:
    """The number of a task does not go on with that of the task above it: it was moved, or copied."""
    items, parents, depths = subject.items, subject.parents, subject.depths
    for position in subject.tasks:
        ref, parent = items[position].ref, parents[position]
        if "." not in ref or not depths[parent]:
            continue
        above = items[parent].ref
        both_dotted = "." in above and ref[0] in _DIGITS and above[0] in _DIGITS
        if both_dotted and not ref.startswith(above + "."):
            yield subject.at(position, f"{ref} stands below {above}, and is not called {above}.…")
