"""What the bench says of a page in a browser."""

from __future__ import annotations

from typing import Any

import pytest

from bench import large_plan, pages
from bench.large_plan import Longest

FINE = {"bytes": 90_000, "document": 20_000, "paint": 400.0, "shift": 0.0}


def test_a_page_within_all_limits_meets_its_target() -> None:
    row = pages.judged("Overview", FINE)
    assert row.met is True
    assert "90 kB" in row.ours


@pytest.mark.parametrize("worse", [{"bytes": 150_001}, {"paint": 1000.1}, {"shift": 0.02}])
def test_one_limit_that_is_passed_is_a_miss(worse: dict[str, float]) -> None:
    assert pages.judged("Overview", {**FINE, **worse}).met is False


def test_every_page_of_the_bench_has_a_name_of_its_own() -> None:
    assert len({page.what for page in pages.PAGES}) == len(pages.PAGES)


def test_the_text_of_a_plan_is_told_apart() -> None:
    row = pages.judged("Plan", {**FINE, "bytes": 200_000, "document": 60_000}, own_text=True)
    assert row.met is True
    assert "140 kB and 60 kB of the plan" in row.ours
    assert pages.judged("Plan", {**FINE, "bytes": 200_000}, own_text=True).met is False


def span(pid: int, name: str, at: int, took: int, processor: int, **args: Any) -> dict[str, Any]:
    return {
        "ph": "X",
        "pid": pid,
        "tid": 1,
        "name": name,
        "ts": at,
        "dur": took,
        "tdur": processor,
        "args": args,
    }


def test_the_longest_task_is_that_of_the_page_and_not_of_what_drives_it() -> None:
    task = "ThreadControllerImpl::RunTask"
    driven = {"chrome_mojo_event_info": {"mojo_interface_tag": "blink.mojom.DevToolsSession"}}
    threads = [
        {"ph": "M", "pid": pid, "tid": 1, "name": "thread_name", "args": {"name": "CrRendererMain"}}
        for pid in (1, 2)
    ]
    events = [
        *threads,
        span(1, task, 0, 30_000, 10_000),
        span(1, task, 40_000, 20_000, 15_000),
        span(1, task, 100_000, 90_000, 80_000),
        span(1, "Receive mojo message", 100_010, 80_000, 80_000, **driven),
        span(2, task, 0, 99_000, 20_000),
    ]
    assert large_plan.longest_of(events) == Longest(0.030, 0.015)


def test_a_long_task_by_the_clock_is_a_miss() -> None:
    assert large_plan.judged("scroll", Longest(0.049, 0.020), Longest(0.010, 0.010)).met is True
    assert large_plan.judged("scroll", Longest(0.051, 0.020), Longest(0.080, 0.010)).met is False
