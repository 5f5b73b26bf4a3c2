"""How many tasks keep their identity from one real version of a plan to the next, per kind of change.

The truth is found on the raw lines with `difflib`, without anything of `plans.identity`. The figures
as a table: `python -m tests.plans.test_history`.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache
from itertools import cycle, pairwise
from pathlib import Path
from typing import NamedTuple

import ftfy
import pytest

from plans.document import DEFAULT_DIALECT, Dialect, Document, parse
from plans.identity import Match, match
from plans.outline import Kind
from tests.corpus import corpus_root

STRICT = Dialect(broken_fences="off")
"""Fences as GFM has them, so that the steps that break them swallow tasks."""

AT_LEAST = {
    "unchanged": 0.999,
    "ticked": 1.0,
    "re-encoded": 0.99,
    "renumbered": 0.99,
    "state words": 0.99,
    "reworded": 0.95,
    "moved": 0.95,
}
"""The share of tasks that must keep their identity, for each kind of change."""


class Step(NamedTuple):
    plan: str
    version: str
    before: Document
    after: Document


# ----------------------------------------------------------------------------- the truth, by lines

BOX = re.compile(r"^((?:[\s>]|[-*+]|\d+[.)])*\[)(.)(\].*)$", re.DOTALL)


@cache
def words(line: str) -> str:
    box = BOX.match(line)
    line = ftfy.fix_encoding(box[3] if box else line)
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFC", line).casefold()))


def without_ref(said: str) -> str:
    return re.sub(r"^(?:(?:phase|étape|sous étape|micro étape|tâche) )?(?:\d+ )+", "", said)


def without_state(said: str) -> str:
    return re.sub(r"\b(?:complete|complété|terminé|done|validé)\b", "", without_ref(said)).strip()


LEVELS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("re-encoded", str),
    ("renumbered", without_ref),
    ("state words", without_state),
)


class Truth:
    """Which task line of one version is which of the next: `found[line before] = (line after, kind)`."""

    def __init__(self, before: Document, after: Document) -> None:
        self.before, self.after = before.lines, after.lines
        self.found: dict[int, tuple[int, str]] = {}
        self._gone: list[int] = []
        self._new: list[int] = []
        mine, theirs = task_lines(before), task_lines(after)
        blank = [BOX.sub(r"\1 \3", line.rstrip()) for line in self.before]
        other = [BOX.sub(r"\1 \3", line.rstrip()) for line in self.after]
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, blank, other, autojunk=False).get_opcodes():
            here = [i for i in range(i1, i2) if i in mine]
            there = [j for j in range(j1, j2) if j in theirs]
            if tag == "equal":
                self._equal(zip(range(i1, i2), range(j1, j2), strict=True), mine, theirs)
            else:
                self._within(here, there, 0)
        self._moved()

    def _equal(self, pairs: Iterator[tuple[int, int]], mine: set[int], theirs: set[int]) -> None:
        for i, j in pairs:
            if i in mine and j in theirs:
                boxes = BOX.match(self.before[i]), BOX.match(self.after[j])
                same = boxes[0] is None or boxes[1] is None or boxes[0][2].lower() == boxes[1][2].lower()
                self.found[i] = j, "unchanged" if same else "ticked"

    def _within(self, here: list[int], there: list[int], level: int) -> None:
        if not here or not there or level == len(LEVELS):
            self._reworded(here, there)
            return
        kind, seen_as = LEVELS[level]
        mine = [seen_as(words(self.before[i])) for i in here]
        theirs = [seen_as(words(self.after[j])) for j in there]
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
            if tag == "equal":
                for i, j in zip(here[i1:i2], there[j1:j2], strict=True):
                    self.found[i] = j, kind
            else:
                self._within(here[i1:i2], there[j1:j2], level + 1)

    def _reworded(self, here: list[int], there: list[int]) -> None:
        """As many lines on both sides: those that read alike are the same, one by one."""
        if len(here) != len(there):
            self._gone += here
            self._new += there
            return
        for i, j in zip(here, there, strict=True):
            said = words(self.before[i]), words(self.after[j])
            if SequenceMatcher(None, *said, autojunk=False).ratio() >= 0.6:
                self.found[i] = j, "reworded"
            else:
                self._gone.append(i)
                self._new.append(j)

    def _moved(self) -> None:
        gone = Counter(words(self.before[i]) for i in self._gone)
        new = Counter(words(self.after[j]) for j in self._new)
        where = {words(self.after[j]): j for j in self._new}
        for i in self._gone:
            said = words(self.before[i])
            if gone[said] == new[said] == 1 and len(said) >= 16:
                self.found[i] = where[said], "moved"


def task_lines(document: Document) -> set[int]:
    pairs = zip(document.outline.items, document.spots, strict=True)
    return {spot.text_line for item, spot in pairs if item.kind is Kind.TASK}


def lines_of(document: Document) -> dict[str, int]:
    pairs = zip(document.outline.items, document.spots, strict=True)
    return {item.key: spot.text_line for item, spot in pairs}


def paired_lines(before: Document, after: Document, matched: Match) -> dict[int, int]:
    mine, theirs = lines_of(before), lines_of(after)
    return {mine[s]: theirs[p] for p, s in matched.keys.items()}


# ------------------------------------------------------------------------------------- the corpus


def folders() -> tuple[Path, Path]:
    root = corpus_root()
    if root is not None:
        return root / "dev", root / "dev-large"
    missing = "the corpus of real plans is missing: it belongs in ../shared/corpus beside the repository"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@cache
def steps() -> tuple[Step, ...]:
    return tuple(
        Step(folder.name, files[1].name, read(files[0]), read(files[1]))
        for part in folders()
        for folder in sorted((part / "history").iterdir())
        for files in pairwise(sorted(folder.glob("*.md")))
    )


@cache
def read(path: Path, *, strict: bool = False) -> Document:
    return parse(path.read_bytes(), STRICT if strict else DEFAULT_DIALECT, path.name)


@cache
def kept() -> dict[str, list[int]]:
    """Kind of change -> [tasks that kept their identity, tasks]."""
    figures: dict[str, list[int]] = {kind: [0, 0] for kind in AT_LEAST}
    for step in steps():
        matched = match(step.before.outline, step.after.outline, step.after.hidden)
        paired = paired_lines(step.before, step.after, matched)
        for line, (there, kind) in Truth(step.before, step.after).found.items():
            figures[kind][0] += paired.get(line) == there
            figures[kind][1] += 1
    return figures


@pytest.mark.parametrize("kind", AT_LEAST)
def test_tasks_keep_their_identity_through_the_real_versions(kind: str) -> None:
    same, tasks = kept()[kind]
    assert tasks, f"no version step of the corpus has a task that was {kind}"
    assert same >= AT_LEAST[kind] * tasks, f"{same} of {tasks} tasks that were {kind} kept their identity"


def test_a_step_that_only_breaks_fences_deletes_nothing() -> None:
    """No task, and no heading either where tasks are swallowed: of a heading alone nothing tells."""
    swallowing = 0
    for part in folders():
        for folder in sorted((part / "history").iterdir()):
            for files in pairwise(sorted(folder.glob("*.md"))):
                before, after = (read(file, strict=True) for file in files)
                if skeleton(before) != skeleton(after):
                    continue
                matched = match(before.outline, after.outline, after.hidden)
                known = set(matched.keys.values()) | matched.unreachable
                missing = [item for item in before.outline.items if item.key not in known]
                lost = [item for item in missing if item.kind is Kind.TASK or matched.unreachable]
                assert not lost, (folder.name, files[1].name, lost[:3])
                swallowing += bool(matched.unreachable)
    assert swallowing >= 3, "the corpus has such steps; are its histories complete?"


def skeleton(document: Document) -> list[str]:
    """The lines that a reader takes for tasks and headings, whatever the fences."""
    return [line.strip() for line in document.lines if re.match(r"[\s>]*(?:[-*+] \[[ xX]\]|#+) ", line)]


# --------------------------------------------------------------------- real plans, changes of our own


class Plain(NamedTuple):
    path: Path
    lines: list[str]


@cache
def plain_plans() -> tuple[Plain, ...]:
    """Plans of the corpus that are valid UTF-8, with 20 to 400 tasks; their last lines are made to end."""
    found = []
    for path in sorted((folders()[0] / "plans").glob("*.md")):
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue
        if 20 <= len(list(read(path).outline.tasks())) <= 400 and "\r" not in text:
            found.append(Plain(path, [f"{line}\n" for line in text.split("\n")]))
    return tuple(found[:30])


def garbled(line: str) -> str:
    try:
        return line.encode("utf-8").decode("cp1252")
    except UnicodeDecodeError:
        return line


def renumbered(line: str) -> str:
    """Every first number one higher, so that each new ref was the ref of another task."""
    return re.sub(r"(\*\*)(\d+)\.", lambda found: f"{found[1]}{int(found[2]) + 1}.", line, count=1)


def ticked(line: str) -> str:
    return re.sub(r"^(\s*[-*+] )\[ \]", r"\1[x]", line)


def share_kept(edit: Callable[[list[str]], Sequence[tuple[int | None, str]]]) -> tuple[int, int]:
    """Tasks that keep their identity; `edit` gives the new lines, each with the number of the old one."""
    same = tasks = 0
    for plan in plain_plans():
        edited = edit(plan.lines)
        before = parse("".join(plan.lines).encode(), name=plan.path.name)
        after = parse("".join(line for _, line in edited).encode(), name=plan.path.name)
        paired = paired_lines(before, after, match(before.outline, after.outline, after.hidden))
        mine, theirs = task_lines(before), task_lines(after)
        for there, (line, _) in enumerate(edited):
            if line in mine and there in theirs:
                same += paired.get(line) == there
                tasks += 1
    assert tasks > 1000
    return same, tasks


def each_line(change: Callable[[str], str]) -> Callable[[list[str]], Sequence[tuple[int | None, str]]]:
    return lambda lines: [(number, change(line)) for number, line in enumerate(lines)]


def without_every_seventh_task(lines: list[str]) -> Sequence[tuple[int | None, str]]:
    boxes = [number for number, line in enumerate(lines) if BOX.match(line)]
    gone = set(boxes[3::7])
    return [(number, line) for number, line in enumerate(lines) if number not in gone]


def with_a_task_after_every_seventh(lines: list[str]) -> Sequence[tuple[int | None, str]]:
    edited: list[tuple[int | None, str]] = []
    boxes = 0
    for number, line in enumerate(lines):
        edited.append((number, line))
        if BOX.match(line):
            boxes += 1
            if boxes % 7 == 0:
                indent = line[: len(line) - len(line.lstrip())]
                edited.append((None, f"{indent}- [ ] Something of our own, number {boxes}\n"))
    return edited


def last_section_first(lines: list[str]) -> Sequence[tuple[int | None, str]]:
    numbered: list[tuple[int | None, str]] = list(enumerate(lines))
    heads = [number for number, line in enumerate(lines) if line.startswith("## ")]
    if len(heads) < 2:
        return numbered
    first, last = heads[0], heads[-1]
    return [*numbered[:first], *numbered[last:], (None, "\n"), *numbered[first:last]]


EDITS: dict[str, tuple[Callable[[list[str]], Sequence[tuple[int | None, str]]], float]] = {
    "every open box ticked": (each_line(ticked), 1.0),
    "every line re-encoded": (each_line(garbled), 0.99),
    "every number raised by one": (each_line(renumbered), 0.99),
    "every seventh task deleted": (without_every_seventh_task, 0.99),
    "a task put after every seventh": (with_a_task_after_every_seventh, 0.99),
    "the last section put first": (last_section_first, 0.98),
}


@pytest.mark.parametrize("name", EDITS)
def test_tasks_of_real_plans_keep_their_identity_through_changes_of_our_own(name: str) -> None:
    edit, least = EDITS[name]
    same, tasks = share_kept(edit)
    assert same >= least * tasks, f"{same} of {tasks} kept their identity"


# ------------------------------------------------------------------------------- false identities


def misjudged(before: Document, after: Document, gone: set[int], new: set[int]) -> int:
    """Pairs of a line that went and a line that came whose words differ."""
    matched = match(before.outline, after.outline, after.hidden)
    paired = paired_lines(before, after, matched)
    return sum(
        line in gone and there in new and words(before.lines[line]) != words(after.lines[there])
        for line, there in paired.items()
    )


@cache
def unrelated_plans() -> tuple[int, int]:
    """Different tasks and phases called the same between plans of different families, and the items."""
    newest = {step.plan[:12]: step.after for step in steps() if len(step.after.outline.items) > 20}
    wrong = items = 0
    plans = list(newest.values())
    for distance in (1, 3):
        for before, after in zip(plans, plans[distance:] + plans[:distance], strict=True):
            everything = set(range(len(before.lines))), set(range(len(after.lines)))
            wrong += misjudged(before, after, *everything)
            items += min(len(before.outline.items), len(after.outline.items))
    return wrong, items


@cache
def replaced_sections() -> tuple[int, int]:
    """The same for plans one of whose sections was replaced by a section of another plan."""
    wrong = tasks = 0
    plans = [(plan, sections(plan.lines)) for plan in plain_plans()]
    plans = [(plan, found) for plan, found in plans if found]
    for (plan, mine), (other, theirs) in zip(plans, plans[1:] + plans[:1], strict=True):
        before = parse("".join(plan.lines).encode())
        for (start, end), (first, last) in zip(mine[:6], cycle(theirs)):
            edited = plan.lines[:start] + other.lines[first:last] + plan.lines[end:]
            after = parse("".join(edited).encode())
            gone, new = set(range(start, end)), set(range(start, start + last - first))
            wrong += misjudged(before, after, gone, new)
            tasks += min(len(gone & task_lines(before)), len(new & task_lines(after)))
    return wrong, tasks


def sections(lines: list[str]) -> list[tuple[int, int]]:
    """The sections below `##` that have at least four tasks."""
    heads = [number for number, line in enumerate(lines) if line.startswith("## ")] + [len(lines)]
    return [(a, b) for a, b in pairwise(heads) if sum(bool(BOX.match(line)) for line in lines[a:b]) >= 4]


def test_plans_of_other_work_share_next_to_no_task() -> None:
    wrong, items = unrelated_plans()
    assert items > 1000
    assert wrong <= 0.005 * items, f"{wrong} of {items}"


def test_a_section_replaced_by_another_leaves_its_tasks_no_identity() -> None:
    wrong, tasks = replaced_sections()
    assert tasks > 100
    assert wrong <= 0.01 * tasks, f"{wrong} of {tasks}"


# --------------------------------------------------------------------------------------- the table


def table() -> str:
    rows = [(f"real versions: {kind}", same, tasks) for kind, (same, tasks) in kept().items()]
    rows += [(f"real plans: {name}", *share_kept(edit)) for name, (edit, _) in EDITS.items()]
    lines = [f"{name:<50} {same:>6} of {tasks:>6}  {same / tasks:8.2%}" for name, same, tasks in rows]
    for name, (wrong, tasks) in {
        "false: plans of other work": unrelated_plans(),
        "false: a section replaced by another": replaced_sections(),
    }.items():
        lines.append(f"{name:<50} {wrong:>6} of {tasks:>6}  {wrong / tasks:8.2%}")
    return "\n".join(lines)


def doubts() -> Counter[str]:
    found: Counter[str] = Counter()
    for step in steps():
        matched = match(step.before.outline, step.after.outline, step.after.hidden)
        found.update(doubt.reason for doubt in matched.doubtful)
    return found


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
    for reason, times in doubts().most_common():
        sys.stdout.write(f"doubtful: {reason}: {times}\n")
