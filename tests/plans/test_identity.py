from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.document import Hidden
from plans.identity import Match, match, similarity
from plans.outline import ROOT, Item, Kind, Outline, arrange

PLAN = Item(ROOT, Kind.PLAN, ROOT, "Launch")

COMMON = ("Tests", "Commit Git", "**Statut** : Non commencé", "Documentation", "**Activités** :")


# --------------------------------------------------------------------------- outlines from few lines


def outline(text: str) -> Outline:
    """`# Phase` and `1.2 task` lines, two blanks a level; keys are the line numbers.

    A first word of digits and dots is the ref; `x ` in front is a tick.
    """
    items: list[Item] = []
    open_at: dict[int, str] = {}
    for number, line in enumerate(text.strip("\n").splitlines(), 1):
        said = line.strip()
        depth = (len(line) - len(line.lstrip())) // 2
        kind = Kind.PHASE if said.startswith("# ") else Kind.TASK
        status = "done" if said.startswith("x ") else "todo"
        said = said.removeprefix("# ").removeprefix("x ")
        first, _, rest = said.partition(" ")
        ref, said = (first, rest) if first[:1].isdigit() and "." in first else ("", said)
        key = str(number)
        items.append(
            Item(key, kind, open_at.get(depth - 1, ROOT), said, ref, "" if kind is Kind.PHASE else status)
        )
        open_at[depth] = key
    return Outline(PLAN, tuple(items))


def pairs(seen: str, parsed: str, hidden: Sequence[Hidden] = ()) -> dict[int, int]:
    """Parsed line -> seen line."""
    found = match(outline(seen), rekeyed(outline(parsed)), hidden)
    return {int(p.removeprefix("new ")): int(s) for p, s in found.keys.items()}


def rekeyed(one: Outline) -> Outline:
    return one.rekeyed({item.key: f"new {item.key}" for item in one.items})


def swallowed(text: str, ref: str = "") -> Hidden:
    return Hidden(0, text, ref, "todo", "in fenced code")


# ---------------------------------------------------------------------------------- random outlines


class Words:
    """Texts without a word in common."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def text(self) -> str:
        return " ".join(self.word() for _ in range(7))

    def word(self) -> str:
        return "".join(self._chance.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(8))


def grown(chance: random.Random, size: int, text: Callable[[Kind], str]) -> Outline:
    items: dict[str, Item] = {}
    children: dict[str, list[str]] = {ROOT: []}
    for number in range(size):
        kind = chance.choice([Kind.TASK, Kind.TASK, Kind.TASK, Kind.PHASE])
        fit = [ROOT, *(key for key, item in items.items() if kind is Kind.TASK or item.kind is Kind.PHASE)]
        parent = chance.choice(fit[-6:])
        items[str(number)] = Item(str(number), kind, parent, text(kind), status="todo")
        children.setdefault(parent, []).append(str(number))
    return arrange(PLAN, items, children)


@st.composite
def told_apart(draw: st.DrawFn) -> tuple[Outline, random.Random, Words]:
    chance = random.Random(draw(st.integers(0, 2**32)))
    words = Words(chance)
    return grown(chance, draw(st.integers(1, 40)), lambda _: words.text()), chance, words


@st.composite
def repetitive(draw: st.DrawFn) -> tuple[Outline, random.Random]:
    """Phases by names of their own, tasks that repeat under each of them."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    words = Words(chance)
    size = draw(st.integers(1, 40))
    return grown(
        chance, size, lambda kind: words.text() if kind is Kind.PHASE else chance.choice(COMMON)
    ), chance


EDITS = ("tick", "reword", "delete", "insert", "move")


def edited(one: Outline, edit: str, chance: random.Random, words: Words) -> tuple[Outline, set[str]]:
    """The outline after one edit, and the keys of the items that it was about."""
    items = {item.key: item for item in one.items}
    children = {key: list(below) for key, below in one.children.items()}
    key = chance.choice(list(items))
    item = items[key]
    match edit:
        case "tick":
            items[key] = item._replace(status="done")
        case "reword":
            said = item.text.split()
            said[chance.randrange(len(said))] = words.word()
            items[key] = item._replace(text=" ".join(said))
        case "insert":
            items["inserted"] = item._replace(key="inserted", text=words.text())
            siblings = children[item.parent]
            siblings.insert(chance.randrange(len(siblings) + 1), "inserted")
        case "delete":
            children[item.parent].remove(key)
            return arrange(PLAN, items, children), {one.key for one in one.subtree(key)}
        case "move":
            below = {one.key for one in one.subtree(key)}
            fit = [
                k
                for k, i in items.items()
                if k not in below and (item.kind is Kind.TASK or i.kind is Kind.PHASE)
            ]
            parent = chance.choice([ROOT, *fit])
            children[item.parent].remove(key)
            siblings = children.setdefault(parent, [])
            siblings.insert(chance.randrange(len(siblings) + 1), key)
            items[key] = item._replace(parent=parent)
    return arrange(PLAN, items, children), {key}


