"""What holds of every merge, whatever the edits."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conflicts import merge
from conflicts.merge import Choice, Clash, Decision
from conflicts.merge.joining import renamed
from plans.outline import FIELDS, ROOT, Item, Kind, Outline, value
from tests.conflicts.edits import EDITS, Edit, Sides, assert_well_formed, edited, plan, random_edits, sides

CASES = settings(deadline=None, max_examples=100)


def decide(world: Sides) -> Decision:
    return merge.decide(*world)


def after(decision: Decision) -> Sides:
    return Sides(decision.base, decision.hub, decision.replica)


def keyed(world: Sides, decision: Decision) -> Sides:
    """The sides once joined items go by the hub's keys."""
    return world._replace(replica=renamed(world.replica, decision.joined))


# ------------------------------------------------------------------------------------ one merge


@CASES
@given(sides())
def test_every_outline_is_well_formed(world: Sides) -> None:
    decision = decide(world)
    for outline in (decision.hub, decision.replica, decision.base, decision.agreed):
        assert_well_formed(outline)


@CASES
@given(sides())
def test_it_does_not_matter_which_side_is_called_the_hub(world: Sides) -> None:
    one = decide(world)
    two = merge.decide(world.base, world.replica, world.hub)
    names = {mine: theirs for theirs, mine in one.joined.items()}
    assert two.joined == names
    assert (two.hub, two.replica) == (renamed(one.replica, names), renamed(one.hub, names))
    assert two.base == renamed(one.base, names)
    assert set(two.clashes) == {_mirrored(clash, names) for clash in one.clashes}


@CASES
@given(sides(), st.lists(st.sampled_from(["hub", "replica"]), min_size=1, max_size=8), st.booleans())
def test_decisions_and_owners_do_not_depend_on_it_either(world: Sides, takes: list[str], owned: bool) -> None:
    policy = merge.Policy({"text": "hub", "status": "replica"}) if owned else merge.DEFAULT_POLICY
    first = merge.decide(*world, policy=policy)
    world = keyed(world, first)
    choices = decided(first, takes)
    other = {"hub": "replica", "replica": "hub"}
    exchanged = {spot: Choice(c.replica_value, c.hub_value, other[c.take]) for spot, c in choices.items()}  # type: ignore[arg-type]
    one = merge.decide(*world, policy=policy, decisions=choices)
    two = merge.decide(world.base, world.replica, world.hub, policy=policy.mirrored(), decisions=exchanged)
    assert (two.hub, two.replica, two.base) == (one.replica, one.hub, one.base)
    assert set(two.clashes) == {_mirrored(clash, {}) for clash in one.clashes}
    assert set(two.stale) == set(one.stale)
    assert {(*loss[:2], other[loss.side], loss.value) for loss in two.overruled} == set(one.overruled)


@CASES
@given(sides())
def test_no_owned_field_clashes_and_merging_again_changes_nothing(world: Sides) -> None:
    policy = merge.Policy({"text": "hub", "status": "replica", "due": "hub"})
    once = merge.decide(*world, policy=policy)
    assert not {clash.field for clash in once.clashes} & set(policy.owners)
    twice = merge.decide(*after(once), policy=policy)
    assert (twice.hub, twice.replica, twice.base) == (once.hub, once.replica, once.base)
    assert twice.clashes == once.clashes


def _mirrored(clash: Clash, names: Mapping[str, str]) -> Clash:
    def told(found: object) -> object:
        if clash.field == "parent":
            return names.get(str(found), found)
        return tuple(names.get(key, key) for key in found) if isinstance(found, tuple) else found

    key = names.get(clash.key, clash.key)
    return Clash(key, clash.field, *(told(v) for v in (clash.base, clash.replica, clash.hub)))  # type: ignore[arg-type]


@CASES
@given(sides())
def test_a_side_that_changed_nothing_takes_what_the_other_says(world: Sides) -> None:
    for decision in (
        merge.decide(world.base, world.base, world.replica),
        # A decision that is about nothing here keeps the merge from answering early.
        merge.decide(world.base, world.base, world.replica, policy=_NEVER_USED),
    ):
        assert decision.hub == decision.replica == decision.base == decision.agreed == world.replica
        assert not decision.clashes
    for decision in (
        merge.decide(world.base, world.hub, world.base),
        merge.decide(world.base, world.hub, world.base, policy=_NEVER_USED),
    ):
        assert decision.hub == decision.replica == decision.base == world.hub
        assert decision.agreed == world.base
        assert not decision.clashes


