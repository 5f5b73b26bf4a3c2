"""The merge by example: one rule a test."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings

from conflicts import merge
from conflicts.merge import Choice, Clash, ClashKind, Overruled, Policy, Severity
from conflicts.merge.joining import renamed
from plans.outline import FIELDS, Changed, Item, Outline, apply, diff
from tests.conflicts.edits import Sides, phase, plan, sides, task
from tests.growth import is_linear


def lines(outline: Outline) -> list[str]:
    """The outline as `parent>key` in document order."""
    return [f"{item.parent}>{item.key}" for item in outline.items]


def keys(outline: Outline) -> list[str]:
    return [item.key for item in outline.items]


def with_text(outline: Outline, key: str, text: str) -> Outline:
    items = (item._replace(text=text) if item.key == key else item for item in outline.items)
    return Outline(outline.plan, tuple(items))


# ------------------------------------------------------------------------------------- fields


def test_different_fields_of_one_task_merge() -> None:
    decision = merge.decide(
        plan(task("a")), plan(task("a", status="done")), plan(task("a", due="2025-06-01"))
    )
    assert (
        decision.hub == decision.replica == decision.base == plan(task("a", status="done", due="2025-06-01"))
    )
    assert decision.agreed == plan(task("a", due="2025-06-01"))
    assert not decision.clashes


def test_one_field_changed_on_both_sides_clashes_and_each_keeps_its_own() -> None:
    hub, replica = plan(task("a", text="hub", tags=("x",))), plan(task("a", text="replica"))
    decision = merge.decide(plan(task("a", text="base")), hub, replica)
    assert decision.clashes == (Clash("a", "text", "base", "hub", "replica"),)
    assert decision.hub == plan(task("a", text="hub", tags=("x",)))
    assert decision.replica == plan(task("a", text="replica", tags=("x",)))
    assert decision.base == plan(task("a", text="base", tags=("x",)))


def test_the_same_change_on_both_sides_is_agreed() -> None:
    changed = plan(task("a", status="done"))
    assert merge.decide(plan(task("a")), changed, changed).base == changed


def test_a_clash_ends_when_both_sides_become_equal() -> None:
    pinned = plan(task("a", text="base"))
    settled = plan(task("a", text="hub"))
    decision = merge.decide(pinned, settled, settled)
    assert not decision.clashes
    assert decision.base == settled


def test_the_title_of_the_plan_merges_like_any_text() -> None:
    base = plan(task("a"))
    hub = Outline(base.plan._replace(text="New title"), base.items)
    replica = Outline(base.plan._replace(version="1.1"), base.items)
    decision = merge.decide(base, hub, replica)
    assert decision.hub.plan == decision.replica.plan == base.plan._replace(text="New title", version="1.1")


def test_a_value_that_both_sides_gave_where_there_was_none_clashes_with_no_base() -> None:
    hub, replica = plan(task("a", due="2025-01-01")), plan(task("a", due="2025-01-02"))
    (clash,) = merge.decide(plan(task("a")), hub, replica).clashes
    assert clash == Clash("a", "due", None, "2025-01-01", "2025-01-02")


def test_every_field_has_a_kind_and_a_severity() -> None:
    names = {name for fields in FIELDS.values() for name in fields} | merge.STRUCTURAL
    for name in names:
        clash = Clash("a", name, None, "x", "y")
        assert merge.kind_of(clash) in ClashKind
        assert merge.severity_of(clash) in Severity
    assert merge.kind_of(Clash("a", "presence", None, None, None)) == "structure_change"
    assert merge.severity_of(Clash("a", "presence", None, None, None)) == "critical"


# ----------------------------------------------------------------------------------- presence

SECTION = plan(phase("p"), task("a", "p"), task("b", "p"))


def test_what_one_side_deleted_and_the_other_left_alone_is_deleted() -> None:
    decision = merge.decide(SECTION, plan(phase("q")), SECTION)
    assert decision.replica == plan(phase("q"))
    kept = merge.decide(SECTION, plan(), plan(phase("p"), task("a", "p"), task("b", "p"), phase("q")))
    assert kept.hub == kept.replica == plan(phase("q"))
    assert not kept.clashes


def test_an_edit_below_what_the_other_side_deleted_clashes_and_keeps_its_ancestors_there() -> None:
    hub = plan(phase("p"), task("a", "p", status="done"), task("b", "p"))
    decision = merge.decide(SECTION, hub, plan())
    assert decision.clashes == (Clash("a", "presence", ("a [status: todo]",), ("a [status: done]",), None),)
    assert lines(decision.hub) == [">p", "p>a"]
    assert decision.replica == plan()
    assert decision.base == plan(phase("p"), task("a", "p"))


def test_a_child_added_below_what_the_other_side_deleted_clashes() -> None:
    hub = plan(phase("p"), task("a", "p"), task("b", "p"), task("new", "b"), task("below", "new"))
    decision = merge.decide(SECTION, hub, plan())
    value = ("new [status: todo]", "below [status: todo]")
    assert decision.clashes == (Clash("new", "presence", None, value, None),)
    assert lines(decision.hub) == [">p", "p>b", "b>new", "new>below"]


def test_what_was_moved_on_one_side_and_deleted_on_the_other_clashes() -> None:
    base = plan(task("a"), phase("p"))
    decision = merge.decide(base, plan(phase("p"), task("a", "p")), plan(phase("p")))
    assert [(clash.key, clash.field) for clash in decision.clashes] == [("a", "presence")]


def test_what_stands_below_an_edited_and_deleted_item_waits_with_it() -> None:
    base = plan(task("a"), task("b", "a"), task("c"))
    hub = plan(task("a", text="edited"), task("b", "a"), task("new", "a"), task("c"))
    decision = merge.decide(base, hub, plan(task("c")))
    assert decision.hub == hub
    assert decision.replica == plan(task("c"))
    assert decision.base == base
    assert [clash.key for clash in decision.clashes] == ["a"]


def test_what_the_deleting_side_moved_out_first_survives() -> None:
    decision = merge.decide(
        SECTION, plan(task("a")), plan(phase("p"), task("a", "p", status="done"), task("b", "p"))
    )
    assert decision.hub == decision.replica == plan(task("a", status="done"))


# -------------------------------------------------------------------------------------- moves


def test_moved_to_two_places_is_a_clash() -> None:
    base = plan(task("a"), task("b"), task("c"))
    hub, replica = plan(task("b"), task("a", "b"), task("c")), plan(task("b"), task("c"), task("a", "c"))
    decision = merge.decide(base, hub, replica)
    assert decision.clashes == (Clash("a", "parent", "", "b", "c"),)
    assert (decision.hub, decision.replica) == (hub, replica)


def test_a_circle_of_two_moves_is_a_clash_on_both() -> None:
    base = plan(task("a"), task("b"))
    hub, replica = plan(task("b"), task("a", "b")), plan(task("a"), task("b", "a"))
    decision = merge.decide(base, hub, replica)
    assert set(decision.clashes) == {Clash("a", "parent", "", "b", ""), Clash("b", "parent", "", "", "a")}
    assert (decision.hub, decision.replica) == (hub, replica)


@pytest.mark.parametrize(
    ("takes", "result"),
    [
        ({"a": "hub"}, [">b", "b>a"]),
        ({"b": "replica"}, [">a", "a>b"]),
        ({"a": "replica"}, [">a", "a>b"]),
        ({"a": "hub", "b": "hub"}, [">b", "b>a"]),
        ({"a": "replica", "b": "hub"}, [">a", ">b"]),
        # These two exclude one another; the first by key stands.
        ({"a": "hub", "b": "replica"}, [">b", "b>a"]),
    ],
)
def test_a_decision_on_a_circle_settles_all_of_it(takes: dict[str, str], result: list[str]) -> None:
    base = plan(task("a"), task("b"))
    hub, replica = plan(task("b"), task("a", "b")), plan(task("a"), task("b", "a"))
    values = {"a": ("b", ""), "b": ("", "a")}
    decisions = {(key, "parent"): Choice(*values[key], take) for key, take in takes.items()}  # type: ignore[arg-type]
    decision = merge.decide(base, hub, replica, decisions=decisions)
    assert not decision.clashes
    assert sorted(lines(decision.hub)) == sorted(lines(decision.replica)) == sorted(result)


def test_a_move_below_what_the_other_side_deleted_is_a_clash_on_the_moved_item() -> None:
    base = plan(task("a"), phase("p"), task("b", "p"))
    hub = plan(phase("p"), task("b", "p"), task("a", "p"))
    decision = merge.decide(base, hub, plan(task("a")))
    assert decision.clashes == (Clash("a", "parent", "", "p", ""),)
    assert lines(decision.hub) == [">p", "p>a"]
    assert lines(decision.replica) == [">a"]


def test_a_move_below_an_item_that_clashes_waits_without_a_clash_of_its_own() -> None:
    base = plan(task("a"), task("x"))
    hub = plan(task("x", text="edited"), task("a", "x"))
    decision = merge.decide(base, hub, plan(task("a")))
    assert [clash.key for clash in decision.clashes] == ["x"]
    assert lines(decision.hub) == [">x", "x>a"]
    assert lines(decision.replica) == [">a"]
    assert decision.base == base


def test_a_base_is_well_formed_though_a_clashing_item_was_moved_around_its_old_parent() -> None:
    base = plan(task("p"), task("x", "p"), task("y"), task("z"))
    hub = plan(task("y"), task("x", "y"), task("p", "x"), task("z"))
    replica = plan(task("y"), task("z"), task("x", "z"), task("p", "x"))
    decision = merge.decide(base, hub, replica)
    assert decision.clashes == (Clash("x", "parent", "p", "y", "z"),)
    assert sorted(keys(decision.base)) == ["p", "x", "y", "z"]
    assert decision.base.by_key["x"].parent == "p"


# -------------------------------------------------------------------------------------- joins


def test_two_new_items_that_say_the_same_are_one() -> None:
    hub, replica = plan(task("h", text="new", due="2025-01-01")), plan(task("r", text="new", tags=("x",)))
    decision = merge.decide(plan(), hub, replica)
    assert decision.joined == {"r": "h"}
    assert decision.hub == decision.replica == plan(task("h", text="new", due="2025-01-01", tags=("x",)))


def test_equal_new_items_are_paired_in_their_order() -> None:
    hub = plan(task("h1", text="same"), task("h2", text="same"))
    replica = plan(task("r1", text="same"), task("r2", text="same"), task("r3", text="same"))
    decision = merge.decide(plan(), hub, replica)
    assert decision.joined == {"r1": "h1", "r2": "h2"}
    assert keys(decision.hub) == ["h1", "h2", "r3"]


def test_children_of_joined_items_are_joined_too() -> None:
    hub = plan(phase("hp", text="P"), task("h", "hp", text="T"))
    replica = plan(phase("rp", text="P"), task("r", "rp", text="T"), task("more", "rp"))
    decision = merge.decide(plan(), hub, replica)
    assert decision.joined == {"rp": "hp", "r": "h"}
    assert decision.hub == decision.replica
    assert lines(decision.hub) == [">hp", "hp>h", "hp>more"]


def test_two_new_items_with_one_ref_and_two_texts_are_one_that_clashes_without_a_base() -> None:
    hub, replica = plan(task("h", text="one", ref="1.1")), plan(task("r", text="two", ref="1.1"))
    decision = merge.decide(plan(), hub, replica)
    assert decision.joined == {"r": "h"}
    assert decision.clashes == (Clash("h", "text", None, "one", "two"),)
    assert merge.decide(decision.base, decision.hub, decision.replica).clashes == decision.clashes


def test_a_ref_that_is_not_unique_joins_nothing() -> None:
    hub = plan(task("h1", text="one", ref="1"), task("h2", text="two", ref="1"))
    decision = merge.decide(plan(), hub, plan(task("r", text="three", ref="1")))
    assert not decision.joined
    assert sorted(keys(decision.hub)) == ["h1", "h2", "r"]


def test_the_place_of_a_joined_item_does_not_depend_on_whose_key_it_bears() -> None:
    base = plan(phase("p"), task("k", "p", text="same"))
    hub = plan(task("h", text="same"), task("k", text="same"), phase("p"))
    replica = plan(task("k", text="same"), task("r", text="same"), phase("p"))
    assert keys(merge.decide(base, hub, replica).hub) == ["h", "k", "p"]
    assert keys(merge.decide(base, replica, hub).hub) == ["r", "k", "p"]


def test_a_phase_and_a_task_are_never_joined() -> None:
    decision = merge.decide(plan(), plan(phase("h", text="same")), plan(task("r", text="same")))
    assert not decision.joined
    assert keys(decision.hub) == keys(decision.replica) == ["r", "h"]


def test_a_joined_item_that_one_side_then_deletes_is_deleted() -> None:
    first = merge.decide(plan(), plan(task("h", text="new")), plan(task("r", text="new")))
    assert merge.decide(first.base, first.hub, plan()).hub == plan()


# -------------------------------------------------------------------------------------- order

ABC = plan(task("a"), task("b"), task("c"))


def test_an_order_changed_on_one_side_stands() -> None:
    hub = plan(task("c"), task("a"), task("b"))
    decision = merge.decide(ABC, hub, plan(task("a"), task("b", status="done"), task("c")))
    assert keys(decision.hub) == keys(decision.replica) == keys(decision.base) == ["c", "a", "b"]


def test_siblings_reordered_in_two_ways_are_a_clash_on_their_parent() -> None:
    hub, replica = plan(task("b"), task("a"), task("c")), plan(task("a"), task("c"), task("b"), task("new"))
    decision = merge.decide(ABC, hub, replica)
    assert keys(decision.hub) == ["b", "new", "a", "c"]
    assert keys(decision.replica) == ["a", "c", "b", "new"]
    values = [tuple(keys(outline)) for outline in (decision.base, decision.hub, decision.replica)]
    assert decision.clashes == (Clash("", "order", *values),)


def test_the_base_of_an_order_clash_does_not_depend_on_which_side_is_the_hub() -> None:
    hub = plan(task("h", text="new"), task("b"), task("a"), task("c"))
    replica = plan(task("a"), task("c"), task("b"), task("r", text="new"))
    one, two = merge.decide(ABC, hub, replica), merge.decide(ABC, replica, hub)
    assert one.joined == {"r": "h"}
    assert one.clashes
    assert two.base == renamed(one.base, {"h": "r"})


def test_new_items_come_after_the_same_predecessor_as_where_they_come_from() -> None:
    hub = plan(task("a"), task("h"), task("b"), task("c"))
    replica = plan(task("a"), task("b"), task("r"), task("c"), task("end"))
    decision = merge.decide(ABC, hub, replica)
    assert keys(decision.hub) == keys(decision.replica) == ["a", "h", "b", "r", "c", "end"]


def test_new_items_in_one_gap_stand_in_the_order_of_their_texts() -> None:
    hub = plan(task("a"), task("h", text="zebra"), task("b"), task("c"))
    replica = plan(task("a"), task("r", text="apple"), task("b"), task("c"))
    for decision in (merge.decide(ABC, hub, replica), merge.decide(ABC, replica, hub)):
        assert keys(decision.hub) == keys(decision.replica) == ["a", "r", "h", "b", "c"]


def test_tasks_stay_before_phases() -> None:
    base = plan(phase("p"))
    decision = merge.decide(base, plan(task("h"), phase("p")), plan(phase("r"), phase("p")))
    assert keys(decision.hub) == keys(decision.replica) == ["h", "r", "p"]


# ---------------------------------------------------------------------------------- decisions


@pytest.mark.parametrize(
    ("take", "value", "text"), [("hub", None, "H"), ("replica", None, "R"), ("value", "V", "V")]
)
def test_a_decided_value_goes_to_both_sides_and_never_comes_back(
    take: str, value: str | None, text: str
) -> None:
    base, hub, replica = (plan(task("a", text=text)) for text in "BHR")
    choice = Choice("H", "R", take, value)  # type: ignore[arg-type]
    decision = merge.decide(base, hub, replica, decisions={("a", "text"): choice})
    assert decision.hub == decision.replica == decision.base == plan(task("a", text=text))
    assert not decision.clashes
    assert not decision.stale
    pulled = merge.decide(decision.agreed, decision.hub, replica)
    assert pulled.replica == decision.replica
    assert not pulled.clashes


def test_a_decision_about_other_values_is_stale() -> None:
    base, hub, replica = (plan(task("a", text=text)) for text in "BHR")
    decision = merge.decide(base, hub, replica, decisions={("a", "text"): Choice("older", "R", "hub")})
    assert [clash.key for clash in decision.clashes] == ["a"]
    assert decision.stale == (("a", "text"),)


def test_a_decision_about_a_clash_that_is_gone_is_stale() -> None:
    decision = merge.decide(ABC, ABC, ABC, decisions={("a", "text"): Choice("x", "y", "hub")})
    assert decision.stale == (("a", "text"),)


def test_a_value_of_the_wrong_shape_settles_nothing() -> None:
    base, hub, replica = plan(task("a")), plan(task("a", tags=("h",))), plan(task("a", tags=("r",)))
    choice = Choice(("h",), ("r",), "value", "not a tuple")
    decision = merge.decide(base, hub, replica, decisions={("a", "tags"): choice})
    assert decision.stale == (("a", "tags"),)
    assert decision.clashes


DEEP = plan(phase("p"), task("a", "p"), task("b", "a"), task("c", "p"))
DEEP_EDITED = plan(phase("p"), task("a", "p", status="done"), task("b", "a"), task("c", "p"))


def test_keeping_a_deleted_item_brings_it_back_with_its_ancestors_and_what_is_below_it() -> None:
    choice = Choice(("a [status: done]", "b [status: todo]"), None, "hub")
    decision = merge.decide(DEEP, DEEP_EDITED, plan(), decisions={("a", "presence"): choice})
    assert lines(decision.hub) == [">p", "p>a", "a>b"]
    assert decision.hub == decision.replica == decision.base
    assert decision.agreed == plan()


def test_keeping_an_item_keeps_the_clashing_items_above_it_whole() -> None:
    hub = plan(phase("p"), task("a", "p", status="done"), task("b", "a", status="done"), task("d", "a"))
    base = plan(phase("p"), task("a", "p"), task("b", "a"), task("d", "a"))
    choice = Choice(("b [status: done]",), None, "hub")
    decision = merge.decide(base, hub, plan(), decisions={("b", "presence"): choice})
    assert decision.hub == decision.replica == hub
    assert not decision.clashes


def test_letting_a_deleted_item_go_deletes_it_and_what_was_waiting_below() -> None:
    choice = Choice(("a [status: done]", "b [status: todo]"), None, "replica")
    decision = merge.decide(DEEP, DEEP_EDITED, plan(), decisions={("a", "presence"): choice})
    assert decision.hub == decision.replica == decision.base == plan()


def test_letting_an_item_go_is_stale_once_something_more_was_put_below_it() -> None:
    hub = plan(*DEEP_EDITED.items[:3], task("new", "b"), task("c", "p"))
    choice = Choice(("a [status: done]", "b [status: todo]"), None, "replica")
    decision = merge.decide(DEEP, hub, plan(), decisions={("a", "presence"): choice})
    assert decision.stale == (("a", "presence"),)
    assert "new" in decision.hub.by_key


def test_letting_an_item_go_spares_what_someone_else_edited_below_it() -> None:
    hub = plan(phase("p"), task("a", "p", status="done"), task("b", "a", status="done"))
    choice = Choice(("a [status: done]",), None, "replica")
    decision = merge.decide(DEEP, hub, plan(), decisions={("a", "presence"): choice})
    assert [clash.key for clash in decision.clashes] == ["b"]
    assert lines(decision.hub) == [">p", "p>a", "a>b"]
    assert merge.decide(decision.base, decision.hub, decision.replica).clashes == decision.clashes


TWO_EDITS = plan(phase("p"), task("a", "p", status="done"), task("b", "a", status="done"), task("new", "a"))
LET_GO_A = Choice(("a [status: done]", "new [status: todo]"), None, "replica")
KEEP_A = LET_GO_A._replace(take="hub")
LET_GO_B, KEEP_B = (Choice(("b [status: done]",), None, take) for take in ("replica", "hub"))


def test_keeping_an_item_below_one_that_is_let_go_brings_back_its_ancestors_alone() -> None:
    decisions = {("a", "presence"): LET_GO_A, ("b", "presence"): KEEP_B}
    decision = merge.decide(DEEP, TWO_EDITS, plan(), decisions=decisions)
    assert lines(decision.hub) == lines(decision.replica) == [">p", "p>a", "a>b"]
    assert not decision.clashes


def test_letting_an_item_go_below_one_that_is_kept_lets_it_go() -> None:
    decisions = {("a", "presence"): KEEP_A, ("b", "presence"): LET_GO_B}
    decision = merge.decide(DEEP, TWO_EDITS, plan(), decisions=decisions)
    assert lines(decision.hub) == lines(decision.replica) == [">p", "p>a", "a>new"]
    assert not decision.clashes


def test_a_decided_order_may_be_a_third_one() -> None:
    hub, replica = plan(task("b"), task("a"), task("c")), plan(task("a"), task("c"), task("b"))
    choice = Choice(("b", "a", "c"), ("a", "c", "b"), "value", ("c", "b", "a"))
    decision = merge.decide(ABC, hub, replica, decisions={("", "order"): choice})
    assert keys(decision.hub) == keys(decision.replica) == keys(decision.base) == ["c", "b", "a"]


def test_a_decided_parent_may_be_a_third_one() -> None:
    hub, replica = plan(task("b"), task("a", "b"), task("c")), plan(task("b"), task("c"), task("a", "c"))
    base = plan(task("a"), task("b"), task("c"), phase("p"))
    hub, replica = (plan(*outline.items, phase("p")) for outline in (hub, replica))
    choice = Choice("b", "c", "value", "p")
    decision = merge.decide(base, hub, replica, decisions={("a", "parent"): choice})
    assert (
        decision.hub
        == decision.replica
        == decision.base
        == plan(task("b"), task("c"), phase("p"), task("a", "p"))
    )


def test_a_phase_cannot_be_decided_to_go_below_a_task() -> None:
    base = plan(task("t"), phase("a"), phase("b"), phase("c"))
    hub, replica = (
        plan(task("t"), phase("b"), phase("a", "b"), phase("c")),
        plan(task("t"), phase("b"), phase("c"), phase("a", "c")),
    )
    choice = Choice("b", "c", "value", "t")
    decision = merge.decide(base, hub, replica, decisions={("a", "parent"): choice})
    assert decision.stale == (("a", "parent"),)


# ------------------------------------------------------------------------------ policy and held


def test_an_owned_field_never_clashes_and_the_overruled_edit_is_reported() -> None:
    base, hub, replica = (plan(task("a", text=text)) for text in "BHR")
    decision = merge.decide(base, hub, replica, policy=Policy({"text": "replica"}))
    assert decision.hub == decision.replica == decision.base == replica
    assert decision.overruled == (Overruled("a", "text", "hub", "H"),)


def test_an_edit_of_what_the_other_side_owns_is_taken_back() -> None:
    base, hub = plan(task("a", text="B")), plan(task("a", text="H"))
    decision = merge.decide(base, hub, base, policy=Policy({"text": "replica"}))
    assert decision.hub == decision.replica == base
    assert decision.overruled == (Overruled("a", "text", "hub", "H"),)


def test_an_overruled_edit_does_not_save_an_item_from_deletion() -> None:
    hub = plan(task("a", text="H"), task("b"))
    decision = merge.decide(
        plan(task("a"), task("b")), hub, plan(task("b")), policy=Policy({"text": "replica"})
    )
    assert decision.hub == plan(task("b"))
    assert decision.overruled == (Overruled("a", "text", "hub", "H"),)


def test_a_new_item_keeps_its_values_whoever_owns_the_field() -> None:
    decision = merge.decide(
        plan(), plan(task("h", due="2025-01-01")), plan(), policy=Policy({"due": "replica"})
    )
    assert decision.replica == plan(task("h", due="2025-01-01"))


def test_a_policy_for_an_unknown_field_or_owner_is_refused() -> None:
    with pytest.raises(ValueError, match="No owner 'hub' for 'colour'"):
        Policy({"colour": "hub"})
    with pytest.raises(ValueError, match="No owner 'nobody' for 'text'"):
        Policy({"text": "nobody"})  # type: ignore[dict-item]


def test_a_mirrored_policy_exchanges_the_owners() -> None:
    assert Policy({"text": "hub", "due": "both"}).mirrored() == Policy({"text": "replica", "due": "both"})


HELD = {("a", "estimate"): "3d"}


def test_a_held_value_stays_in_the_hub_while_neither_side_changes_it() -> None:
    base, hub = plan(task("a")), plan(task("a", estimate="3d"))
    decision = merge.decide(base, hub, plan(task("a", status="done")), held=HELD)
    assert decision.hub == plan(task("a", status="done", estimate="3d"))
    assert decision.replica == decision.base == plan(task("a", status="done"))
    assert decision.held == HELD


def test_an_edit_of_a_held_value_on_either_side_is_taken() -> None:
    base, hub = plan(task("a")), plan(task("a", estimate="3d"))
    by_replica = merge.decide(base, hub, plan(task("a", estimate="5d")), held=HELD)
    assert by_replica.hub == plan(task("a", estimate="5d"))
    by_hub = merge.decide(base, plan(task("a", estimate="4d")), base, held=HELD)
    assert by_hub.replica == plan(task("a", estimate="4d"))
    assert by_replica.held == by_hub.held == {}


def test_an_edit_of_a_held_value_on_both_sides_clashes() -> None:
    hub, replica = plan(task("a", estimate="4d")), plan(task("a", estimate="5d"))
    decision = merge.decide(plan(task("a")), hub, replica, held=HELD)
    assert decision.clashes == (Clash("a", "estimate", None, "4d", "5d"),)
    assert decision.held == HELD


def test_a_held_value_is_no_edit_when_the_replica_deletes_the_item() -> None:
    decision = merge.decide(plan(task("a")), plan(task("a", estimate="3d")), plan(), held=HELD)
    assert decision.hub == plan()
    assert decision.held == {}


def test_a_held_value_is_held_on_while_the_presence_of_its_item_clashes() -> None:
    hub = plan(task("a", estimate="3d", status="done"))
    decision = merge.decide(plan(task("a")), hub, plan(), held=HELD)
    assert [clash.field for clash in decision.clashes] == ["presence"]
    assert decision.held == HELD


def test_a_held_parent_keeps_each_side_as_it_is() -> None:
    base = plan(task("a"), task("b"))
    hub = plan(task("b"), task("a", "b"))
    held = {("a", "parent"): "b"}
    decision = merge.decide(base, hub, plan(task("a"), task("b", status="done")), held=held)
    assert lines(decision.hub) == [">b", "b>a"]
    assert lines(decision.replica) == [">a", ">b"]
    assert decision.held == held
    assert not decision.clashes
    moved = merge.decide(base, plan(task("a"), task("b")), plan(task("b"), task("a", "b")), held=held)
    assert [(clash.key, clash.field) for clash in moved.clashes] == [("a", "parent")]


@settings(deadline=None, max_examples=200)
@given(sides())
def test_a_replica_without_words_for_a_field_is_in_step_all_the_same(world: Sides) -> None:
    """Due dates are what this replica cannot say; all else goes through, and nothing is taken for an edit."""
    world = world._replace(replica=_saying(world.base, world.replica))
    decision = merge.decide(*world)
    replica = renamed(world.replica, decision.joined)
    actual = _saying(replica, decision.replica)
    missing = diff(decision.replica, actual)
    held = {(change.key, change.field): change.before for change in missing if isinstance(change, Changed)}
    base = apply(
        decision.base, [c for c in missing if isinstance(c, Changed) and c.key in decision.base.by_key]
    )
    again = merge.decide(base, decision.hub, actual, held=decision.held | held)
    assert diff(decision.hub, again.hub) == ()
    assert diff(actual, again.replica) == ()
    assert again.base == base
    assert set(held) <= set(again.held)


def _saying(before: Outline, target: Outline) -> Outline:
    """`target` as a replica says it that cannot write due dates: they are what they were there before."""
    items: Iterable[Item] = (
        item._replace(due=before.by_key[item.key].due if item.key in before.by_key else "")
        for item in target.items
    )
    return Outline(target.plan, tuple(items))


# -------------------------------------------------------------------------------------- speed


def large(count: int) -> Outline:
    items: list[Item] = []
    for number in range(0, count, 40):
        items.append(phase(f"p{number}", text=f"Phase {number}"))
        items.extend(
            task(f"t{number + n}", f"p{number}", text=f"Task {number + n} of a large plan") for n in range(39)
        )
    return plan(*items[:count])


def one_change(count: int) -> Sides:
    """Items read from two places are equal, not the same objects."""
    base = large(count)
    other = Outline(base.plan, tuple(Item(*item) for item in base.items))
    return Sides(base, with_text(base, "t700", "hub"), with_text(other, "t701", "replica"))


def test_a_merge_takes_time_in_proportion_to_the_plan() -> None:
    assert is_linear(lambda world: merge.decide(*world), one_change, small=1600)


def test_a_plan_of_any_depth_is_merged() -> None:
    chain = plan(*(task(str(n), str(n - 1) if n > 1 else "") for n in range(1, 3001)))
    decision = merge.decide(chain, with_text(chain, "3000", "edited"), plan(task("new")))
    assert [clash.key for clash in decision.clashes] == ["3000"]
    assert len(decision.hub.items) == 3001
