"""What tools and templates leave behind: merge markers, tags, placeholders, repeated version lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from plans.document import metadata
from plans.rules.model import Fix, Found, Level, Options, Severity, Splice
from plans.rules.registry import rule
from plans.rules.subject import Subject

_MARKERS = ("<<<<<<< ", ">>>>>>> ")
_TAG = re.compile(
    r"(?P<lead>[ \t]*)</?(?:content|create_file|file_content|write_to_file|file|path|document)>"
)
_PLACEHOLDER = re.compile(r"(?<!\$)(?:\{\{\s*[A-Z][A-Z0-9_]{2,}\s*\}\}|\{[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\})")


@rule(
    *("merge-marker", Level.SCHEMA, Severity.ERROR, "a merge that was not finished"),
    bad="# Plan\n\n<<<<<<< HEAD\n- [ ] Sand\n=======\n- [x] Sand\n>>>>>>> crew\n",
    good="# Plan\n\n- [x] Sand\n",
)
def merge_marker(subject: Subject, options: Options) -> Iterator[Found]:
    """Git left both sides of a conflict in the file: tasks may be there twice. Decide, and remove the
    markers.
    """
    for marker in _MARKERS:
        if marker in subject.whole:
            for line in subject.lines_with(marker):
                if subject.lines[line].startswith(marker):
                    yield subject.on(line, "A merge was left unfinished here")


@rule(
    *("wrapper-tag", Level.SCHEMA, Severity.WARNING, "a tag of a tool"),
    bad="<content># Plan\n\n- [ ] Sand\n</content>\n",
    good="# Plan\n\n- [ ] Sand\n",
    fix="unsafe",
)
def wrapper_tag(subject: Subject, options: Options) -> Iterator[Found]:
    """A tool that wrote the file left its own tags in it, such as `<content>`: the heading behind one is
    none, and the lines below one may be read as HTML. The fix removes the tag.
    """
    if ">" not in subject.whole or "<" not in subject.whole:
        return
    for name in ("content>", "file>", "path>", "document>"):
        for line in subject.lines_with(name):
            found = _TAG.match(subject.body(line))
            if found is not None and found[0].endswith(name):
                yield subject.on(
                    line,
                    "A tool left its tag here",
                    found.end("lead"),
                    found.end(),
                    fix=_cut(subject, line, found),
                )


def _cut(subject: Subject, line: int, found: re.Match[str]) -> Fix:
    rest = subject.body(line)[found.end() :]
    kept = (found["lead"] + rest + subject.lines[line][len(subject.body(line)) :],) if rest.strip() else ()
    return Fix("Remove the tag", (Splice(line, line + 1, kept),), safe=False)


@rule(
    *("placeholder", Level.SCHEMA, Severity.WARNING, "a placeholder that was never filled in"),
    bad="# Plan\n\n*Version 1.0 - {{CURRENT_DATE}}*\n\n- [ ] Sand\n",
    good="# Plan\n\n*Version 1.0 - 2026-03-02*\n\n- [ ] Sand\n",
)
def placeholder(subject: Subject, options: Options) -> Iterator[Found]:
    """A template was copied and not filled in: `{{CURRENT_DATE}}`, `{PHASE_NUMBER}`. Code spans and blocks
    are left alone.
    """
    if "{" not in subject.whole or _PLACEHOLDER.search(subject.whole) is None:
        return
    for line in subject.lines_with("{"):
        body = subject.body(line)
        found = _PLACEHOLDER.search(body)
        if found is not None and body.count("`", 0, found.start()) % 2 == 0:
            yield subject.on(line, f"{found[0]} was never filled in", found.start(), found.end())


@rule(
    *("version-repeated", Level.SCHEMA, Severity.WARNING, "several version lines"),
    bad="# Plan\n\n*Version 1.1 - 2026-03-05*\n*Version 1.0 - 2026-03-02*\n\n- [ ] Sand\n",
    good="# Plan\n\n*Version 1.1 - 2026-03-05*\n\n- [ ] Sand\n",
    whole=True,
)
def version_repeated(subject: Subject, options: Options) -> Iterator[Found]:
    """Below the title stands more than one version line, and only the first one counts. Some tool adds one
    at each change instead of changing the one that is there.
    """
    lines = [
        line
        for line in subject.preamble
        if any(part.field == "version" for part in metadata.version_parts(subject.body(line)))
    ]
    if len(lines) > 1:
        yield subject.on(lines[1], f"Version lines: {len(lines)}; line {lines[0] + 1} counts")
