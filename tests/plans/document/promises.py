"""What must hold for any rewrite, said or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from plans.document import Document, parse, render
from plans.document.metadata import Declared, front_matter_part, read_progress_line, read_version_line
from plans.document.rewrite import Rewrite, rewrite
from plans.outline import Changed, Moved, Outline, Removed, diff


def kept_promises(document: Document, target: Outline) -> Rewrite:
    """The rewrite, after checking that it says what it claims and leaves every other line alone."""
    done = rewrite(document, target)
    after = done.document
    assert render(after) == after.data
    assert done.left == diff(after.outline, target)
    again = parse(after.data, document.dialect).outline
    assert len(again.items) == len(after.outline.items)
    assert again.rekeyed(
        {a.key: b.key for a, b in zip(again.items, after.outline.items, strict=True)}
    ).items == (after.outline.items)
    expressed = diff(document.outline, after.outline)
    if not expressed:
        assert after.data == document.data
    elif all(isinstance(change, Changed) for change in expressed):
        assert len(after.lines) == len(document.lines)
        differing = sum(old != new for old, new in zip(document.lines, after.lines, strict=True))
        assert differing <= 2 * len({change.key for change in expressed if isinstance(change, Changed)})
    else:
        assert _is_within(_untouched(document, after), _words(after.lines))
    return done


def _untouched(document: Document, after: Document) -> list[str]:
    """The lines of the document, blank ones aside, of items that are neither gone nor moved nor edited."""
    touched: set[int] = set()
    positions = {item.key: position for position, item in enumerate(document.outline.items)}
    for change in diff(document.outline, after.outline):
        if isinstance(change, Changed) and change.key in positions:
            spot = document.spots[positions[change.key]]
            touched.update(range(spot.line, spot.own_end))
        elif isinstance(change, Removed | Moved):
            key = change.item.key if isinstance(change, Removed) else change.key
            spot = document.spots[positions[key]]
            touched.update(range(spot.line, spot.end))
        if isinstance(change, Changed) and change.field in (*Declared._fields, "text"):
            touched.update(_declaring(document))
    return _words([line for number, line in enumerate(document.lines) if number not in touched])


def _declaring(document: Document) -> Iterator[int]:
    """The lines that declare something of a plan or phase, and the title."""
    if document.title_spot:
        yield document.title_spot.line
    for number, line in enumerate(document.lines):
        if front_matter_part(line) or read_version_line(line) or read_progress_line(line):
            yield number


def _words(lines: Sequence[str]) -> list[str]:
    return [line.strip("\ufeff\r\n") for line in lines if line.strip("\ufeff \t\r\n>")]


def _is_within(part: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether the lines of `part` all stand in `whole`, in that order."""
    rest = iter(whole)
    return all(any(line == other for other in rest) for line in part)