# Nothing in these tests has an estimate.
_NEVER_USED = merge.Policy({"estimate": "hub"})


@CASES
@given(sides())
def test_merging_again_changes_nothing(world: Sides) -> None:
    once = decide(world)
    twice = decide(after(once))
    assert (twice.hub, twice.replica) == (once.hub, once.replica)
    assert twice.base == once.base
    assert twice.clashes == once.clashes
    assert not twice.joined


@CASES
@given(sides())
def test_a_hub_that_acted_alone_owes_the_replica_the_same(world: Sides) -> None:
    once = decide(world)
    later = decide(Sides(once.agreed, once.hub, keyed(world, once).replica))
    assert later.hub == once.hub
    assert later.replica == once.replica
    assert set(later.clashes) == set(once.clashes)


@CASES
@given(sides())
def test_a_replica_that_acted_alone_owes_the_hub_the_same(world: Sides) -> None:
    """The law above with the sides exchanged, which is how a push without a pull is agreed."""
    once = merge.decide(world.base, world.replica, world.hub)
    later = decide(Sides(once.agreed, renamed(world.hub, once.joined), once.hub))
    assert later.hub == once.replica
    assert later.replica == once.hub


@CASES
@given(sides())
def test_apart_from_clashes_both_sides_become_equal(world: Sides) -> None:
    assert_equal_but_for_clashes(decide(world))


def assert_equal_but_for_clashes(decision: Decision) -> None:
    """Items on both sides below one parent agree on every field and on their order, unless those clash.

    An item is on one side only, or below different parents, only where a clash explains it: its own, that
    of an item above it, or for a carrier either of these for something below it.
    """
    spots = {(clash.key, clash.field) for clash in decision.clashes}
    hub, replica = decision.hub, decision.replica
    structural = {key for key, field in spots if field in ("presence", "parent")}
    for mine, theirs in ((hub, replica), (replica, hub)):
        for item in mine.items:
            twin = theirs.by_key.get(item.key)
            if twin is None or twin.parent != item.parent:
                assert _explained(item.key, structural, (mine, theirs)), f"{item.key} differs for no reason"
    for key in hub.by_key.keys() & replica.by_key.keys():
        item, twin = hub.by_key[key], replica.by_key[key]
        for name in FIELDS[item.kind]:
            if (key, name) not in spots:
                assert value(item, name) == value(twin, name)
        if (key, "order") not in spots:
            assert _common_children(hub, replica, key) == _common_children(replica, hub, key)
    if not decision.clashes:
        assert hub == replica == decision.base


def _explained(key: str, structural: set[str], outlines: tuple[Outline, ...]) -> bool:
    below = {item.key for outline in outlines if key in outline.by_key for item in outline.subtree(key)}
    return any(
        _explained_above(other, structural, outline)
        for other in below
        for outline in outlines
        if other in outline.by_key
    )


def _common_children(mine: Outline, theirs: Outline, parent: str) -> list[str]:
    return [
        key
        for key in mine.children.get(parent, [])
        if key in theirs.by_key and theirs.by_key[key].parent == parent
    ]


# ------------------------------------------------------------------------------- nothing is lost


@CASES
@given(sides())
def test_no_edit_of_a_field_is_lost(world: Sides) -> None:
    decision = decide(world)
    assert_fields_follow_the_rules(keyed(world, decision), decision)


def assert_fields_follow_the_rules(world: Sides, decision: Decision) -> None:
    spots = {(clash.key, clash.field) for clash in decision.clashes}
    for key in world.hub.by_key.keys() & world.replica.by_key.keys():
        mine, theirs = world.hub.by_key[key], world.replica.by_key[key]
        known = world.base.by_key.get(key, Item(key, mine.kind, ROOT, ""))
        for name in FIELDS[mine.kind]:
            b, h, r = (value(item, name) for item in (known, mine, theirs))
            got = (value(decision.hub.by_key[key], name), value(decision.replica.by_key[key], name))
            clashes = h != r and b not in (h, r)
            assert ((key, name) in spots) == clashes
            expected = (h, r) if clashes else (r, r) if h == b else (h, h)
            assert got == expected


