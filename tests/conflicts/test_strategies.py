"""The strategies by example, and what holds of the automatic merge whatever the edits."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from conflicts.merge import STRUCTURAL, Choice, Clash
from conflicts.merge.model import CLASSES
from conflicts.strategies import STRATEGIES, Context, Touch, sets, words
from plans.outline import Value
from tests.conflicts.edits import task

CASES = settings(deadline=None, max_examples=100)
ANYTHING = Context(task("a"))


def settled(name: str, clash: Clash, context: Context = ANYTHING) -> Choice | None:
    strategy = STRATEGIES[name]
    return strategy.resolve(clash, context) if strategy.can_resolve(clash, context) else None


def merged(base: str, hub: str, replica: str, min_kept: float = 0.5) -> str | None:
    return words.merged(base, hub, replica, min_kept=min_kept)


# ------------------------------------------------------------------------------- texts, by example


@pytest.mark.parametrize(
    ("base", "hub", "replica", "expected"),
    [
        (
            "Write the note for all",
            "Draft the note for all",
            "Write the note for Bob",
            "Draft the note for Bob",
        ),
        ("Write the note", "Write the short note", "Write the note twice", "Write the short note twice"),
        ("Write the old note now", "Write the note now", "Write the old note today", "Write the note today"),
        ("a b c d", "x b c d", "x b c y", "x b c y"),
        ("Prix : 10 € net", "Prix : 12 € net", "Prix : 10 € net HT", "Prix : 12 € net HT"),
        (
            "two  blanks stay here",
            "two  blanks remain here",
            "Two  blanks stay here",
            "Two  blanks remain here",
        ),
    ],
)
def test_edits_of_different_words_merge(base: str, hub: str, replica: str, expected: str) -> None:
    assert merged(base, hub, replica) == expected
    assert merged(base, replica, hub) == expected


@pytest.mark.parametrize(
    ("base", "hub", "replica", "why"),
    [
        ("Tag the version", "Tag the release", "Tag the build", "the same word"),
        ("wait 2 weeks now", "wait 3 weeks now", "wait 2 days now", "neighbouring words belong together"),
        ("Tag the version", "Tag the release", "Tag the version twice", "no word between the edits"),
        ("a b c d e f", "c a b d e f", "a b d e f", "one side moved the word, the other deleted it"),
        ("a b c d e f", "x a b c d e f", "a b c d e f x", "both brought the word, to different places"),
        ("a b c d e f", "b a c d e f", "a b c d x f", "one side moved a word"),
        ("a b c a d e", "b c a d e", "a b c d e", "each deleted the word, at different places"),
        ("a b c d e f", "u v w x y f", "a b c d e g", "one side says something else altogether"),
        ("a b c", "", "a b c d", "one side is empty"),
    ],
)
def test_edits_that_are_not_plainly_apart_are_left_to_a_person(
    base: str, hub: str, replica: str, why: str
) -> None:
    assert merged(base, hub, replica) is None, why
    assert merged(base, replica, hub) is None, why


def test_how_much_must_be_kept_is_a_setting() -> None:
    texts = ("a b c d e f", "u v w d e f", "a b c d e g")
    assert merged(*texts, min_kept=0.5) == "u v w d e g"
    assert merged(*texts, min_kept=0.6) is None


def test_a_text_of_very_many_words_is_left_to_a_person() -> None:
    base = [f"w{number}" for number in range(words.LIMIT_WORDS)]
    hub, replica = " ".join(["x", *base[1:]]), " ".join([*base[:-1], "y"])
    assert merged(" ".join(base), hub, replica) == " ".join(["x", *base[1:-1], "y"])
    assert merged(" ".join([*base, "end"]), f"{hub} end", f"{replica} end") is None


# ------------------------------------------------------------------------------ texts, whatever they are


class Texts(NamedTuple):
    base: str
    hub: str
    replica: str


@st.composite
def texts(draw: st.DrawFn, vocabulary: int = 6) -> Texts:
    """A line, and what two sides made of it: few words, so that they repeat and collide."""
    base = draw(st.lists(st.sampled_from("abcdefghij"[:vocabulary]), min_size=1, max_size=12))
    return Texts(" ".join(base), _reworded(draw, base, "bcxy"), _reworded(draw, base, "aczw"))


def _reworded(draw: st.DrawFn, base: list[str], news: str) -> str:
    text = list(base)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text[at : at + draw(st.integers(0, 2))] = draw(st.lists(st.sampled_from(news), max_size=2))
    return " ".join(text)


@CASES
@given(texts())
def test_it_does_not_matter_which_side_is_called_the_hub(told: Texts) -> None:
    assert merged(*told) == merged(told.base, told.replica, told.hub)


@CASES
@given(texts())
def test_merging_with_an_unchanged_side_gives_the_other_side(told: Texts) -> None:
    assert merged(told.base, told.hub, told.base) == told.hub
    assert merged(told.base, told.base, told.replica) == told.replica
    assert merged(told.base, told.hub, told.hub) == told.hub


@CASES
@given(texts())
def test_merging_the_result_again_changes_nothing(told: Texts) -> None:
    result = merged(*told)
    assume(result is not None)
    assert result is not None
    assert merged(told.base, result, result) == result
    for side in (told.hub, told.replica):
        assert merged(side, result, side) == result
        assert merged(told.base, result, side) in (result, None)


@CASES
@given(texts())
def test_every_word_occurs_as_often_as_the_side_says_that_changed_it(told: Texts) -> None:
    """So no word is invented, none that a side removed comes back, and none that a side brought is lost."""
    result = merged(*told)
    if result is None or told.base in (told.hub, told.replica):
        return
    counts = [Counter(text.split(" ")) for text in (*told, result)]
    for word in {word for count in counts for word in count}:
        base, hub, replica, found = (count[word] for count in counts)
        assert found == (replica if hub == base else hub)
        assert base in (hub, replica) or hub == replica


@st.composite
def distinct_texts(draw: st.DrawFn) -> Texts:
    """Texts in which no word occurs twice, so that the order of two words is a plain fact."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    base = [f"b{number}" for number in range(draw(st.integers(4, 12)))]
    return Texts(" ".join(base), *(_shuffled(draw, chance, base, side) for side in "hr"))


