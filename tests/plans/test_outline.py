from __future__ import annotations

import random
import time
from bisect import bisect_left
from collections.abc import Collection
from itertools import count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.outline import (
    ROOT,
    Added,
    Changed,
    Item,
    Kind,
    Moved,
    Outline,
    Place,
    Removed,
    Status,
    apply,
    arrange,
    diff,
    longest_increasing,
    places,
)

PLAN = Item(ROOT, Kind.PLAN, ROOT, "Launch")


class Tree:
    """An outline that can be edited at random; `children` of each item hold tasks and phases."""

    def __init__(self, outline: Outline, seed: int, keys: str) -> None:
        self._new_keys = (f"{keys}{number}" for number in count())
        self.items = dict(outline.by_key)
        self.children = {key: list(keys) for key, keys in outline.children.items()}
        self.chance = random.Random(seed)

    def outline(self) -> Outline:
        return arrange(self.items[ROOT], self.items, self.children)

    def edit(self) -> None:
        self.chance.choice([self.add, self.add, self.add, self.remove, self.move, self.move, self.change])()

    def add(self) -> None:
        kind = self.chance.choice([Kind.TASK, Kind.TASK, Kind.PHASE])
        key = next(self._new_keys)
        parent = self._parent(kind)
        self.items[key] = Item(key, kind, parent, f"Item {key}")
        self._insert(parent, key)

    def remove(self) -> None:
        key = self._any()
        if key:
            self.children[self.items[key].parent].remove(key)
            for below in self._below(key):
                del self.items[below]
                self.children.pop(below, None)

    def move(self) -> None:
        key = self._any()
        if key:
            below = set(self._below(key))
            parent = self._parent(self.items[key].kind, below)
            self.children[self.items[key].parent].remove(key)
            self.items[key] = self.items[key]._replace(parent=parent)
            self._insert(parent, key)

    def change(self) -> None:
        key = self.chance.choice([ROOT, self._any() or ROOT])
        self.items[key] = self.items[key]._replace(
            text=f"Said {self.chance.randrange(9)}",
            status=self.chance.choice([Status.TODO.value, Status.DONE.value]),
        )

    def _any(self) -> str:
        keys = [key for key in self.items if key != ROOT]
        return self.chance.choice(keys) if keys else ""

    def _parent(self, kind: Kind, without: Collection[str] = ()) -> str:
        """Phases hang below phases, tasks below both."""
        fit = [
            key
            for key, item in self.items.items()
            if key not in without and (kind is Kind.TASK or item.kind is not Kind.TASK)
        ]
        return self.chance.choice(fit)

    def _below(self, key: str) -> list[str]:
        found = [key]
        for one in found:
            found.extend(self.children.get(one, []))
        return found

    def _insert(self, parent: str, key: str) -> None:
        siblings = self.children.setdefault(parent, [])
        siblings.insert(self.chance.randrange(len(siblings) + 1), key)


@st.composite
def outlines(draw: st.DrawFn) -> Outline:
    tree = Tree(Outline(PLAN), draw(st.integers(0, 2**32)), "old ")
    for _ in range(draw(st.integers(0, 20))):
        tree.edit()
    return tree.outline()


@st.composite
def edited(draw: st.DrawFn) -> tuple[Outline, Outline]:
    before = draw(outlines())
    tree = Tree(before, draw(st.integers(0, 2**32)), "new ")
    for _ in range(draw(st.integers(0, 12))):
        tree.edit()
    return before, tree.outline()


def task(key: str, parent: str = ROOT, text: str = "Call Bob") -> Item:
    return Item(key, Kind.TASK, parent, text)


def phase(key: str, parent: str = ROOT) -> Item:
    return Item(key, Kind.PHASE, parent, "Phase")


def flat(*keys: str) -> Outline:
    return Outline(PLAN, tuple(task(key) for key in keys))


# ----------------------------------------------------------------------------------- diff and apply


@settings(deadline=None)
@given(edited())
def test_applying_the_difference_gives_the_other_outline(pair: tuple[Outline, Outline]) -> None:
    before, after = pair
    assert apply(before, diff(before, after)) == after
    assert apply(after, diff(after, before)) == before


