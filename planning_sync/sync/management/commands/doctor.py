"""`planning-sync doctor`: what is well, what is not, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from audit import seals, triggers
from planning_sync.sync.management import base, checkup
from planning_sync.sync.management.checkup import Found
from planning_sync.sync.management.failures import Exit
from planning_sync.sync.management.output import Progress, clean

if TYPE_CHECKING:
    from rich.text import Text


class Command(base.Command):
    help = "Check environment, database, replicas and plans; say what to do where something is wrong."
    needs_tables = False

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--audit", action="store_true", help="Verify the audit log as well: reads all of it."
        )
        parser.add_argument(
            "--witness",
            default="",
            metavar="NUMBER:DIGEST",
            help="With --audit: a seal that was written down earlier, which has to be there still.",
        )

    def act(self, options: dict[str, Any]) -> Exit:
        found = list(checkup.checks())
        if options["audit"] or options["witness"]:
            with self.output.progress("Verifying the audit log") as progress:
                found += _audit(found, options["witness"], progress)
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


def _audit(found: list[Found], witness: str, progress: Progress | None) -> Iterator[Found]:
    if any(each.check == "database" and each.state == "problem" for each in found):
        return
    lost = triggers.missing()
    if lost:
        yield Found(
            *("audit log", "problem", f"Nothing keeps it from being rewritten: {', '.join(lost)} missing."),
            "Find out who dropped these triggers; `planning-sync migrate` makes them again.",
        )
    verdict = seals.verify(witness=witness, progress=progress)
    if verdict.broken is not None:
        yield Found(
            *("audit log", "problem", f"It was rewritten. {verdict.broken}"),
            "Compare with a backup from before. Nothing is mended here: what stands there is evidence.",
        )
        return
    told = f"{verdict.entries} entries under {verdict.seals} seals are as they were"
    told += f", {verdict.unsealed} are not sealed yet, {verdict.pruned} went by retention."
    yield Found("audit log", "ok", told + (f" Last seal {verdict.head}" if verdict.head else ""))


def _message(found: Found) -> Text:
    from rich.text import Text

    told = Text(clean(found.message))
    if found.advice:
        told.append(f"\n-> {clean(found.advice)}", style="bold")
    return told


_RANK = {"ok": 0, "warning": 1, "problem": 2}
