"""`planning-sync plans`: the plans of the hub."""

from __future__ import annotations

from typing import Any

from planning_sync.sync.management import base, listing
from planning_sync.sync.management.failures import Exit


class Command(base.Command):
    help = "List the plans of the hub, with their progress and where they stand."

    def act(self, options: dict[str, Any]) -> Exit:
        found = listing.plans()
        if self.output.as_json:
            self.output.document(found)
            return Exit.FINE
        if not found:
            self.output.say("There are no plans yet. Add a folder of them with `planning-sync add PATH`.")
            return Exit.FINE
        rows = [
            (
                *(
                    plan["title"],
                    f"{plan['progress']:g} %",
                    _declared(plan),
                    f"{plan['done']}/{plan['tasks']}",
                ),
                *(plan["version"], plan["replica"], plan["path"]),
            )
            for plan in found
        ]
        self.output.table(("Plan", ">Done", ">Declared", ">Tasks", "Version", "Replica", "Path"), rows)
        return Exit.FINE


def _declared(plan: dict[str, Any]) -> str:
    """The declared progress, where there is one and it differs from what the boxes say."""
    declared = plan["declared_progress"]
    return "" if declared is None or declared == plan["progress"] else f"{declared:g} %"
