"""Places, paths, drawings and scales: the pure parts of the views of a plan."""

from __future__ import annotations

import random
from datetime import date
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning_sync.dashboard import editing_places
from planning_sync.dashboard.graph_drawing import BOX_HEIGHT, BOX_WIDTH, drawing_of
from planning_sync.dashboard.graph_paths import OVER, Paths, paths_of
from planning_sync.dashboard.timeline_scale import Scale, days_of
from plans import outline as outlines
from plans.outline import ROOT, Item, Kind, Moved, Outline, Status, places
from tests.outlines import outline as read
from tests.outlines import walked

# ----------------------------------------------------------------------------------------- places


def any_outline(seed: int) -> Outline:
    return walked(read("a: # A\n  b: - b\nc: # C"), random.Random(seed), map(str, count()), 12)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from(sorted(editing_places.WAYS)))
def test_a_step_leads_to_a_place_that_the_item_can_take(seed: int, way: str) -> None:
    outline = any_outline(seed)
    for item in outline.items:
        assert_possible(outline, item, way)


def assert_possible(outline: Outline, item: Item, way: str) -> None:
    place = editing_places.step(outline, item.key, way)
    if place is None:
        return
    before = places(outline)[item.key]
    assert place != before
    after = outlines.apply(outline, [Moved(item.key, before, place)])
    assert places(after)[item.key] == place
    assert {each.key for each in after.items} == {each.key for each in outline.items}


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from([("up", "down"), ("down", "up")]))
def test_a_step_past_a_sibling_and_the_one_back_leave_all_as_it_was(seed: int, ways: tuple[str, str]) -> None:
    outline = any_outline(seed)
    for item in outline.items:
        there = editing_places.step(outline, item.key, ways[0])
        if there is not None and there.parent == item.parent:
            moved = outlines.apply(outline, [Moved(item.key, places(outline)[item.key], there)])
            assert editing_places.step(moved, item.key, ways[1]) == places(outline)[item.key]


# ------------------------------------------------------------------------------------------ paths


def task(key: str, *needs: str, status: str = "todo", estimate: str = "", due: str = "") -> Item:
    return Item(
        *(key, Kind.TASK, ROOT, f"Task {key}", key, status), due=due, estimate=estimate, depends_on=needs
    )


def paths(*tasks: Item) -> Paths:
    return paths_of(tasks, days_of)


def test_the_critical_path_is_the_longest_way_through_what_is_left() -> None:
    found = paths(
        task("a", estimate="2d"),
        task("b", "a", estimate="1d"),
        task("c", "a", estimate="5d"),
        task("d", "b", "c"),
        task("e", "b", estimate="1h"),
    )
    assert found.critical == ("a", "c", "d")
    assert found.critical_days == 8
    assert found.ready == ("a",)
    assert found.layers == {"a": 0, "b": 1, "c": 1, "d": 2, "e": 2}


def test_what_is_over_holds_nothing_up_and_takes_no_time() -> None:
    found = paths(
        task("a", status="done", estimate="9w"),
        task("b", "a", status="blocked"),
        task("c", "a", due="2026-05-02"),
        task("d", "c"),
    )
    assert found.ready == ("c",)
    assert found.critical == ("c", "d")
    assert found.critical_days == 2


def test_a_circle_is_told_and_the_rest_still_has_its_path() -> None:
    found = paths(task("a", "c"), task("b", "a"), task("c", "b"), task("d", "c"), task("e", "d"))
    assert found.cycles == (("a", "c", "b"),)
    assert found.layers["a"] == found.layers["b"] == found.layers["c"]
    assert found.critical[-2:] == ("d", "e")
    assert found.ready == ()


def test_unknown_refs_and_those_of_the_task_itself_are_told() -> None:
    found = paths(task("a", "a", "nowhere"), task("b"))
    assert found.unknown == (("a", "a"), ("a", "nowhere"))
    assert found.needs == {}


def test_a_ref_of_several_tasks_means_all_of_them() -> None:
    twice = [task("x")._replace(key=key) for key in ("x1", "x2")]
    assert paths(*twice, task("y", "x")).needs["y"] == ("x1", "x2")


graphs = st.integers(1, 12).flatmap(
    lambda size: st.lists(
        st.tuples(
            st.lists(st.integers(0, size - 1).map(str), max_size=3),
            st.sampled_from([*Status]),
            st.sampled_from(["", "1d", "3d", "?"]),
        ),
        min_size=size,
        max_size=size,
    )
)


@settings(max_examples=60)
@given(graphs)
def test_paths_hold_together_whatever_waits_for_what(said: list[tuple[list[str], Status, str]]) -> None:
    items = [
        task(str(n), *needs, status=status, estimate=size) for n, (needs, status, size) in enumerate(said)
    ]
    found, by_key = paths(*items), {item.key: item for item in items}
    circular = {key: cycle for cycle in found.cycles for key in cycle}
    for key, needs in found.needs.items():
        for before in needs:
            together = key in circular and before in circular[key]
            assert together or found.layers[before] < found.layers[key]
    assert all(by_key[key].status not in OVER for key in found.critical)
    assert len(set(found.critical)) == len(found.critical)
    for key in found.ready:
        assert all(by_key[each].status in OVER for each in found.needs[key])
    drawn = drawing_of(found, by_key)
    assert len({(box.x, box.y) for box in drawn.boxes}) == len(drawn.boxes) == len(found.needs)
    assert all(box.x + BOX_WIDTH <= drawn.width and box.y + BOX_HEIGHT <= drawn.height for box in drawn.boxes)


def test_a_long_chain_needs_no_recursion() -> None:
    chain = [task("0"), *(task(str(n), str(n - 1)) for n in range(1, 3000))]
    assert len(paths(*chain).critical) == 3000


# ------------------------------------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("estimate", "days"),
    [
        *(("2h", 0.25), ("1h30", 0.1875), ("3d", 3), ("3 jours", 3), ("1-2 weeks", 14), ("1w 2d", 9)),
        *(("30 min", 0.0625), ("2 mois", 60), ("0,5 j", 0.5), ("", None), ("5 points", None), ("soon", None)),
    ],
)
def test_estimates_come_to_days(estimate: str, days: float | None) -> None:
    assert days_of(estimate) == days


@settings(max_examples=40)
@given(st.lists(st.dates(date(1990, 1, 1), date(2090, 1, 1)), max_size=8))
def test_a_scale_has_all_of_its_days_in_order_and_few_ticks(days: list[date]) -> None:
    scale = Scale.over(days, date(2026, 5, 4))
    at = [scale.at(day) for day in sorted(days)]
    assert at == sorted(at)
    assert all(0 < each < 100 for each in at)
    ticks = scale.ticks()
    assert len(ticks) <= 12
    assert [tick.at for tick in ticks] == sorted({tick.at for tick in ticks})
