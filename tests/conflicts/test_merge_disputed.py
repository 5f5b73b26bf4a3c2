"""What holds where some edits of one side are to be looked at by a person."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from conflicts import merge
from conflicts.merge import Choice, Decision
from conflicts.merge.joining import renamed
from conflicts.merge.model import PRESENCE, Spot
from plans.outline import differing_fields, value
from tests.conflicts.edits import Sides, assert_well_formed, phase, plan, sides, task

CASES = settings(deadline=None, max_examples=100)
SHARES = st.integers(0, 3)


def disputed(world: Sides, share: int) -> frozenset[Spot]:
    """Every `share`th edit that only the replica made: a changed field, an item removed."""
    spots: list[Spot] = []
    for item in world.base.items:
        hub, replica = world.hub.by_key.get(item.key), world.replica.by_key.get(item.key)
        if replica is None and hub is not None:
            spots.append((item.key, PRESENCE))
        elif replica is not None and hub is not None:
            spots += [(item.key, name) for name, _, _ in differing_fields(item, replica)]
    return frozenset(spots[:: share + 1])


def decide(world: Sides, spots: frozenset[Spot]) -> Decision:
    return merge.decide(*world, disputed=spots)


@CASES
@given(sides(), SHARES)
def test_a_disputed_edit_is_taken_by_neither_side(world: Sides, share: int) -> None:
    spots = disputed(world, share)
    decision = decide(world, spots)
    clashes = {(clash.key, clash.field) for clash in decision.clashes}
    for outline in (decision.hub, decision.replica, decision.base, decision.agreed):
        assert_well_formed(outline)
    for key, field in spots:
        if field == PRESENCE:
            assert key in decision.hub.by_key
            assert (
                key not in decision.replica.by_key or decision.replica.by_key[key] == decision.hub.by_key[key]
            )
        elif value(world.hub.by_key[key], field) != value(world.replica.by_key[key], field):
            assert (key, field) in clashes
            assert value(decision.hub.by_key[key], field) == value(world.hub.by_key[key], field)
            assert value(decision.replica.by_key[key], field) == value(world.replica.by_key[key], field)


@CASES
@given(sides(), SHARES)
def test_it_does_not_matter_which_side_is_called_the_hub(world: Sides, share: int) -> None:
    spots = disputed(world, share)
    one = decide(world, spots)
    two = merge.decide(world.base, world.replica, world.hub, disputed=spots)
    names = {mine: theirs for theirs, mine in one.joined.items()}
    assert (two.hub, two.replica) == (renamed(one.replica, names), renamed(one.hub, names))


@CASES
@given(sides(), SHARES)
def test_asking_again_changes_nothing(world: Sides, share: int) -> None:
    spots = disputed(world, share)
    once = decide(world, spots)
    again = merge.decide(once.base, once.hub, once.replica, disputed=spots)
    assert (again.hub, again.replica, again.clashes) == (once.hub, once.replica, once.clashes)


@CASES
@given(sides(), SHARES, st.sampled_from(["hub", "replica"]))
def test_decisions_settle_what_is_disputed(world: Sides, share: int, take: str) -> None:
    spots = disputed(world, share)
    decision = decide(world, spots)
    for _ in range(30):
        if not decision.clashes:
            break
        # A removal that was granted is not asked about again, even where what hangs below delays it.
        granted = {(clash.key, clash.field) for clash in decision.clashes if take == "replica"}
        choices = {
            (clash.key, clash.field): Choice(clash.hub, clash.replica, take)  # type: ignore[arg-type]
            for clash in decision.clashes
        }
        world = Sides(decision.base, decision.hub, decision.replica)
        decision = merge.decide(*world, decisions=choices, disputed=spots)
        spots -= granted
    assert not decision.clashes
    assert decision.hub == decision.replica == decision.base


def test_a_removal_that_is_disputed_keeps_what_it_hangs_on() -> None:
    base = plan(phase("p"), task("a", "p"), task("b", "p"))
    decision = merge.decide(base, base, plan(), disputed={("a", PRESENCE)})
    assert [item.key for item in decision.hub.items] == ["p", "a"]
    assert [(clash.key, clash.field) for clash in decision.clashes] == [("a", PRESENCE)]
    choice = {("a", PRESENCE): Choice(decision.clashes[0].hub, None, "hub")}
    asked = {("a", PRESENCE)}
    kept = merge.decide(decision.base, decision.hub, decision.replica, decisions=choice, disputed=asked)
    assert [item.key for item in kept.replica.items] == ["p", "a"]
