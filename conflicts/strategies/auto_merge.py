"""Both edits at once, where they plainly fit together."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from conflicts.merge import Choice, Clash
from conflicts.strategies import orders, sets, words
from conflicts.strategies.base import Context, Strategy, gettext_noop, taking

SETS = frozenset({"tags", "depends_on"})


class AutoMerge(Strategy):
    """Texts word by word, sets by union with removals honoured, the order of siblings pair by pair, and a
    declared progress by counting again.

    It takes nothing from outside the three values. Anything else (a status, a date, the item above) is not
    its business: between two of them there is none in the middle.
    """

    name: ClassVar[str] = "auto_merge"
    caveat: ClassVar[str] = gettext_noop(
        "Of two declared percentages, the one that the tasks do not come to is dropped."
    )
    fields: ClassVar[frozenset[str]] = SETS | {"text", "order", "progress"}

    def caveat_for(self, name: str) -> str:
        return self.caveat if name == "progress" else ""

    def can_resolve(self, clash: Clash, context: Context) -> bool:
        if clash.field in ("text", "order"):
            return clash.base is not None
        return clash.field in SETS or (clash.field == "progress" and context.computed_progress != "")

    def resolve(self, clash: Clash, context: Context) -> Choice | None:
        match clash.field, clash.base, clash.hub, clash.replica:
            case "text", str(base), str(hub), str(replica):
                value = words.merged(base, hub, replica, min_kept=context.min_kept)
                return None if value is None else taking(clash, "value", value)
            case (("tags" | "depends_on"), base, tuple(hub), tuple(replica)):
                listed = sets.merged(base if isinstance(base, tuple) else (), hub, replica)
                return None if listed is None else taking(clash, "value", listed)
            case "order", tuple(base), tuple(hub), tuple(replica):
                order = orders.merged(base, hub, replica)
                return None if order is None else taking(clash, "value", order)
            case "progress", _, str(hub), str(replica):
                return _counted(clash, hub, replica, context.computed_progress)
        return None


def _counted(clash: Clash, hub: str, replica: str, computed: str) -> Choice | None:
    """The side that says what the tasks come to, if just one does."""
    right = [declares(declared, computed) for declared in (hub, replica)]
    if not computed or right[0] == right[1]:
        return None
    return taking(clash, "hub" if right[0] else "replica")


def declares(declared: str, computed: str) -> bool:
    """Whether the percentage is the computed one, as exactly as it was declared: "33" says 33.33."""
    if not declared or not computed:
        return False
    said = Decimal(declared)
    return Decimal(computed).quantize(Decimal(1).scaleb(min(int(said.as_tuple().exponent), 0))) == said
