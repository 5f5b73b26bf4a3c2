"""The replays of real histories, small enough for every run; and that their ledger sees what is lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings

from bench import ledger, replays, walks
from bench.ledger import Outcome
from conflicts import merge
from conflicts.merge import Clash, Decision, Decisions
from conflicts.policy import Arbitrated, ArbitrationPolicy, Contexts, arbitrate
from conflicts.strategies import Context
from planning_sync.replicas.memory import MemoryFolder
from planning_sync.sync import exchange
from plans import identity
from plans import outline as outlines
from plans.outline import ROOT, Outline
from tests.conflicts.edits import Sides, phase, plan, sides, task
from tests.corpus import require_corpus

ROUNDS = 65
"""Of each walk with each size: every step of the histories once."""


def by(policy: ArbitrationPolicy, world: Sides) -> Arbitrated:
    def decide(decisions: Decisions) -> Decision:
        return merge.decide(*world, decisions=decisions)

    def contexts(decision: Decision, clashes: Sequence[Clash]) -> Contexts:
        items = {**decision.replica.by_key, **decision.hub.by_key}
        return {(clash.key, clash.field): Context(items[clash.key]) for clash in clashes}

    return arbitrate(decide, {}, contexts, policy)


def outcomes(world: Sides, arbitrated: Arbitrated) -> list[Outcome]:
    return [line.outcome for line in ledger.account(*world, arbitrated)]


# ------------------------------------------------------------------------------------ the histories


@cache
def steps() -> list[replays.Step]:
    return replays.steps_of(require_corpus() / "dev" / "history")


@pytest.mark.parametrize(("walk", "size"), [*product(replays.WALKS, (3, 40))])
def test_no_edit_of_a_real_history_is_lost_under_any_policy(walk: str, size: int) -> None:
    found = replays.campaign(steps(), ROUNDS, replays.SEED, size=size, hot=walk == "hot", names=replays.RULES)
    for (policy, _), tally in found.items():
        assert not tally.lost, (policy, tally.lost[:3])
        assert tally.outcomes[Outcome.KEPT] > 100, "the histories have edits of both sides"
        assert bool(tally.outcomes[Outcome.DROPPED]) >= (policy in ("hub_wins", "replica_wins"))
    assert not found["default", False].outcomes[Outcome.DROPPED]


@pytest.mark.soak
@pytest.mark.parametrize(
    ("part", "seed", "times"), [("dev", 2, 8), ("dev", 3, 8), ("dev", 4, 8), ("dev-large", 2, 1)]
)
def test_no_edit_is_lost_in_many_rounds(part: str, seed: int, times: int) -> None:
    histories = replays.steps_of(require_corpus() / part / "history")
    rounds = len(histories) * times
    for walk, size in product(replays.WALKS, replays.SIZES):
        found = replays.campaign(histories, rounds, seed, size=size, hot=walk == "hot", names=replays.RULES)
        for key, tally in found.items():
            assert not tally.lost, (key, tally.lost[:3])


def test_what_a_merge_brings_to_a_real_file_is_written_there_or_named() -> None:
    """What is named stays in the hub, as agreed; nothing else is missing once the file is read again."""
    policy, written = replays.policies()["default"], 0
    for each in replays.rounds_of(steps(), ROUNDS, replays.SEED, size=10, hot=False):
        decision = replays.merged(each, policy).decision
        folder = MemoryFolder({"plan.md": each.step.later})
        reading = folder.read("plan.md")
        parsed = reading.document.outline
        match = identity.match(each.step.base, parsed, reading.document.hidden)
        names = {item.key: match.keys.get(item.key, f"f{item.key}") for item in parsed.items}
        keys = [decision.joined.get(names[item.key], names[item.key]) for item in parsed.items]
        target = exchange.without(decision.replica, match.unreachable)
        write = folder.prepare(reading.rekeyed(keys), target)
        assert write.document is not None
        assert set(outlines.diff(write.document.outline, target)) <= set(write.left)
        written += not write.changes_nothing
    assert written > ROUNDS / 2


def test_a_few_edits_in_the_hub_hardly_ever_need_a_person() -> None:
    found = replays.campaign(steps(), ROUNDS * 2, replays.SEED, size=10, hot=False, names=("default",))
    tally = found["default", False]
    assert tally.outcomes[Outcome.ASKED] < replays.MOST_ASKED * tally.outcomes.total()


def test_a_campaign_follows_from_its_seed_alone() -> None:
    def run(seed: int) -> Mapping[str, int]:
        found = replays.campaign(steps(), 20, seed, size=10, hot=True, names=("default",))
        return found["default", False].outcomes

    assert run(1) == run(1) != run(2)


# ---------------------------------------------------------------------------------------- the walks


def test_a_hot_walk_goes_where_the_file_was_edited() -> None:
    base = plan(phase("p"), *(task(f"t{number}", "p") for number in range(30)))
    edited = outlines.apply(base, [outlines.Changed("t7", "status", "todo", "done")])
    edits = outlines.diff(base, edited)
    hits = dict.fromkeys((False, True), 0)
    for seed, hot in product(range(40), hits):
        walked = walks.walk(base, edits, 3, random.Random(seed), hot=hot)
        hits[hot] += any("t7" in str(change) for change in outlines.diff(base, walked.outline))
    assert hits[True] > 2 * hits[False]


def test_a_walk_knows_when_each_field_was_edited_last() -> None:
    base = plan(*(task(f"t{number}") for number in range(5)))
    walked = walks.walk(base, (), 30, random.Random(3), hot=False)
    fields = {
        (change.key, change.field)
        for change in outlines.diff(base, walked.outline)
        if isinstance(change, outlines.Changed)
    }
    assert fields
    assert fields <= set(walked.minutes)
    assert all(0 <= minute < walks.DAY for minute in walked.minutes.values())


# --------------------------------------------------------------------------------------- the ledger

BASE = plan(phase("p"), task("a", "p", "write it"), task("b", "p"), task("c", "p"), phase("q"))
POLICIES = ("default", "manual", "hub_wins", "replica_wins")


def edited(*changes: outlines.Change) -> Outline:
    return outlines.apply(BASE, changes)


DONE = edited(outlines.Changed("a", "status", "todo", "done"))
BLOCKED = edited(outlines.Changed("a", "status", "todo", "blocked"))
LONGER = edited(outlines.Changed("a", "text", "write it", "write it down"))
WITHOUT_A = edited(outlines.Removed(BASE.by_key["a"], outlines.Place("p", "")))
WITH_N = edited(outlines.Added(task("n", "p"), outlines.Place("p", "c")))
MOVED = edited(outlines.Moved("a", outlines.Place("p", ""), outlines.Place("q", "")))
SORTED = edited(outlines.Moved("a", outlines.Place("p", ""), outlines.Place("p", "c")))


@pytest.mark.parametrize(
    ("hub", "replica", "policy", "expected"),
    [
        (DONE, LONGER, "default", [Outcome.KEPT, Outcome.KEPT]),
        (DONE, BLOCKED, "default", [Outcome.ASKED, Outcome.ASKED]),
        (DONE, BLOCKED, "hub_wins", [Outcome.KEPT, Outcome.DROPPED]),
        (DONE, BLOCKED, "replica_wins", [Outcome.DROPPED, Outcome.KEPT]),
        (DONE, WITHOUT_A, "default", [Outcome.ASKED, Outcome.ASKED]),
        (DONE, WITHOUT_A, "hub_wins", [Outcome.KEPT, Outcome.DROPPED]),
        (DONE, WITHOUT_A, "replica_wins", [Outcome.DROPPED, Outcome.KEPT]),
        (WITH_N, MOVED, "default", [Outcome.KEPT, Outcome.KEPT]),
        (SORTED, WITHOUT_A, "default", [Outcome.OVERTAKEN, Outcome.KEPT]),
        (SORTED, MOVED, "default", [Outcome.OVERTAKEN, Outcome.KEPT]),
    ],
)
def test_each_edit_is_kept_or_asked_for_or_dropped_on_record(
    hub: Outline, replica: Outline, policy: str, expected: list[Outcome]
) -> None:
    world = Sides(BASE, hub, replica)
    assert outcomes(world, by(replays.policies()[policy], world)) == expected


def without_the_change_on_one_side(arbitrated: Arbitrated) -> Arbitrated:
    return arbitrated._replace(decision=replace(arbitrated.decision, replica=BASE))


def without_the_change_anywhere(arbitrated: Arbitrated) -> Arbitrated:
    return arbitrated._replace(decision=replace(arbitrated.decision, hub=BASE, replica=BASE))


def without_a_word_to_anybody(arbitrated: Arbitrated) -> Arbitrated:
    return arbitrated._replace(decision=replace(arbitrated.decision, clashes=()))


def with_other_values_shown(arbitrated: Arbitrated) -> Arbitrated:
    shown = [clash._replace(hub="x", replica="y") for clash in arbitrated.decision.clashes]
    return arbitrated._replace(decision=replace(arbitrated.decision, clashes=tuple(shown)))


def without_a_record(arbitrated: Arbitrated) -> Arbitrated:
    return arbitrated._replace(settled=())


Tampering = Callable[[Arbitrated], Arbitrated]


@pytest.mark.parametrize(
    ("hub", "replica", "policy", "tamper"),
    [
        *product(
            (DONE, WITH_N, WITHOUT_A, MOVED, SORTED), (BASE,), ("default",), (without_the_change_anywhere,)
        ),
        *product(
            (DONE, WITH_N, WITHOUT_A, MOVED, SORTED), (BASE,), ("default",), (without_the_change_on_one_side,)
        ),
        *product(
            (DONE,), (BLOCKED, WITHOUT_A), ("manual",), (without_a_word_to_anybody, with_other_values_shown)
        ),
        *product((DONE,), (BLOCKED, WITHOUT_A), ("hub_wins", "replica_wins"), (without_a_record,)),
    ],
)
def test_the_ledger_sees_an_edit_that_is_lost(
    hub: Outline, replica: Outline, policy: str, tamper: Tampering
) -> None:
    world = Sides(BASE, hub, replica)
    arbitrated = by(replays.policies()[policy], world)
    assert Outcome.LOST not in outcomes(world, arbitrated)
    assert Outcome.LOST in outcomes(world, tamper(arbitrated))


@pytest.mark.parametrize("policy", POLICIES)
@settings(deadline=None)
@given(world=sides())
def test_no_edit_of_a_random_plan_is_lost(policy: str, world: Sides) -> None:
    arbitrated = by(replays.policies()[policy], world)
    lines = ledger.account(*world, arbitrated)
    assert not [line for line in lines if line.outcome is Outcome.LOST]
    assert {line.edit.key for line in lines} <= {
        ROOT,
        *world.base.by_key,
        *world.hub.by_key,
        *new_keys(world),
    }


def new_keys(world: Sides) -> set[str]:
    return set(world.replica.by_key) - set(world.base.by_key)
