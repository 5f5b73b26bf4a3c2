"""Lines that a person takes for tasks and that are none, each with the reason.

Public: `find`, `Reason`, `SIGN`; `signs`; `read`, `Would`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import count
from typing import NamedTuple

from plans.document.block_model import Blocks, Region

_SIGNS = "☐☑☒⬜🔲🔳✅❌❎✔✓✗"
_LOOKS_BOXED = re.compile(
    r"[ \t>]*(?:(?:[-*+•–]|\d{1,9}[.)])[ \t]*\[(?:.|\d{1,2}|OK|)\]|\[(?:[ xX~\-!/?>*]|\d{1,2}|)\])(?![(:])"
    r"|[ \t]*(?:`{3,}|~{3,})[ \t]*[-*+] \[.\] "
)
_LOOKS_SIGNED = re.compile(rf"(?:[ \t]|>)*(?:[-*+•–][ \t]*)?(?:[{_SIGNS}]|â˜[\x90‘’]?|âœ…)\ufe0f?[ \t]")
_GARBLED_SIGNS = ("â˜", "âœ…")
_SECONDS_OF_GARBLED = frozenset("˜œ")

_LIST_ITEM = re.compile(r"[ \t>]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_EMPTY_BOX = re.compile(r"[ \t>]*(?:(?:[-*+•–]|\d{1,9}[.)])[ \t]*)?\[[ xX]\][ \t]*$")
_TIGHT_BOX = re.compile(r"[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]+\[[ xX]\][^ \t]")
_BOX_MARK = re.compile(r"[ \t>]*(?:(?:[-*+•–]|\d{1,9}[.)])[ \t]*)?\[([^\]]*)\]")
_BARE_BOX = re.compile(r"[ \t>]*\[")

_WOULD_BE_BOXED = re.compile(
    r"[ \t>]*(?:(?:`{3,}|~{3,})[ \t]*)?(?:[-*+]|[0-9]{1,9}[.)])[ \t]+\[(.)\][ \t]+(?=[^ \t])"
)
_BEFORE_SIGN = re.compile(r"[ \t>]*(?:[-*+][ \t]+)?")


class Reason(NamedTuple):
    message: str
    swallowed: bool
    """Whether the line lies in code, HTML or another item's text, and might be a task elsewhere."""


SIGN = Reason("a sign, not a box", False)


class Would(NamedTuple):
    """Where the box and the content of a swallowed task stand in its line."""

    box: int
    content: int


def find(
    bodies: Sequence[str], first: int, is_task: bytearray, found: Blocks, signed: Sequence[int]
) -> Iterator[tuple[int, Reason]]:
    """(line, reason) of each look-alike from line `first` on, ascending. `signed`: the lines with `signs`."""
    regions = iter(found.regions)
    region = next(regions, None)
    continued = iter(found.continued)
    continuation = next(continued, -1)
    for line in _candidates(bodies, first, is_task, signed):
        while region is not None and region.end <= line:
            region = next(regions, None)
        while 0 <= continuation < line:
            continuation = next(continued, -1)
        if region is not None and region.start <= line:
            yield line, _region_reason(region)
        else:
            yield line, _text_reason(bodies[line], continues=continuation == line)


def signs(characters: Set[str]) -> list[str]:
    """The texts that a line holds if it looks like a task for a sign, in a file with these characters."""
    found = [sign for sign in _SIGNS if sign in characters]
    garbled = "â" in characters and not characters.isdisjoint(_SECONDS_OF_GARBLED)
    return [*found, *_GARBLED_SIGNS] if garbled else found


def _candidates(
    bodies: Sequence[str], first: int, is_task: bytearray, signed: Sequence[int]
) -> Iterable[int]:
    boxed = [line for line, body, taken in zip(count(), bodies, is_task) if not taken and "[" in body]
    found = [line for line in boxed if line >= first and _LOOKS_BOXED.match(bodies[line])]
    if not signed:
        return found
    found += [
        line for line in signed if line >= first and not is_task[line] and _LOOKS_SIGNED.match(bodies[line])
    ]
    return sorted(set(found))


def _region_reason(region: Region) -> Reason:
    opened = f"opened in line {region.start + 1}"
    match region.kind:
        case "fence":
            return Reason(f"in the code block {opened}", True)
        case "code":
            return Reason("in indented code", True)
        case "html":
            return Reason(f"in the HTML block or comment {opened}", True)
        case _:
            return Reason("in a table", False)


def _text_reason(body: str, *, continues: bool) -> Reason:
    if continues and _LIST_ITEM.match(body):
        return Reason("text of the paragraph above, because of its indent", True)
    if _EMPTY_BOX.match(body):
        return Reason("the box has no text", False)
    if _TIGHT_BOX.match(body):
        return Reason("no blank after the box", False)
    if _LOOKS_SIGNED.match(body):
        return SIGN
    mark = _BOX_MARK.match(body)
    if mark is not None and mark[1] not in (" ", "x", "X"):
        return Reason(f"[{mark[1]}] is not a known mark", False)
    if _BARE_BOX.match(body):
        return Reason("a box without a list marker", False)
    return Reason("not a task by the rules of Markdown", False)


def read(body: str, ballots: re.Pattern[str] | None) -> Would | None:
    """Where the task stands that the line would be; None if it would be none."""
    match = _WOULD_BE_BOXED.match(body)
    if match is not None:
        return Would(match.start(1), match.end())
    before = _BEFORE_SIGN.match(body)
    if ballots is None or before is None:
        return None
    match = ballots.match(body, before.end())
    return Would(match.start(1), match.end()) if match is not None and match.end() < len(body) else None
