"""Two people sort one section at once, or write one text in another way: both get what they did."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import Entry
from plans import services as plans
from tests.planning_sync.sync.workbench import Workbench

PLAN = """# Fair

## Stand

- [ ] book
- [ ] build
- [ ] light
- [ ] paint
- [ ] clean
"""


@pytest.fixture
def fair(desk: Workbench, settings: Any) -> Workbench:
    """A plan in step, and no sync but those that a test asks for."""
    settings.PLANNING_SYNC_FOLLOW = False
    desk.write("fair.md", PLAN)
    desk.sync()
    return desk


def first_in_hub(desk: Workbench, said: str) -> None:
    plans.move(desk.task(said), parent=desk.phase("Stand"), after=None, actor="bob")


def sorted_in_file(desk: Workbench, *texts: str) -> None:
    desk.write("fair.md", PLAN.partition("- [ ]")[0] + "".join(f"- [ ] {text}\n" for text in texts))


def test_two_orders_of_one_section_become_one_on_both_sides(fair: Workbench) -> None:
    first_in_hub(fair, "build")
    sorted_in_file(fair, "book", "build", "paint", "clean", "light")
    fair.sync()
    assert fair.texts("fair.md") == ["build", "book", "paint", "clean", "light"]
    assert fair.conflicts() == []
    fair.assert_in_step()
    (entry,) = Entry.objects.filter(action=Entry.Action.DECIDED)
    assert dict(entry.after or {})["strategy"] == "auto_merge"


def test_orders_that_contradict_are_for_a_person_and_nothing_moves(fair: Workbench) -> None:
    first_in_hub(fair, "build")
    sorted_in_file(fair, "book", "light", "build", "paint", "clean")
    before = fair.read("fair.md")
    fair.sync()
    assert [field for field, *_ in fair.conflicts()] == ["order"]
    assert fair.texts("fair.md") == ["build", "book", "light", "paint", "clean"]
    assert fair.read("fair.md") == before


def test_a_tick_put_before_a_text_meets_an_edit_of_its_first_word(fair: Workbench) -> None:
    fair.edit("fair.md", "- [ ] light", "- [ ] light the whole stand")
    fair.sync()
    fair.set("light the whole stand", text="Lamps for the whole stand")
    fair.edit("fair.md", "- [ ] light", "- [ ] ✅ light")
    fair.sync()
    assert fair.conflicts() == []
    assert "- [ ] ✅ Lamps for the whole stand\n" in fair.read("fair.md")
    fair.assert_in_step()