# --------------------------------------------------------------------------------------- properties


@settings(deadline=None)
@given(st.one_of(told_apart(), repetitive()))
def test_an_outline_matches_itself_item_by_item(drawn: tuple[Outline, random.Random]) -> None:
    one = drawn[0]
    assert match(one, rekeyed(one)) == Match({f"new {i.key}": i.key for i in one.items}, frozenset(), ())


@settings(deadline=None)
@given(st.one_of(told_apart(), repetitive()), st.one_of(told_apart(), repetitive()))
def test_a_known_key_is_given_once_and_to_an_item_of_its_kind(
    mine: tuple[Outline, random.Random], theirs: tuple[Outline, random.Random]
) -> None:
    seen, parsed = mine[0], rekeyed(theirs[0])
    hidden = [swallowed(item.text) for item in list(seen.tasks())[::3]]
    found = match(seen, parsed, hidden)
    assert len(set(found.keys.values())) == len(found.keys)
    for p, s in found.keys.items():
        assert parsed.by_key[p].kind is seen.by_key[s].kind
    assert found.unreachable.isdisjoint(found.keys.values())
    assert found.unreachable <= set(seen.by_key)
    for doubt in found.doubtful:
        assert doubt.parsed not in found.keys
        assert parsed.by_key[doubt.parsed].kind is seen.by_key[doubt.seen].kind


@settings(deadline=None)
@given(told_apart(), st.sampled_from(EDITS), st.integers(0, 2**32))
def test_provisional_keys_do_not_matter(
    drawn: tuple[Outline, random.Random, Words], edit: str, seed: int
) -> None:
    one, chance, words = drawn
    parsed, _ = edited(one, edit, chance, words)
    keys = [item.key for item in parsed.items]
    shuffled = list(keys)
    random.Random(seed).shuffle(shuffled)
    names = dict(zip(keys, (f"p{key}" for key in shuffled), strict=True))
    plain, other = match(one, parsed), match(one, parsed.rekeyed(names))
    assert other.keys == {names[p]: s for p, s in plain.keys.items()}


@pytest.mark.parametrize("edit", EDITS)
@settings(deadline=None, max_examples=60)
@given(drawn=told_apart())
def test_one_edit_leaves_every_item_its_identity(
    edit: str, drawn: tuple[Outline, random.Random, Words]
) -> None:
    one, chance, words = drawn
    parsed, about = edited(one, edit, chance, words)
    found = match(one, rekeyed(parsed)).keys
    for item in one.items:
        if item.key not in about or edit in {"tick", "move"}:
            assert found.get(f"new {item.key}") == item.key
    assert "new inserted" not in found


@pytest.mark.parametrize("edit", ["delete", "insert"])
@settings(deadline=None, max_examples=100)
@given(drawn=repetitive())
def test_one_edit_among_repeated_lines_loses_none_that_stands_alone(
    edit: str, drawn: tuple[Outline, random.Random]
) -> None:
    one, chance = drawn
    parsed, about = edited(one, edit, chance, Words(chance))
    found = match(one, rekeyed(parsed)).keys
    # Twins below twins may be told apart by what stands below them only, which is not looked at: of such
    # a line the wrong one of two can be called new. A line that stands alone is never lost.
    texts = Counter(item.text for item in one.items)
    lost = {item.key for item in one.items} - set(found.values())
    assert all(key in about or texts[one.by_key[key].text] > 1 for key in lost)
    for p, s in found.items():
        item, known = parsed.by_key[p.removeprefix("new ")], one.by_key[s]
        assert item.text == known.text


# ----------------------------------------------------------------------------------------- examples


def test_a_ticked_task_is_the_same() -> None:
    assert pairs("# A\n  Call Bob\n  Write", "# A\n  x Call Bob\n  Write") == {1: 1, 2: 2, 3: 3}


def test_a_phase_is_never_a_task() -> None:
    assert pairs("Review the whole contract", "# Review the whole contract") == {}


