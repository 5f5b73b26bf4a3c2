"""The three-way merge of an order of siblings. Public: `merged`.

    base     a b c d e
    hub      b a c d e      "b" before "a"
    replica  a b d e c      "c" last
    merged   b a d e c

Each pair of siblings stands as on the side that turned it round; where both or neither did, the sides agree
on it. These pairs make an order only if they do not go round in a circle; if they do, a person decides.
"""

from __future__ import annotations

Keys = tuple[str, ...]

LIMIT_SIBLINGS = 1000
"""More of them are left to a person: every pair is looked at."""


def merged(base: Keys, hub: Keys, replica: Keys) -> Keys | None:
    """The order with the moves of both sides; None where they contradict, or are not of the same siblings."""
    if hub in (base, replica):
        return replica
    if replica == base:
        return hub
    siblings = set(base)
    if any(len(keys) != len(siblings) or set(keys) != siblings for keys in (base, hub, replica)):
        return None
    if len(siblings) > LIMIT_SIBLINGS:
        return None
    places = _followers(base, hub, replica)
    # Of all pairs told which comes first, an order is what has no two elements with as many behind them.
    if len(set(places.values())) != len(places):
        return None
    return tuple(sorted(places, key=places.__getitem__, reverse=True))


def _followers(base: Keys, hub: Keys, replica: Keys) -> dict[str, int]:
    """How many siblings come after each one, pair by pair."""
    mine, theirs = ({key: rank for rank, key in enumerate(keys)} for keys in (hub, replica))
    after = dict.fromkeys(base, 0)
    for rank, one in enumerate(base):
        for other in base[rank + 1 :]:
            turned = (mine[one] > mine[other]) or (theirs[one] > theirs[other])
            after[other if turned else one] += 1
    return after
