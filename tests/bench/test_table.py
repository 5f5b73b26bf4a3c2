from __future__ import annotations

import pytest

from bench.table import Row, as_markdown, as_text, p95


@pytest.mark.parametrize(
    ("count", "rank"), [(1, 1), (2, 2), (19, 19), (20, 19), (21, 20), (100, 95), (101, 96), (200, 190)]
)
def test_95_of_100_values_do_not_exceed_the_p95(count: int, rank: int) -> None:
    assert p95([float(number) for number in range(count, 0, -1)]) == rank


def test_a_missed_target_stands_out() -> None:
    assert as_text([], [Row("this", "2 s", target="1 s", met=False)]).endswith("1 s     NO")


def test_what_could_not_be_measured_does_not_look_like_a_target_met() -> None:
    row = Row("this", target="1 s", met=True, problem="no server")
    assert row.cells() == ("this", "not measured: no server", "-", "-", "1 s", "?")


def test_the_markdown_table_has_a_cell_for_each_column() -> None:
    lines = as_markdown(["a fact"], [Row("this | that", "1", "2", "3", "4", True)]).splitlines()
    assert lines == [
        "- a fact",
        "",
        "| what | ours | reference | ratio | target | met |",
        "| --- | --- | --- | --- | --- | --- |",
        "| this \\| that | 1 | 2 | 3 | 4 | yes |",
    ]
