"""What a policy can watch an edit for."""

from __future__ import annotations

import pytest

from conflicts import watch
from conflicts.watch import PROOFS, Watch
from plans.outline import Outline
from tests.conflicts.edits import plan, task

BASE = plan(task("a"), task("b"), task("c", status="done"))


def asked(wanted: Watch, after: Outline, line: str = "", body: str = "") -> dict[tuple[str, str], str]:
    return watch.disputed(wanted, BASE, after, lambda key: (line, body))


def test_nothing_is_asked_unless_a_policy_says_so() -> None:
    assert asked(Watch(), plan()) == {}
    assert Watch().is_off


@pytest.mark.parametrize(("most", "count"), [(0, 2), (1, 2), (2, 0)])
def test_only_open_tasks_count_and_more_than_the_limit_are_asked_about(most: int, count: int) -> None:
    found = asked(Watch(open_tasks_removed=most), plan())
    assert len(found) == count
    assert all(rule == "open_tasks_removed" for rule in found.values())


@pytest.mark.parametrize(
    ("proof", "line", "body"),
    [
        ("link", "- [x] Done, see https://example.org/1", ""),
        ("link", "- [x] Done, see [the page](page.md)", ""),
        ("commit", "- [x] Done in 1a2b3c4", ""),
        ("commit", "- [x] Done", "  fixed by 0123456789abcdef0123456789abcdef01234567\n"),
        ("reference", "- [x] Done (#12)", ""),
        ("reference", "- [x] Done, PROJ-7", ""),
        ("note", "- [x] Done", "  As agreed on Monday.\n"),
    ],
)
def test_evidence_is_found_in_the_line_or_below_it(proof: str, line: str, body: str) -> None:
    ticked = plan(task("a", status="done"), task("b"), task("c", status="done"))
    wanted = Watch(evidence=frozenset({proof}))
    assert asked(wanted, ticked, line, body) == {}
    assert asked(wanted, ticked, "- [x] Done", "") == {("a", "status"): "evidence"}


@pytest.mark.parametrize(
    "line", ["- [x] The wall was defaced", "- [x] Since 20260101", "- [x] a#1", "- [x] A-B"]
)
def test_words_and_dates_are_no_evidence(line: str) -> None:
    ticked = plan(task("a", status="done"), task("b"), task("c", status="done"))
    assert asked(Watch(evidence=frozenset(PROOFS) - {"note"}), ticked, line)


def test_what_was_done_before_and_what_is_new_needs_no_evidence() -> None:
    after = plan(task("a"), task("b"), task("c", status="done"), task("new", status="done"))
    assert asked(Watch(evidence=frozenset({"link"})), after) == {}


@pytest.mark.parametrize(("tolerance", "found"), [(None, {}), (10, {}), (9.5, {"": ("60", "50")})])
def test_a_declared_progress_may_differ_by_the_tolerance(
    tolerance: float | None, found: dict[str, tuple[str, str]]
) -> None:
    outline = Outline(BASE.plan._replace(progress="60"), BASE.items)
    assert watch.inconsistent(Watch(declared_progress=tolerance), outline, {"": "50"}) == found
