"""A change of JSON text touches the characters of one value, and gives the JSON that was meant."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning_sync.replicas.jsontext import Malformed, Splices, parse

PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=6)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
OBJECTS = st.dictionaries(st.text(max_size=4), VALUES, min_size=1, max_size=4)
LAYOUTS = st.sampled_from([{"indent": 2}, {"indent": 4}, {"indent": "\t"}, {"separators": (",", ":")}, {}])


@settings(max_examples=60, deadline=None)
@given(VALUES, LAYOUTS)
def test_each_value_stands_where_its_node_says(value: Any, layout: dict[str, Any]) -> None:
    root = parse(f" {json.dumps(value, **layout)}\n")
    assert root.value == value
    for node in (*(root.members.values() if isinstance(value, dict) else ()),):
        assert json.loads(node.raw) == node.value
    for node in root.elements if isinstance(value, list) else ():
        assert json.loads(node.raw) == node.value


@settings(max_examples=60, deadline=None)
@given(OBJECTS, LAYOUTS, st.data())
def test_a_member_set_or_removed_leaves_all_others_as_they_are_written(
    value: dict[str, Any], layout: dict[str, Any], data: st.DataObject
) -> None:
    text = json.dumps(value, **layout)
    key = data.draw(st.sampled_from(sorted(value)) | st.text(max_size=5))
    new = data.draw(VALUES)
    root, splices = parse(text), Splices(text)
    if key in value and data.draw(st.booleans()):
        splices.remove_member(root, key)
        expected = {name: each for name, each in value.items() if name != key}
    else:
        splices.set_member(root, key, new)
        expected = {**value, key: new}
    done = parse(splices.done())
    assert done.value == expected
    for name, node in done.members.items():
        if name != key:
            assert node.raw == root.members[name].raw


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, max_size=5), st.lists(VALUES, max_size=3), LAYOUTS, st.data())
def test_elements_come_and_go_and_the_others_stay_as_they_are_written(
    value: list[Any], new: list[Any], layout: dict[str, Any], data: st.DataObject
) -> None:
    text = json.dumps({"list": value}, **layout)
    staying = data.draw(st.lists(st.booleans(), min_size=len(value), max_size=len(value)))
    splices = Splices(text)
    listed = parse(text).members["list"]
    splices.rearrange(listed, staying, new)
    done = parse(splices.done()).members["list"]
    kept = [each for each, stays in zip(listed.elements, staying, strict=True) if stays]
    assert done.value == [*(each.value for each in kept), *new]
    assert [each.raw for each in done.elements[: len(kept)]] == [each.raw for each in kept]


def test_what_is_added_is_laid_out_as_the_rest() -> None:
    value: dict[str, Any] = {"a": [{"b": 1}], "c": {}}
    text = json.dumps(value, indent=2)
    splices = Splices(text)
    root = parse(text)
    splices.rearrange(root.members["a"], [True], [{"d": [], "e": {"f": "é"}}])
    splices.set_member(root.members["c"], "g", [1])
    value["a"].append({"d": [], "e": {"f": "é"}})
    value["c"] = {"g": [1]}
    assert splices.done() == json.dumps(value, indent=2, ensure_ascii=False)


@pytest.mark.parametrize(
    "text", ["", " ", "{", '{"a" 1}', '{"a": 1,}', "[1 2]", '{"a": 1} x', "nul", '"a\nb"']
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text)
