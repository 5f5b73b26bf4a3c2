"""A replica that is away: left alone until its next try, back in one pass, and no burden to the others."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning_sync.sync import availability, services, tasks
from planning_sync.sync.availability import FIRST_WAIT, LONGEST_WAIT, Breaker, State
from planning_sync.sync.models import Replica
from planning_sync.sync.passes import Options
from tests.planning_sync.sync.workbench import Workbench

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
jitters = st.floats(0, 1, exclude_max=True)


# ------------------------------------------------------------------------------------- the breaker


@given(st.lists(jitters, min_size=1, max_size=40))
def test_each_try_in_vain_doubles_the_wait_up_to_the_longest_and_jitter_halves_it_at_most(
    tries: list[float],
) -> None:
    breaker, now = Breaker(), NOW
    for number, jitter in enumerate(tries):
        breaker = breaker.failed(now, jitter=jitter)
        whole = min(FIRST_WAIT * 2**number, LONGEST_WAIT)
        assert breaker.retry_at is not None
        assert whole / 2 <= breaker.retry_at - now <= whole
        assert (breaker.lost_at, breaker.failed_tries) == (NOW, number + 1)
        assert breaker.state(now) is State.OPEN
        assert breaker.state(breaker.retry_at) is State.HALF_OPEN
        now = breaker.retry_at


@given(st.timedeltas(timedelta(0), timedelta(hours=2)), jitters)
def test_a_replica_is_not_tried_sooner_than_it_asked_for_nor_later_than_the_longest_wait(
    at_least: timedelta, jitter: float
) -> None:
    breaker = Breaker().failed(NOW, jitter=jitter, at_least=at_least)
    assert breaker.retry_at is not None
    assert min(at_least, LONGEST_WAIT) <= breaker.retry_at - NOW <= LONGEST_WAIT


@given(st.lists(st.tuples(st.floats(0, 400), st.booleans()), max_size=60), st.randoms(use_true_random=False))
def test_in_any_history_an_open_breaker_is_never_tried_and_a_replica_that_is_back_is_soon_found_so(
    moments: list[tuple[float, bool]], random: object
) -> None:
    """A visitor comes at some moments, at each of which the replica is there or not."""
    breaker, now, vain = Breaker(), NOW, 0
    for seconds, there in moments:
        now += timedelta(seconds=seconds)
        if breaker.state(now) is State.OPEN:
            assert breaker.retry_at is not None
            assert breaker.retry_at - now <= LONGEST_WAIT
            continue
        vain = 0 if there else vain + 1
        breaker = Breaker() if there else breaker.failed(now, jitter=random.random())  # type: ignore[attr-defined]
        assert (breaker.state(now) is State.CLOSED) is there
        assert breaker.failed_tries == vain


# ------------------------------------------------------------------------------------- with replicas


@pytest.fixture
def bench(tmp_path: Path, transactional_db: None) -> Workbench:
    made = Workbench.at(tmp_path / "notes")
    made.write("notes.md", "# Notes\n\n- [ ] One\n- [ ] Two\n")
    made.write("more.md", "# More\n\n- [ ] Three\n")
    made.sync()
    return made


@pytest.fixture
def away(bench: Workbench, tmp_path: Path) -> Path:
    """Where the folder is meanwhile."""
    place = tmp_path / "away"
    shutil.move(bench.folder, place)
    assert bench.try_sync().status == "failed"
    return place


def row() -> Replica:
    return Replica.objects.get()


def test_a_replica_that_is_lost_says_since_when_and_until_when_it_is_left_alone(
    bench: Workbench, away: Path
) -> None:
    found = row()
    assert found.seen_at is not None
    assert found.lost_at is not None
    assert found.retry_at is not None
    assert found.seen_at < found.lost_at < found.retry_at
    assert (found.failed_tries, found.last_status) == (1, "offline")
    assert str(bench.folder) in found.last_problem


def test_a_try_in_vain_keeps_since_when(bench: Workbench, away: Path) -> None:
    first = row()
    bench.try_sync()
    second = row()
    assert (second.lost_at, second.seen_at) == (first.lost_at, first.seen_at)
    assert second.failed_tries == 2


def test_neither_the_schedule_nor_an_edit_tries_it_before_its_time(
    bench: Workbench, away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Replica.objects.update(retry_at=NOW.replace(year=2099))

    def blow_up(*_: object, **__: object) -> None:
        raise AssertionError("a pass went to a replica that is to be left alone")

    monkeypatch.setattr(services, "_passing", blow_up)
    assert tasks.sync_all() == {"notes": "offline"}
    bench.set("One", text="One and a half")
    assert services.sync_plan(bench.plan("notes.md").pk, Options(actor="test")) == []


def test_once_its_time_has_come_one_of_many_tries(bench: Workbench, away: Path) -> None:
    now = NOW.replace(year=2098)
    Replica.objects.update(retry_at=now)
    found = row()
    assert [availability.may_try(found, now) for _ in range(3)] == [True, False, False]
    assert row().retry_at == now + availability.PROBE


def test_what_changed_meanwhile_is_done_in_the_one_pass_that_finds_it_back(
    bench: Workbench, away: Path
) -> None:
    bench.set("One", text="First")
    bench.set("Three", text="Third")
    shutil.move(away, bench.folder)
    bench.write("more.md", bench.read("more.md") + "- [ ] Four\n")
    Replica.objects.update(retry_at=NOW)
    assert tasks.sync_all() == {"notes": "in_step"}
    assert "- [ ] First\n" in bench.read("notes.md")
    assert bench.read("more.md") == "# More\n\n- [ ] Third\n- [ ] Four\n"
    found = row()
    assert (found.lost_at, found.retry_at, found.failed_tries) == (None, None, 0)
    assert found.seen_at is not None
    assert found.seen_at > NOW


def test_a_person_who_asks_tries_at_once(bench: Workbench, away: Path) -> None:
    Replica.objects.update(retry_at=NOW.replace(year=2099))
    shutil.move(away, bench.folder)
    assert bench.try_sync().status == "in_step"
    assert row().lost_at is None


def test_a_replica_that_goes_away_in_the_middle_of_a_pass_is_not_asked_for_the_rest(
    bench: Workbench, tmp_path: Path
) -> None:
    for number in range(5):
        bench.write(f"new-{number}.md", f"# New {number}\n")
    moved: list[str] = []

    def leave(done: int, total: int) -> None:
        if done == 2:
            moved.append(str(shutil.move(bench.folder, tmp_path / "away")))

    report = services.sync_replica(row(), Options(actor="test"), progress=leave)
    assert moved
    assert len(report.errors) == 1
    assert row().last_status == "offline"
