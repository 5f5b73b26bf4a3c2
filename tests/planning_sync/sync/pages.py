"""Edits of a plan file as a person makes them in an editor: on its text, knowing nothing of documents.

Every text that is made holds a token of its own (`k17k`), by which it can be found again on any side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(r"k\d+k")
TASK = re.compile(r"^(?P<indent> *)(?P<marker>[-*+]|\d+[.)]) \[(?P<mark>.)\] (?P<text>.*)$")
HEADING = re.compile(r"^(?P<hashes>#{1,6}) (?P<text>.*)$")
WORDS = (
    "Check the pump",
    "Ask for an offer",
    "Sort",
    "Compare the three offers once more",
    "Pay",
    "Read the manual",
)
MARKS = " x~-!X>"


def tokens(text: str) -> set[str]:
    return set(TOKEN.findall(text))


@dataclass
class Mint:
    """Gives texts with new tokens, and knows what was killed: overwritten or deleted on purpose."""

    kinds: dict[str, str] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)

    def text(self, kind: str, pick: int) -> str:
        token = f"k{len(self.kinds)}k"
        self.kinds[token] = kind
        return f"{WORDS[pick % len(WORDS)]} {token}"

    def kill(self, text: str) -> None:
        self.dead |= tokens(text)

    def alive(self) -> Iterator[tuple[str, str]]:
        """(token, kind) of those that must still be somewhere in sight."""
        return ((token, kind) for token, kind in self.kinds.items() if token not in self.dead)


def lines_of(text: str) -> list[str]:
    """The lines with their ends."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)


def split(line: str) -> tuple[str, str]:
    """A line and its end."""
    said = line.rstrip("\r\n")
    return said, line[len(said) :]


Edit = Callable[[str, Mint, int, int], str]
"""The text after one edit; the numbers say where and how. The same text where it does not apply."""


def new_plan(mint: Mint, at: int) -> str:
    """A small plan with two phases."""
    first, second = mint.text("phase", at), mint.text("phase", at + 1)
    tasks = [mint.text("task", at + number) for number in range(5)]
    return (
        f"# Plan {mint.text('title', at)}\n\n{mint.text('prose', at)}\n\n"
        f"## {first}\n\n- [ ] {tasks[0]}\n  - [ ] {tasks[1]}\n- [x] {tasks[2]}\n\n"
        f"## {second}\n\n- [ ] {tasks[3]}\n- [ ] {tasks[4]}\n"
    )


def _found(lines: list[str], pattern: re.Pattern[str], at: int) -> tuple[int, re.Match[str]] | None:
    matches = [
        (number, found) for number, line in enumerate(lines) if (found := pattern.match(split(line)[0]))
    ]
    return matches[at % len(matches)] if matches else None


def _block(lines: list[str], start: int) -> int:
    """Just after the task line `start` and all deeper lines that follow at once."""
    depth = len(lines[start]) - len(lines[start].lstrip(" "))
    end = start + 1
    while end < len(lines) and lines[end].strip() and len(lines[end]) - len(lines[end].lstrip(" ")) > depth:
        end += 1
    return end


def _ended(lines: list[str]) -> list[str]:
    """The lines, the last one ended too, so that lines can be put after it."""
    if lines and not lines[-1].endswith(("\n", "\r")):
        return [*lines[:-1], lines[-1] + "\n"]
    return lines


def tick(text: str, mint: Mint, at: int, how: int) -> str:
    lines = lines_of(text)
    found = _found(lines, TASK, at)
    if found is None:
        return text
    number, task = found
    place = task.start("mark")
    lines[number] = lines[number][:place] + MARKS[how % len(MARKS)] + lines[number][place + 1 :]
    return "".join(lines)


def reword(text: str, mint: Mint, at: int, how: int) -> str:
    return _reworded(text, mint, at, how, TASK, "task")


def retitle(text: str, mint: Mint, at: int, how: int) -> str:
    return _reworded(text, mint, at, how, HEADING, "phase")


def _reworded(text: str, mint: Mint, at: int, how: int, pattern: re.Pattern[str], kind: str) -> str:
    lines = lines_of(text)
    found = _found(lines, pattern, at)
    if found is None:
        return text
    number, match = found
    mint.kill(lines[number])
    place = match.start("text")
    kind = (
        "title"
        if kind == "phase" and tokens(lines[number]) & {t for t, k in mint.kinds.items() if k == "title"}
        else kind
    )
    words = mint.text(kind, how)
    if how % 3:  # a few words only: the same item to a reader
        words = TOKEN.sub("", match["text"]).strip() + " " + TOKEN.findall(words)[0]
    lines[number] = lines[number][:place] + words + split(lines[number])[1]
    return "".join(lines)


