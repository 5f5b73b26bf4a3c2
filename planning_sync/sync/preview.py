"""The dry run: what a pass would do, told with no path to a function that writes. `show` fills the report."""

from __future__ import annotations

import difflib
from typing import Any

from conflicts import services as conflicts
from planning_sync.replicas.base import ABSENT, Reading, Write
from planning_sync.replicas.errors import ReplicaError
from planning_sync.sync import exchange
from planning_sync.sync.errors import Refused
from planning_sync.sync.models import Intent, Link
from planning_sync.sync.passes import Pass, Survey
from plans.models import Plan
from plans.outline import Added, Change, Changed, Moved, Outline, Place, Removed


def show(this: Pass, todo: Survey) -> None:
    """Put into the report what each step of the pass would change: rows of the hub, lines of the files."""
    for path in todo.fresh:
        _told(this, path, _import)
    links = Link.objects.select_related("plan").filter(pk__in=[*todo.links, *todo.renamed])
    for link in links.order_by("path"):
        link.path = todo.renamed.get(link.pk, link.path)
        _told(this, link.path, _link, link)
    for plan in Plan.objects.filter(pk__in=todo.unlinked):
        this.report.previews.append(
            {"path": "", "plan": str(plan.pk), "action": "create file", "title": plan.title}
        )


def _told(this: Pass, path: str, tell: Any, *about: Any) -> None:
    try:
        tell(this, path, *about)
    except Refused as refusal:
        this.report.refused.append({"plan": refusal.plan, "reason": refusal.reason})
    except ReplicaError as error:
        this.report.errors.append({"plan": path, "error": str(error)})


def _import(this: Pass, path: str) -> None:
    reading = this.side.read(path)
    outline = reading.document.outline
    if twin := this.twin_of(reading):
        waits = {"action": "wait to be paired", "like": twin.title, "score": twin.score}
        this.report.previews.append({"path": path, "plan": str(twin.plan_id), **waits})
        return
    this.check_rules(reading)
    this.report.changed += 1
    _count(this, outline, Added)
    this.report.previews.append(
        {
            "path": path,
            "action": "import",
            "title": outline.plan.text,
            "tasks": sum(1 for _ in outline.tasks()),
            "phases": sum(1 for _ in outline.phases()),
            "fingerprint": reading.checksum[:16],
        }
    )


def _link(this: Pass, path: str, link: Link) -> None:
    if Intent.objects.filter(pk=link.pk).exists():
        this.report.previews.append(
            {"path": path, "plan": str(link.plan_id), "action": "finish an interrupted write"}
        )
        return
    present = this.side.probe(path).checksum != ABSENT
    live = link.plan.deleted_at is None
    if present and live:
        _exchange(this, path, link)
        return
    action = ("restore plan" if link.gone_at else "delete file") if present else None
    action = action or ("create file" if link.gone_at else "delete plan" if live else "forget")
    this.report.previews.append(
        {"path": path, "plan": str(link.plan_id), "action": action, "title": link.plan.title}
    )


def _exchange(this: Pass, path: str, link: Link) -> None:
    world = exchange.examine(link, this.side)
    guarded = not this.options.allow_mass_delete
    if guarded and world.reading.checksum != link.checksum:
        this.check_rules(world.reading, world.guard_world)
    verdict = exchange.judge(
        *(world, this.side),
        direction=this.options.direction,
        policy=this.arbitration.ownership,
        arbitration=this.arbitration,
        guarded=guarded,
    )
    if not (verdict.hub_changes or verdict.write or verdict.clashes):
        return
    this.report.changed += 1
    this.report.opened += conflicts.count_new(link.plan_id, link.replica_id, verdict.clashes)
    this.report.count(verdict.hub_changes, verdict.hub)
    this.report.count(verdict.replica_changes, verdict.next_seen)
    this.report.previews.append(
        {
            "path": path,
            "plan": str(link.plan_id),
            "action": "sync",
            "fingerprint": verdict.fingerprint,
            "rows": [row_of(change, world.stored.outline, verdict.hub) for change in verdict.hub_changes],
            "lines": _lines(world.reading, verdict.write),
            "conflicts": [
                {
                    "item": clash.key,
                    "field": clash.field,
                    "base": clash.base,
                    "replica": clash.replica,
                    "hub": clash.hub,
                }
                for clash in verdict.clashes
            ],
            "settled": [
                {
                    "item": clash.key,
                    "field": clash.field,
                    "base": clash.base,
                    "replica": clash.replica,
                    "hub": clash.hub,
                    "strategy": strategy,
                    "take": choice.take,
                    "value": choice.value,
                }
                for clash, choice, strategy, _ in verdict.settled
            ],
        }
    )


def row_of(change: Change, before: Outline, after: Outline) -> dict[str, Any]:
    """One row of the hub as it would change."""
    match change:
        case Added(item):
            return {"change": "create", "kind": item.kind, "id": item.key, "text": item.text}
        case Removed(item):
            return {"change": "delete", "kind": item.kind, "id": item.key, "text": item.text}
        case Moved(key):
            item = after.by_key[key]
            return {"change": "move", "kind": item.kind, "id": key, "text": item.text}
        case Changed(key, field, old, new):
            item = before.by_key[key]
            told = {"field": field, "before": old, "after": new}
            return {"change": "update", "kind": item.kind, "id": key, "text": item.text, **told}


def _lines(reading: Reading, write: Write | None) -> list[str]:
    """The lines of the file that would change, as a unified difference without context."""
    if write is None or write.document is None:
        return []
    before = [line.rstrip("\r\n") for line in reading.document.lines]
    after = [line.rstrip("\r\n") for line in write.document.lines]
    return list(difflib.unified_diff(before, after, lineterm="", n=0))[2:]


def _count(this: Pass, outline: Outline, change: Any) -> None:
    this.report.count([change(item, Place("", "")) for item in outline.items], outline)
