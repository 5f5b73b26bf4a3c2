from __future__ import annotations

import string
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from planning_sync.search import words

TEXTS = st.text(max_size=60)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_plain_text_stays_as_it_is(text: str) -> None:
    once = words.plain(text)
    assert words.plain(once) == once


@settings(max_examples=60, deadline=None)
@given(TEXTS)
@example("𝑨")
def test_words_are_what_every_database_takes_whole(text: str) -> None:
    for word in words.words(words.plain(text)):
        assert word.isalnum()
        assert word == words.folded(word)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_a_sparse_vector_has_each_index_once_and_weights_above_nothing(text: str) -> None:
    for query in (True, False):
        sparse = words.sparse(text, query=query)
        assert len(set(sparse.indices)) == len(sparse.indices) == len(sparse.values)
        assert all(value > 0 for value in sparse.values)
        assert all(0 <= index < 2**32 for index in sparse.indices)


@settings(max_examples=40, deadline=None)
@given(TEXTS, TEXTS)
def test_marks_stand_in_the_text_in_order_and_apart(text: str, query: str) -> None:
    places = words.places(text, query)
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert all(one[1] <= other[0] for one, other in pairwise(places))


@settings(max_examples=40, deadline=None)
@given(st.text(string.ascii_letters + "éèàçÉ ", min_size=1, max_size=30))
def test_case_and_accents_do_not_count(text: str) -> None:
    assert words.words(text.upper()) == words.words(words.folded(text))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("**Bold** and `code_name`", "Bold and code_name"),
        ("[the plan](plan.md) of ~~old~~", "the plan of old"),
        ("CrÃ©er la rÃ©ponse", "Créer la réponse"),
        ("snake_case stays, _emphasis_ goes", "snake_case stays, emphasis goes"),
    ],
)
def test_marks_of_markdown_and_mojibake_are_taken_off(text: str, plain: str) -> None:
    assert words.plain(text) == plain


@pytest.mark.parametrize(
    ("text", "refs"),
    [
        ("see 1.2.3 and V55", ["r1x2x3", "r55"]),
        ("v1.2 is not 1.2.0", ["r1x2", "r1x2x0"]),
        ("7 tasks, 99.5% done", ["r99x5"]),
        ("file1.2.txt", []),
        ("plan-dev-v55-sync", ["r55"]),
    ],
)
def test_refs_and_versions_are_words_of_their_own(text: str, refs: list[str]) -> None:
    assert words.refs(text) == refs


def test_a_slip_of_the_pen_shares_most_of_a_word() -> None:
    right, slip, other = (set(words.sparse(each).indices) for each in ("migration", "migratoin", "banana"))
    assert len(right & slip) >= 4
    assert not right & other


def test_a_mark_covers_the_word_and_its_inflections() -> None:
    text = "Déployer les déploiements, puis v1.2"
    assert [text[start:end] for start, end in words.places(text, "deploiement v1.2")] == [
        "déploiements",
        "v1.2",
    ]
