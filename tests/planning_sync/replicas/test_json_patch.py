"""A patch of the first document gives the second one, and says no more than what differs."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from planning_sync.replicas.json_patch import patch
from tests.planning_sync.replicas.service_double import patched

NAMES = st.sampled_from(["id", "title", "a/b", "~1", ""])
LEAVES = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["x", "1"])
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(DOCUMENTS, DOCUMENTS)
def test_a_patch_leads_from_one_document_to_the_other(before: Any, after: Any) -> None:
    found = patched(copy.deepcopy(before), patch(before, after))
    assert repr(_ordered(found)) == repr(_ordered(after))
    assert list(patch(after, after)) == []


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((name, _ordered(each)) for name, each in value.items())
    return list(map(_ordered, value)) if isinstance(value, list) else value


def test_an_edit_of_one_item_names_that_item_alone() -> None:
    items = [{"id": f"i{number}", "title": "x", "status": "planned"} for number in range(4)]
    ticked = [items[0], {**items[1], "status": "completed"}, items[3], {"id": "i9", "title": "new"}]
    assert list(patch({"items": items}, {"items": ticked})) == [
        {"op": "remove", "path": "/items/2"},
        {"op": "replace", "path": "/items/1/status", "value": "completed"},
        {"op": "add", "path": "/items/3", "value": {"id": "i9", "title": "new"}},
    ]
