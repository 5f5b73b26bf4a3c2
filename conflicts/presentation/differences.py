"""Where two values differ, for the eye: `words` of one line, `entries` of a list. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

Change = Literal["same", "added", "removed", "skipped"]

FEW_ALIKE = 0.35
"""Below this likeness two texts are shown as one removed and one added, not as a patchwork of both."""

MANY_WORDS = 1500
AROUND = 2
"""Entries shown on both sides of a change in a list; longer runs of equal ones are skipped."""

_TOKENS = re.compile(r"\s+|\w+|[^\w\s]")


class Segment(NamedTuple):
    change: Change
    text: str
    """Of a skipped one: how many entries."""


Line = tuple[Segment, ...]


def words(before: str, after: str) -> Line:
    """`after` as an edit of `before`: same and removed segments say `before`, same and added ones `after`."""
    old, new = _TOKENS.findall(before), _TOKENS.findall(after)
    if max(len(old), len(new)) > MANY_WORDS:
        return _whole(before, after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if before != after and matcher.ratio() < FEW_ALIKE:
        return _whole(before, after)
    return tuple(_joined(_parts(matcher, old, new)))


def entries(before: Sequence[str], after: Sequence[str]) -> tuple[Line, ...]:
    """`after` as an edit of the list `before`, a line for each entry, without what is far from any change."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    found: list[Line] = []
    for tag, start, end, first, last in matcher.get_opcodes():
        if tag == "equal":
            found += _shortened(before[start:end], at_start=start == 0, at_end=end == len(before))
            continue
        found += [(Segment("removed", text),) for text in before[start:end]]
        found += [(Segment("added", text),) for text in after[first:last]]
    return tuple(found)


def _parts(matcher: SequenceMatcher[str], old: list[str], new: list[str]) -> Iterator[tuple[str, str, bool]]:
    """(old text, new text, equal) in order. A lone blank between two changes belongs to them."""
    codes = matcher.get_opcodes()
    for number, (tag, start, end, first, last) in enumerate(codes):
        removed, added = "".join(old[start:end]), "".join(new[first:last])
        between = 0 < number < len(codes) - 1
        yield removed, added, tag == "equal" and not (between and removed.isspace())


def _joined(parts: Iterator[tuple[str, str, bool]]) -> Iterator[Segment]:
    removed = added = ""
    for old, new, equal in parts:
        if not equal:
            removed, added = removed + old, added + new
            continue
        yield from _change(removed, added)
        removed = added = ""
        yield Segment("same", old)
    yield from _change(removed, added)


def _change(removed: str, added: str) -> Iterator[Segment]:
    if removed:
        yield Segment("removed", removed)
    if added:
        yield Segment("added", added)


def _whole(before: str, after: str) -> Line:
    return tuple(_change(before, after))


def _shortened(run: Sequence[str], *, at_start: bool, at_end: bool) -> list[Line]:
    """The entries of a run of equal ones that stand near a change."""
    head, tail = (0 if at_start else AROUND), (0 if at_end else AROUND)
    if at_start and at_end:
        head = len(run)
    skipped = len(run) - head - tail
    if skipped <= 1:
        return [(Segment("same", text),) for text in run]
    shown = [(Segment("same", text),) for text in run]
    gap: Line = (Segment("skipped", str(skipped)),)
    return [*shown[:head], gap, *shown[len(run) - tail :]]
