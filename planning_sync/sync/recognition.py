"""Which items of a reading are items that are known already, by their names there and by what they say.

Public: `recognise`. A name that the place itself gives an item outweighs every likeness of texts; what has
none, or one never seen, is matched by what it says (`plans.identity`), between those that are sure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from plans import identity
from plans.document.model import Document, Name
from plans.identity import Match
from plans.outline import Item, Outline


def recognise(
    document: Document, seen: Outline, named: Mapping[str, str], living: Collection[str] = ()
) -> Match:
    """The items of the document that are items of `seen`, or of `living`, the ids of the hub's own items.

    `named`: which item had which name when it was seen.
    """
    parsed = document.outline
    sure = _by_name(document, named, seen.by_key, living)
    if not sure:
        return identity.match(seen, parsed, document.hidden)
    if len(sure) == len(parsed.items):
        return Match(sure, frozenset(), ())
    found = identity.match(_anchored(seen, _mirrored(sure)), _anchored(parsed, sure), document.hidden)
    taken = {*sure.values()}
    likely = {key: known for key, known in found.keys.items() if known not in taken}
    return found._replace(keys={**likely, **sure})


def _by_name(
    document: Document, named: Mapping[str, str], seen: Collection[str], living: Collection[str]
) -> dict[str, str]:
    """By the links first: a program may have numbered anew what it kept our link with."""
    sure: dict[str, str] = {}
    taken: set[str] = set()
    links = Counter(name.link for name in document.names)
    unlinked: list[tuple[Item, Name]] = []
    for item, name in zip(document.outline.items, document.names, strict=False):
        if name.link and links[name.link] == 1 and (name.link in seen or name.link in living):
            sure[item.key] = name.link
            taken.add(name.link)
        else:
            unlinked.append((item, name))
    for item, name in unlinked:
        known = named.get(name.own, "")
        if known and known in seen and known not in taken:
            sure[item.key] = known
            taken.add(known)
    return sure


def _mirrored(sure: Mapping[str, str]) -> dict[str, str]:
    return {known: known for known in sure.values()}


def _anchored(outline: Outline, sure: Mapping[str, str]) -> Outline:
    """The outline with what is sure under a text of its own, equal on both sides."""
    return replace(outline, items=tuple(_signed(outline.items, sure)))


def _signed(items: Iterable[Item], sure: Mapping[str, str]) -> Iterator[Item]:
    for item in items:
        known = sure.get(item.key)
        yield item if known is None else item._replace(text=f"item {known}", ref="")
