"""What the parser remarks: lines that look like tasks and are none, annotations, fences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from plans.document import text
from plans.document.block_model import Region
from plans.document.lookalikes import SIGN
from plans.document.parse import parse
from plans.outline import Kind
from plans.rules.model import Fix, Found, Level, Options, Severity
from plans.rules.registry import rule
from plans.rules.subject import Subject

_LOOKS = "looks like a task and is not one: "
_NUMBERED = re.compile(r"\[\d+\]")
_IN_CODE = ("in the code block", "in indented code", "in the HTML block")
_INDENT = "text of the paragraph above"
_TABLE = "in a table"
_BARE_BOX = re.compile(r"(?P<lead>[ \t>]*)(?P<box>\[[ xX]\])[ \t]+\S")
_TIGHT_BOX = re.compile(r"(?P<lead>[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]+\[[ xX]\])(?P<text>[^ \t(:\[].*)")
_CLOSING = re.compile(r"[ \t>]*(?:`{3,}|~{3,})[ \t]*")
_BROKEN = "broken-fence"
_PLAINTEXT = "plaintext"
_FENCE = re.compile(r"[ \t>]*(?:`{3,}|~{3,})")
_MARKDOWN = re.compile(_FENCE.pattern + r"[ \t]*(?:markdown|md)\b", re.IGNORECASE)
_WITH_INFO = re.compile(r"[ \t>]*(?:`{3,}|~{3,})[ \t]*[^`~ \t]")
_BOX = re.compile(r"[ \t>]*(?:(?:`{3,}|~{3,})[ \t]*)?(?:[-*+]|\d{1,9}[.)])[ \t]+\[.\]")


def _lookalikes(subject: Subject, wanted: Callable[[str], bool]) -> Iterator[tuple[int, str]]:
    """(line, reason) of the look-alikes whose reason is wanted; lines from 0."""
    for finding in subject.document.findings:
        if finding.code == "unrecognised":
            reason = finding.message.removeprefix(_LOOKS)
            if wanted(reason):
                yield finding.line - 1, reason


def _is_about_box(reason: str) -> bool:
    """A digit in the box is the number of a table of contents, and a sign mostly a result."""
    others = (*_IN_CODE, _INDENT, _TABLE, SIGN.message)
    return not reason.startswith(others) and _NUMBERED.match(reason) is None


@rule(
    *("task-box", Level.SCHEMA, Severity.WARNING, "a box that makes no task"),
    bad="# Plan\n\n- [ ]Buy paint\n- [?] Ask the harbour master\n",
    good="# Plan\n\n- [ ] Buy paint\n- [!] Ask the harbour master\n",
    fix="unsafe",
)
def task_box(subject: Subject, options: Options) -> Iterator[Found]:
    """The line looks like a task and is none: there is no blank after the box, no text, no list marker, or
    a mark that means nothing. It is in no count, and is not synced. Write `- [ ] text`. The fix adds the
    blank or the list marker, and with it a task to the plan.
    """
    for line, reason in _lookalikes(subject, _is_about_box):
        yield subject.on(
            line, f"This looks like a task and is none: {reason}", fix=_mended_box(subject, line)
        )


def _mended_box(subject: Subject, line: int) -> Fix | None:
    body = subject.body(line)
    tight, bare = _TIGHT_BOX.fullmatch(body), _BARE_BOX.match(body)
    if tight is not None and tight["text"].strip():
        return subject.rewrite("Put a blank after the box", {line: f"{tight['lead']} {tight['text']}"})
    if bare is not None:
        place = bare.end("lead")
        return subject.rewrite("Put a list marker before the box", {line: f"{body[:place]}- {body[place:]}"})
    return None


@rule(
    *("task-sign", Level.SCHEMA, Severity.INFO, "a sign where a box would make a task"),
    bad="# Plan\n\n- ✅ Paint ordered\n",
    good="# Plan\n\n- [x] Paint ordered\n",
    enabled=False,
)
def task_sign(subject: Subject, options: Options) -> Iterator[Found]:
    """A line that begins with ✅, ❌ or the like is a result, not a task: nobody can tick it. Switch this
    rule on where such lines are meant as tasks, and write `- [x]` instead.
    """
    for line, _ in _lookalikes(subject, SIGN.message.__eq__):
        yield subject.on(line, "A sign is not a box: this line is no task")


@rule(
    *("task-in-code", Level.SCHEMA, Severity.WARNING, "tasks in a block of code"),
    bad="# Plan\n\n```bash\nmake\n\n- [ ] Launch\n- [ ] Tell the crew\n",
    good="# Plan\n\n```bash\nmake\n```\n\n- [ ] Launch\n- [ ] Tell the crew\n",
)
def task_in_code(subject: Subject, options: Options) -> Iterator[Found]:
    """Lines that look like tasks stand in code or in HTML, mostly because a fence above was never closed.
    They are in no count. Close the block above them, or take away the indent that makes them code. A block
    that is closed, and in which no other one seems to begin, shows samples, as does one called `markdown`;
    a comment hides what is in it: none of them is reported.
    """
    for region, inside in groupby(_swallowed(subject, _IN_CODE), lambda line: _region(subject, line)):
        if region is None or _is_sample(subject, region):
            continue
        lines = [line for line in inside if not _below_sample(subject, region, line)]
        if lines:
            said = "1 task stands" if len(lines) == 1 else f"{len(lines)} tasks stand"
            yield subject.on(lines[0], f"{said} in the block that begins in line {region.start + 1}")


def _below_sample(subject: Subject, region: Region, line: int) -> bool:
    """Whether the last fence in the block above the line begins a sample of Markdown."""
    above = (subject.lines[number] for number in range(line - 1, region.start - 1, -1))
    fence = next((text for text in above if _FENCE.match(text)), "")
    return _MARKDOWN.match(fence) is not None


def _swallowed(subject: Subject, reasons: str | tuple[str, ...]) -> Iterator[int]:
    """The lines that would be tasks, and are none for one of the reasons."""
    for hidden in subject.document.hidden:
        is_task = hidden.kind is Kind.TASK and hidden.reason.startswith(reasons)
        if is_task and _BOX.match(subject.lines[hidden.line]) is not None:
            yield hidden.line


def _region(subject: Subject, line: int) -> Region | None:
    regions = subject.document.regions
    return next((region for region in regions if region.start <= line < region.end), None)


def _is_sample(subject: Subject, region: Region) -> bool:
    first = subject.body(region.start)
    if region.kind == "html":
        return first.lstrip(" \t>").startswith("<!--")
    if region.kind == "code" or not _is_closed(subject, region):
        return False
    return not any(_WITH_INFO.match(subject.lines[line]) for line in range(region.start + 1, region.end - 1))


def _is_closed(subject: Subject, region: Region) -> bool:
    return region.end - region.start > 1 and _CLOSING.fullmatch(subject.body(region.end - 1)) is not None


@rule(
    *("task-indent", Level.SCHEMA, Severity.WARNING, "a task so far indented that it is text"),
    bad="# Plan\n\n- [ ] Hull\n      - [ ] Sand\n",
    good="# Plan\n\n- [ ] Hull\n  - [ ] Sand\n",
)
def task_indent(subject: Subject, options: Options) -> Iterator[Found]:
    """Indented by six columns or more below a `- ` item, a line goes on with the text above, and is no
    task of its own. Indent it by two columns.
    """
    for line in _swallowed(subject, _INDENT):
        yield subject.on(line, "Because of its indent this is text of the item above, not a task")


@rule(
    *("annotation", Level.BUSINESS, Severity.WARNING, "an annotation that means nothing"),
    bad="# Plan\n\n- [ ] Buy paint #due:2026-02-30\n",
    good="# Plan\n\n- [ ] Buy paint #due:2026-02-28\n",
)
def annotation(subject: Subject, options: Options) -> Iterator[Found]:
    """A known key has a value that means nothing, such as a day that is not in the calendar or an unknown
    priority. It stays in the text, and the field stays empty. [The grammar](grammar.md#annotations) lists
    what is understood.
    """
    for finding in subject.document.findings:
        if finding.code == "annotation":
            yield subject.on(finding.line - 1, finding.message)


@rule(
    *("fence-broken", Level.SCHEMA, Severity.WARNING, "a fence that cannot close its block"),
    bad="# Plan\n\n```bash\nmake\n```plaintext\n\n- [ ] Launch\n",
    good="# Plan\n\n```bash\nmake\n```\n\n- [ ] Launch\n",
    fix="safe",
)
def fence_broken(subject: Subject, options: Options) -> Iterator[Found]:
    """A closing fence has a word behind it, so that by the rules of Markdown the block goes on, and the tasks
    below are code. The fix removes the word, at all such fences of the file at once, for each decides what
    the next one closes. It is safe where the plan is read as if the words were gone already.
    """
    lines = [finding.line - 1 for finding in subject.document.findings if finding.code == _BROKEN]
    fix = _mended_fences(subject, lines)
    for finding in subject.document.findings:
        if finding.code == _BROKEN:
            is_mended = fix is not None and any(splice.start == finding.line - 1 for splice in fix.splices)
            yield subject.on(finding.line - 1, finding.message, fix=fix if is_mended else None)


def _mended_fences(subject: Subject, lines: Sequence[int]) -> Fix | None:
    bodies = {line: subject.body(line).rstrip(" \t") for line in lines}
    mended = {line: body.removesuffix(_PLAINTEXT).rstrip(" \t") for line, body in bodies.items()}
    changed = {line: body for line, body in mended.items() if body != bodies[line]}
    if not changed:
        return None
    fix = subject.rewrite("Remove the word behind the fences", changed)
    document = subject.document
    after = [*subject.lines]
    for start, end, new in fix.splices:
        after[start:end] = new
    read = parse(text.encode("".join(after), document.encoding), document.dialect, subject.name)
    return fix._replace(safe=read.outline.same_shape(document.outline))


@rule(
    *("fence-open", Level.SCHEMA, Severity.WARNING, "a block of code that is never closed"),
    bad="# Plan\n\n- [ ] Launch\n\n```bash\nmake\n\nThen wait.\n",
    good="# Plan\n\n- [ ] Launch\n\n```bash\nmake\n```\n\nThen wait.\n",
)
def fence_open(subject: Subject, options: Options) -> Iterator[Found]:
    """The last block of code goes on to the end of the file. What stands below it is code, phases and
    tasks included. Write the closing fence.
    """
    regions = subject.document.regions
    last = regions[-1] if regions else None
    if (
        last is not None
        and last.kind == "fence"
        and last.end >= len(subject.lines)
        and not _is_closed(subject, last)
    ):
        yield subject.on(last.start, "This block of code is not closed before the end of the file")
