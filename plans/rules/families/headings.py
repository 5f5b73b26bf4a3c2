"""The title and the headings: levels, empty ones, those that are none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from plans.rules.model import Fix, Found, Level, Options, Severity, Splice
from plans.rules.registry import rule
from plans.rules.subject import Subject

_BY_DASHES = 2
_HEADING_LENGTH = 60
_SENTENCE_ENDS = (".", "!", "?", ":", ";", ")", ",")
_GLUED = re.compile(r"(?P<hashes>#{2,6})(?P<text>[^\W\d_].*|\d.*)")
_MAY_BE_GLUED = re.compile(r"##+[^\W_]")
_HASHES = re.compile(r"(?P<lead>\ufeff* {0,3}#{1,6}[ \t]+)(?P<hashes>(?:#+[ \t]+)+)(?P<text>\S.*)")


@rule(
    *("title-missing", Level.SCHEMA, Severity.WARNING, "a plan without a title"),
    bad="## Ground\n\n- [ ] Dig\n",
    good="# Boat house\n\n## Ground\n\n- [ ] Dig\n",
    whole=True,
)
def title_missing(subject: Subject, options: Options) -> Iterator[Found]:
    """The plan has no level-1 heading and is called like its file. Write `# Title` in its first line."""
    if subject.document.title_spot is None and not any(spot.level == 1 for spot in subject.spots):
        yield Found("The plan has no title: begin it with a line such as `# Title`")


@rule(
    *("title-several", Level.SCHEMA, Severity.INFO, "several titles"),
    bad="# Boat house\n\n- [ ] Dig\n\n# Jetty\n\n- [ ] Measure\n",
    good="# Harbour\n\n## Boat house\n\n- [ ] Dig\n\n## Jetty\n\n- [ ] Measure\n",
    whole=True,
)
def title_several(subject: Subject, options: Options) -> Iterator[Found]:
    """There is more than one level-1 heading: the first is the title, the others are phases. Often it is
    two plans in one file, or a `# comment` that a broken fence set free.
    """
    further = [position for position in subject.phases if subject.spots[position].level == 1]
    if subject.document.title_spot is not None and further:
        more = f", as do {len(further) - 1} more" if len(further) > 1 else ""
        yield subject.at(further[0], f"A second level-1 heading follows the title{more}")


@rule(
    *("title-late", Level.SCHEMA, Severity.INFO, "headings before the title"),
    bad="## Changes\n\nNone.\n\n# Boat house\n\n## Ground\n\n- [ ] Dig\n",
    good="# Boat house\n\n## Changes\n\nNone.\n\n## Ground\n\n- [ ] Dig\n",
    whole=True,
)
def title_late(subject: Subject, options: Options) -> Iterator[Found]:
    """The level-1 heading is not the first heading, so that phases stand before the title. Move it to the
    top.
    """
    title = subject.document.title_spot
    if title is not None and subject.phases and subject.spots[subject.phases[0]].line < title.line:
        yield subject.on(title.line, "The title comes after other headings", title.content)


@rule(
    *("heading-skip", Level.SCHEMA, Severity.INFO, "a skipped heading level"),
    bad="# Plan\n\n## Hull\n\n#### Sand\n\n- [ ] Buy paper\n",
    good="# Plan\n\n## Hull\n\n### Sand\n\n- [ ] Buy paper\n",
)
def heading_skip(subject: Subject, options: Options) -> Iterator[Found]:
    """A heading is more than one level below the one it belongs to. Readers and outlines expect `###`
    below `##`.
    """
    spots, parents = subject.spots, subject.parents
    title = subject.document.title_spot
    for position in subject.phases:
        level, parent = spots[position].level, parents[position]
        if parent < 0 and (title is None or spots[position].line < title.line):
            continue
        above = spots[parent].level if parent >= 0 else 1
        if level > above + 1:
            yield subject.at(position, f"A heading of level {level} follows one of level {above}")


@rule(
    *("heading-empty", Level.SCHEMA, Severity.WARNING, "a heading without text"),
    bad="# Plan\n\n## \n\n- [ ] Dig\n",
    good="# Plan\n\n## Ground\n\n- [ ] Dig\n",
)
def heading_empty(subject: Subject, options: Options) -> Iterator[Found]:
    """A heading says nothing, and makes a phase without a name. Give it words or remove it."""
    for position in subject.phases:
        item = subject.items[position]
        if not item.text and not item.ref:
            yield subject.on(subject.spots[position].line, "This heading has no text")


@rule(
    *("heading-glued", Level.SCHEMA, Severity.WARNING, "a heading without a blank"),
    bad="# Plan\n\n##Ground\n\n- [ ] Dig\n",
    good="# Plan\n\n## Ground\n\n- [ ] Dig\n",
    fix="unsafe",
)
def heading_glued(subject: Subject, options: Options) -> Iterator[Found]:
    """Without a blank after the `#` signs the line is text, and makes no phase. The fix puts one there."""
    if _MAY_BE_GLUED.search(subject.whole) is None:
        return
    for line in subject.lines_with("##"):
        body = subject.body(line)
        found = _GLUED.fullmatch(body)
        if found is not None:
            fix = subject.rewrite("Put a blank after the signs", {line: f"{found['hashes']} {found['text']}"})
            yield subject.on(line, "Without a blank after the # signs this is text, not a heading", fix=fix)


@rule(
    *("heading-hashes", Level.SCHEMA, Severity.WARNING, "a heading with # signs in its text"),
    bad="# Plan\n\n## ## Ground\n\n- [ ] Dig\n",
    good="# Plan\n\n## Ground\n\n- [ ] Dig\n",
    fix="unsafe",
)
def heading_hashes(subject: Subject, options: Options) -> Iterator[Found]:
    """A tool put further `#` signs before a heading: they are part of its text. The fix removes them."""
    title = subject.document.title_spot
    spots = [
        subject.spots[position] for position in subject.phases if subject.items[position].text[:1] == "#"
    ]
    if title is not None and subject.plan.text[:1] == "#":
        spots.insert(0, title)
    for spot in spots:
        found = _HASHES.match(subject.body(spot.line))
        if found is not None:
            fix = subject.rewrite("Remove the further signs", {spot.line: found["lead"] + found["text"]})
            yield subject.on(spot.line, "The text of this heading begins with # signs", spot.content, fix=fix)


@rule(
    *("phase-empty", Level.SCHEMA, Severity.INFO, "a phase with nothing in it"),
    bad="# Plan\n\n## Ground\n\n## Walls\n\n- [ ] Order wood\n",
    good="# Plan\n\n## Ground\n\nDone by the neighbour.\n\n## Walls\n\n- [ ] Order wood\n",
)
def phase_empty(subject: Subject, options: Options) -> Iterator[Found]:
    """There is neither text nor a task below the heading. Say what is to be done there, or remove it."""
    phases = subject.phases
    underlined = {subject.parents[position] for position in phases if _is_underlined(subject, position)}
    for position in phases:
        spot, item = subject.spots[position], subject.items[position]
        empty = spot.end <= spot.text_line + 1 and (item.text or item.ref)
        if empty and not _is_underlined(subject, position + 1) and position not in underlined:
            yield subject.at(position, "Nothing stands below this heading")


def _is_underlined(subject: Subject, position: int) -> bool:
    """Whether an item is a heading by the line of dashes below it."""
    if position >= len(subject.items):
        return False
    spot = subject.spots[position]
    return (
        spot.level == _BY_DASHES and spot.text_line == spot.line and "#" not in subject.lines[spot.line][:4]
    )


@rule(
    *("heading-dashes", Level.SCHEMA, Severity.INFO, "a paragraph that a rule makes a heading"),
    bad="# Plan\n\n- [ ] Dig\n\nWait for dry days.\n---\n",
    good="# Plan\n\n- [ ] Dig\n\nWait for dry days.\n\n---\n",
    fix="unsafe",
)
def heading_dashes(subject: Subject, options: Options) -> Iterator[Found]:
    """A line of dashes right below a paragraph makes a heading of it, and so a phase, where a rule was
    meant. The fix puts a blank line between them. Short lines without a mark at the end are taken for
    headings that are meant.
    """
    for position in subject.phases:
        text = subject.items[position].text
        if _is_underlined(subject, position) and (
            len(text) > _HEADING_LENGTH or text.endswith(_SENTENCE_ENDS)
        ):
            line = _dashes(subject, subject.spots[position].line)
            blank = Splice(line, line, (subject.end(line - 1),))
            fix = Fix("Put a blank line above the dashes", (blank,), safe=False)
            yield subject.at(position, "The dashes below make a heading of this paragraph", fix)


def _dashes(subject: Subject, line: int) -> int:
    """The line of dashes below a paragraph."""
    while subject.body(line).strip(" \t-"):
        line += 1
    return line


@rule(
    *("plan-empty", Level.SCHEMA, Severity.WARNING, "a plan without tasks"),
    bad="# Plan\n\nTo be written.\n",
    good="# Plan\n\n- [ ] Write the plan\n",
    whole=True,
    enabled=False,
)
def plan_empty(subject: Subject, options: Options) -> Iterator[Found]:
    """The plan has no task, so that nothing can be followed in it. Off by default, for folders of plans
    also hold reports and notes.
    """
    if not subject.tasks:
        yield Found("The plan has no tasks")
