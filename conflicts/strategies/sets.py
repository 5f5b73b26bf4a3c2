"""The three-way merge of a list that is a set: tags, dependencies. Public: `merged`."""

from __future__ import annotations

from collections.abc import Collection

Words = tuple[str, ...]


def merged(base: Words, hub: Words, replica: Words) -> Words | None:
    """`base` less what either side removed, then what either side added.

    Elements of the base keep their order, or take that of the only side which changed it; None where both
    changed it differently, and where an element is listed twice.
    """
    if hub in (base, replica):
        return replica
    if replica == base:
        return hub
    if any(len(set(listed)) != len(listed) for listed in (base, hub, replica)):
        return None
    order = _order(*(_only(listed, {*base} & {*hub} & {*replica}) for listed in (base, hub, replica)))
    if order is None:
        return None
    # By their content, so that it does not matter which side is called the hub.
    first, second = sorted(tuple(word for word in listed if word not in base) for listed in (hub, replica))
    return tuple(dict.fromkeys((*order, *first, *second)))


def _only(words: Words, wanted: Collection[str]) -> Words:
    return tuple(word for word in words if word in wanted)


def _order(base: Words, hub: Words, replica: Words) -> Words | None:
    if hub in (base, replica):
        return replica
    return hub if replica == base else None
