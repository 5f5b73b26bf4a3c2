"""From bytes to a `Document` and back.

Public: `parse` and `render`. `render(parse(data)) == data` for any bytes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Set
from itertools import accumulate, compress, repeat
from types import MappingProxyType

from plans.document import blocks, encoding, inline, lookalikes, metadata, text
from plans.document.block_model import WIDTH, Blocks, Mark, each_mark
from plans.document.model import DEFAULT_DIALECT, Dialect, Document, Finding, Hidden, Spot
from plans.outline import ROOT, Item, Kind, Outline, Status

_SIGNS: Mapping[str, Status] = MappingProxyType(
    {"☐": Status.TODO, "☑": Status.DONE, "☒": Status.DONE, "✅": Status.DONE}
)
"""What each ballot sign means."""

_GARBLED_SIGNS: tuple[tuple[str, Status], ...] = (
    # Read as cp1252, which has no character for the last byte of ☐: some tools drop it.
    ("â˜‘", Status.DONE),
    ("â˜’", Status.DONE),
    ("âœ…", Status.DONE),
    ("â˜", Status.TODO),
)

_AFTER_SIGN = r"(?:\ufe0f|ï¸\x8f)?[ \t\u00a0\u202f]+"
_BOX_SIGNS = r"☐|☑|☒|â˜[\x90‘’]?"
_BALLOT = re.compile(rf"({_BOX_SIGNS}){_AFTER_SIGN}")
_BALLOT_OR_TICK = re.compile(rf"({_BOX_SIGNS}|✅|âœ…){_AFTER_SIGN}")

_UNOPENED = "a tick, in a file without an open ballot box"
_SWALLOWED_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(?=[^ \t])")
_HEADING_BOX = re.compile(r"\[(.)\][ \t]+(?=[^ \t])")
_KEYS = tuple(map(str, range(1, 2001)))
"""The keys of the first items, made once for all files."""

BLANK = " \t"


def parse(data: bytes, dialect: Dialect = DEFAULT_DIALECT, name: str = "") -> Document:
    """The document that the bytes are. The stem of `name` is the title of a plan that has no H1."""
    return _Reading(data, dialect, name).document()


def render(document: Document) -> bytes:
    """The bytes of the document's lines."""
    return text.encode("".join(document.lines), document.encoding)


class _Columns:
    """What the marks say and where they stand: a list for each field, and in it an entry for each mark."""

    def __init__(self, marks: list[int]) -> None:
        (
            *(self.lines, self.text_lines, self.starts, self.boxes, self.contents, self.levels),
            owners,
        ) = [marks[place::WIDTH] for place in range(WIDTH)]
        count = len(owners)
        self.own_ends = [0] * (count + 1)
        """The line of the first task below, 0 without one; once the mark is read, where its own lines end."""
        for line, owner in zip(reversed(self.lines), reversed(owners), strict=True):
            self.own_ends[owner] = line
        self.own_ends.pop()
        self.ends = [0] * count
        self.keys = [*_KEYS[:count], *map(str, range(len(_KEYS) + 1, count + 1))]
        self.kinds = [Kind.TASK] * count
        self.parents = [ROOT] * count
        self.texts = [""] * count
        self.refs = [""] * count
        self.statuses = [""] * count
        self.annotated: dict[int, inline.TaskText] = {}
        """What the tasks with other fields say."""


