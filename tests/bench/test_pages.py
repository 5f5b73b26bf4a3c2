"""What the bench says of a page in a browser."""

from __future__ import annotations

import pytest

from bench import pages

FINE = {"bytes": 90_000, "paint": 400.0, "shift": 0.0}


def test_a_page_within_all_limits_meets_its_target() -> None:
    row = pages.judged("Overview", FINE)
    assert row.met is True
    assert "90 kB" in row.ours


@pytest.mark.parametrize("worse", [{"bytes": 150_001}, {"paint": 1000.1}, {"shift": 0.02}])
def test_one_limit_that_is_passed_is_a_miss(worse: dict[str, float]) -> None:
    assert pages.judged("Overview", {**FINE, **worse}).met is False


def test_every_page_of_the_bench_has_a_name_of_its_own() -> None:
    assert len({page.what for page in pages.PAGES}) == len(pages.PAGES)
