"""`planning-sync tasks [PLAN]`: the tasks of a plan as a tree, or of all plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.management.base import CommandParser

from planning_sync.sync.management import base, listing, lookup
from planning_sync.sync.management.failures import Exit
from planning_sync.sync.management.output import clean, signed
from plans.models import Phase, Plan, Task

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree


class Command(base.Command):
    help = "Show the tasks of a plan, or of all plans, in document order."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "plan",
            nargs="?",
            metavar="PLAN",
            help="Id (or its start or end), path in a replica, or title; else all.",
        )

    def act(self, options: dict[str, Any]) -> Exit:
        chosen = lookup.plan(options["plan"]) if options["plan"] else None
        if self.output.as_json:
            self.output.document(list(listing.tasks(chosen)))
            return Exit.FINE
        rows = [chosen] if chosen else list(Plan.objects.live().order_by("title", "pk"))
        if not rows:
            self.output.say("There are no plans yet. Add a folder of them with `planning-sync add PATH`.")
        for row in rows:
            self.output.show(_tree(row))
        return Exit.FINE


def _tree(plan: Plan) -> Tree:
    from rich.text import Text
    from rich.tree import Tree

    head = Text(clean(plan.title), style="bold")
    head.append(f"  {plan.done_count}/{plan.task_count} tasks, {plan.progress.normalize():f} %", style="dim")
    root = Tree(head, guide_style="dim")
    branches: dict[UUID | None, Tree] = {None: root}
    items: list[Phase | Task] = [
        *Phase.objects.live().filter(plan=plan),
        *Task.objects.live().filter(plan=plan),
    ]
    for item in sorted(items, key=lambda item: item.position):
        above = item.parent_id or (item.phase_id if isinstance(item, Task) else None)
        told = _task(item) if isinstance(item, Task) else _phase(item)
        branches[item.pk] = branches.get(above, root).add(told)
    return root


def _phase(phase: Phase) -> Text:
    from rich.text import Text

    told = Text(clean(phase), style="bold")
    told.append(f"  {phase.progress.normalize():f} %", style="dim")
    return told


def _task(task: Task) -> Text:
    from rich.text import Text

    told = Text.assemble(signed(task.status), " ", clean(task))
    facts = [task.priority, task.assignee and f"@{task.assignee}", task.due_date and f"due {task.due_date}"]
    facts += [f"#{tag}" for tag in task.tags]
    if task.unreachable:
        facts.append("unreachable in the file")
    told.append("".join(f"  {clean(fact)}" for fact in facts if fact), style="cyan")
    told.append(f"  {lookup.short(task.pk)}", style="dim")
    return told
