"""What a person may decide on a conflict, and what comes of it: `options`, `Option`, `effect_of`.

field conflict       hub / replica / both (where the two fit beside each other) / value
place of an item     hub / replica
a guard's refusal    go_on / restore / unlink
"""

from __future__ import annotations

from typing import Any, NamedTuple

from conflicts import merge
from conflicts.models import GUARD, Conflict

LISTS = frozenset({"tags", "depends_on"})
GUARD_TAKES = ("go_on", "restore", "unlink")
JOINT = " / "
"""Between two texts that are both kept in one."""


class Option(NamedTuple):
    """One possible decision. `dropped` is what neither side says afterwards, as far as it was said before."""

    take: str
    hub: Any
    """What the hub then says."""
    replica: Any
    dropped: tuple[Any, ...] = ()
    changes_hub: bool = False
    changes_replica: bool = False


def options(conflict: Conflict) -> tuple[Option, ...]:
    """The decisions that this conflict can take but for a typed value, the safest first for guards."""
    if conflict.field == GUARD:
        return tuple(Option(take, None, None) for take in GUARD_TAKES)
    found = [
        _taking(conflict, "hub", conflict.hub_value),
        _taking(conflict, "replica", conflict.replica_value),
    ]
    if is_pair(conflict):
        hub, replica = conflict.hub_value, conflict.replica_value
        found.append(Option("both", hub, replica, (), changes_hub=True, changes_replica=True))
    elif (both := both_of(conflict)) is not None:
        found.append(_taking(conflict, "both", both))
    return tuple(found)


def takes_value(conflict: Conflict) -> bool:
    """Whether a person may type what both sides get."""
    return conflict.field != GUARD and conflict.field not in merge.STRUCTURAL


def is_pair(conflict: Conflict) -> bool:
    """Whether it may be two new items that were taken for one, because they bear one number."""
    return conflict.field == "text" and conflict.base_value is None and bool(conflict.item_key)


def both_of(conflict: Conflict) -> Any:
    """The value that keeps what both sides say; None where there is no such value."""
    hub, replica = conflict.hub_value, conflict.replica_value
    if conflict.field in LISTS:
        return list(dict.fromkeys([*(hub or ()), *(replica or ())]))
    if conflict.field == "text" and hub and replica and not is_pair(conflict):
        return f"{hub}{JOINT}{replica}"
    return None


def effect_of(conflict: Conflict, take: str, value: Any = None) -> Option | None:
    """What the decision comes to; None where the conflict cannot be decided so."""
    if take == "value":
        return _taking(conflict, "value", value) if takes_value(conflict) else None
    return next((option for option in options(conflict) if option.take == take), None)


def _taking(conflict: Conflict, take: str, value: Any) -> Option:
    hub, replica = conflict.hub_value, conflict.replica_value
    changes = (value != hub, value != replica)
    kept = take == "both"
    dropped = (
        () if kept else tuple(old for old, goes in zip((hub, replica), changes, strict=True) if goes and old)
    )
    return Option(take, value, value, dropped, *changes)
