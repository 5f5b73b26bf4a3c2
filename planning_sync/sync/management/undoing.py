"""An undo or a restore, told to people: `preview`, `outcome`."""

from __future__ import annotations

from collections.abc import Iterable

from planning_sync.sync.management.failures import Exit
from planning_sync.sync.management.output import Output, clean
from planning_sync.sync.management.reporting import row_told
from planning_sync.sync.undo import Outcome
from planning_sync.sync.undo_preview import ACTIONS, PlanPreview

_LONGEST = 200
"""Lines shown of one plan; `--json` has them all."""
_PRESENCE = {"discard": "goes to the bin", "recover": "comes out of the bin"}


def preview(output: Output, plans: Iterable[PlanPreview]) -> None:
    """Plan by plan: rows of the hub, then what becomes of each file, with its lines."""
    for plan in plans:
        output.say(f"{clean(plan.title)}: {_PRESENCE.get(plan.presence, 'changes')}")
        shown = [f"  hub   {row_told(row)}" for row in plan.rows]
        for file in plan.files:
            first = "is synced first, as it was edited; then " if file.edited else ""
            shown.append(f"  file  {clean(file.path)} {first}{ACTIONS[file.how]}")
            shown += [f"  file  {clean(line)}" for line in file.lines]
        for back in plan.conflicts:
            item = clean(back["item"] or "the plan")
            shown.append(f"  conflict on {back['field']} of {item}: becomes {back['becomes']}")
        shown += [f"  {clean(remark)}" for remark in plan.remarks]
        for line in shown[:_LONGEST]:
            output.say(line)
        if len(shown) > _LONGEST:
            output.say(f"  ... and {len(shown) - _LONGEST} more; --json lists them all")


def outcome(output: Output, found: Outcome, *, done: str) -> Exit:
    if output.as_json:
        output.document(found.as_json())
    else:
        output.say(f"{done} as operation {found.operation.pk}.")
        for plan in found.plans:
            reason = f" ({clean(plan.reason)})" if plan.reason else ""
            output.say(f"  {clean(plan.title)}: {plan.outcome}{reason}")
    return Exit.FAILED if found.failed else Exit.FINE