def _shuffled(draw: st.DrawFn, chance: random.Random, base: list[str], side: str) -> str:
    text = list(base)
    for number in range(draw(st.integers(1, 3))):
        what, at = chance.choice("aadrm"), chance.randrange(len(text))
        if what in "drm" and len(text) > 2:
            word = text.pop(at)
            if what != "d":
                text.insert(
                    chance.randrange(len(text)) if what == "m" else at,
                    word if what == "m" else f"{side}{number}",
                )
        else:
            text.insert(at, f"{side}{number}")
    return " ".join(text)


@CASES
@given(distinct_texts())
def test_two_words_stand_in_the_order_of_every_side_that_has_both(told: Texts) -> None:
    result = merged(*told)
    if result is None or told.base in (told.hub, told.replica):
        return
    line = result.split(" ")
    sides = [text.split(" ") for text in (told.hub, told.replica)]
    for at, first in enumerate(line):
        for second in line[at + 1 :]:
            both = [side for side in sides if first in side and second in side]
            assert all(side.index(first) < side.index(second) for side in both)
            if not both:
                # One from each side: something of the base stands between them and holds them apart.
                assert any(word[0] == "b" for word in line[at + 1 : line.index(second)])


@CASES
@given(texts(vocabulary=10))
def test_edits_of_the_same_words_are_never_merged(told: Texts) -> None:
    base = told.base.split(" ")
    at = len(base) // 2
    hub, replica = ([*base[:at], word, *base[at + 1 :]] for word in ("mine", "theirs"))
    assert merged(told.base, " ".join(hub), " ".join(replica), min_kept=0.0) is None


@CASES
@given(texts())
def test_a_word_removed_here_and_untouched_there_is_gone(told: Texts) -> None:
    result = merged(*told)
    if result is None or told.base in (told.hub, told.replica):
        return
    for word in set(told.base.split(" ")):
        untouched = told.replica.split(" ").count(word) == told.base.split(" ").count(word)
        if untouched and word not in told.hub.split(" "):
            assert word not in result.split(" ")


# ------------------------------------------------------------------------------------------- sets

LISTED = st.lists(st.sampled_from("abcdefg"), unique=True, max_size=6).map(tuple)


@CASES
@given(LISTED, LISTED, LISTED)
def test_a_set_is_the_base_less_what_was_removed_and_with_what_was_added(
    base: tuple[str, ...], hub: tuple[str, ...], replica: tuple[str, ...]
) -> None:
    result = sets.merged(base, hub, replica)
    assert result == sets.merged(base, replica, hub)
    if result is None:
        kept = {*base} & {*hub} & {*replica}
        orders = {tuple(word for word in listed if word in kept) for listed in (base, hub, replica)}
        assert len(orders) == 3
        return
    removed = ({*base} - {*hub}) | ({*base} - {*replica})
    added = ({*hub} | {*replica}) - {*base}
    assert {*result} == ({*base} - removed) | added
    assert len({*result}) == len(result)
    for side in (result, hub, replica):
        assert sets.merged(base, result, side) == result


@CASES
@given(LISTED, LISTED)
def test_a_set_merged_with_an_unchanged_side_is_the_other_side(
    base: tuple[str, ...], other: tuple[str, ...]
) -> None:
    assert sets.merged(base, other, base) == sets.merged(base, base, other) == other


