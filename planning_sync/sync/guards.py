"""What looks like damage rather than work, and is refused until a person says go on.

The thresholds are high on purpose: a guard that fires daily gets switched off (see docs/decisions).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from conflicts.merge.model import Side
from planning_sync.sync.errors import Refused
from plans import identity
from plans.outline import Outline

MANY_ITEMS = 500
MOST = 0.75
SMALL_PLAN = 20
FEW_PLANS = 4
SAME_WORK = 0.2

EMPTIED = "emptied"
MASS_DELETE = "mass_delete"
PLAN_REPLACED = "plan_replaced"
FOLDER_EMPTIED = "folder_emptied"
FOLDER_MASS_DELETE = "folder_mass_delete"

GO_ON = (
    "If this is meant, say so in the conflict that it opened, or repeat the sync with --allow-mass-delete."
)


def check_plan(
    path: str, before: Outline, after: Outline, side: Side, *, world: str, blank: bool = False
) -> None:
    """Refuse a change from `before` to `after` that empties, guts or replaces a plan of the `side`."""
    held = len(before.items)
    gone = held - sum(1 for item in after.items if item.key in before.by_key)
    if not gone:
        return

    def refused(rule: str, reason: str) -> Refused:
        world_of_side = f"{side} {world}"
        return Refused(
            path, f"{reason} {GO_ON}", rule=rule, side=side, held=held, left=held - gone, world=world_of_side
        )

    if blank:
        raise refused(EMPTIED, f"the file is empty, and the {side} has {held} items of this plan.")
    if held >= SMALL_PLAN and gone > MOST * held:
        if len(after.items) >= SMALL_PLAN and identity.similarity(before, after) < SAME_WORK:
            raise refused(
                PLAN_REPLACED, f"the plan was replaced by another one ({gone} of {held} items are gone)."
            )
        raise refused(MASS_DELETE, f"{gone} of {held} items would be deleted from the {side}.")
    if gone > MANY_ITEMS:
        raise refused(MASS_DELETE, f"{gone} items would be deleted from the {side}.")


def check_folder(found: Collection[str], linked: Collection[str], vanished: Collection[str]) -> None:
    """Refuse a replica in which every plan, or most of many, disappeared since the last sync."""
    if not linked or not vanished:
        return
    held, gone = len(linked), len(vanished)

    def refused(rule: str, reason: str) -> Refused:
        world = hashlib.sha256("\0".join(sorted(vanished)).encode()).hexdigest()
        left = held - gone
        told = f"{reason} {GO_ON}"
        return Refused("", told, rule=rule, side="hub", held=held, left=left, world=world, paths=vanished)

    if not found:
        raise refused(FOLDER_EMPTIED, f"the replica is empty, and {held} plans were there at the last sync.")
    if held >= FEW_PLANS and gone > MOST * held:
        raise refused(FOLDER_MASS_DELETE, f"{gone} of {held} plans disappeared since the last sync.")