@CASES
@given(sides())
def test_an_item_only_goes_where_one_side_deleted_it_and_the_other_left_it_alone(world: Sides) -> None:
    decision = decide(world)
    assert_only_deletions_delete(keyed(world, decision), decision)


def assert_only_deletions_delete(world: Sides, decision: Decision) -> None:
    pairs = ((world.hub, world.replica, decision.hub), (world.replica, world.hub, decision.replica))
    for mine, theirs, result in pairs:
        for item in mine.items:
            if item.key in result.by_key:
                continue
            assert item.key not in theirs.by_key, f"{item.key} is on both sides and was deleted"
            assert item == world.base.by_key.get(item.key), f"{item.key} was new or edited and was deleted"


@CASES
@given(sides())
def test_a_new_item_is_on_both_sides_or_is_explained_by_a_clash(world: Sides) -> None:
    decision = decide(world)
    world = keyed(world, decision)
    presence = {clash.key for clash in decision.clashes if clash.field == "presence"}
    for mine, theirs in ((world.hub, decision.replica), (world.replica, decision.hub)):
        for item in mine.items:
            if item.key not in world.base.by_key and item.key not in theirs.by_key:
                assert _explained_above(item.key, presence, mine)


def _explained_above(key: str, spots: set[str], outline: Outline) -> bool:
    while key != ROOT:
        if key in spots:
            return True
        key = outline.by_key[key].parent
    return False


@CASES
@given(sides())
def test_a_move_made_on_one_side_reaches_the_other_or_is_explained_by_a_clash(world: Sides) -> None:
    decision = decide(world)
    world = keyed(world, decision)
    parents = {clash.key for clash in decision.clashes if clash.field == "parent"}
    presence = {clash.key for clash in decision.clashes if clash.field == "presence"}
    for mine, theirs, result in (
        (world.hub, world.replica, decision.replica),
        (world.replica, world.hub, decision.hub),
    ):
        for item in mine.items:
            known, twin = world.base.by_key.get(item.key), theirs.by_key.get(item.key)
            if known is None or twin is None or item.parent == known.parent:
                continue
            if result.by_key[item.key].parent != item.parent:
                assert item.key in parents or _explained_above(item.parent, presence, mine)


@CASES
@given(sides())
def test_an_order_that_only_one_side_changed_stands_on_both(world: Sides) -> None:
    decision = decide(world)
    world = keyed(world, decision)
    for parent in decision.hub.by_key.keys() & decision.replica.by_key.keys():
        common = set(world.base.children.get(parent, []))
        for outline in (world.hub, world.replica, decision.hub, decision.replica):
            common &= set(outline.children.get(parent, []))
        for kind in (Kind.TASK, Kind.PHASE):
            b, h, r, to_hub, to_replica = (
                [
                    key
                    for key in outline.children.get(parent, [])
                    if key in common and _kind(outline, key) is kind
                ]
                for outline in (*world, decision.hub, decision.replica)
            )
            expected = (h, r) if h != r and b not in (h, r) else (r, r) if h == b else (h, h)
            assert (to_hub, to_replica) == expected


def _kind(outline: Outline, key: str) -> Kind:
    return outline.by_key[key].kind


# --------------------------------------------------------------------------------- many merges

TAKES = st.lists(st.sampled_from(["hub", "replica"]), min_size=1, max_size=8)


def decided(decision: Decision, takes: list[str]) -> dict[tuple[str, str], Choice]:
    """Every clash decided, by the takes in turn."""
    return {
        (clash.key, clash.field): Choice(clash.hub, clash.replica, takes[number % len(takes)])  # type: ignore[arg-type]
        for number, clash in enumerate(decision.clashes)
    }


def _is_settled_halfway(world: Sides, decision: Decision) -> bool:
    """Whether `agreed` can say all that was decided; see there for what it cannot."""
    before, agreed, targets = world.replica.by_key, decision.agreed.by_key, decision.replica.by_key
    clashing = {clash.key for clash in decision.clashes}
    for key in targets.keys() - before.keys():
        below = decision.hub.subtree(key) if key in decision.hub.by_key else ()
        if any(item.key not in targets or targets[item.key].parent != item.parent for item in below):
            return False
    moved = {key for key in before.keys() & agreed.keys() if before[key].parent != agreed[key].parent}
    return not (clashing and moved - clashing)