@pytest.mark.parametrize(
    ("base", "hub", "replica", "expected"),
    [
        ("abc", "acx", "bcy", "cxy"),
        ("abc", "abcq", "cab", "cabq"),
        ("", "ba", "c", "bac"),
        ("ab", "a", "b", ""),
        ("abc", "bac", "acb", None),
        ("ab", "aab", "abc", None),
    ],
)
def test_the_order_of_a_set_is_stable(base: str, hub: str, replica: str, expected: str | None) -> None:
    wanted = None if expected is None else tuple(expected)
    assert sets.merged(tuple(base), tuple(hub), tuple(replica)) == wanted


# ------------------------------------------------------------------------------------- strategies


@pytest.mark.parametrize(
    ("field", "base", "hub", "replica", "expected"),
    [
        ("text", "Tag the old version", "Tag the version", "Tag the old version now", "Tag the version now"),
        ("tags", ("a",), ("a", "b"), (), ("b",)),
        ("tags", None, ("b",), ("a",), ("a", "b")),
        ("depends_on", ("1.1",), ("1.2",), ("1.1", "1.3"), ("1.2", "1.3")),
        ("tags", ("a", "b"), ("a",), ("b",), ()),
    ],
)
def test_auto_merge_gives_both_edits_at_once(
    field: str, base: Value | None, hub: Value, replica: Value, expected: Value
) -> None:
    assert settled("auto_merge", Clash("a", field, base, hub, replica)) == Choice(
        hub, replica, "value", expected
    )


def test_auto_merge_leaves_texts_that_were_never_agreed_on() -> None:
    assert (
        settled("auto_merge", Clash("a", "text", None, "Tag the version now", "Tag the release now")) is None
    )


@pytest.mark.parametrize("field", sorted(set(CLASSES) - {"text", "tags", "depends_on", "progress"}))
def test_auto_merge_never_invents_any_other_value(field: str) -> None:
    assert settled("auto_merge", Clash("a", field, "todo", "done", "blocked")) is None


@pytest.mark.parametrize(
    ("hub", "replica", "computed", "take"),
    [
        ("40", "50", "50", "replica"),
        ("33", "40", "33.33", "hub"),
        ("33.3", "33.4", "33.33", "hub"),
        ("40", "50", "60", None),
        ("33", "33.3", "33.33", None),
        ("40", "50", "", None),
        ("", "50", "50", "replica"),
        ("100", "90", "100", "hub"),
    ],
)
def test_auto_merge_takes_the_declared_progress_that_the_tasks_come_to(
    hub: str, replica: str, computed: str, take: str | None
) -> None:
    choice = settled(
        "auto_merge",
        Clash("a", "progress", "10", hub, replica),
        Context(task("a"), computed_progress=computed),
    )
    assert (choice.take if choice else None) == take


@pytest.mark.parametrize("field", sorted(CLASSES))
def test_a_side_wins_in_every_field_and_says_what_is_lost(field: str) -> None:
    clash = Clash("a", field, "x", "y", "z")
    assert settled("hub_wins", clash) == Choice("y", "z", "hub")
    assert settled("replica_wins", clash) == Choice("y", "z", "replica")
    assert settled("manual", clash) is None
    assert "dropped" in STRATEGIES["hub_wins"].caveat
    assert "dropped" in STRATEGIES["replica_wins"].caveat


EARLY, LATE = (Touch(datetime(2026, 3, day, tzinfo=UTC), "alice") for day in (1, 2))


@pytest.mark.parametrize(
    ("hub", "replica", "take"),
    [
        (EARLY, LATE, "replica"),
        (LATE, EARLY, "hub"),
        (LATE, LATE, None),
        (None, LATE, None),
        (EARLY, None, None),
    ],
)
def test_the_latest_wins_only_where_both_times_are_known_and_differ(
    hub: Touch | None, replica: Touch | None, take: str | None
) -> None:
    choice = settled(
        "latest_wins", Clash("a", "status", "todo", "done", "blocked"), Context(task("a"), hub, replica)
    )
    assert (choice.take if choice else None) == take
    assert "clock" in STRATEGIES["latest_wins"].caveat


@pytest.mark.parametrize("field", sorted(STRUCTURAL))
def test_the_latest_does_not_win_where_items_stand(field: str) -> None:
    assert settled("latest_wins", Clash("a", field, "x", "y", "z"), Context(task("a"), EARLY, LATE)) is None


def test_every_strategy_goes_by_its_own_name() -> None:
    assert {"auto_merge", "hub_wins", "latest_wins", "manual", "replica_wins"} <= set(STRATEGIES)
    assert all(strategy.name == name for name, strategy in STRATEGIES.items())
