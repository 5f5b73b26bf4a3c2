"""`planning-sync doctor`: what is well, what is not, and what to do about it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from planning_sync.sync.management import base, checkup
from planning_sync.sync.management.checkup import Found
from planning_sync.sync.management.failures import Exit
from planning_sync.sync.management.output import clean

if TYPE_CHECKING:
    from rich.text import Text


class Command(base.Command):
    help = "Check environment, database, replicas and plans; say what to do where something is wrong."
    needs_tables = False

    def act(self, options: dict[str, Any]) -> Exit:
        found = list(checkup.checks())
        worst = max((_RANK[each.state] for each in found), default=0)
        if self.output.as_json:
            self.output.document({"status": list(_RANK)[worst], "checks": [each._asdict() for each in found]})
        else:
            self._tell(found)
        return Exit.FAILED if worst == _RANK["problem"] else Exit.FINE

    def _tell(self, found: list[Found]) -> None:
        self.output.table(
            ("State", "Check", "Found"), [(each.state, each.check, _message(each)) for each in found]
        )
        bad = Counter(each.state for each in found)
        if bad["problem"] or bad["warning"]:
            self.output.say(f"{bad['problem']} problems, {bad['warning']} warnings.")
        else:
            self.output.say("All is well.")


def _message(found: Found) -> Text:
    from rich.text import Text

    told = Text(clean(found.message))
    if found.advice:
        told.append(f"\n-> {clean(found.advice)}", style="bold")
    return told


_RANK = {"ok": 0, "warning": 1, "problem": 2}
