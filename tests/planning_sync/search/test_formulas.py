from __future__ import annotations

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from planning_sync.search import formulas

WORDS = st.lists(st.text(string.ascii_lowercase, min_size=2, max_size=8), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(WORDS, st.integers(0, 999), st.integers(0, 999))
def test_a_shape_does_not_know_numbers(found: list[str], one: int, other: int) -> None:
    text = " ".join(found)
    assert formulas.shape(f"{text}: {one} h") == formulas.shape(f"{text}: {one}.{other} h")


def test_what_stands_in_many_places_with_other_numbers_is_a_formula() -> None:
    texts = [f"Estimated: {hours} h" for hours in range(formulas.COMMON + 1)]
    assert formulas.common([*texts, "Write the manual"]) == {formulas.shape("Estimated: 1 h")}
    assert not formulas.common(texts[1:])