class _Reading:
    """One parse: the blocks of the text, then the items in them, then what should be reported."""

    def __init__(self, data: bytes, dialect: Dialect, name: str) -> None:
        self.data = data
        self.dialect = dialect
        self.name = name
        self.encoding, self.whole = text.decode(data)
        self.signs = text.signs(data, self.encoding)
        self.lines, self.bodies = text.split(self.whole)
        self.storable = "\0" not in self.whole and text.is_sound(self.signs)
        self.statuses: dict[str, Status] = {"x": Status.DONE, "X": Status.DONE, **_SIGNS, **dialect.marks}
        self.first = metadata.front_matter_end(self.bodies)
        self.findings: list[Finding] = []
        self.ballots = _ballots(self.signs, self.whole, dialect)
        self.blocks = self.scan()
        self.is_task = bytearray(len(self.bodies))
        self.own_text = bytearray()
        self.marks = _Columns(self.blocks.marks)
        self.title = -1
        """The mark that gives the plan its title; -1 without one."""
        self.title_text = ""
        self.items: list[Item] = []
        self.spots: list[Spot] = []
        self.open: list[tuple[int, str, int]] = []
        """(level, key, mark) of each heading whose section goes on."""
        self.sections: list[tuple[int, int]] = []
        """(line, mark) of each heading."""

    def document(self) -> Document:
        self.read_marks()
        title = self.make_items()
        self.own_text = self.find_own_text()
        self.read_progress()
        plan = self.read_plan()
        hidden = tuple(self.report())
        self.findings.sort()
        return Document(
            self.data,
            self.encoding,
            tuple(self.lines),
            Outline(plan, tuple(self.items)),
            tuple(self.spots),
            title,
            hidden,
            tuple(self.findings),
            self.dialect,
            tuple(self.blocks.regions),
        )

    # ------------------------------------------------------------------------------------ blocks

    def scan(self) -> Blocks:
        found = self.scan_with(mend_fences=False)
        ticks_count = self.dialect.ballots == "on" or self.has_open_ballot(found)
        if self.ballots is _BALLOT_OR_TICK and not ticks_count:
            self.ballots = _BALLOT
            found = self.scan_with(mend_fences=False)
        return self.mend_fences(found) if found.broken_fences else found

    def scan_with(self, *, mend_fences: bool) -> Blocks:
        bodies, marks = self.bodies, self.dialect.marks
        if not self.whole.startswith(text.BOM):
            return blocks.scan(bodies, self.first, marks, self.ballots, mend_fences=mend_fences)
        without = [bodies[0][1:], *bodies[1:]]
        found = blocks.scan(without, self.first, marks, self.ballots, mend_fences=mend_fences)
        for index, mark in enumerate(each_mark(found.marks)):
            if mark[0]:
                break
            start = index * len(mark)
            found.marks[start : start + len(mark)] = _after_bom(Mark(*mark))
        return found

    def has_open_ballot(self, found: Blocks) -> bool:
        if self.signs.isdisjoint("☐â"):
            return False
        return any(
            not level and box >= 0 and self.status_at(text_line, box) is Status.TODO
            for _, text_line, _, box, _, level, _ in each_mark(found.marks)
            if self.bodies[text_line][box] in "☐â"
        )

    def mend_fences(self, found: Blocks) -> Blocks:
        """The blocks with the broken fences mended, where that gives tasks back and takes none."""
        mended = self.scan_with(mend_fences=True)
        before = {mark[1] for mark in each_mark(found.marks) if not mark[5]}
        after = {mark[1] for mark in each_mark(mended.marks) if not mark[5]}
        if not after - before:
            return found
        applied = self.dialect.broken_fences == "auto" and before < after
        gained = f"{len(after - before)} tasks of the file depend on it"
        for line, opened in mended.broken_fences:
            if line == opened:
                said = "a code block begins at the end of this task's line: write ``` in a line of its own"
            else:
                said = f"```plaintext cannot end the code block of line {opened + 1}: write ``` here instead"
            self.find(
                line, "broken-fence", f"{said} ({gained}, {'mended for reading' if applied else 'not read'})"
            )
        return mended if applied else found

    def find(self, line: int, code: str, message: str) -> None:
        self.findings.append(Finding(line + 1, code, message))

    # ------------------------------------------------------------------------------------- items

    def read_marks(self) -> None:
        """Reads what each mark says, in document order."""
        bodies, statuses, is_task, columns = self.bodies, self.statuses, self.is_task, self.marks
        keys, parents, texts, refs = columns.keys, columns.parents, columns.texts, columns.refs
        own_ends, ends, found_statuses = columns.own_ends, columns.ends, columns.statuses
        read_words, task_ends = inline.read_words, self.blocks.ends
        plain = self.storable
        phase = ROOT
        for index, (_, text_line, _, box, content, level, owner) in enumerate(each_mark(self.blocks.marks)):
            if level:
                phase = self.read_heading(index)
                continue
            body = bodies[text_line]
            said = body[content:]
            if not said or not plain:
                said = self.content_of(text_line, content)
            words = read_words(said)
            if words is not None:
                refs[index], texts[index] = words
            else:
                self.read_annotated(index, text_line, said)
            ends[index] = end = task_ends.get(index, text_line + 1)
            own_end = own_ends[index]
            if not own_end:
                own_ends[index] = own_end = end
            if own_end - text_line > 1:
                self.read_dependencies(index, text_line + 1, own_end)
            is_task[text_line] = 1
            status = statuses.get(body[box]) if box >= 0 else Status.TODO
            found_statuses[index] = self.status_at(text_line, box) if status is None else status
            parents[index] = keys[owner] if owner >= 0 else phase
        self.close_sections(0, self.blocks.last + 1)

    def make_items(self) -> Spot | None:
        """Makes the items and their spots, all at once: nothing else is as quick. Gives the title's spot."""
        columns, make, nothing, none = self.marks, tuple.__new__, repeat(""), repeat(())
        fields = (
            *(columns.keys, columns.kinds, columns.parents, columns.texts, columns.refs, columns.statuses),
            *(nothing, nothing, nothing, nothing, none, nothing, none, nothing, nothing),
        )
        self.items.extend(map(make, repeat(Item), zip(*fields, strict=False)))
        places = (
            *(columns.lines, columns.text_lines, columns.own_ends, columns.ends),
            *(columns.starts, columns.boxes, columns.contents, columns.levels),
        )
        self.spots.extend(map(make, repeat(Spot), zip(*places, strict=True)))
        for index, said in columns.annotated.items():
            self.items[index] = make(Item, (*self.items[index][:7], *said[2:8], "", ""))
        if self.title < 0:
            return None
        del self.items[self.title]
        return self.spots.pop(self.title)

    def read_annotated(self, index: int, line: int, content: str) -> None:
        """Reads a task that may have annotations."""
        said = inline.read_task(content)
        columns = self.marks
        columns.refs[index], columns.texts[index] = said.ref, said.text
        if any(said[2:8]):
            columns.annotated[index] = said
        for annotation in said.unread:
            self.find(line, "annotation", f"{annotation} is not understood and stays in the text")

    def read_dependencies(self, index: int, start: int, end: int) -> None:
        """Reads the refs that the first such line of a task's body lists, if the task's line has none."""
        for body in self.bodies[start:end]:
            if "pend" in body or "PEND" in body:
                found = inline.read_dependencies(body)
                if found is not None:
                    break
        else:
            return
        said = self.marks.annotated.get(index, inline.TaskText("", ""))
        if found.refs and not said.depends_on:
            self.marks.annotated[index] = said._replace(depends_on=found.refs)

    def status_at(self, line: int, box: int) -> Status:
        """The status of a box or of a garbled sign."""
        body = self.bodies[line]
        if body[box - 1 : box] != "[":
            for sign, status in _GARBLED_SIGNS:
                if body.startswith(sign, box):
                    return status
        return self.statuses.get(body[box], Status.TODO)

    def content_of(self, line: int, content: int) -> str:
        """A task's content as it can be shown: below the box, if there is nothing beside it."""
        found = self.bodies[line][content:]
        while not found and line + 1 < len(self.bodies):
            line += 1
            found = self.bodies[line].strip(text.TRIMMED + ">")
        return text.display(found)

    # ---------------------------------------------------------------------------------- headings

    def read_heading(self, index: int) -> str:
        """Reads a heading and gives the key of the item that what follows hangs below."""
        bodies, columns = self.bodies, self.marks
        line, content, depth = columns.lines[index], columns.contents[index], columns.levels[index]
        atx = depth > 0
        last = line
        if not atx:
            depth = columns.levels[index] = -depth
            last, columns.text_lines[index] = columns.text_lines[index], line
        body = bodies[line]
        if self.open and self.open[-1][0] >= depth:
            self.close_sections(depth, line)
        if body.startswith("[", content):
            box, content, columns.statuses[index] = self.heading_box(body, content)
            columns.boxes[index], columns.contents[index] = box, content
        said = body[content:] if atx else self.setext_text(line, last, content)
        if not self.storable:
            said = text.display(said)
        self.sections.append((line, index))
        if depth == 1 and self.title < 0 and self.is_title(index):
            self.close_sections(0, line)
            self.title = index
            self.title_text = said[: inline.heading_end(said)].strip(BLANK) if atx else said
            columns.keys[index:] = [ROOT, *columns.keys[index:-1]]
            self.open.append((0, ROOT, index))
            return ROOT
        key = columns.keys[index]
        columns.kinds[index] = Kind.PHASE
        columns.parents[index] = self.open[-1][1] if self.open else ROOT
        columns.refs[index], columns.texts[index] = inline.read_heading_words(said, atx=atx)
        self.open.append((depth, key, index))
        return key

    def is_title(self, index: int) -> bool:
        """Whether the heading can be the title: its own tasks must not come after a phase of the plan."""
        levels = self.marks.levels
        return len(self.sections) == 1 or index + 1 == len(levels) or levels[index + 1] != 0

    def heading_box(self, body: str, content: int) -> tuple[int, int, str]:
        """(column of the mark in the heading's box, column of the text, status)."""
        match = _HEADING_BOX.match(body, content)
        status = self.dialect.marks.get(match[1]) if match is not None else None
        if match is None or status is None:
            return -1, content, ""
        return match.start(1), match.end(), status

    def setext_text(self, line: int, underline: int, content: int) -> str:
        parts = [self.bodies[line][content:], *self.bodies[line + 1 : underline]]
        return " ".join(part.strip(text.TRIMMED) for part in parts)

    def close_sections(self, level: int, end: int) -> None:
        """Ends the open sections of `level` and deeper before line `end` and the blank lines above it."""
        opened, columns, bodies = self.open, self.marks, self.bodies
        while end and not (bodies[end - 1] and bodies[end - 1].strip(BLANK)):
            end -= 1
        lines, own_ends = columns.lines, columns.own_ends
        while opened and opened[-1][0] >= level:
            index = opened.pop()[2]
            columns.ends[index] = end
            below = lines[index + 1] if index + 1 < len(lines) else 0
            own_ends[index] = below if lines[index] < below < end else end

    # ---------------------------------------------------------------------------------- metadata

    def read_progress(self) -> None:
        """Gives each phase the progress that the first progress line of its own section declares."""
        lines = self.progress_lines()
        starts = [line for line, _ in self.sections] if lines else []
        done = {self.title}
        for line in lines:
            section = bisect_right(starts, line) - 1
            mark = self.sections[section][1] if section >= 0 else self.title
            if mark not in done:
                declared = metadata.read_progress_line(self.bodies[line])
                if declared is not None and declared.progress:
                    done.add(mark)
                    position = mark - (0 <= self.title < mark)
                    self.items[position] = self.items[position]._replace(progress=declared.progress)

    def progress_lines(self) -> list[int]:
        """The lines that may declare a progress, ascending."""
        return [
            line
            for line, body in compress(enumerate(self.bodies), self.own_text)
            if body
            and (
                "%" in body
                or "rogress" in body
                or "vancement" in body
                or "ROGRESS" in body
                or "VANCEMENT" in body
            )
            and metadata.may_declare_progress(body)
        ]

    def lines_with(self, parts: Iterable[str]) -> list[int]:
        """The lines that hold one of the texts, ascending."""
        whole = self.whole
        places: list[int] = []
        for part in parts:
            place = whole.find(part)
            while place >= 0:
                places.append(place)
                place = whole.find(part, place + 1)
        return self.lines_at(places) if places else []

    def lines_at(self, places: list[int]) -> list[int]:
        """The lines in which the places of the text lie, ascending."""
        whole = self.whole
        places.sort()
        if "\r" in whole:
            starts = list(accumulate(map(len, self.lines), initial=0))
            return sorted({bisect_right(starts, place) - 1 for place in places})
        found, line, seen = [-1], 0, 0
        for place in places:
            line += whole.count("\n", seen, place)
            seen = place
            if line != found[-1]:
                found.append(line)
        return found[1:]

    def find_own_text(self) -> bytearray:
        """For each line, whether it is neither a task's nor code, and so speaks of the section around it."""
        own = bytearray(b"\1") * len(self.bodies)
        for start, end, _ in self.blocks.regions:
            own[start:end] = bytes(end - start)
        columns, covered = self.marks, 0
        for start, end, level in zip(columns.lines, columns.ends, columns.levels, strict=True):
            if not level and end > covered:
                own[start:end] = bytes(end - start)
                covered = end
        return own

    def read_plan(self) -> Item:
        version = metadata.Declared()
        progress = metadata.Declared()
        bodies, may_declare = self.bodies, metadata.may_declare
        for line in [line for line in self.preamble() if bodies[line] and may_declare(bodies[line])]:
            if self.own_text[line]:
                body = bodies[line]
                version = _completed(version, metadata.read_version_line(body))
                progress = _completed(progress, metadata.read_progress_line(body))
        declared = _completed(version, progress)
        declared = _completed(declared, metadata.read_front_matter(self.bodies, self.first))
        return Item(
            ROOT,
            Kind.PLAN,
            ROOT,
            self.title_text or _stem(self.name),
            status=declared.status,
            progress=declared.progress,
            version=declared.version,
            date=declared.date,
        )

    def preamble(self) -> Iterator[int]:
        """The lines that speak of the plan: before the first heading, and below the title."""
        starts = [line for line, _ in self.sections] + [len(self.bodies)]
        yield from range(self.first, starts[0])
        for section, (line, mark) in enumerate(self.sections):
            if mark == self.title:
                yield from range(line + 1, starts[section + 1])

    # ---------------------------------------------------------------------------------- findings

    def report(self) -> Iterator[Hidden]:
        """Reports what a person should know of. Gives the lines that would be tasks or phases elsewhere."""
        self.report_damage()
        signed = self.lines_with(lookalikes.signs(self.signs))
        found = lookalikes.find(self.bodies, self.first, self.is_task, self.blocks, signed)
        unopened = self.dialect.ballots == "auto" and self.ballots is not _BALLOT_OR_TICK
        ballots = _BALLOT_OR_TICK if unopened else self.ballots
        hidden = list(self.hidden_phases())
        for line, reason in found:
            self.find(line, "unrecognised", f"looks like a task and is not one: {reason.message}")
            if reason.swallowed or (unopened and reason is lookalikes.SIGN):
                would = lookalikes.read(self.bodies[line], ballots)
                if would is not None:
                    message = reason.message if reason.swallowed else _UNOPENED
                    hidden.append(self.hide(line, would, message))
        hidden.sort()
        yield from hidden

    def hide(self, line: int, would: lookalikes.Would, reason: str) -> Hidden:
        status = self.status_at(line, would.box)
        said = inline.read_task(text.display(self.bodies[line][would.content :]))
        return Hidden(line, said.text, said.ref, status, reason)

    def hidden_phases(self) -> Iterator[Hidden]:
        """The headings in fences of which it is doubtful that they are meant to reach so far."""
        for start, end, _ in self.blocks.doubtful_fences:
            reason = f"in the code block opened in line {start + 1}"
            for line in range(start + 1, end):
                body = self.bodies[line]
                match = _SWALLOWED_HEADING.match(body) if "#" in body else None
                if match is not None:
                    _, content, status = self.heading_box(body, match.end())
                    said = inline.read_heading(text.display(body[content:]))
                    yield Hidden(line, said.text, said.ref, status, reason, Kind.PHASE)

    def report_damage(self) -> None:
        """Reports bytes that are no text, and text that was once read in the wrong encoding."""
        if self.encoding == text.UTF_8 and not text.is_sound(self.signs):
            lines = self.lines_at(text.unsound_places(self.whole))
            self.find(lines[0], "not-utf8", f"bytes that are not UTF-8, in {_count(lines)} of the file")
        damage = encoding.damage_places(self.whole, self.signs)
        if damage:
            lines = self.lines_at(damage)
            self.find(
                lines[0],
                "mojibake",
                f"text that was once read in a wrong encoding, in {_count(lines)} of the file",
            )


