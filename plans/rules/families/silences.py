"""Comments that silence rules, and silence none."""

from __future__ import annotations

from collections.abc import Iterator

from plans.rules import silencing
from plans.rules.model import Found, Level, Options, Severity
from plans.rules.registry import rule
from plans.rules.subject import Subject


@rule(
    *("silence-unknown", Level.SCHEMA, Severity.WARNING, "a comment that silences nothing"),
    bad="# Plan\n\n- [ ] Sand <!-- planning-sync: disable=no-such-rule -->\n",
    good="# Plan\n\n- [ ] Sand <!-- planning-sync: disable=ref-gap -->\n",
)
def silence_unknown(subject: Subject, options: Options) -> Iterator[Found]:
    """A comment that speaks to validation names a rule that does not exist, or says something that is not
    understood. [How to silence rules](validation.md#silence-a-rule) lists what it can say.
    """
    for directive in silencing.directives(subject):
        start, end = directive.start, directive.end
        if not directive.act:
            yield subject.on(directive.line, "This comment is not understood", start, end)
        for name in directive.rules:
            if name not in subject.known:
                yield subject.on(directive.line, f"There is no rule {name}", start, end)
