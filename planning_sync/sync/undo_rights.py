"""The permissions that an undo or a restore takes: `needed`, `needed_to_restore`.

It does what other buttons and requests do, and needs what they need. Whoever translates a request into an
undo asks for these.
"""

from __future__ import annotations

from collections.abc import Iterable

from audit.models import Operation
from conflicts.models import Conflict
from conflicts.queue import DECIDE
from planning_sync.sync.undo import Preview
from planning_sync.sync.undo_preview import PlanPreview

CHANGE = "plans.change_plan"
_PRESENCE = {"discard": "plans.delete_plan", "recover": "plans.add_plan"}
_SETTLED = (Conflict.State.DECIDED, Conflict.State.RESOLVED)


def needed(found: Preview) -> set[str]:
    if all(each.kind == Operation.Kind.RESOLVE for each in found.undoes):
        return {DECIDE}
    return {CHANGE, *_for_presence(found.plans), *({DECIDE} if _is_about_decisions(found) else ())}


def needed_to_restore(found: PlanPreview) -> set[str]:
    return {CHANGE, *_for_presence([found])}


def _for_presence(plans: Iterable[PlanPreview]) -> set[str]:
    return {_PRESENCE[each.presence] for each in plans if each.presence}


def _is_about_decisions(found: Preview) -> bool:
    """Whether it takes a decision back, or, as the undo of an undo, takes it again."""
    if any(each.kind == Operation.Kind.RESOLVE for each in found.undoes):
        return True
    told = [each for plan in found.plans for each in plan.conflicts]
    if any(each["becomes"] in _SETTLED for each in told):
        return True
    return Conflict.objects.filter(pk__in=[each["conflict"] for each in told]).exclude(decision=None).exists()
