"""What a new plan says, and what an unwilling dialect leaves to the hub."""

from __future__ import annotations

from dataclasses import replace

import pytest

from planning_sync.replicas import writing
from planning_sync.replicas.base import ABSENT, Reading, checksum
from planning_sync.replicas.memory import MemoryFolder
from plans.document.model import DEFAULT_DIALECT
from plans.outline import ROOT, Changed, Item, Kind, Outline, Status
from tests.planning_sync.replicas.contract import PLAN, known, outline

RICH = Outline(
    Item(ROOT, Kind.PLAN, ROOT, "Roof", version="1.2", date="2025-06-01", progress="45"),
    (
        Item("a", Kind.TASK, ROOT, "Measure", status=Status.TODO, priority="high", due="2025-07-01"),
        Item("p", Kind.PHASE, ROOT, "Audit", ref="1"),
        Item("b", Kind.TASK, "p", "Climb up", ref="1.1", status=Status.DONE, tags=("x", "y")),
        Item(
            "c", Kind.TASK, "b", "Hold the ladder", status=Status.IN_PROGRESS, assignee="alice", estimate="2h"
        ),
        Item("q", Kind.PHASE, "p", "Beams", ref="1.1"),
        Item("d", Kind.TASK, "q", "Count", status=Status.BLOCKED, depends_on=("1.1",)),
    ),
)


def test_a_new_plan_says_all_that_the_hub_holds() -> None:
    write = writing.created("roof.md", RICH, DEFAULT_DIALECT)
    assert write.left == ()
    assert write.document is not None
    assert write.document.outline == RICH
    assert write.data is not None
    assert write.data.startswith(
        b"# Roof\n\n*Version 1.2 - 2025-06-01 - Progression globale : 45%*\n\n- [ ] Measure"
    )
    replica = MemoryFolder({"roof.md": write.data})
    assert replica.read("roof.md").document.outline.same_shape(RICH)


@pytest.mark.parametrize(
    "title", ["# x", "[ ] box", "**bold**", "1. First", "`code", "<!-- x", "~~~", "Plan ##"]
)
def test_a_new_plan_has_its_title_whatever_signs_that_has(title: str) -> None:
    write = writing.created("a.md", outline(title, "Buy paint"), DEFAULT_DIALECT)
    assert write.left == ()
    assert write.data is not None
    found = MemoryFolder({"a.md": write.data}).read("a.md").document.outline
    assert (found.plan.text, [task.text for task in found.tasks()]) == (title, ["Buy paint"])


def test_a_new_plan_without_a_title_is_called_by_its_file_and_says_so() -> None:
    write = writing.created("plan.md", outline("", "Buy paint"), DEFAULT_DIALECT)
    assert write.data == b"- [ ] Buy paint\n"
    assert write.left == (Changed(ROOT, "text", "plan", ""),)


def test_what_the_dialect_cannot_say_is_left_and_the_rest_is_written() -> None:
    """A text of two lines cannot be said; the tick beside it can."""
    reading = known(read("- [ ] Tile\n- [ ] Beam\n"))
    current = reading.document.outline
    one, two = current.items
    target = replace(
        current, items=(one._replace(text="Tile\n# not a title"), two._replace(status=Status.DONE))
    )
    write = writing.rewritten(reading, target)
    assert write.data == b"- [ ] Tile\n- [x] Beam\n"
    assert write.left == (Changed(one.key, "text", "Tile", "Tile\n# not a title"),)
    assert write.document is not None
    assert [item.key for item in write.document.outline.items] == [one.key, two.key]


def test_a_restored_plan_is_announced_as_it_will_be_read() -> None:
    write = writing.restored("sub/quiet.md", checksum(PLAN), b"- [ ] Tile\n", DEFAULT_DIALECT)
    assert write.document is not None
    assert write.document.outline.plan.text == "quiet"


def test_a_deletion_has_no_data() -> None:
    write = writing.deleted(read("- [ ] Tile\n"))
    assert (write.after, write.data, write.document, write.changes_nothing) == (ABSENT, None, None, False)


def read(text: str) -> Reading:
    return MemoryFolder({"a.md": text.encode()}).read("a.md")
