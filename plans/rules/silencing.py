"""Comments in a plan that silence rules: `read` gives the `Silences`, `directives` what stands where.

    - [ ] Task <!-- planning-sync: disable=ref-gap -->     on its line
    <!-- planning-sync: disable-next-line=ref-gap -->      on the next line
    <!-- planning-sync: disable=ref-gap -->                on a line of its own: from here
    <!-- planning-sync: enable=ref-gap -->                 to here, or to the end
    <!-- planning-sync: disable-file=ref-gap -->           everywhere, and for what concerns the whole file

Several rules are separated by commas; without any, all rules are meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from plans.rules.model import Finding
from plans.rules.subject import Subject

MARK = "planning-sync:"
_COMMENT = re.compile(r"<!--\s*planning-sync:\s*(?P<said>[^>]*?)\s*-->")
_SAID = re.compile(r"(?P<act>disable|enable|disable-next-line|disable-file)(?:\s*=\s*(?P<rules>[\w, \t-]+))?")
_EVERY = ""
_ALONE = " \t>"


class Directive(NamedTuple):
    line: int
    start: int
    end: int
    """The columns of the comment."""
    act: str
    """`disable`, `enable`, `disable-next-line`, `disable-file`; "" where it is none of them."""
    rules: tuple[str, ...]
    """None named: all rules."""
    alone: bool
    """Whether nothing else stands in the line."""


class Silences:
    """Where which rules are silent."""

    def __init__(self) -> None:
        self._spans: dict[str, list[tuple[int, int]]] = {}
        """Lines (1-based, from and to) by rule."""

    def add(self, rule: str, first: int, last: int) -> None:
        self._spans.setdefault(rule, []).append((first, last))

    def cover(self, finding: Finding) -> bool:
        if not self._spans:
            return False
        spans = (*self._spans.get(finding.rule, ()), *self._spans.get(_EVERY, ()))
        return any(first <= finding.line <= last for first, last in spans)


def directives(subject: Subject) -> Iterator[Directive]:
    """The comments that speak to validation, in order; those in code are code."""
    if MARK not in subject.whole:
        return
    for line in subject.lines_with(MARK):
        body = subject.body(line)
        for match in _COMMENT.finditer(body):
            said = _SAID.fullmatch(match["said"])
            alone = not (body[: match.start()] + body[match.end() :]).strip(_ALONE)
            act = said["act"] if said else ""
            rules = re.findall(r"[\w-]+", said["rules"] or "") if said else []
            yield Directive(line, match.start(), match.end(), act, tuple(rules), alone)


def read(subject: Subject) -> Silences:
    silences = Silences()
    opened: dict[str, int] = {}
    last = len(subject.lines)
    for directive in directives(subject):
        number = directive.line + 1
        for rule in directive.rules or (_EVERY,):
            match directive.act:
                case "disable-file":
                    silences.add(rule, 0, last)
                case "disable-next-line":
                    silences.add(rule, number + 1, number + 1)
                case "disable" if directive.alone:
                    opened.setdefault(rule, number)
                case "disable":
                    silences.add(rule, number, number)
                case "enable":
                    for name in list(opened) if rule == _EVERY else [rule] if rule in opened else []:
                        silences.add(name, opened.pop(name), number)
    for rule, first in opened.items():
        silences.add(rule, first, last)
    return silences
