from __future__ import annotations

import pytest

from bench import search_quality
from bench.search_quality import Query


def test_the_queries_are_many_of_all_kinds_in_both_languages_and_halves() -> None:
    queries = search_quality.queries()
    assert len({query.text for query in queries}) == len(queries) >= 200
    assert {query.language for query in queries} == {"en", "fr"}
    for half in ("tune", "held"):
        kinds = {query.kind for query in queries if query.half == half}
        assert {*search_quality.NATURAL, "identifier", "keyword", "typo", "mixed", "abbreviation"} == kinds
    assert all(len(checksum) == 64 for query in queries for checksum in query.right)


def test_what_numbers_were_chosen_on_is_never_held_back() -> None:
    queries = search_quality.queries()
    assert {query.half for query in queries if query.earlier} == {"tune"}
    assert sum(query.half == "held" for query in queries) >= 100
    assert Query("retry", "en", "keyword", earlier=True, right=frozenset()).half == "tune"


@pytest.mark.parametrize(
    ("won", "lost", "chance"), [(0, 0, 1.0), (1, 0, 0.5), (5, 5, 0.623), (12, 1, 0.0017)]
)
def test_a_lead_is_weighed_against_chance(won: int, lost: int, chance: float) -> None:
    assert search_quality.sign_test(won, lost) == pytest.approx(chance, abs=0.0005)
