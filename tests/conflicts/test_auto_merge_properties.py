"""What holds of `AutoMerge` whatever both sides did: it never invents, and neither side is preferred."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from conflicts import merge
from conflicts.merge import Choice, Clash, Decision, Decisions
from conflicts.merge.model import CLASSES
from conflicts.policy import DEFAULT_ARBITRATION, Arbitrated, Contexts, arbitrate
from conflicts.strategies import STRATEGIES, Context, orders, words
from plans.outline import Outline, Value
from tests.conflicts.edits import Sides, phase, plan, sides, task

# Most random edits do not merge; that enough do, Hypothesis checks by itself.
CASES = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
AUTO_MERGE = STRATEGIES["auto_merge"]
PERCENTAGES = ("", "0", "33", "33.3", "50", "100")


def auto_merged(clash: Clash, computed_progress: str = "") -> Value | None:
    """The value that both sides get; None where a person decides."""
    context = Context(task(clash.key), computed_progress=computed_progress)
    choice = AUTO_MERGE.resolve(clash, context) if AUTO_MERGE.can_resolve(clash, context) else None
    return None if choice is None else taken(choice)


def taken(choice: Choice) -> Value | None:
    return {"hub": choice.hub_value, "replica": choice.replica_value, "value": choice.value}[choice.take]


# ---------------------------------------------------------------------------------------- values

# A few words, each written in several ways that read the same, and signs.
WRITTEN = (
    "Écrire",
    "écrire",
    "Ã‰crire",
    "tests",
    "tests.",
    "**tests**",
    "`go",
    "go`",
    "pour",
    "Pour",
    "✅",
    ":",
)
NEWS = ("Bob", "bob,", "vite", "🔴", "`x`", "fini.")
GAPS = (" ", " ", " ", "\u00a0", "\u202f", "  ")


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, str, str]:
    """A line, and what two sides made of it: reworded, and written in another way."""
    base = draw(st.lists(st.sampled_from(WRITTEN), min_size=1, max_size=9))
    gaps = draw(st.lists(st.sampled_from(GAPS), min_size=9, max_size=9))
    return written(base, gaps), draw(edited(base, gaps)), draw(edited(base, gaps))


def written(line: Sequence[str], gaps: Sequence[str]) -> str:
    return "".join(f"{gaps[at % len(gaps)] if at else ''}{word}" for at, word in enumerate(line)).strip()


@st.composite
def edited(draw: st.DrawFn, base: list[str], gaps: list[str]) -> str:
    line, between = list(base), list(gaps)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(line)))
        line[at : at + draw(st.integers(0, 2))] = draw(st.lists(st.sampled_from(WRITTEN + NEWS), max_size=2))
    if draw(st.booleans()):
        between[draw(st.integers(0, 8))] = draw(st.sampled_from(GAPS))
    return written(line, between)


LISTED = st.lists(st.sampled_from("abcdefg"), unique=True, max_size=6).map(tuple)
ORDERS = st.lists(st.permutations("abcdef").map(tuple), min_size=3, max_size=3)
SMALL_ORDERS = st.lists(st.permutations("abcde").map(tuple), min_size=3, max_size=3)
STRUCTURED = st.text(st.sampled_from("abc -"), max_size=6)


MERGED = ("text", "text", "tags", "depends_on", "order")


@st.composite
def clashes(draw: st.DrawFn, fields: Sequence[str] = tuple(CLASSES)) -> Clash:
    """A clash on one of the fields, with values such as it may have; now and then with sides that agree."""
    field = draw(st.sampled_from(fields))
    base: Value | None
    hub: Value
    replica: Value
    if field == "text":
        base, hub, replica = draw(texts())
    elif field in ("tags", "depends_on"):
        base, hub, replica = draw(LISTED), draw(LISTED), draw(LISTED)
    elif field == "order":
        base, hub, replica = draw(ORDERS)
    elif field == "progress":
        base, hub, replica = (draw(st.sampled_from(PERCENTAGES)) for _ in range(3))
    else:
        base, hub, replica = draw(STRUCTURED), draw(STRUCTURED), draw(STRUCTURED)
    return Clash("a", field, base or None, hub, replica)


def parts(value: Value | None) -> set[str]:
    """The words of a text, the elements of a list."""
    return set(value.split()) if isinstance(value, str) else set(value or ())


# ------------------------------------------------------------------------------- of every field


@CASES
@given(clashes(), st.sampled_from(PERCENTAGES))
def test_it_does_not_matter_which_side_is_called_the_hub(clash: Clash, computed: str) -> None:
    mirrored = clash._replace(hub=clash.replica, replica=clash.hub)
    assert auto_merged(clash, computed) == auto_merged(mirrored, computed)


@CASES
@given(clashes((*MERGED, "progress")), st.sampled_from(PERCENTAGES))
def test_every_word_of_the_result_comes_from_one_of_the_three_values(clash: Clash, computed: str) -> None:
    result = auto_merged(clash, computed)
    assume(result is not None)
    assert parts(result) <= parts(clash.base) | parts(clash.hub) | parts(clash.replica)


@CASES
@given(clashes(MERGED))
def test_what_both_sides_have_untouched_stays_and_what_both_removed_is_gone(clash: Clash) -> None:
    result = auto_merged(clash)
    assume(result is not None and clash.base not in (clash.hub, clash.replica))
    base, hub, replica = (parts(value) for value in (clash.base, clash.hub, clash.replica))
    assert base & hub & replica <= parts(result) | (set() if clash.field != "text" else reworded(clash))
    assert not (base - hub - replica) & parts(result)


def reworded(clash: Clash) -> set[str]:
    """Words of the base that a side removed in one of several places, or wrote in another way."""
    values = [value for value in (clash.base, clash.hub, clash.replica) if isinstance(value, str)]
    return {word for word in parts(clash.base) if len({value.split().count(word) for value in values}) > 1}


@CASES
@given(clashes(MERGED))
def test_merging_with_an_unchanged_side_gives_the_other_side(clash: Clash) -> None:
    assume(clash.base is not None)
    for hub, replica in ((clash.hub, clash.base), (clash.base, clash.hub)):
        assert auto_merged(clash._replace(hub=hub, replica=replica)) == clash.hub


@CASES
@given(clashes(MERGED))
def test_merging_the_result_again_changes_nothing(clash: Clash) -> None:
    assume(clash.base is not None)
    result = auto_merged(clash)
    assume(result is not None)
    assert auto_merged(clash._replace(hub=result, replica=result)) == result
    for side in (clash.hub, clash.replica):
        assert auto_merged(clash._replace(base=side, hub=result, replica=side)) == result
        assert auto_merged(clash._replace(hub=result, replica=side)) in (result, None)


@CASES
@given(clashes([name for name in CLASSES if name not in MERGED]), st.sampled_from(PERCENTAGES))
def test_every_other_value_is_one_of_the_two_sides_or_for_a_person(clash: Clash, computed: str) -> None:
    result = auto_merged(clash, computed)
    assert result is None or (clash.field == "progress" and result in (clash.hub, clash.replica))


# --------------------------------------------------------------------------- ways to write a word


@pytest.mark.parametrize(
    ("base", "hub", "replica", "expected"),
    [
        ("Ship the release", "Ship the final release", "✅ Ship the release", "✅ Ship the final release"),
        ("Ship the release", "Send the release", "✅ Ship the release", "✅ Send the release"),
        ("Livrables : scripts", "Livrables : outils", "Livrables\u00a0: scripts", "Livrables\u00a0: outils"),
        ("TÃ¢che une fois", "TÃ¢che deux fois", "Tâche une fois", "Tâche deux fois"),
        ("Write the docs", "Write all the docs", "Write **the** docs", "Write all **the** docs"),
        ("Ship it to Bob", "Ship this to Bob", "ship it to Bob", "ship this to Bob"),
        ("Test it", "Test it twice", "Test it.", "Test it. twice"),
        ("a b c d", "a B c d", "a b C d", "a B C d"),
    ],
)
def test_a_word_written_in_another_way_merges_with_an_edit_beside_it(
    base: str, hub: str, replica: str, expected: str
) -> None:
    assert auto_merged(Clash("a", "text", base, hub, replica)) == expected
    assert auto_merged(Clash("a", "text", base, replica, hub)) == expected


@pytest.mark.parametrize(
    ("base", "hub", "replica", "why"),
    [
        (
            "Ship it to Bob",
            "Send it to Bob",
            "SHIP it to Bob",
            "one side replaced the word that the other writes",
        ),
        ("Ship it to Bob", "ship it to Bob", "SHIP it to Bob", "both write the word, in different ways"),
        ("Ship it to Bob", "✅ Ship it to Bob", "🔴 Ship it to Bob", "both put a sign there"),
        ("Ship it now", "Ship it ✅ now", "Ship it today", "the sign stands within the text"),
        ("Ship it now", "Ship it now DONE", "Ship it today", "words at the end are no sign"),
        ("Ship it now?", "Ship it now", "Ship it today?", "a question is not a way to write an order"),
    ],
)
def test_what_is_more_than_another_way_to_write_is_left_to_a_person(
    base: str, hub: str, replica: str, why: str
) -> None:
    assert auto_merged(Clash("a", "text", base, hub, replica)) is None, why
    assert auto_merged(Clash("a", "text", base, replica, hub)) is None, why


@CASES
@given(texts())
@example(("a \u00a0b", "a\u00a0b", "a \u00a0b c"))
@example(("\u00a0a", "\u202f\u00a0a b", "\u00a0a"))
def test_the_blanks_of_a_text_survive_a_merge_that_is_none_of_their_business(
    told: tuple[str, str, str],
) -> None:
    base, hub, _ = told
    assert words.merged(base, hub, base, min_kept=0.5) == hub
    longer = words.merged(base, f"{base} mine", f"theirs {base}", min_kept=0.5)
    # Without a word of the base between them, the two are not apart.
    assert longer in (f"theirs {base} mine", None)
    assert longer is not None or len(base.split(" ")) < 2 or base != base.strip()


# ---------------------------------------------------------------------------------------- orders


@CASES
@given(SMALL_ORDERS)
def test_each_pair_stands_as_on_the_side_that_turned_it_or_a_person_decides(
    told: list[tuple[str, ...]],
) -> None:
    base, hub, replica = told
    wanted = {
        (one, other) if comes_first(one, other, told) else (other, one)
        for one, other in permutations(base, 2)
        if base.index(one) < base.index(other)
    }
    fitting = [
        order
        for order in permutations(base)
        if all(order.index(first) < order.index(second) for first, second in wanted)
    ]
    found = orders.merged(base, hub, replica)
    assert fitting == ([] if found is None else [found])


def comes_first(one: str, other: str, told: list[tuple[str, ...]]) -> bool:
    base, hub, replica = (order.index(one) < order.index(other) for order in told)
    return replica if hub == base else hub


@pytest.mark.parametrize(
    ("base", "hub", "replica", "expected"),
    [
        ("abcde", "bacde", "abdec", "badec"),
        ("abcd", "dabc", "abdc", "dabc"),
        ("abc", "bca", "cab", "cba"),
        ("abc", "bac", "acb", None),
        ("abc", "acb", "ab", None),
        ("aab", "aba", "baa", None),
    ],
)
def test_two_orders_merge_where_they_do_not_go_round_in_a_circle(
    base: str, hub: str, replica: str, expected: str | None
) -> None:
    found = orders.merged(tuple(base), tuple(hub), tuple(replica))
    assert found == (None if expected is None else tuple(expected))


def test_very_many_siblings_are_left_to_a_person() -> None:
    keys = tuple(f"{number:04}" for number in range(orders.LIMIT_SIBLINGS + 1))
    hub, replica = (keys[1], keys[0], *keys[2:]), (*keys[:-2], keys[-1], keys[-2])
    assert orders.merged(keys, hub, replica) is None
    merged = orders.merged(keys[:-3], hub[:-3], (keys[0], keys[2], keys[1], *keys[3:-3]))
    assert merged == (keys[2], keys[1], keys[0], *keys[3:-3]) or merged is None


# --------------------------------------------------------------------------- within the whole merge


def by_default(base: Outline, hub: Outline, replica: Outline) -> Arbitrated:
    def decide(decisions: Decisions) -> Decision:
        return merge.decide(base, hub, replica, decisions=decisions)

    def contexts(decision: Decision, found: Sequence[Clash]) -> Contexts:
        items = {**decision.replica.by_key, **decision.hub.by_key}
        return {(clash.key, clash.field): Context(items[clash.key]) for clash in found}

    return arbitrate(decide, {}, contexts, DEFAULT_ARBITRATION)


def test_two_people_may_sort_one_section_at_once() -> None:
    def section(order: str) -> Outline:
        return plan(phase("p"), *(task(key, "p") for key in order))

    result = by_default(section("abcde"), section("bacde"), section("abdec"))
    assert result.decision.hub == result.decision.replica == result.decision.base == section("badec")
    assert [(each.clash.field, each.strategy) for each in result.settled] == [("order", "auto_merge")]
    assert not result.decision.clashes


@CASES
@given(sides())
def test_an_order_that_was_settled_is_the_same_on_both_sides_and_stays_settled(world: Sides) -> None:
    result = by_default(*world)
    settled = [each.clash.key for each in result.settled if each.clash.field == "order"]
    decision = result.decision
    for key in settled:
        both = set(decision.hub.children.get(key, ())) & set(decision.replica.children.get(key, ()))
        orders_ = [[k for k in o.children[key] if k in both] for o in (decision.hub, decision.replica)]
        assert orders_[0] == orders_[1]
    again = merge.decide(decision.base, decision.hub, decision.replica)
    assert not {clash.key for clash in again.clashes if clash.field == "order"} & set(settled)
