"""What counts as agreed at a first link, as properties of the merge that follows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conflicts import merge
from conflicts.merge import Decision
from planning_sync.sync.pairing_base import NOTHING, TAKES, Take, agreed, kept_apart
from plans.outline import ROOT, Item, Kind, Outline, arrange

TEXTS = st.sampled_from(["Tag the version", "Tell the press", "Look at reports", "Write it down"])
STATUSES = st.sampled_from(["todo", "done", "blocked"])
OWNERS = st.sampled_from(["", "alice", "bob"])


@st.composite
def outlines(draw: st.DrawFn, prefix: str) -> Outline:
    """Some of the items `a` to `f`, which both sides may have, and some that this side alone has."""
    keys = draw(st.permutations("abcdef"))[: draw(st.integers(1, 6))]
    own = [f"{prefix}{number}" for number in range(draw(st.integers(0, 2)))]
    items: dict[str, Item] = {ROOT: Item(ROOT, Kind.PLAN, ROOT, draw(TEXTS))}
    children: dict[str, list[str]] = {ROOT: []}
    for key in (*keys, *own):
        parent = draw(st.sampled_from([each for each in children if each < key or each == ROOT]))
        words: Any = {"status": draw(STATUSES), "assignee": draw(OWNERS)}
        items[key] = Item(key, Kind.TASK, parent, draw(TEXTS), **words)
        children[parent].append(key)
        children[key] = []
    return arrange(items[ROOT], items, children)


few = settings(max_examples=40)
BOTH = st.tuples(outlines("h"), outlines("r"))


def first_merge(hub: Outline, seen: Outline, take: Take) -> Decision:
    base, held = agreed(hub, seen, hub, take=take)
    return merge.decide(base, kept_apart(base, hub, seen), seen, held=held)


@few
@given(sides=BOTH, take=st.sampled_from(TAKES))
def test_a_first_merge_loses_no_item_and_doubles_none(sides: tuple[Outline, Outline], take: Take) -> None:
    hub, seen = sides
    decision = first_merge(hub, seen, take)
    everything = {*hub.by_key, *seen.by_key}
    assert set(decision.hub.by_key) == set(decision.replica.by_key) == everything
    assert not decision.joined


@few
@given(sides=BOTH)
def test_where_a_conflict_is_to_ask_every_difference_asks(sides: tuple[Outline, Outline]) -> None:
    hub, seen = sides
    decision = first_merge(hub, seen, "ask")
    asked = {(clash.key, clash.field) for clash in decision.clashes}
    for key in hub.by_key.keys() & seen.by_key.keys():
        for field in ("text", "status"):
            mine, theirs = getattr(hub.by_key[key], field), getattr(seen.by_key[key], field)
            assert ((key, field) in asked) == (mine != theirs)


@few
@given(sides=BOTH, take=st.sampled_from(["hub", "replica"]))
def test_the_side_that_is_right_has_its_values_and_what_it_does_not_say_is_kept(
    sides: tuple[Outline, Outline], take: Any
) -> None:
    hub, seen = sides
    decision = first_merge(hub, seen, take)
    right, other = (hub, seen) if take == "hub" else (seen, hub)
    assert not [clash for clash in decision.clashes if clash.field not in ("parent", "order")]
    for key in hub.by_key.keys() & seen.by_key.keys():
        for field in ("text", "status", "assignee"):
            wanted = getattr(right.by_key[key], field) or getattr(other.by_key[key], field)
            assert getattr(decision.hub.by_key[key], field) == wanted
            assert getattr(decision.replica.by_key[key], field) == wanted


@few
@given(side=outlines("h"), take=st.sampled_from(TAKES))
def test_two_sides_that_say_the_same_are_in_step_at_once(side: Outline, take: Take) -> None:
    decision = first_merge(side, side, take)
    assert decision.hub == decision.replica == decision.base == side
    assert not decision.clashes


@pytest.mark.parametrize(("take", "asks"), [("ask", False), ("hub", False), ("replica", True)])
def test_what_the_replica_has_no_words_for_is_held_and_asks_nobody(take: Any, asks: bool) -> None:
    """Unless the replica is to be right: then the hub takes what it says."""
    hub = Outline(NOTHING.plan, (Item("a", Kind.TASK, ROOT, "Tag", status="blocked"),))
    seen = Outline(NOTHING.plan, (Item("a", Kind.TASK, ROOT, "Tag", status="todo"),))
    base, held = agreed(hub, seen, seen, take=take)
    decision = merge.decide(base, hub, seen, held=held)
    assert not decision.clashes
    assert decision.hub.by_key["a"].status == ("todo" if asks else "blocked")
    assert decision.replica.by_key["a"].status == "todo"
