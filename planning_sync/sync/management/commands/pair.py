"""`planning-sync pair [REPLICA [PATH]]`: plans that may be in the hub already, and what they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser

from planning_sync.sync import pairing, pairing_act, services, sides
from planning_sync.sync.management import base, lookup, reporting
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import CommandFailed, Exit, UsageError
from planning_sync.sync.management.output import clean
from planning_sync.sync.models import Replica, Unpaired
from planning_sync.sync.pairing import NEW, Proposal
from planning_sync.sync.pairing_act import Linked, Wanted
from planning_sync.sync.pairing_base import TAKES

MOST_SHOWN = 30


class Command(base.Command):
    help = "List the plans that wait for a person to say whether the hub has them already, or say so."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("replica", nargs="?", metavar="REPLICA", help="Name or folder; else all.")
        parser.add_argument("path", nargs="?", metavar="PATH", help="The plan there; else all that wait.")
        parser.add_argument("--with", dest="plan", metavar="PLAN", help="The plan of the hub that it is.")
        parser.add_argument(
            "--item",
            action="append",
            default=[],
            metavar="NUMBER=ID",
            help="The item of the plan with that number is the hub's item ID, or `new`. May be repeated.",
        )
        parser.add_argument(
            "--take",
            choices=TAKES,
            default="ask",
            help="What holds where the two differ: a conflict asks (the default), the hub, or the replica.",
        )
        acts = parser.add_mutually_exclusive_group()
        acts.add_argument("--link", action="store_true", help="Link them, and sync.")
        acts.add_argument("--as-new", action="store_true", help="Import them as plans of their own.")

    def act(self, options: dict[str, Any]) -> Exit:
        if options["replica"] is None:
            return self._list(Replica.objects.order_by("name"))
        row = services.replica_named(options["replica"])
        wanted = _wanted(row, options)
        if options["as_new"]:
            report = pairing_act.take_as_new(row, [each.path for each in wanted], actor=who())
            return self._answer(Linked(None, (), (), (report,) if report else ()))
        if options["link"]:
            return self._answer(pairing_act.link(row, wanted, actor=who()))
        if options["path"] is None:
            return self._list([row])
        side = sides.connect(row)
        self._show([pairing.propose(side, each.path, each.plan_id, each.choices) for each in wanted])
        return Exit.FINE

    def _list(self, rows: Any) -> Exit:
        found = [each for row in rows for each in pairing.unpaired_at(row)]
        if self.output.as_json:
            self.output.document([_unpaired(each) for each in found])
        elif not found:
            self.output.say("No plan waits to be paired.")
        else:
            cells = [
                (
                    each.replica.name,
                    each.path,
                    each.plan.title,
                    lookup.short(each.plan_id),
                    _percent(each.score),
                )
                for each in found
            ]
            self.output.table(("Replica", "Path", "Much like", "Id", ">Alike"), cells)
            self.output.say("Look at one with `planning-sync pair REPLICA PATH`.")
        return Exit.FINE

    def _show(self, proposals: Sequence[Proposal]) -> None:
        if self.output.as_json:
            self.output.document([found.as_json() for found in proposals])
            return
        for found in proposals:
            self._tell(found)

    def _tell(self, found: Proposal) -> None:
        say = self.output.say
        say(f"{clean(found.path)} and {clean(found.plan.title)} in the hub: {_percent(found.score)} alike")
        say(f"  {len(found.pairs)} items are the same; {len(found.differences)} of their fields differ")
        for each in found.differences[:MOST_SHOWN]:
            say(f"    {clean(each.text)}: {each.field} here {clean(each.replica)!r}, hub {clean(each.hub)!r}")
        say(f"  new in the hub: {len(found.new_in_hub)}, new in the replica: {len(found.new_in_replica)}")
        suggested = found.suggestions()
        for item in found.new_in_hub[:MOST_SHOWN]:
            say(f"    {item.key}: {clean(item.text)}")
            for pair in suggested.get(item.key, ()):
                told = f"{pair.hub.key} {clean(pair.hub.text)} ({_percent(pair.score)})"
                say(f"      or the hub's {told}{f': {pair.reason}' if pair.reason else ''}")
        say("Nothing was linked yet. --link does it; --item NUMBER=ID makes two items one; --as-new imports.")

    def _answer(self, outcome: Linked) -> Exit:
        if self.output.as_json:
            self.output.document(outcome.as_json())
        else:
            for path in outcome.paths:
                self.output.say(f"Linked {clean(path)}.")
            for report in outcome.reports:
                reporting.tell(self.output, report)
        if outcome.failed:
            raise CommandFailed("\n".join(reason for _, reason in outcome.failed))
        open_ones = any(report.opened for report in outcome.reports)
        return Exit.CONFLICTS if open_ones else Exit.FINE


def _wanted(row: Replica, options: dict[str, Any]) -> list[Wanted]:
    unpaired = pairing.unpaired_at(row)
    if options["path"] is None:
        if options["plan"] or options["item"]:
            raise UsageError("Say which PATH: --with and --item are about one plan.")
        return [Wanted(each.path, each.plan_id, take=options["take"]) for each in unpaired]
    path, known = options["path"], unpaired.filter(path=options["path"]).first()
    if options["plan"]:
        plan_id = lookup.plan(options["plan"]).pk
    elif known is not None:
        plan_id = known.plan_id
    else:
        raise UsageError(
            f"{path} does not wait to be paired at {row.name}. Say --with PLAN to link it all the same."
        )
    return [Wanted(path, plan_id, choices=dict(map(_choice, options["item"])), take=options["take"])]


def _choice(given: str) -> tuple[str, str]:
    number, found, key = given.partition("=")
    if not found:
        raise UsageError(f"{given!r} names no pair. Write NUMBER=ID, or NUMBER=new.")
    return number.strip(), NEW if key.strip() == "new" else key.strip().replace("-", "")


def _unpaired(each: Unpaired) -> dict[str, Any]:
    return {
        "replica": each.replica.name,
        "path": each.path,
        "plan": str(each.plan_id),
        "title": each.plan.title,
        "score": each.score,
        "found_at": each.found_at.isoformat(),
    }


def _percent(score: float) -> str:
    return f"{score:.0%}"
