"""`planning-sync repair-encoding [PLAN]`: show lines whose text was garbled, and mend them when asked to."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from planning_sync.replicas.errors import ReplicaError
from planning_sync.sync import services
from planning_sync.sync.errors import SyncError
from planning_sync.sync.management import base, lookup
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import Exit
from planning_sync.sync.management.output import clean
from planning_sync.sync.models import Link
from plans.document.text import display


class Command(base.Command):
    help = (
        "Show lines garbled by wrong decoding (mojibake) as they should be; --write mends them in the files."
    )

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "plan",
            nargs="?",
            metavar="PLAN",
            help="Id (or its start or end), path in a replica, or title; else all.",
        )
        parser.add_argument(
            "--write",
            action="store_true",
            help="Mend the lines shown, and no other byte; the old content is kept.",
        )

    def act(self, options: dict[str, Any]) -> Exit:
        links = Link.objects.filter(gone_at=None, plan__deleted_at=None).select_related("replica", "plan")
        if options["plan"]:
            links = links.filter(plan=lookup.plan(options["plan"]))
        answers = [
            self._mend(link, write=options["write"]) for link in links.order_by("replica__name", "path")
        ]
        answers = [answer for answer in answers if answer["lines"] or answer["error"]]
        if self.output.as_json:
            self.output.document(answers)
        else:
            self._tell(answers, write=options["write"])
        return Exit.FAILED if any(answer["error"] for answer in answers) else Exit.FINE

    def _mend(self, link: Link, *, write: bool) -> dict[str, Any]:
        lines: list[dict[str, Any]] = []
        written, error = False, ""
        try:
            if write:
                repair, report = services.repair_encoding(link, actor=who())
                written = report is not None
                error = "; ".join(failure["error"] for failure in report.errors) if report else ""
            else:
                _, repair = services.garbled(link)
            lines = [
                {"line": line.line, "before": display(line.before), "after": display(line.after)}
                for line in repair.lines
            ]
        except (ReplicaError, SyncError) as failure:
            error = str(failure)
        return {
            "plan": str(link.plan_id),
            "replica": link.replica.name,
            "path": link.path,
            "lines": lines,
            "written": written,
            "error": error,
        }

    def _tell(self, answers: list[dict[str, Any]], *, write: bool) -> None:
        for answer in answers:
            done = "mended" if answer["written"] else "not mended" if write else "can be mended"
            self.output.say(f"{clean(answer['path'])}: {len(answer['lines'])} lines {done}")
            for line in answer["lines"]:
                self.output.say(f"  {line['line']:>5} - {clean(line['before'])}")
                self.output.say(f"        + {clean(line['after'])}")
            if answer["error"]:
                self.output.note(f"  failed: {clean(answer['error'])}")
        if not answers:
            self.output.say("No line is garbled.")
        elif not write:
            self.output.say("Nothing was changed. `planning-sync repair-encoding --write` mends these lines.")
