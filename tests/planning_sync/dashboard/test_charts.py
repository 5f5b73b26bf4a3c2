"""The shapes of charts, for any figures."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from planning_sync.dashboard import charts
from planning_sync.dashboard.charts import HEIGHT, WIDTH
from planning_sync.dashboard.performance import percentile

figures = st.lists(st.floats(0, 1e6), max_size=40)
stacks = st.lists(st.lists(st.integers(0, 10_000), min_size=3, max_size=3), max_size=40)


@settings(max_examples=50)
@given(figures)
def test_a_line_stays_within_its_frame_and_passes_every_figure(values: list[float]) -> None:
    top = max(values, default=0.0)
    drawn = charts.line(values, top=top)
    points = [(float(x), float(y)) for x, y in re.findall(r"[ML](\S+) (\S+)", drawn.path)]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
    assert len(drawn.strips) == len(values)
    for (_x, y), value in zip(points[1:-1], values, strict=True):
        expected = HEIGHT - HEIGHT * value / top if top else HEIGHT
        assert abs(y - expected) <= 0.06


@settings(max_examples=50)
@given(stacks)
def test_bars_are_as_high_as_their_figures_and_stand_on_each_other(given_stacks: list[list[int]]) -> None:
    drawn = charts.bars(given_stacks)
    for number, stack in enumerate(given_stacks):
        strip = drawn.strips[number]
        mine = [bar for bar in drawn.bars if strip.x <= bar.x < strip.x + strip.width]
        assert [bar.series for bar in mine] == [series for series, value in enumerate(stack) if value]
        foot = HEIGHT
        for bar in mine:
            assert abs(bar.height - HEIGHT * stack[bar.series] / drawn.top) < 0.02
            assert abs(bar.y + bar.height - foot) < 0.02
            foot = bar.y


@given(st.integers(0, 10**9))
def test_the_top_of_a_scale_is_a_number_that_reads_well(value: int) -> None:
    top = charts.rounded_up(value)
    assert value <= top <= max(1, 2.5 * value)
    assert str(top).rstrip("0") in {"1", "2", "5"}


def test_nothing_is_drawn_of_nothing() -> None:
    assert charts.line([], top=100).path == ""
    assert charts.bars([]).bars == ()


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_so_many_percent_do_not_exceed_a_percentile(values: list[float], percent: int) -> None:
    ordered = sorted(values)
    found = percentile(ordered, percent)
    assert found in ordered
    assert 100 * sum(value <= found for value in ordered) >= percent * len(ordered)
    assert 100 * sum(value < found for value in ordered) <= percent * len(ordered)
