from __future__ import annotations

from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from planning_sync.search.engines import Found, Neighbour
from planning_sync.search.fusion import fused

NEIGHBOURS = st.lists(
    st.builds(Neighbour, st.integers(0, 20).map(lambda number: UUID(int=number)), st.floats(0, 1)),
    max_size=12,
    unique_by=lambda each: each.id,
)
FOUND = st.builds(Found, NEIGHBOURS, NEIGHBOURS)


@settings(max_examples=60)
@given(FOUND)
def test_everything_found_is_told_once_the_best_first(found: Found) -> None:
    order = fused([found])
    scores = [score for _, score in order]
    assert {key for key, _ in order} == {each.id for each in [*found.meaning, *found.words]}
    assert len(order) == len({key for key, _ in order})
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1.0000001 for score in scores)


@settings(max_examples=60)
@given(FOUND, FOUND)
def test_the_order_of_the_lists_does_not_count(one: Found, other: Found) -> None:
    def apart(found: Found, number: int) -> Found:
        """Two kinds have no item in common."""
        return Found(
            *([Neighbour(UUID(int=each.id.int + number), each.score) for each in some] for some in found)
        )

    assert fused([apart(one, 0), apart(other, 100)]) == fused([apart(other, 100), apart(one, 0)])


@given(NEIGHBOURS.filter(bool))
def test_who_is_first_in_all_that_was_asked_has_the_score_one(neighbours: list[Neighbour]) -> None:
    best = max(neighbours, key=lambda each: (each.score, -each.id.int))
    assert fused([Found(neighbours, neighbours)])[0] == (best.id, 1.0)
    assert fused([Found(neighbours, [])])[0] == (best.id, 1.0)