@settings(deadline=None)
@given(edited())
def test_removing_the_second_half_is_a_difference_like_any_other(pair: tuple[Outline, Outline]) -> None:
    before, after = pair
    halves = Outline(before.plan, before.items[: len(before.items) // 2])
    assert apply(after, diff(after, halves)) == halves


@given(outlines())
def test_an_outline_differs_in_nothing_from_itself(outline: Outline) -> None:
    assert diff(outline, Outline(outline.plan, tuple(outline.items))) == ()


@settings(deadline=None)
@given(edited())
def test_the_difference_names_each_item_in_one_role_only(pair: tuple[Outline, Outline]) -> None:
    before, after = pair
    changes = diff(before, after)
    removed = {change.item.key for change in changes if isinstance(change, Removed)}
    added = {change.item.key for change in changes if isinstance(change, Added)}
    moved = [change.key for change in changes if isinstance(change, Moved)]
    assert removed == set(before.by_key) - set(after.by_key)
    assert added == set(after.by_key) - set(before.by_key)
    assert len(moved) == len(set(moved))
    assert set(moved) <= set(before.by_key) & set(after.by_key)


@settings(deadline=None)
@given(edited())
def test_every_change_tells_what_was_there_before(pair: tuple[Outline, Outline]) -> None:
    before, after = pair
    old, new = places(before), places(after)
    for change in diff(before, after):
        match change:
            case Removed(item, place):
                assert (before.by_key[item.key], old[item.key]) == (item, place)
            case Added(item, place):
                assert (after.by_key[item.key], new[item.key]) == (item, place)
            case Moved(key, origin, target):
                assert (old[key], new[key]) == (origin, target)
            case Changed(key, field, was, now):
                assert (getattr(before.by_key[key], field), getattr(after.by_key[key], field)) == (was, now)


def test_moving_one_item_to_the_end_is_one_move() -> None:
    assert diff(flat("a", "b", "c", "d"), flat("b", "c", "d", "a")) == (
        Moved("a", Place(ROOT, ""), Place(ROOT, "d")),
    )


def test_an_item_whose_neighbour_was_removed_has_not_moved() -> None:
    changes = diff(flat("a", "b", "c"), flat("a", "c"))
    assert changes == (Removed(task("b"), Place(ROOT, "a")),)


def test_parent_and_child_can_change_places() -> None:
    before = Outline(PLAN, (task("a"), task("b", "a")))
    after = Outline(PLAN, (task("b"), task("a", "b")))
    assert apply(before, diff(before, after)) == after


def test_a_child_survives_the_removal_of_its_parent_by_moving() -> None:
    before = Outline(PLAN, (phase("p"), task("a", "p")))
    after = Outline(PLAN, (task("a"),))
    assert apply(before, diff(before, after)) == after


def test_the_plan_itself_is_compared() -> None:
    after = Outline(PLAN._replace(text="Launch 2", version="1.1"))
    assert diff(Outline(PLAN), after) == (
        Changed(ROOT, "text", "Launch", "Launch 2"),
        Changed(ROOT, "version", "", "1.1"),
    )


@pytest.mark.parametrize(
    "change",
    [
        Removed(task("gone"), Place(ROOT, "")),
        Removed(task("a", "p"), Place("p", "")),
        Changed("gone", "text", "x", "y"),
        Moved("gone", Place(ROOT, ""), Place(ROOT, "a")),
        Moved("a", Place("p", ""), Place(ROOT, "")),
        Moved("a", Place(ROOT, ""), Place("gone", "")),
        Moved("a", Place(ROOT, ""), Place(ROOT, "gone")),
        Added(task("new", "gone"), Place("gone", "")),
        Added(task("new"), Place(ROOT, "gone")),
    ],
    ids=str,
)
def test_a_change_that_does_not_fit_is_an_error_and_never_a_loss(
    change: Added | Removed | Moved | Changed,
) -> None:
    before = Outline(PLAN, (task("a"), phase("p")))
    with pytest.raises(KeyError):
        apply(before, [change])


def test_half_of_forty_thousand_tasks_are_removed_and_others_added_in_linear_time() -> None:
    before = flat(*map(str, range(40_000)))
    after = flat(*(str(n) if n % 2 else f"new {n}" for n in range(40_000)))
    begun = time.process_time()
    assert apply(before, diff(before, after)) == after
    assert time.process_time() - begun < 4  # seconds; below 0.5 is usual, and quadratic takes a minute


# --------------------------------------------------------------------------------- places and order


def test_a_place_names_the_sibling_of_the_same_kind() -> None:
    outline = Outline(PLAN, (task("a"), task("b"), phase("p"), task("c", "p"), phase("q")))
    assert places(outline) == {
        "a": Place(ROOT, ""),
        "b": Place(ROOT, "a"),
        "p": Place(ROOT, ""),
        "c": Place("p", ""),
        "q": Place(ROOT, "p"),
    }


def test_arranged_tasks_come_before_phases() -> None:
    items = {item.key: item for item in (phase("p"), task("a"), task("b", "p"), phase("q", "p"))}
    arranged = arrange(PLAN, items, {ROOT: ["p", "a"], "p": ["q", "b"]})
    assert [item.key for item in arranged.items] == ["a", "p", "b", "q"]


def test_items_that_hang_nowhere_are_left_out_of_an_arrangement() -> None:
    items = {"a": task("a"), "b": task("b", "lost")}
    assert arrange(PLAN, items, {ROOT: ["a"], "lost": ["b"]}).items == (task("a"),)


@given(outlines())
def test_arranging_an_outline_again_changes_nothing(outline: Outline) -> None:
    assert arrange(outline.plan, outline.by_key, outline.children) == outline


@given(outlines())
def test_parents_come_before_their_children(outline: Outline) -> None:
    met = {ROOT}
    for item in outline.items:
        assert item.parent in met
        met.add(item.key)


@given(outlines())
def test_the_subtree_of_the_root_is_everything_in_order(outline: Outline) -> None:
    assert tuple(outline.subtree(ROOT)) == outline.items


def test_a_subtree_ends_with_its_last_descendant() -> None:
    outline = Outline(PLAN, (task("a"), task("b", "a"), task("c", "b"), task("d")))
    assert [item.key for item in outline.subtree("a")] == ["a", "b", "c"]


# ---------------------------------------------------------------------------- keys aside, and numbers


@given(outlines())
def test_the_shape_does_not_depend_on_the_keys(outline: Outline) -> None:
    other = outline.rekeyed({item.key: f"k{item.key}" for item in outline.items})
    assert outline.same_shape(other)
    assert other.same_shape(outline)


@settings(deadline=None)
@given(edited())
def test_two_outlines_of_the_same_keys_have_one_shape_only_if_equal(pair: tuple[Outline, Outline]) -> None:
    before, after = pair
    if before.same_shape(after):
        names = {mine.key: theirs.key for mine, theirs in zip(before.items, after.items, strict=True)}
        assert before.rekeyed(names).items == after.items
        assert before.plan == after.plan
    else:
        assert before != after


def test_nesting_is_part_of_the_shape() -> None:
    beside = Outline(PLAN, (task("a"), task("b")))
    below = Outline(PLAN, (task("a"), task("b", "a")))
    assert not beside.same_shape(below)


@given(st.lists(st.integers(-20, 20)))
def test_the_longest_run_is_increasing_and_as_long_as_any(numbers: list[int]) -> None:
    run = longest_increasing(numbers)
    assert all(a < b and numbers[a] < numbers[b] for a, b in pairwise(run))
    tails: list[int] = []
    for number in numbers:
        slot = bisect_left(tails, number)
        tails[slot : slot + 1] = [number]
    assert len(run) == len(tails)
    best = [1] * len(numbers)
    for at, number in enumerate(numbers):
        best[at] += max((best[k] for k in range(at) if numbers[k] < number), default=0)
    assert len(run) == max(best, default=0)
