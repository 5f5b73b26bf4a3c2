"""What counts as agreed where two plans are linked that were never synced: `agreed`, `kept_apart`. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Literal, get_args

from conflicts import merge
from planning_sync.sync.state import Held
from plans import outline as outlines
from plans.outline import ROOT, Added, Item, Kind, Outline, Place, arrange, differing_fields

Take = Literal["ask", "hub", "replica"]
"""Which side is right where the two differ; "ask" has a conflict ask a person."""
TAKES: tuple[Take, ...] = get_args(Take)

NOTHING = Outline(Item(ROOT, Kind.PLAN, ROOT, ""))


def agreed(hub: Outline, seen: Outline, said: Outline, *, take: Take) -> tuple[Outline, Held]:
    """The base and the held values for a first merge of two sides of which some items are the same.

    Next to nothing is agreed, so that the merge asks wherever the two say something else. Where one side is
    to be right, the other one counts as unchanged since: its values, places and order are the base.

    `said` is what the replica would say if it were told all that the hub says. A field in which that makes no
    difference means the same in the replica's own words: that is held, and no conflict.
    """
    held: Held = {}
    base = {ROOT: NOTHING.plan}
    children: defaultdict[str, list[str]] = defaultdict(list)
    unchanged = hub if take == "replica" else seen
    for item in (unchanged.plan, *unchanged.items):
        mine, theirs, told = (side.by_key.get(item.key) for side in (hub, seen, said))
        if mine is None or theirs is None or told is None:
            continue
        words: dict[str, Any] = {}
        for name, here, there in differing_fields(mine, theirs):
            if take != "replica" and outlines.value(told, name) == there:
                held[item.key, name], words[name] = here, there
            elif take != "ask" and here and there:
                words[name] = outlines.value(item, name)
        if item.key == ROOT:
            base[ROOT] = NOTHING.plan._replace(**words)
        elif words or take != "ask":
            above = item.parent if take != "ask" and item.parent in base else ROOT
            base[item.key] = Item(item.key, item.kind, above, "")._replace(**words)
            children[above].append(item.key)
    return arrange(base[ROOT], base, children), held


def kept_apart(base: Outline, hub: Outline, seen: Outline) -> Outline:
    """The hub with those new items of the replica that the merge would take for items of the hub.

    The merge joins new items of one wording, or of one number; here a person has looked, and said otherwise.
    """
    while joined := merge.decide(base, hub, seen).joined:
        places, added = outlines.places(seen), []
        for item in seen.items:
            if item.key in joined:
                after = places[item.key].after
                before = hub.by_key.get(after)
                stands = after in joined or (before is not None and before.parent == item.parent)
                added.append(Added(item, Place(item.parent, after if stands else "")))
        hub = outlines.apply(hub, added)
    return hub
