"""The block structure of a GFM file: its tasks, its headings, and the lines that are not text.

Public: `scan`.

The structure is that of CommonMark with GFM's tables, as markdown-it-py reads it, rule for rule; but line by
line, with the open containers on a stack, so that depth costs no recursion and every line is looked at once.
Indents are counted from the innermost block quote, as there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from enum import IntEnum

from plans.document.block_model import WIDTH, Blocks, Region
from plans.document.definitions import Definition, without_nul
from plans.document.line_starts import (
    BOX,
    DELIMITER_CELL,
    DELIMITERS,
    DIGITS,
    FENCE_OPEN,
    GLUED_FENCE,
    HEADING,
    HTML_STARTS,
    HTML_TAG,
    LIST_MARKER,
    NO_TEXT,
    NOT_PLAIN,
    ORDERED,
    PLAIN,
    SIGNS,
    UNDERLINE,
    enter_quote,
    header_cells,
    is_first,
    is_rule,
    run_end,
    skip_blanks,
)
from plans.document.text import TRIMMED


class _Leaf(IntEnum):
    NONE = 0
    PARAGRAPH = 1
    FENCE = 2
    CODE = 3
    HTML = 4
    TABLE = 5
    EMPTY_ITEM = 6
    """An item has been opened by a bare marker in the line before."""
    RESUMED = 7
    """Such an item has been closed by a blank line: its list may go on in the next line."""
    AWAITING = 8
    """An item is open and its first block has yet to come."""
    UNDECIDED = 9
    """In a paragraph that may turn out to begin with a box."""


# Plain numbers: an enum's members are slow to look up and to compare.
_NONE, _PARAGRAPH, _FENCE, _CODE, _HTML, _TABLE = map(int, list(_Leaf)[:6])
_EMPTY_ITEM, _RESUMED, _AWAITING, _UNDECIDED = map(int, list(_Leaf)[6:])
_REGIONS = {_FENCE: "fence", _CODE: "code", _HTML: "html", _TABLE: "table"}

_NOT_PEEKED = (-1, 0, 0, 0, 0)


def scan(
    bodies: Sequence[str],
    first: int,
    marks: Collection[str],
    ballots: re.Pattern[str] | None = None,
    *,
    mend_fences: bool = False,
) -> Blocks:
    """The blocks of the lines (without their ends), from line `first` on.

    `marks` are the characters that make a box a task beyond GFM's own. `ballots` matches the signs that make
    a text a task, with the blanks after them; group 1 is the sign. With `mend_fences`, an info string that
    is exactly `plaintext` closes an open fence, and a fence at the end of a ballot line opens one.
    """
    scanner = _Scanner(bodies, frozenset(marks) | frozenset(" xX"), ballots, mend_fences)
    scanner.run(first)
    return scanner.blocks()


class _Scanner:
    def __init__(
        self,
        bodies: Sequence[str],
        marks: frozenset[str],
        ballots: re.Pattern[str] | None,
        mend_fences: bool,
    ) -> None:
        self.bodies = bodies
        self.total = len(bodies)
        self.marks = marks
        self.ballots = ballots
        self.mend_fences = mend_fences
        # The open containers, the document at the bottom. `indents`: where an item's content begins;
        # `kinds`: its list's marker, ">" for a quote; `owners`: the nearest task at or around it.
        self.indents = [0]
        self.kinds = [""]
        self.owners = [-1]
        self.quotes: list[int] = []
        self.leaf = _NONE
        self.leaf_start = 0
        self.leaf_indent = 0
        self.last = -1
        self.fence = ""
        self.html_end: re.Pattern[str] | None = None
        self.resumed = ""
        self.awaiting: tuple[int, int] = (0, 0)
        self.awaiting_depth = 0
        self.undecided = ""
        self.undecided_box = (0, -1)
        self.found: list[int] = []
        self.ends: dict[int, int] = {}
        self.regions: list[Region] = []
        self.continued: list[int] = []
        self.broken_fences: list[tuple[int, int]] = []
        self.doubtful_fences: list[Region] = []
        self.holds_info = False
        self.no_rule: dict[str, int] = {}
        self.peeked = _NOT_PEEKED

    def blocks(self) -> Blocks:
        return Blocks(
            self.found,
            self.ends,
            self.regions,
            self.continued,
            self.last,
            self.broken_fences,
            self.doubtful_fences,
        )

    # ------------------------------------------------------------------------------- the hot path

    def run(self, first: int) -> None:
        """Goes over all lines. What is plain is done here; every other line goes through `step`."""
        bodies, total, marks = self.bodies, self.total, self.marks
        indents, kinds, owners, quotes = self.indents, self.kinds, self.owners, self.quotes
        found, ends, continued = self.found, self.ends, self.continued
        is_plain, ordered, opens_fence, blanks = PLAIN.match, ORDERED.match, FENCE_OPEN.match, NO_TEXT
        boxes = frozenset(f"{marker} [{mark}] " for marker in "-*+" for mark in marks)
        not_plain = NOT_PLAIN if self.ballots is None else NOT_PLAIN | SIGNS
        leaf, last, blk = _NONE, -1, 0
        number = first
        while number < total:
            body = bodies[number]
            rest = body.lstrip(" ")
            if leaf <= 1 and not quotes and "|" not in rest:
                if not rest:
                    leaf = 0
                    number += 1
                    continue
                indent = len(body) - len(rest)
                character = rest[0]
                plain = character not in not_plain
                if not plain:
                    offset = 0
                    boxed = False
                    if character in "-*+":
                        if rest[:6] in boxes and rest[6:7] not in blanks:
                            kind = character
                            offset = 2
                            boxed = True
                        elif rest[1:2] == " ":
                            kind = character
                            offset = 2
                            following = rest[2:3]
                            if following == " ":
                                offset = len(rest) - len(rest[1:].lstrip(" "))
                                following = rest[offset : offset + 1]
                                if offset > 5:
                                    offset = 0
                    elif character in DIGITS:
                        match = ordered(rest)
                        if match is not None:
                            if leaf and indent >= blk and int(match[1]) != 1:
                                plain = True
                            else:
                                kind = match[2]
                                offset = match.end()
                                following = rest[offset : offset + 1]
                    if offset:
                        boxed = boxed or (
                            following == "["
                            and rest[offset + 2 : offset + 4] == "] "
                            and rest[offset + 1] in marks
                            and rest[offset + 4 : offset + 5] not in blanks
                        )
                        if boxed or (following and following not in not_plain) or is_plain(rest, offset):
                            if indent + offset == blk and 0 <= indent - indents[-2] <= 3:
                                owner, above = owners[-1], owners[-2]
                                if owner != above:
                                    ends[owner] = last + 1
                                kinds[-1] = kind
                                if boxed:
                                    owners[-1] = len(found) // WIDTH
                                    found += (number, number, indent, blk + 1, blk + 4, 0, above)
                                else:
                                    owners[-1] = above
                                leaf = _PARAGRAPH
                                self.leaf_start = last = number
                                number += 1
                                continue
                            if leaf and (indent - blk > 3 or (indent < blk and indent - indents[-2] >= 4)):
                                continued.append(number)
                                last = number
                                number += 1
                                continue
                            if indent < blk:
                                end = last + 1
                                while indent < blk:
                                    owner = owners.pop()
                                    if owner != owners[-1]:
                                        ends[owner] = end
                                    indents.pop()
                                    kinds.pop()
                                    blk = indents[-1]
                            leaf = _NONE
                            if indent - blk <= 3:
                                owner = owners[-1]
                                blk = indent + offset
                                if boxed:
                                    owners.append(len(found) // WIDTH)
                                    found += (number, number, indent, blk + 1, blk + 4, 0, owner)
                                else:
                                    owners.append(owner)
                                indents.append(blk)
                                kinds.append(kind)
                                leaf = _PARAGRAPH
                                self.leaf_start = last = number
                                number += 1
                                continue
                    elif character == "#":
                        match = HEADING.match(body) if not indent else None
                        if match is not None:
                            self.last = last
                            self.close(1)
                            blk = 0
                            found += (number, number, 0, -1, match.end(), match.end(1), -1)
                            leaf = _NONE
                            last = number
                            number += 1
                            continue
                    elif is_plain(rest):
                        plain = True
                    elif rest == "---" and not leaf and not indent:
                        self.last = last
                        self.close(1)
                        blk = 0
                        last = number
                        number += 1
                        continue
                    elif character in "`~" and opens_fence(rest):
                        self.last = last
                        following_number = self.fenced(number, rest, indent)
                        if following_number:
                            number = following_number
                            last = self.last
                            blk = indents[-1]
                            leaf = _NONE
                            continue
                if plain:
                    if leaf:
                        continued.append(number)
                        last = number
                        number += 1
                        continue
                    if indent < blk:
                        end = last + 1
                        while indent < blk:
                            owner = owners.pop()
                            if owner != owners[-1]:
                                ends[owner] = end
                            indents.pop()
                            kinds.pop()
                            blk = indents[-1]
                    if indent - blk <= 3:
                        leaf = _PARAGRAPH
                        self.leaf_start = last = number
                        number += 1
                        continue
            self.leaf = leaf
            self.last = last
            number = self.step(number)
            leaf = self.leaf
            last = self.last
            blk = indents[-1]
        self.last = last
        self.leaf = leaf
        self.holds_info = leaf == _FENCE
        self.end_leaf(total)
        self.close(1)

    # ---------------------------------------------------------------------------------- one line

    def step(self, number: int) -> int:
        """Takes in one line of any kind and gives the number of the next one."""
        body = self.bodies[number]
        self.peeked = _NOT_PEEKED
        pos, indent, base, cut = self.locate(number)
        if cut >= 0:
            self.end_leaf(number)
            self.close(cut)
        if pos >= len(body):
            self.blank(number)
            return number + 1
        resumed = ""
        leaf = self.leaf
        if leaf > _NONE:
            if leaf == _RESUMED:
                resumed = self.resumed
                self.leaf = _NONE
            elif leaf == _EMPTY_ITEM:
                self.leaf = _AWAITING
            elif leaf != _AWAITING and self.goes_on(number, body, pos, indent):
                self.last = number
                return number + 1
        return self.open(number, body, pos, indent, base, resumed)

    def locate(self, number: int) -> tuple[int, int, int, int]:
        """(position, indent, column base, container to close) after the markers of the open quotes.

        The indent is -1 for a line that goes on lazily with a paragraph in a quote. The container to close is
        the first quote that the line does not belong to, -1 if there is none.
        """
        body = self.bodies[number]
        pos, indent = skip_blanks(body, 0, 0, 0)
        base = 0
        for position, depth in enumerate(self.quotes):
            if pos >= len(body):
                return pos, indent, base, depth
            below = self.indents[depth - 1]
            if body[pos] == ">" and indent >= below:
                pos, indent, base, _ = enter_quote(body, pos, indent, base)
                continue
            if self.leaf not in (_PARAGRAPH, _UNDECIDED):
                return pos, indent, base, depth
            outer = self.indents[depth - 2] if self.kinds[depth - 1] not in ("", ">") else -1
            inner = position + 1 < len(self.quotes)
            if self.interrupts(number, body, pos, indent, below, outer, False) or (
                inner and self.interrupts(number, body, pos, -1, 0, -1, False)
            ):
                return pos, indent, base, depth
            return pos, -1, base, -1
        return pos, indent, base, -1

    def blank(self, number: int) -> None:
        leaf = self.leaf
        if leaf == _EMPTY_ITEM:
            self.resumed = self.kinds[-1]
            self.close(len(self.kinds) - 1)
            self.leaf = _RESUMED
        elif leaf in (_PARAGRAPH, _UNDECIDED, _RESUMED):
            self.leaf = _NONE
        elif leaf == _TABLE or (leaf == _HTML and self.html_end is None):
            self.end_leaf(number)

    def goes_on(self, number: int, body: str, pos: int, indent: int) -> bool:
        """Whether the line belongs to the open leaf. If not, the leaf is closed."""
        blk = self.indents[-1]
        leaf = self.leaf
        if leaf in (_PARAGRAPH, _UNDECIDED):
            return self.paragraph_goes_on(number, body, pos, indent, blk)
        if indent < blk:
            self.end_leaf(number)
            return False
        if leaf == _FENCE:
            if indent - blk < 4 and self.closes_fence(number, body, pos):
                self.end_leaf(number + 1)
            return True
        if leaf == _CODE:
            if indent - blk >= 4:
                return True
        elif leaf == _HTML:
            if self.html_end is not None and self.html_end.search(body, pos):
                self.end_leaf(number + 1)
            return True
        elif leaf == _TABLE:
            outer = self.outer_indent()
            if (
                indent - blk < 4
                and not self.interrupts(number, body, pos, indent, blk, outer, False)
                and body[pos:].strip(TRIMMED)
            ):
                return True
        self.end_leaf(number)
        return False

    def paragraph_goes_on(self, number: int, body: str, pos: int, indent: int, blk: int) -> bool:
        if indent >= 0 and indent - blk <= 3:
            if indent >= blk and body[pos] in "-=" and UNDERLINE.match(body, pos):
                self.underline(number, body[pos])
                return True
            if self.interrupts(number, body, pos, indent, blk, self.outer_indent(), True, tables=True):
                self.leaf = _NONE
                return False
        self.continued.append(number)
        if self.leaf == _UNDECIDED:
            self.decide(number, body)
        if self.ballots is not None:
            self.ballot(number, body, pos)
        return True

    def outer_indent(self) -> int:
        """Where the content of the container around the innermost item begins; -1 outside of items."""
        return self.indents[-2] if self.kinds[-1] not in ("", ">") else -1

    def underline(self, number: int, character: str) -> None:
        """The open paragraph turns out to be a setext heading."""
        found = self.found
        while found and found[1 - WIDTH] >= self.leaf_start and not found[5 - WIDTH]:
            if self.owners[-1] == len(found) // WIDTH - 1:
                self.owners[-1] = self.owners[-2]
            del found[-WIDTH:]
        if len(self.indents) == 1:
            body = self.bodies[self.leaf_start]
            content = len(body) - len(body.lstrip(TRIMMED))
            level = -1 if character == "=" else -2
            found += (self.leaf_start, number, content, -1, content, level, -1)
        self.leaf = _NONE

    def closes_fence(self, number: int, body: str, pos: int) -> bool:
        fence = self.fence
        if not body.startswith(fence, pos):
            return False
        info = body[pos:].lstrip(fence[0]).strip(" \t")
        if info == "plaintext":
            self.broken_fences.append((number, self.leaf_start))
            self.holds_info = not self.mend_fences
            return self.mend_fences
        if info:
            self.holds_info = True
        return not info

    def end_leaf(self, number: int) -> None:
        """Closes the open leaf, whose last line is the one before `number`."""
        kind = _REGIONS.get(self.leaf)
        if kind is not None:
            region = Region(self.leaf_start, min(number, self.total), kind)
            self.regions.append(region)
            if self.holds_info:
                self.doubtful_fences.append(region)
                self.holds_info = False
        self.leaf = _NONE

    def close(self, depth: int) -> None:
        """Closes the containers from `depth` on."""
        owners, end = self.owners, self.last + 1
        while len(owners) > depth:
            owner = owners.pop()
            if owner != owners[-1]:
                self.ends[owner] = end
        del self.indents[depth:]
        del self.kinds[depth:]
        quotes = self.quotes
        while quotes and quotes[-1] >= depth:
            quotes.pop()

    # ----------------------------------------------------------------------------- what begins here

    def interrupts(
        self,
        number: int,
        body: str,
        pos: int,
        indent: int,
        blk: int,
        outer: int,
        paragraph: bool,
        *,
        tables: bool = False,
    ) -> bool:
        """Whether the line begins a block that ends what goes before it without a blank line.

        `paragraph`: what goes before is a paragraph, which not every list can end.
        """
        if indent - blk >= 4:
            return False
        character = body[pos]
        if character == "#":
            if HEADING.match(body, pos):
                return True
        elif character == ">":
            return True
        elif character in "`~":
            if FENCE_OPEN.match(body, pos):
                return True
        elif character == "<":
            if any(start.match(body, pos) for start, _ in HTML_STARTS):
                return True
        elif character in "-*+_0123456789":
            if character in "-*_" and is_rule(body, pos, character):
                return True
            if self.list_interrupts(body, pos, indent, blk, outer, paragraph):
                return True
        return tables and body.find("|", pos) >= 0 and self.table(number, body, pos)

    def list_interrupts(
        self, body: str, pos: int, indent: int, blk: int, outer: int, paragraph: bool
    ) -> bool:
        if outer >= 0 and indent - outer >= 4 and indent < blk:
            return False
        match = LIST_MARKER.match(body, pos)
        if match is None:
            return False
        if not paragraph or indent < blk:
            return True
        return (not match[2] or int(match[2]) == 1) and bool(body[match.end() :].strip(" \t"))

    def open(self, number: int, body: str, pos: int, indent: int, base: int, resumed: str) -> int:
        """Opens the blocks that begin in the line, containers first."""
        indents = self.indents
        depth = len(indents)
        while indent < indents[depth - 1]:
            depth -= 1
            resumed = self.kinds[depth]
        if depth < len(indents):
            self.close(depth)
            self.leaf = _NONE
        self.last = number
        self.no_rule.clear()
        bar = body.rfind("|")
        while True:
            blk = indents[-1]
            if indent - blk >= 4:
                return self.start(_CODE, number)
            character = body[pos]
            marker = None
            if character in "-*+0123456789":
                marker = LIST_MARKER.match(body, pos)
                if marker is not None and character in "-*" and self.is_rule(body, pos, character):
                    marker = None
            resumes = marker is not None and resumed == (marker[1] or marker[3])
            resumed = ""
            if pos <= bar and not resumes and self.table(number, body, pos):
                self.last = number + 1
                self.start(_TABLE, number)
                return number + 2 if self.quotes else self.skip_rows(number + 2)
            if marker is not None:
                pos, indent, blank = self.open_item(number, body, pos, indent, base, marker)
                if blank:
                    self.leaf = _EMPTY_ITEM
                    return number + 1
                continue
            if character == ">":
                pos, indent, base, _ = enter_quote(body, pos, indent, base)
                self.quotes.append(len(indents))
                indents.append(0)
                self.kinds.append(">")
                self.owners.append(self.owners[-1])
                self.leaf = _NONE
                if pos >= len(body):
                    return number + 1
                continue
            return self.open_leaf(number, body, pos, indent, character)

    def is_rule(self, body: str, pos: int, character: str) -> bool:
        """Whether a thematic break begins at `pos`. Remembers what it has seen, for lists opened in lists."""
        if pos < self.no_rule.get(character, -1):
            return False
        end = run_end(body, pos, character)
        if end < len(body):
            self.no_rule[character] = end
            return False
        return body.count(character, pos) >= 3

    def open_item(
        self, number: int, body: str, pos: int, indent: int, base: int, marker: re.Match[str]
    ) -> tuple[int, int, bool]:
        """(position and indent of the item's content, whether there is none in this line)."""
        end = marker.end()
        start = indent + end - pos
        content, column = skip_blanks(body, end, start, base)
        blank = content >= len(body)
        padding = 1 if blank or column - start > 4 else column - start
        self.indents.append(start + padding)
        self.kinds.append(marker[1] or marker[3])
        self.owners.append(self.owners[-1])
        self.leaf = _AWAITING
        self.awaiting = (number, pos)
        self.awaiting_depth = len(self.indents)
        return content, column, blank

    def open_leaf(self, number: int, body: str, pos: int, indent: int, character: str) -> int:
        if character in "`~":
            match = FENCE_OPEN.match(body, pos)
            if match is not None:
                self.fence = match[1] or match[2]
                self.start(_FENCE, number)
                return number + 1 if self.quotes else self.skip_fence(number + 1)
        elif character in "-*_":
            if is_rule(body, pos, character):
                self.leaf = _NONE
                return number + 1
        elif character == "[":
            following = self.reference(number, body, pos)
            if following:
                self.last = following - 1
                if self.leaf != _AWAITING:
                    self.leaf = _NONE
                return following
        elif character == "<":
            if self.html(number, body, pos):
                return number + 1
        elif character == "#":
            match = HEADING.match(body, pos)
            if match is not None:
                if len(self.indents) == 1:
                    self.found += (number, number, pos, -1, match.end(), len(match[1]), -1)
                self.leaf = _NONE
                return number + 1
        return self.paragraph(number, body, pos)

    def start(self, leaf: int, number: int) -> int:
        self.leaf = leaf
        self.leaf_start = number
        return number + 1

    def fenced(self, number: int, rest: str, indent: int) -> int:
        """Goes over the fence that begins in a line outside of quotes; 0 where the indent makes it code."""
        indents = self.indents
        depth = len(indents)
        while indent < indents[depth - 1]:
            depth -= 1
        if indent - indents[-1] > 3 or indent - indents[depth - 1] > 3:
            return 0
        self.close(depth)
        self.fence = rest[: len(rest) - len(rest.lstrip(rest[0]))]
        self.last = number
        self.start(_FENCE, number)
        return self.skip_fence(number + 1)

    def skip_fence(self, number: int) -> int:
        """Goes to the end of a fence outside of quotes."""
        fence, blk, bodies = self.fence, self.indents[-1], self.bodies
        current = number - 1
        while True:
            current = self.holding(fence, current + 1) if not blk else current + 1
            if current >= self.total:
                break
            body = bodies[current]
            if blk and body[:blk].strip(" "):
                pos, indent = skip_blanks(body, 0, 0, 0)
                if pos < len(body) and indent < blk:
                    self.last = self.last_text(number, current)
                    self.end_leaf(current)
                    return current
            if fence in body:
                pos, indent = skip_blanks(body, 0, 0, 0)
                if indent - blk < 4 and self.closes_fence(current, body, pos):
                    self.last = current
                    self.end_leaf(current + 1)
                    return current + 1
        self.last = self.last_text(number, self.total)
        self.holds_info = True
        self.end_leaf(self.total)
        return self.total

    def holding(self, text: str, number: int) -> int:
        """The first line from `number` on that holds the text; `total` if none does."""
        bodies, total, size = self.bodies, self.total, 8
        while number < total:
            piece = "\n".join(bodies[number : number + size])
            place = piece.find(text)
            if place >= 0:
                return number + piece.count("\n", 0, place)
            number += size
            size = min(2 * size, 512)
        return total

    def last_text(self, start: int, end: int) -> int:
        """The last line in a leaf that is not blank, from `start` to `end`; the line before if all are."""
        bodies = self.bodies
        while end > start and (not bodies[end - 1] or bodies[end - 1].isspace()):
            end -= 1
        return end - 1

    def skip_rows(self, number: int) -> int:
        """Goes over the rows of a table outside of quotes, as long as they begin with a bar."""
        bodies, total, blk = self.bodies, self.total, self.indents[-1]
        while number < total:
            body = bodies[number]
            rest = body.lstrip(" ")
            if rest[:1] != "|" or not 0 <= len(body) - len(rest) - blk < 4:
                break
            number += 1
        self.last = number - 1
        return number

    def html(self, number: int, body: str, pos: int) -> bool:
        """Whether an HTML block begins here. It is opened."""
        body = without_nul(body)
        for begin, end in HTML_STARTS:
            if begin.match(body, pos):
                self.html_end = end
                break
        else:
            if not HTML_TAG.match(body, pos):
                return False
            self.html_end = None
        self.start(_HTML, number)
        if self.html_end is not None and self.html_end.search(body, pos):
            self.end_leaf(number + 1)
        return True

    # ----------------------------------------------------------------------------------- paragraphs

    def paragraph(self, number: int, body: str, pos: int) -> int:
        first_block = self.leaf == _AWAITING and self.awaiting_depth == len(self.indents)
        self.leaf = _PARAGRAPH
        self.leaf_start = number
        if first_block:
            self.undecided = ""
            self.box(number, body, len(body) - len(body[pos:].lstrip(TRIMMED)))
        if self.ballots is not None:
            self.ballot(number, body, pos)
        return number + 1

    def box(self, number: int, body: str, pos: int) -> None:
        """Looks for a box at the beginning of an item's paragraph."""
        match = BOX.match(body, pos)
        if match is not None:
            if match[1] not in self.marks and match[1] not in "\t\v\f":
                return
            content = len(body) - len(body[match.end() :].lstrip(TRIMMED))
            if content < len(body):
                self.task(number, pos + 1, content)
            else:
                self.wait(number, "[ ] ", pos + 1)
        elif pos >= len(body):
            self.wait(number, "", -1)
        elif len(body) - pos <= 3 and (body[pos:] == "[" or self.is_bare_box(body[pos:])):
            self.wait(number, body[pos:], pos + 1)

    def is_bare_box(self, text: str) -> bool:
        is_box = len(text) == 3 and text[0] == "[" and text[2] == "]"
        return is_box and (text[1] in self.marks or text[1] in "\t\v\f")

    def wait(self, number: int, text: str, box: int) -> None:
        self.leaf = _UNDECIDED
        self.undecided = text
        self.undecided_box = (number, box)

    def decide(self, number: int, body: str) -> None:
        """Looks at a further line of a paragraph of which it is not known whether it begins with a box."""
        self.leaf = _PARAGRAPH
        text = self.undecided
        line, box = self.undecided_box
        piece = self.unindented(number)
        if not text:
            self.box(number, body, len(body) - len(piece.lstrip(TRIMMED)))
        elif text == "[":
            if piece[:1] == "]" and piece[1:2] in ("", " ", "\t", "\v", "\f"):
                content = len(body) - len(piece[1:].lstrip(TRIMMED))
                if content < len(body):
                    self.task(number, -1, content)
                else:
                    self.wait(number, "[ ] ", -1)
        elif piece.strip(TRIMMED):
            self.task(line, box, len(self.bodies[line]))
        else:
            self.wait(line, text, box)

    def unindented(self, number: int) -> str:
        """The line without the markers of its quotes and the indent of the innermost item."""
        body = self.bodies[number]
        blk = self.indents[-1]
        begin = base = 0
        pos, indent = skip_blanks(body, 0, 0, 0)
        for depth in self.quotes:
            if pos >= len(body) or body[pos] != ">" or indent < self.indents[depth - 1]:
                break
            pos, indent, base, begin = enter_quote(body, pos, indent, base)
        pos = begin
        column = 0
        while pos < len(body) and column < blk and body[pos] in " \t":
            column += 4 - (column + base) % 4 if body[pos] == "\t" else 1
            pos += 1
        return " " * max(0, column - blk) + body[pos:]

    def task(self, text_line: int, box: int, content: int) -> None:
        """The innermost item is a task."""
        line, start = self.awaiting
        self.owners[-1] = len(self.found) // WIDTH
        self.found += (line, text_line, start, box, content, 0, self.owners[-2])

    def ballot(self, number: int, body: str, pos: int) -> None:
        """Takes a line of a paragraph that begins with a ballot sign as a task."""
        match = self.ballots.match(body, pos) if self.ballots is not None else None
        if match is None or match.end() >= len(body):
            return
        line, start = self.awaiting
        owners = self.owners
        in_item = self.kinds[-1] not in ("", ">") and line == number == self.leaf_start
        if in_item and is_first(body, start, pos):
            owners[-1] = len(self.found) // WIDTH
            self.found += (number, number, start, match.start(1), match.end(), 0, owners[-2])
        else:
            self.found += (number, number, pos, match.start(1), match.end(), 0, owners[-1])
        if GLUED_FENCE.search(body):
            self.broken_fences.append((number, number))
            if self.mend_fences:
                self.fence = "```"
                self.start(_FENCE, number)

    # --------------------------------------------------------------------------- tables, references

    def peek(self, number: int) -> tuple[int, int]:
        """(position, indent) of a line after the markers of the quotes open by now; indent -1 outside.

        Quotes opened one after the other in one line are followed step by step.
        """
        if number >= self.total:
            return 0, -1
        seen, count, pos, indent, base = self.peeked
        body = self.bodies[number]
        if seen != number or count > len(self.quotes):
            count = base = 0
            pos, indent = skip_blanks(body, 0, 0, 0)
        while count < len(self.quotes) and indent >= 0:
            if pos < len(body) and body[pos] == ">" and indent >= self.indents[self.quotes[count] - 1]:
                pos, indent, base, _ = enter_quote(body, pos, indent, base)
                count += 1
            else:
                indent = -1
        self.peeked = (number, count, pos, indent, base)
        return pos, indent

    def table(self, number: int, body: str, pos: int) -> bool:
        """Whether a table's header begins here: the row of delimiters follows, with as many cells."""
        following, indent = self.peek(number + 1)
        blk = self.indents[-1]
        if indent < blk or indent - blk >= 4:
            return False
        row = self.bodies[number + 1]
        if not DELIMITERS.match(row, following):
            return False
        cells = [cell.strip(TRIMMED) for cell in row[following:].split("|")]
        inner = [cell for place, cell in enumerate(cells) if cell or 0 < place < len(cells) - 1]
        if not all(map(DELIMITER_CELL.fullmatch, inner)):
            return False
        return len(inner) == header_cells(body[pos:].strip(TRIMMED))

    def reference(self, number: int, body: str, pos: int) -> int:
        """The line after the link reference definition that begins here; 0 if none does."""
        return Definition(self.continuation, number, body[pos:]).end()

    def continuation(self, number: int) -> str | None:
        """The line as it would go on with a link reference definition; None if it cannot."""
        if number >= self.total:
            return None
        self.peeked = _NOT_PEEKED
        leaf, self.leaf = self.leaf, _PARAGRAPH
        pos, indent, _, cut = self.locate(number)
        self.leaf = leaf
        body = self.bodies[number]
        if cut >= 0 or pos >= len(body):
            return None
        blk = self.indents[-1]
        if 0 <= indent < blk + 4 and self.interrupts(
            number, body, pos, indent, blk, self.outer_indent(), False, tables=True
        ):
            return None
        return body[pos:]
