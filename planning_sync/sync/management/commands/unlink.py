"""`planning-sync unlink PLAN`: a plan and its file stay as they are, and no longer follow each other."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from planning_sync.sync import services
from planning_sync.sync.management import base, lookup
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import Exit, UsageError
from planning_sync.sync.management.output import clean
from planning_sync.sync.models import Link
from plans.models import Plan


class Command(base.Command):
    help = "Leave a plan and its file as they are: neither follows the other until `planning-sync link PLAN`."
    linked = False
    """Whether the two follow each other afterwards."""

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "plan", metavar="PLAN", help="Id (or its start or end), path in a replica, or title."
        )
        parser.add_argument("--replica", metavar="REPLICA", help="Only at this replica; else at all of them.")

    def act(self, options: dict[str, Any]) -> Exit:
        plan = lookup.plan(options["plan"])
        links = list(_links(plan, options["replica"]).filter(released_at__isnull=not self.linked))
        if not links:
            state = "linked" if self.linked else "unlinked"
            raise UsageError(f"{clean(plan.title)} has no file that is not {state} already.")
        for link in links:
            (services.attach if self.linked else services.release)(link, actor=who())
        answer = [{"plan": str(plan.pk), "replica": link.replica.name, "path": link.path} for link in links]
        if self.output.as_json:
            self.output.document(answer)
        else:
            told = "follow each other again" if self.linked else "no longer follow each other"
            for link in links:
                self.output.say(f"{clean(plan.title)} and {clean(link.path)} at {link.replica.name} {told}.")
        return Exit.FINE


def _links(plan: Plan, replica: str | None) -> Any:
    links = Link.objects.filter(plan=plan).select_related("replica").order_by("replica__name")
    return links.filter(replica=services.replica_named(replica)) if replica else links