def settle(world: Sides, takes: list[str], rounds: int = 30) -> int:
    """Decide all clashes until none is left; how many rounds that took."""
    decision = decide(world)
    for number in range(rounds):
        if not decision.clashes:
            assert decision.hub == decision.replica == decision.base
            return number
        world = after(decision)
        decision = merge.decide(*world, decisions=decided(decision, takes))
        for outline in (decision.hub, decision.replica, decision.base, decision.agreed):
            assert_well_formed(outline)
        assert_equal_but_for_clashes(decision)
        again = decide(after(decision))
        assert (again.hub, again.replica, again.clashes) == (decision.hub, decision.replica, decision.clashes)
        if _is_settled_halfway(world, decision):
            halfway = decide(Sides(decision.agreed, decision.hub, world.replica))
            assert (halfway.hub, halfway.replica) == (decision.hub, decision.replica)
    raise AssertionError(f"clashes are left after {rounds} rounds: {decision.clashes}")


@CASES
@given(sides(), TAKES)
def test_deciding_every_clash_makes_both_sides_equal(world: Sides, takes: list[str]) -> None:
    settle(world, takes)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(EDITS, max_size=12),
    st.lists(
        st.tuples(st.lists(EDITS, max_size=3), st.lists(EDITS, max_size=3), st.integers(0, 3)), max_size=5
    ),
    TAKES,
)
def test_any_sequence_of_edits_merges_and_decisions_converges(
    growth: list[Edit], rounds: list[tuple[list[Edit], list[Edit], int]], takes: list[str]
) -> None:
    start = edited(plan(), growth, "b")
    converge(Sides(start, start, start), rounds, takes)


def converge(world: Sides, rounds: Iterable[tuple[list[Edit], list[Edit], int]], takes: list[str]) -> None:
    """Edit both sides and merge, again and again; some merges stop halfway, some decide all clashes."""
    pending: dict[tuple[str, str], Choice] = {}
    for number, (mine, theirs, what) in enumerate(rounds):
        world = world._replace(
            hub=edited(world.hub, mine, f"h{number}-"), replica=edited(world.replica, theirs, f"r{number}-")
        )
        decision = merge.decide(*world, decisions=pending)
        for outline in (decision.hub, decision.replica, decision.base, decision.agreed):
            assert_well_formed(outline)
        assert_equal_but_for_clashes(decision)
        if not pending:
            assert_fields_follow_the_rules(keyed(world, decision), decision)
            assert_only_deletions_delete(keyed(world, decision), decision)
        halfway = Sides(decision.agreed, decision.hub, keyed(world, decision).replica)
        world = halfway if what == 0 else after(decision)
        pending = decided(decision, takes) if what == 1 else {}
    settle(world, takes)


@pytest.mark.parametrize("seed", [360, 479, 577, 1300, 4839, 8026, 13604])
def test_campaigns_that_once_failed_converge(seed: int) -> None:
    """Decisions that open or close circles of moves, exclude one another, or contain one another."""
    _campaign(random.Random(seed))


@pytest.mark.soak
def test_long_random_campaigns_converge() -> None:
    """Seeded; SOAK_CAMPAIGNS says how many, SOAK_SEED where to begin, and a failure names its seed."""
    first = int(os.environ.get("SOAK_SEED", "0"))
    for seed in range(first, first + int(os.environ.get("SOAK_CAMPAIGNS", "20000"))):
        try:
            _campaign(random.Random(seed))
        except Exception as failure:
            raise AssertionError(f"campaign with SOAK_SEED={seed} failed") from failure


def _campaign(source: random.Random) -> None:
    start = edited(
        plan(), [edit._replace(what=0) for edit in random_edits(source, source.randrange(40))], "b"
    )
    rounds = [
        (
            random_edits(source, source.randrange(12)),
            random_edits(source, source.randrange(12)),
            source.randrange(4),
        )
        for _ in range(source.randrange(8))
    ]
    takes = [source.choice(["hub", "replica"]) for _ in range(7)]
    converge(Sides(start, start, start), rounds, takes)
