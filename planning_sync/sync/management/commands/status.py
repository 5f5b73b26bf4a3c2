"""`planning-sync status`: how the hub and its replicas stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Sum

from conflicts.models import Conflict
from planning_sync.sync.management import base, listing
from planning_sync.sync.management.failures import Exit
from planning_sync.sync.management.output import clean
from planning_sync.sync.models import Intent
from plans.models import Plan


class Command(base.Command):
    help = "Tell how the hub and its replicas stand: plans, progress, conflicts, last syncs."

    def act(self, options: dict[str, Any]) -> Exit:
        found = _status()
        if self.output.as_json:
            self.output.document(found)
            return Exit.FINE
        hub, conflicts = found["hub"], found["conflicts"]
        self.output.say(f"Hub: {hub['plans']} plans, {hub['done']} of {hub['tasks']} tasks done")
        if not found["replicas"]:
            self.output.say("No replica yet. Add one with `planning-sync add PATH`.")
            return Exit.FINE
        rows = [
            (
                *(row["name"], row["plans"], row["waiting"], row["last_status"] or "never synced"),
                *(_told(row["last_sync_at"]), row["path"]),
            )
            for row in found["replicas"]
        ]
        self.output.table(("Replica", ">Plans", ">Waiting", "State", "Last sync (UTC)", "Folder"), rows)
        for row in found["replicas"]:
            if row["lost_at"]:
                self.output.say(f"  {clean(row['name'])}: {_absence(row)}")
            for problem in row["last_problem"].splitlines():
                self.output.say(f"  {clean(row['name'])}: {clean(problem)}")
        if conflicts["open"]:
            self.output.say(f"{conflicts['open']} open conflicts: see `planning-sync conflicts`.")
        return Exit.FINE


def _absence(row: Mapping[str, Any]) -> str:
    seen = f"last seen {_told(row['seen_at'])}" if row["seen_at"] else "never seen"
    waiting = f"plans that wait for it: {row['waiting']}"
    return f"away since {_told(row['lost_at'])}, {seen}, next try {_told(row['retry_at'])} UTC; {waiting}"


def _told(at: str | None) -> str:
    return (at or "")[:19].replace("T", " ")


def _status() -> dict[str, Any]:
    live = Plan.objects.live()
    sums = live.aggregate(phases=Sum("phase_count"), tasks=Sum("task_count"), done=Sum("done_count"))
    states = Conflict.objects.filter(state__in=listing.AT_WORK)
    return {
        "hub": {"plans": live.count(), **{name: number or 0 for name, number in sums.items()}},
        "conflicts": {
            "open": states.filter(state=Conflict.State.OPEN).count(),
            "decided": states.filter(state=Conflict.State.DECIDED).count(),
        },
        "unfinished_writes": Intent.objects.count(),
        "replicas": listing.replicas(),
    }
