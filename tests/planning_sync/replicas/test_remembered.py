"""What a place has no words for comes from what was seen last there, however often that is asked."""

from __future__ import annotations

import random
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from planning_sync.replicas.remembered import containers, recalled
from plans.outline import ROOT, Outline, arrange
from tests.outlines import outline, walked

LEVELS = 2
START = """
p: # Audit
  a: - one
    b: - two
      c: - three
  q: # Paint
    d: - four
r: # Build
  e: - five
f: - six
"""


def said(whole: Outline) -> Outline:
    """What records of so many levels say of it."""
    above = containers(whole, LEVELS)
    items = {key: whole.by_key[key]._replace(parent=container) for key, container in above.items()}
    children: dict[str, list[str]] = {ROOT: []}
    for key, container in above.items():
        children.setdefault(container, []).append(key)
    return arrange(whole.plan, items, children)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 6))
def test_a_newer_memory_takes_the_place_of_an_older_one(seed: int, steps: int) -> None:
    chance = random.Random(seed)
    keys = (f"n{number}" for number in count())
    start = outline(START)
    told, older, newer = (walked(start, chance, keys, steps) for _ in range(3))
    found = recalled(recalled(said(told), older, LEVELS), newer, LEVELS)
    assert len(found.by_key) == len(found.items) + 1, "nothing is there twice"
    assert containers(found, LEVELS) == containers(said(told), LEVELS)
    assert list(found.phases()) == list(newer.phases())