def test_the_first_of_three_equal_lines_is_removed_with_its_neighbour() -> None:
    seen = "Tests\nAlpha\nTests\nBeta\nTests\nGamma"
    assert pairs(seen, "Tests\nBeta\nTests\nGamma") == {1: 3, 2: 4, 3: 5, 4: 6} or pairs(
        seen, "Tests\nBeta\nTests\nGamma"
    ) == {1: 1, 2: 4, 3: 5, 4: 6}


def test_equal_lines_follow_their_phases_when_the_first_phase_is_removed() -> None:
    seen = "# Design\n  Commit Git\n  Tests\n# Build\n  Commit Git\n  Tests"
    assert pairs(seen, "# Build\n  Commit Git\n  Tests") == {1: 4, 2: 5, 3: 6}


def test_equal_lines_are_told_apart_by_what_hangs_below_them() -> None:
    seen = "Tests\n  Of the parser\nTests\n  Of the merge\nTests\n  Of the watcher"
    assert pairs(seen, "Tests\n  Of the merge\nTests\n  Of the watcher") == {1: 3, 2: 4, 3: 5, 4: 6}


def test_equal_lines_stay_with_the_section_when_sections_are_swapped() -> None:
    seen = "# Design of the product\n  Commit Git\n# Building of the product\n  Commit Git"
    parsed = "# Building of the product\n  Commit Git\n# Design of the product\n  Commit Git"
    assert pairs(seen, parsed) == {1: 3, 2: 4, 3: 1, 4: 2}


def test_refs_that_were_renumbered_do_not_mislead() -> None:
    seen = "1.1 Tests\n1.2 Write the guide for operators\n1.3 Publish the release"
    parsed = "1.1 Write the guide for operators\n1.2 Publish the release\n1.3 Tests"
    assert pairs(seen, parsed) == {1: 2, 2: 3, 3: 1}


def test_a_ref_used_again_for_other_work_is_a_new_item() -> None:
    seen = "1.1 Call Bob about the budget\n1.2 Order the new servers\n1.3 Tests"
    parsed = "1.1 Call Bob about the budget\n1.2 Translate every page of the manual\n1.3 Tests"
    assert pairs(seen, parsed) == {1: 1, 3: 3}


def test_garbled_text_is_the_same_text() -> None:
    seen = "Vérifier la tâche\nCréer l’équipe\nDéfinir les accès"
    once = seen.encode().decode("cp1252")
    twice = once.encode().decode("cp1252")
    for garbled in (once, twice):
        assert pairs(seen, garbled) == {1: 1, 2: 2, 3: 3}
        assert pairs(garbled, seen) == {1: 1, 2: 2, 3: 3}


@pytest.mark.parametrize(
    "other",
    [
        "✅ **COMPLETE** - Micro-étape 8.2.1: Vérifier les accès",
        "**Micro-étape 8.2.1** : Vérifier les accès ✅",
        "Micro-étape 8.2.1 : Vérifier\u00a0les `accès` - TERMINÉ",
        "Micro-e\u0301tape 8.2.1 — Vérifier\u202fles accès *(100%)*",
    ],
)
def test_signs_states_emphasis_and_blanks_are_not_the_text(other: str) -> None:
    assert pairs(f"Micro-étape 8.2.1 : Vérifier les accès\nTests\n{COMMON[2]}", other) == {1: 1}


def test_a_reworded_task_between_its_neighbours_is_the_same() -> None:
    seen = "Call Bob\nWrite the guide for the operators of the service\nTests"
    parsed = "Call Bob\nWrite a short guide for the operators of the service\nTests"
    assert pairs(seen, parsed) == {1: 1, 2: 2, 3: 3}


def test_a_task_that_was_only_continued_is_the_same() -> None:
    seen = "Call Bob\nSynchronise the calendars\nTests"
    parsed = (
        "Call Bob\nSynchronise the calendars (done by the connector, 84 of them, under half a minute)\nTests"
    )
    assert pairs(seen, parsed) == {1: 1, 2: 2, 3: 3}


def test_other_work_at_the_same_place_is_new() -> None:
    assert pairs("Call Bob\nOrder the servers\nTests", "Call Bob\nPaint the kitchen\nTests") == {1: 1, 3: 3}


