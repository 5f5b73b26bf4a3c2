"""Random edits of real plans: nothing but the edit changes, and nearly all of them can be said."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from plans.document import parse
from plans.document.rewrite import rewrite
from tests.corpus import CORPUS, corpus_root
from tests.plans.document.promises import kept_promises
from tests.plans.document.random_edits import EDITS, edited

LEAST_SAID = {
    "tick": 1.0,
    "untick": 1.0,
    "status": 0.98,
    "add section": 0.96,
    "move": 0.95,
    "reorder": 0.95,
    "move phase": 0.92,
}
"""The share of each kind of edit that must be said, 0.99 where none is named.

The rest is what these files cannot say: ballot lines without a list marker know only two states and have no
sub-tasks, there is no heading below level 6, and a file whose fences are broken may read otherwise.
"""

MOST_ITEMS = 400
KINDS_PER_FILE = 4
"""For time: larger plans, and every kind on every file, are for longer runs."""


def files() -> list[Path]:
    root = corpus_root()
    if root is None:
        if os.environ.get("CI"):
            pytest.fail(f"the corpus of real plans is missing: {CORPUS}")
        pytest.skip(f"the corpus of real plans is missing: {CORPUS}")
    return sorted([*root.glob("dev/plans/*.md"), *root.glob("dev/derived/*.md")])


def test_nearly_every_random_edit_of_a_real_plan_can_be_said() -> None:
    chance = random.Random(20250613)
    unsaid: dict[str, list[str]] = {kind: [] for kind in EDITS}
    tried: Counter[str] = Counter()
    for path in files():
        document = parse(path.read_bytes(), name=path.name)
        if len(document.outline.items) > MOST_ITEMS:
            continue
        for kind in chance.sample(list(EDITS), KINDS_PER_FILE):
            target = edited(document.outline, kind, chance)
            if target is not None:
                tried[kind] += 1
                if kept_promises(document, target).left:
                    unsaid[kind].append(path.name)
    assert set(tried) == set(EDITS)
    poor = {
        kind: names
        for kind, names in unsaid.items()
        if len(names) > max(1.0, (1 - LEAST_SAID.get(kind, 0.99)) * tried[kind])
    }
    assert not poor
    assert not unsaid["tick"] + unsaid["untick"]


def test_a_real_plan_rewritten_to_what_it_says_is_the_same_plan() -> None:
    for path in files():
        document = parse(path.read_bytes(), name=path.name)
        assert rewrite(document, document.outline).document is document
