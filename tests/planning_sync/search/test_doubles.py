from __future__ import annotations

from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from planning_sync.search.services import doubles

PLACES = st.builds(doubles._Place, st.uuids(), st.integers(0, 3).map(lambda number: UUID(int=number)))
PAIRS = st.lists(st.builds(doubles._Pair, PLACES, PLACES, st.floats(0, 1)), max_size=30)


@settings(max_examples=60)
@given(PAIRS)
def test_of_any_two_plans_the_first_few_pairs_are_seen(pairs: list[doubles._Pair]) -> None:
    def between(some: list[doubles._Pair], one: UUID, other: UUID) -> list[doubles._Pair]:
        return [pair for pair in some if {pair.first.plan, pair.second.plan} == {one, other}]

    seen = list(doubles._varied(pairs))
    for pair in pairs:
        plans = pair.first.plan, pair.second.plan
        assert between(seen, *plans) == between(pairs, *plans)[: doubles.EACH]