def test_of_two_lines_as_similar_none_is_chosen_and_both_are_reported() -> None:
    seen = outline("# A\n  Call Bob\n  Prepare the yearly report for the northern office\n  Tests\n# B")
    parsed = outline(
        "# A\n  Call Bob\n  Tests\n  Prepare the yearly report for the eastern office\n"
        "  Write\n  Prepare the yearly report for the western office\n# B"
    )
    found = match(seen, rekeyed(parsed))
    assert {doubt.parsed for doubt in found.doubtful} == {"new 4", "new 6"}
    assert all(doubt.seen == "3" and doubt.reason for doubt in found.doubtful)
    assert "3" not in found.keys.values()


def test_a_renamed_phase_is_known_by_its_tasks() -> None:
    seen = "# Preparation\n  Call Bob\n  Order the servers\n# Building\n  Tests"
    parsed = "# Getting everything ready\n  Call Bob\n  Order the servers\n# Building\n  Tests"
    assert pairs(seen, parsed) == {1: 1, 2: 2, 3: 3, 4: 4, 5: 5}


def test_a_task_moved_to_another_phase_is_the_same() -> None:
    seen = "# A\n  Call Bob\n  Tests\n# B\n  Write"
    assert pairs(seen, "# A\n  Tests\n# B\n  Write\n  Call Bob") == {1: 1, 2: 3, 3: 4, 4: 5, 5: 2}


def test_short_lines_of_a_replaced_section_are_not_those_of_the_new_one() -> None:
    seen = "# A\n  Write\n# Old way\n  Tests\n  Release notes"
    assert pairs(seen, "# A\n  Write\n# Quite another chapter\n  Preparation\n  Review\n  Tests") == {
        1: 1,
        2: 2,
    }


def test_a_plain_removal_reports_nothing() -> None:
    found = match(outline("Call Bob\nTests\nWrite"), rekeyed(outline("Call Bob\nWrite")))
    assert (found.unreachable, found.doubtful) == (frozenset(), ())


# ---------------------------------------------------------------------------------- swallowed lines


def test_a_swallowed_task_is_unreachable_and_not_gone() -> None:
    found = match(outline("Call Bob\nTests"), rekeyed(outline("Call Bob")), [swallowed("Tests")])
    assert found.keys == {"new 1": "1"}
    assert found.unreachable == {"2"}


def test_one_swallowed_line_serves_one_task_in_order() -> None:
    seen = outline("# A\n  Tests\n# B\n  Tests\n# C\n  Tests")
    found = match(seen, rekeyed(outline("# A\n# B\n# C")), [swallowed("**Tests**"), swallowed("Tests ✅")])
    assert found.unreachable == {"2", "4"}


def test_a_swallowed_ref_must_agree() -> None:
    seen = outline("1.1 Tests\n1.2 Tests")
    assert match(seen, outline(""), [swallowed("Tests", "1.2")]).unreachable == {"2"}


def test_what_is_above_a_swallowed_task_stays_with_it() -> None:
    seen = outline("# A\n  # Part\n    Tests\n# B\n  Write")
    found = match(seen, rekeyed(outline("# B\n  Write")), [swallowed("Tests")])
    assert found.unreachable == {"1", "2", "3"}


def test_headings_beside_a_swallowed_task_are_taken_for_swallowed_with_it() -> None:
    seen = outline("# A\n  Write\n# Notes\n# B\n  Tests\n# Annex\n# C\n  Call Bob")
    found = match(seen, rekeyed(outline("# A\n  Write\n# C\n  Call Bob")), [swallowed("Tests")])
    assert found.unreachable == {"3", "4", "5", "6"}


def test_headings_beside_a_task_that_is_gone_are_gone() -> None:
    seen = outline("# A\n  Write\n# Notes\n  Order the servers\n# B\n  Tests\n# C\n  Call Bob")
    found = match(seen, rekeyed(outline("# A\n  Write\n# C\n  Call Bob")), [swallowed("Tests")])
    assert found.unreachable == {"5", "6"}


def test_a_swallowed_phase_is_unreachable_and_what_stood_below_it_is_matched() -> None:
    seen = outline("# A\n  Write the report\n# B\n  Call the office in Lyon")
    parsed = rekeyed(outline("# A\n  Write the report\n  Call the office in Lyon"))
    assert match(seen, parsed).unreachable == frozenset()
    hidden = [Hidden(0, "B", "", "", "in fenced code", Kind.PHASE)]
    found = match(seen, parsed, hidden)
    assert found.unreachable == {"3"}
    assert found.keys["new 3"] == "4"


