"""`planning-sync search TEXT`: plans, phases and tasks that fit, in meaning or in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.core.management.base import CommandParser

from planning_sync.search import records, services
from planning_sync.search.asking import Filters, Hit
from planning_sync.search.models import Kind
from planning_sync.sync import services as replicas
from planning_sync.sync.management import base, lookup
from planning_sync.sync.management.failures import Exit, UsageError
from planning_sync.sync.management.output import clean, signed
from plans.models import Priority, Status

if TYPE_CHECKING:
    from rich.text import Text


class Command(base.Command):
    help = "Find plans, phases and tasks by what they mean and say."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("text", nargs="+", metavar="TEXT", help="Words, a sentence, a ref such as 1.2.3.")
        parser.add_argument("--kind", action="append", choices=Kind.values, default=[], help="Only these.")
        parser.add_argument("--plan", action="append", metavar="PLAN", default=[], help="Only in this plan.")
        parser.add_argument("--replica", action="append", metavar="REPLICA", default=[], help="Only there.")
        parser.add_argument(
            "--status", action="append", choices=Status.values, default=[], help="Only in this status."
        )
        parser.add_argument(
            "--priority", action="append", choices=Priority.values, default=[], help="Only of this priority."
        )
        parser.add_argument("--tag", action="append", metavar="TAG", default=[], help="Only with this tag.")
        parser.add_argument("--limit", type=int, default=services.LIMIT, help="How many (default 20).")

    def act(self, options: dict[str, Any]) -> Exit:
        if not 0 < options["limit"] <= services.MOST:
            raise UsageError(f"--limit {options['limit']}: give a number from 1 to {services.MOST}.")
        records.follow()  # where no embedder runs
        answer = services.search(
            " ".join(options["text"]),
            user=AnonymousUser(),
            kinds=options["kind"] or services.ALL_KINDS,
            filters=_filters(options),
            limit=options["limit"],
        )
        if answer.degraded:
            self.output.note(f"Only words were compared: {answer.reason}")
        if self.output.as_json:
            self.output.document([hit.as_json() for hit in answer.hits])
        elif answer.hits:
            self.output.table(("Kind", "", "Text", "Plan", "Id", ">Score"), map(_row, answer.hits))
        else:
            self.output.say("Nothing fits. Try fewer or other words, or leave filters out.")
        return Exit.FINE


def _filters(options: dict[str, Any]) -> Filters:
    return Filters(
        plans=frozenset(str(lookup.plan(given).pk) for given in options["plan"]),
        replicas=frozenset(str(replicas.replica_named(given).pk) for given in options["replica"]),
        statuses=frozenset(options["status"]),
        priorities=frozenset(options["priority"]),
        tags=frozenset(options["tag"]),
    )


def _row(hit: Hit) -> tuple[object, ...]:
    told = _marked(hit)
    plan = "" if hit.kind == Kind.PLAN else hit.plan_title
    return (hit.kind, signed(hit.status), told, plan, lookup.short(hit.id), f"{hit.score:.2f}")


def _marked(hit: Hit) -> Text:
    from rich.text import Text

    told = Text(clean(hit.text))
    if told.plain == hit.text:
        for start, end in hit.marks:
            told.stylize("bold", start, end)
    return Text.assemble((f"{clean(hit.ref)} ", "cyan"), told) if hit.ref else told
