"""Lines that are tasks and should not be, or not so: twice the same, two in one line, attributes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from plans.outline import Item
from plans.rules.model import Fix, Found, Level, Options, Severity, Splice
from plans.rules.registry import rule
from plans.rules.subject import Subject

_ATTRIBUTE = re.compile(
    r"\*(?!\*)(?P<key>[^*:]{1,60}?)(?P<stars>\*\*[ \t\u00a0\u202f]*:|[ \t\u00a0\u202f]*:\*\*)"
)
_SAID = slice(Item._fields.index("parent"), Item._fields.index("ref") + 1)
"""Parent, text and ref of an item: a slice of them all is quicker to make than a tuple of each."""
_FURTHER = re.compile(r"[ \t]+(?=[-*+] \[[ xX]\] [^ \t])")


@rule(
    *("task-duplicate", Level.SCHEMA, Severity.INFO, "the same task twice"),
    bad="# Plan\n\n- [ ] Buy paint\n- [ ] Buy paint\n",
    good="# Plan\n\n- [ ] Buy white paint\n- [ ] Buy blue paint\n",
)
def task_duplicate(subject: Subject, options: Options) -> Iterator[Found]:
    """Two tasks side by side have the same number and the same text. They are told apart by their order
    alone.
    """
    seen: dict[object, int] = {}
    for position in subject.tasks:
        item = subject.items[position]
        first = seen.setdefault(item[_SAID], position)
        if first != position:
            yield subject.at(position, f"Line {subject.spots[first].text_line + 1} says the same")


@rule(
    *("task-attribute", Level.SCHEMA, Severity.WARNING, "an attribute turned into a task"),
    bad="# Plan\n\n- [ ] Paint\n- [ ] *Responsible**: the crew\n",
    good="# Plan\n\n- [ ] Paint\n- **Responsible**: the crew\n",
    fix="unsafe",
)
def task_attribute(subject: Subject, options: Options) -> Iterator[Found]:
    """A script took the first `*` of `**Key**: value` for a bullet and made a task of it. The fix makes an
    attribute of it again, and takes the task out of the plan.
    """
    for position in subject.tasks:
        if subject.items[position].text[:1] == "*":
            spot = subject.spots[position]
            body = subject.body(spot.text_line)
            if _ATTRIBUTE.match(body, spot.content) is not None:
                marker = body[: spot.box].rstrip("[ \t")
                fix = subject.rewrite(
                    "Make it an attribute", {spot.text_line: f"{marker} *{body[spot.content :]}"}
                )
                only = spot.line == spot.text_line and spot.box >= 0
                yield subject.at(position, "This is an attribute, not a task", fix if only else None)


@rule(
    *("task-two", Level.SCHEMA, Severity.WARNING, "two tasks in one line"),
    bad="# Plan\n\n- [ ] Sand      - [ ] Paint\n",
    good="# Plan\n\n- [ ] Sand\n- [ ] Paint\n",
    fix="unsafe",
)
def task_two(subject: Subject, options: Options) -> Iterator[Found]:
    """A line holds a second task, which is text of the first. The fix gives it a line of its own."""
    for position in subject.tasks:
        text = subject.items[position].text
        if "] " in text and _FURTHER.search(text) is not None:
            spot = subject.spots[position]
            body = subject.body(spot.text_line)
            found = _FURTHER.search(body, spot.content)
            if found is not None and body.count("`", 0, found.start()) % 2 == 0:
                fix = _split(subject, spot.text_line, body[: spot.start], found)
                yield subject.on(spot.text_line, "A second task stands in this line", found.end(), fix=fix)


def _split(subject: Subject, line: int, lead: str, found: re.Match[str]) -> Fix | None:
    if lead.strip(" \t>"):
        return None
    body = subject.body(line)
    lines = (
        body[: found.start()] + subject.end(line),
        lead + body[found.end() :] + subject.lines[line][len(body) :],
    )
    return Fix("Give the second task a line of its own", (Splice(line, line + 1, lines),), safe=False)
