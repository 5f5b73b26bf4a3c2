"""The bytes of the file: encoding, line ends, characters that nobody sees."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from plans.document import encoding
from plans.document.text import BOM
from plans.rules.model import Fix, Found, Level, Options, Severity, Splice
from plans.rules.registry import rule
from plans.rules.subject import Subject

_CONTROLS = re.compile("[\0-\b\v\f\x0e-\x1a\x1c-\x1f\x7f]")
_NAMES = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}


@rule(
    *("bom-double", Level.SCHEMA, Severity.WARNING, "two marks of byte order"),
    bad="\ufeff\ufeff# Plan\n\n- [ ] Launch\n",
    good="\ufeff# Plan\n\n- [ ] Launch\n",
    whole=True,
    fix="unsafe",
)
def bom_double(subject: Subject, options: Options) -> Iterator[Found]:
    """The file begins with two byte-order marks. The second one is text, so that the title is none. The
    fix keeps the first.
    """
    body = subject.body(0) if subject.lines else ""
    if body.startswith(BOM + BOM):
        fix = subject.rewrite("Keep one byte-order mark", {0: BOM + body.lstrip(BOM)})
        yield Found("The file begins with two byte-order marks", 1, fix=fix)


@rule(
    *("line-ends", Level.SCHEMA, Severity.INFO, "two kinds of line ends"),
    bad="# Plan\r\n\n- [ ] Launch\n- [ ] Tell the crew\n",
    good="# Plan\n\n- [ ] Launch\n- [ ] Tell the crew\n",
    whole=True,
    fix="safe",
)
def line_ends(subject: Subject, options: Options) -> Iterator[Found]:
    """Lines of one file end in different ways, and tools will change them in bulk one day. The fix gives
    all lines the end that most of them have.
    """
    if "\r" not in subject.whole:
        return
    ends = [line[len(line.rstrip("\r\n")) :] for line in subject.lines]
    counts = Counter(end for end in ends if end)
    if len(counts) < 2:
        return
    usual = counts.most_common(1)[0][0]
    others = [line for line, end in enumerate(ends) if end not in ("", usual)]
    splices = tuple(Splice(line, line + 1, (subject.body(line) + usual,)) for line in others)
    said = ", ".join(f"{count} × {_NAMES[end]}" for end, count in counts.most_common())
    yield Found(
        f"Lines end in different ways: {said}", others[0] + 1, fix=Fix("Use one line end", splices, safe=True)
    )


@rule(
    *("final-newline", Level.SCHEMA, Severity.INFO, "no line end at the end"),
    bad="# Plan\n\n- [ ] Launch",
    good="# Plan\n\n- [ ] Launch\n",
    whole=True,
    fix="safe",
)
def final_newline(subject: Subject, options: Options) -> Iterator[Found]:
    """The last line has no line end: whoever adds a line changes this one as well. The fix ends it."""
    last = len(subject.lines) - 1
    if last >= 0 and subject.body(last) == subject.lines[last]:
        ended = Splice(last, last + 1, (subject.lines[last] + subject.end(last),))
        yield Found("The last line does not end", last + 1, fix=Fix("End the last line", (ended,), safe=True))


@rule(
    *("mojibake", Level.SCHEMA, Severity.WARNING, "text read in a wrong encoding"),
    bad="# Plan\n\n- [ ] CrÃ©er le plan\n",
    good="# Plan\n\n- [ ] Créer le plan\n",
    whole=True,
    fix="unsafe",
)
def mojibake(subject: Subject, options: Options) -> Iterator[Found]:
    """Some tool read UTF-8 as something else and saved the result: `CrÃ©er` for `Créer`. The fix mends the
    lines that can be mended, as `planning-sync repair-encoding` does. It is unsafe, for tasks get other
    texts.
    """
    for finding in subject.document.findings:
        if finding.code == "mojibake":
            mended = {line - 1: new for line, _, new in encoding.repair(subject.document).lines}
            fix = subject.rewrite("Mend the encoding", mended) if mended else None
            yield subject.on(finding.line - 1, _capital(finding.message), fix=fix)


@rule(
    *("not-utf8", Level.SCHEMA, Severity.WARNING, "bytes that are no text"),
    bad="# Plan\n\n- [ ] Cr\udce9er le plan\n",
    good="# Plan\n\n- [ ] Créer le plan\n",
    whole=True,
)
def not_utf8(subject: Subject, options: Options) -> Iterator[Found]:
    """The file holds bytes that are not UTF-8. They are kept, and shown as `\\xe9`. Save the file as
    UTF-8.
    """
    for finding in subject.document.findings:
        if finding.code == "not-utf8":
            yield subject.on(finding.line - 1, _capital(finding.message))


@rule(
    *("control-character", Level.SCHEMA, Severity.INFO, "characters that nobody sees"),
    bad="# Plan\n\n- [ ] Laun\0ch\n",
    good="# Plan\n\n- [ ] Launch\n",
)
def control_character(subject: Subject, options: Options) -> Iterator[Found]:
    """A control character such as NUL is in the line, mostly by accident. It is kept. Remove it."""
    if _CONTROLS.search(subject.whole) is None:
        return
    for line, text in enumerate(subject.lines):
        found = _CONTROLS.search(text)
        if found is not None:
            message = f"A control character (U+{ord(found[0]):04X}) is in the line"
            yield subject.on(line, message, found.start(), found.end())


def _capital(message: str) -> str:
    return message[:1].upper() + message[1:]