def test_a_swallowed_phase_keeps_no_task_and_a_swallowed_task_no_phase() -> None:
    phase = Hidden(0, "Tests", "", "", "in fenced code", Kind.PHASE)
    assert match(outline("Tests"), outline(""), [phase]).unreachable == frozenset()
    assert match(outline("# Tests"), outline(""), [swallowed("Tests")]).unreachable == frozenset()


def test_a_visible_line_is_preferred_to_a_swallowed_one() -> None:
    found = match(outline("Tests"), rekeyed(outline("Tests")), [swallowed("Tests")])
    assert (found.keys, found.unreachable) == ({"new 1": "1"}, frozenset())


# --------------------------------------------------------------------------------------- similarity


@settings(deadline=None, max_examples=50)
@given(st.one_of(told_apart(), repetitive()), st.one_of(told_apart(), repetitive()))
def test_similarity_is_a_share_and_does_not_depend_on_the_side(
    mine: tuple[Outline, random.Random], theirs: tuple[Outline, random.Random]
) -> None:
    a, b = mine[0], theirs[0]
    assert 0 <= similarity(a, b) <= 1
    assert similarity(a, b) == pytest.approx(similarity(b, a))
    assert similarity(a, rekeyed(a)) == 1


def test_similarity_tells_a_revised_plan_from_another_one() -> None:
    chance = random.Random(7)
    words = Words(chance)
    plan = grown(chance, 60, lambda _: words.text())
    other = grown(chance, 60, lambda _: words.text())
    revised, _ = edited(plan, "delete", chance, words)
    assert similarity(plan, revised) > 0.8
    assert similarity(plan, other) < 0.05


def test_an_emptied_plan_is_not_similar_and_two_empty_ones_go_by_their_titles() -> None:
    empty = Outline(PLAN)
    assert similarity(outline("Call Bob\nTests"), empty) == 0
    assert similarity(empty, Outline(PLAN)) == 1
    assert similarity(empty, Outline(PLAN._replace(text="Budget"))) < 0.5


# -------------------------------------------------------------------------------------------- speed


def large(tasks: int, seed: int = 1) -> Outline:
    chance = random.Random(seed)
    vocabulary = [Words(chance).word() + "é" * chance.randrange(2) for _ in range(2000)]
    return grown(
        chance, tasks, lambda _: " ".join(chance.choice(vocabulary) for _ in range(chance.randint(3, 9)))
    )


def seconds(seen: Outline, parsed: Outline, times: int) -> float:
    """The quickest of `times` runs, in processor time."""
    taken = []
    for _ in range(times):
        begun = time.process_time()
        match(seen, parsed)
        taken.append(time.process_time() - begun)
    return min(taken)


def altered(one: Outline, alter: Callable[[int, Item], Item]) -> Outline:
    return rekeyed(Outline(one.plan, tuple(alter(number, item) for number, item in enumerate(one.items))))


def test_one_tick_in_1600_items_takes_less_than_a_millisecond() -> None:
    seen = large(1600)
    parsed = altered(seen, lambda number, item: item._replace(status="done") if number == 800 else item)
    assert seconds(seen, parsed, 20) < 0.001


def test_3300_items_re_encoded_take_less_than_one_and_a_half_seconds() -> None:
    seen = large(3300)
    parsed = altered(
        seen, lambda _, item: item._replace(text=f"Ã‰tape {item.text}".encode().decode("cp1252"))
    )
    seen = altered(seen, lambda _, item: item._replace(text=f"Étape {item.text}"))
    assert len(match(seen, parsed).keys) == 3300
    assert seconds(seen, parsed, 2) < 1.5


@pytest.mark.parametrize("text", ["", "Prepare the yearly report of office "])
def test_3000_against_3000_items_that_do_not_match_take_less_than_two_seconds(text: str) -> None:
    seen = altered(large(3000, 1), lambda _, item: item._replace(text=text + item.text))
    parsed = altered(large(3000, 2), lambda _, item: item._replace(text=text + item.text))
    assert seconds(seen, parsed, 1) < 2


def test_a_short_text_that_was_only_continued_in_its_place_is_the_same_task() -> None:
    assert match(outline("# Release\n  Publish it"), outline("# Release\n  Publish it everywhere")).keys == {
        "1": "1",
        "2": "2",
    }


def test_another_short_text_in_the_same_place_is_another_task() -> None:
    assert match(outline("# Release\n  Publish it"), outline("# Release\n  Buy milk")).keys == {"1": "1"}