def _count(lines: list[int]) -> str:
    return f"{len(lines)} line" if len(lines) == 1 else f"{len(lines)} lines"


def _ballots(signs: Set[str], whole: str, dialect: Dialect) -> re.Pattern[str] | None:
    """The ballot signs that make a line of the text a task; None where it holds none."""
    if dialect.ballots == "off":
        return None
    garbled = "â" in signs
    if "☐" in signs or (garbled and "˜" in signs and "â˜" in whole):
        return _BALLOT_OR_TICK
    if dialect.ballots == "on" and ("✅" in signs or (garbled and "œ" in signs and "âœ" in whole)):
        return _BALLOT_OR_TICK
    return _BALLOT if "☑" in signs or "☒" in signs else None


def _after_bom(mark: Mark) -> Mark:
    """The mark of line 0 in the line as it stands, with its byte-order mark."""
    if mark.text_line and mark.level == 0:
        return mark._replace(start=mark.start + 1)
    box = mark.box + 1 if mark.box >= 0 else -1
    return mark._replace(start=mark.start + 1, box=box, content=mark.content + 1)


def _completed(known: metadata.Declared, further: metadata.Declared | None) -> metadata.Declared:
    """What is known, and where it is silent what the further line says."""
    if further is None:
        return known
    return metadata.Declared(*(old or new for old, new in zip(known, further, strict=True)))


def _stem(name: str) -> str:
    """The file name without folders and extension, as it can be shown."""
    last = re.split(r"[/\\]", name)[-1]
    stem, dot, _ = last.rpartition(".")
    return text.display(stem if dot and stem else last)
