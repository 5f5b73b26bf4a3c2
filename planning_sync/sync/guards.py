"""What looks like damage rather than work, and is refused until a person says go on.

The thresholds are high on purpose: a guard that fires daily gets switched off (see docs/decisions).
"""

from __future__ import annotations

from collections.abc import Collection

from planning_sync.sync.errors import Refused
from plans import identity
from plans.outline import Outline

MANY_ITEMS = 500
MOST = 0.75
SMALL_PLAN = 20
FEW_PLANS = 4
SAME_WORK = 0.2

GO_ON = "If this is meant, repeat the sync with --allow-mass-delete."


def check_plan(path: str, before: Outline, after: Outline, side: str, *, blank: bool = False) -> None:
    """Refuse a change from `before` to `after` that empties, guts or replaces a plan of the `side`."""
    held = len(before.items)
    gone = held - sum(1 for item in after.items if item.key in before.by_key)
    if not gone:
        return
    if blank:
        raise Refused(path, f"the file is empty, and the {side} has {held} items of this plan. {GO_ON}")
    if held >= SMALL_PLAN and gone > MOST * held:
        if len(after.items) >= SMALL_PLAN and identity.similarity(before, after) < SAME_WORK:
            raise Refused(
                path, f"the plan was replaced by another one ({gone} of {held} items are gone). {GO_ON}"
            )
        raise Refused(path, f"{gone} of {held} items would be deleted from the {side}. {GO_ON}")
    if gone > MANY_ITEMS:
        raise Refused(path, f"{gone} items would be deleted from the {side}. {GO_ON}")


def check_folder(found: Collection[str], linked: Collection[str], vanished: Collection[str]) -> None:
    """Refuse a replica in which every plan, or most of many, disappeared since the last sync."""
    if not linked or not vanished:
        return
    if not found:
        raise Refused(
            "", f"the replica is empty, and {len(linked)} plans were there at the last sync. {GO_ON}"
        )
    if len(linked) >= FEW_PLANS and len(vanished) > MOST * len(linked):
        raise Refused("", f"{len(vanished)} of {len(linked)} plans disappeared since the last sync. {GO_ON}")