def insert_task(text: str, mint: Mint, at: int, how: int) -> str:
    lines = _ended(lines_of(text))
    found = _found(lines, TASK, at)
    if found is None:
        return "".join(lines) + f"\n- [ ] {mint.text('task', how)}\n"
    number, task = found
    indent = task["indent"] + ("  " if how % 3 == 0 else "")
    lines.insert(
        number + 1, f"{indent}{task['marker']} [ ] {mint.text('task', how)}{split(lines[number])[1]}"
    )
    return "".join(lines)


def insert_phase(text: str, mint: Mint, at: int, how: int) -> str:
    lines = _ended(lines_of(text))
    found = _found(lines, HEADING, at)
    number = found[0] if found else len(lines)
    hashes = "#" * (2 + how % 2)
    lines[number + 1 : number + 1] = [
        "\n",
        f"{hashes} {mint.text('phase', how)}\n",
        "\n",
        f"- [ ] {mint.text('task', how)}\n",
    ]
    return "".join(lines)


def delete_line(text: str, mint: Mint, at: int, how: int) -> str:
    lines = lines_of(text)
    found = _found(lines, TASK if how % 4 else HEADING, at)
    if found is None:
        return text
    mint.kill(lines.pop(found[0]))
    return "".join(lines)


def delete_block(text: str, mint: Mint, at: int, how: int) -> str:
    lines = lines_of(text)
    found = _found(lines, TASK, at)
    if found is None:
        return text
    end = _block(lines, found[0])
    mint.kill("".join(lines[found[0] : end]))
    del lines[found[0] : end]
    return "".join(lines)


def move_block(text: str, mint: Mint, at: int, how: int) -> str:
    lines = _ended(lines_of(text))
    found = _found(lines, TASK, at)
    if found is None:
        return text
    end = _block(lines, found[0])
    block = lines[found[0] : end]
    rest = lines[: found[0]] + lines[end:]
    target = _found(rest, TASK, how)
    if target is None:
        return text
    shift = len(target[1]["indent"]) - len(found[1]["indent"])
    block = [" " * max(0, len(line) - len(line.lstrip(" ")) + shift) + line.lstrip(" ") for line in block]
    rest[target[0] + 1 : target[0] + 1] = block
    return "".join(rest)


def swap(text: str, mint: Mint, at: int, how: int) -> str:
    lines = _ended(lines_of(text))
    one, other = _found(lines, TASK, at), _found(lines, TASK, how)
    if one is None or other is None:
        return text
    lines[one[0]], lines[other[0]] = lines[other[0]], lines[one[0]]
    return "".join(lines)


def add_prose(text: str, mint: Mint, at: int, how: int) -> str:
    lines = _ended(lines_of(text))
    place = at % (len(lines) + 1)
    lines[place:place] = (
        ["\n", mint.text("prose", how) + "\n", "\n"][: 1 + how % 3]
        if how % 3
        else [mint.text("prose", how) + "\n"]
    )
    return "".join(lines)


def blank(text: str, mint: Mint, at: int, how: int) -> str:
    lines = lines_of(text)
    blanks = [number for number, line in enumerate(lines) if not line.strip()]
    if how % 2 and blanks:
        del lines[blanks[at % len(blanks)]]
    else:
        lines.insert(at % (len(lines) + 1), "\n") if lines and lines[-1].endswith("\n") else None
    return "".join(lines)


def line_ends(text: str, mint: Mint, at: int, how: int) -> str:
    lines = lines_of(text)
    if not lines:
        return text
    chosen = range(len(lines)) if how % 2 else [at % len(lines)]
    for number in chosen:
        said, end = split(lines[number])
        if end:
            lines[number] = said + ("\r\n" if end == "\n" else "\n")
    return "".join(lines)


def cut_last_end(text: str, mint: Mint, at: int, how: int) -> str:
    return text.rstrip("\r\n")


def fence(text: str, mint: Mint, at: int, how: int) -> str:
    """Break a fence open, or mend what is open."""
    lines = _ended(lines_of(text))
    fences = [number for number, line in enumerate(lines) if line.lstrip().startswith("```")]
    if how % 2 and fences:
        del lines[fences[at % len(fences)]]
    else:
        lines.insert(at % (len(lines) + 1), ("```bash\n", "```\n", "```plaintext\n")[how % 3])
    return "".join(lines)


def copy_block(text: str, mint: Mint, at: int, how: int) -> str:
    lines = _ended(lines_of(text))
    found = _found(lines, TASK, at)
    if found is None:
        return text
    end = _block(lines, found[0])
    lines[end:end] = lines[found[0] : end]
    return "".join(lines)


EDITS: tuple[Edit, ...] = (
    *(tick, tick, reword, reword, retitle, insert_task, insert_task, insert_phase, delete_line, delete_block),
    *(move_block, swap, add_prose, blank, line_ends, cut_last_end, fence, fence, copy_block),
)
