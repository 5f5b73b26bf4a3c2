"""`planning-sync task set|add|move|delete`: edit the tasks of the hub; the file follows at once."""

from __future__ import annotations

import argparse
import re
from typing import Any

from django.core.management.base import CommandParser

from conflicts.models import Conflict
from planning_sync.sync.management import base, listing, lookup, placing
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.base import add_json
from planning_sync.sync.management.failures import Exit, UsageError
from planning_sync.sync.management.output import STATUS_SIGNS, clean
from plans import services
from plans.models import Task
from plans.outline import FIELDS, Kind

_FIELD = re.compile(rf"({'|'.join(FIELDS[Kind.TASK])})=", re.ASCII)
_FIELDS_HELP = "FIELD=VALUE is one of: " + ", ".join(f"{name}=..." for name in FIELDS[Kind.TASK]) + ".\n"
_EXAMPLES = (
    _FIELDS_HELP
    + "Statuses are todo, in_progress, done, blocked, cancelled; due is a date such as 2026-05-31; "
    "several tags are\nseparated by commas; nothing after = empties the field. "
    "A text that looks like FIELD=VALUE goes after `--`."
)


class Command(base.Command):
    help = "Edit a task: set fields, add, move, delete. The file follows at once."

    def arguments(self, parser: CommandParser) -> None:
        edits = parser.add_subparsers(dest="edit", required=True, metavar="set|add|move|delete")
        given = self._edit(edits, "set", "Set fields of a task.", epilog=_EXAMPLES)
        given.usage = "%(prog)s [--json] ID FIELD=VALUE ..."
        given.add_argument("id", metavar="ID", help="The task's id, or its start or end.")
        _add_fields(given)
        given = self._edit(edits, "add", "Add a task to a plan.", epilog=_EXAMPLES)
        given.usage = (
            "%(prog)s [--json] PLAN TEXT [--parent ID | --phase PHASE] [--after ID | --first] "
            "[FIELD=VALUE ...]"
        )
        given.add_argument(
            "plan", metavar="PLAN", help="Id (or its start or end), path in a replica, or title."
        )
        given.add_argument("text", metavar="TEXT")
        _add_place(given)
        _add_fields(given)
        given = self._edit(edits, "move", "Move a task, with all below it.")
        given.add_argument("id", metavar="ID", help="The task's id, or its start or end.")
        _add_place(given)
        given = self._edit(edits, "delete", "Put a task, with all below it, into the bin.")
        given.add_argument("id", metavar="ID", help="The task's id, or its start or end.")

    def _edit(self, edits: Any, name: str, told: str, *, epilog: str = "") -> argparse.ArgumentParser:
        kind = argparse.RawDescriptionHelpFormatter
        given: argparse.ArgumentParser = edits.add_parser(
            name, help=told, description=told, epilog=epilog, formatter_class=kind
        )
        add_json(given, default=argparse.SUPPRESS)
        return given

    def run_from_argv(self, argv: list[str]) -> None:
        super().run_from_argv([*argv[:2], *_with_options(argv[2:])])

    def act(self, options: dict[str, Any]) -> Exit:
        edit = {"set": self._set, "add": self._add, "move": self._move, "delete": self._delete}
        return edit[options["edit"]](options)

    def _set(self, options: dict[str, Any]) -> Exit:
        task = lookup.task(options["id"])
        fields = _fields(options)
        if not fields:
            raise UsageError(f"Say what to set, for example status=done. {_FIELDS_HELP.strip()}")
        services.set_fields(task, fields, actor=who())
        return self._tell("Set", task)

    def _add(self, options: dict[str, Any]) -> Exit:
        plan = lookup.plan(options["plan"])
        place = placing.for_new(plan, options)
        fields = _fields(options)
        if "text" in fields:
            raise UsageError("The text is given twice: as TEXT and as text=... . Leave one of them out.")
        first = bool(options["first"])
        task = services.add_task(
            place.parent, options["text"], after=place.after, first=first, actor=who(), **fields
        )
        return self._tell("Added", task)

    def _move(self, options: dict[str, Any]) -> Exit:
        task = lookup.task(options["id"])
        place = placing.for_known(task, options)
        services.move(task, parent=place.parent, after=place.after, actor=who())
        return self._tell("Moved", task)

    def _delete(self, options: dict[str, Any]) -> Exit:
        task = lookup.task(options["id"])
        services.delete(task, actor=who())
        return self._tell("Deleted", task)

    # ------------------------------------------------------------------------------------- the answer

    def _tell(self, done: str, task: Task) -> Exit:
        """Say what the task is now, and whether the file has the edit."""
        task = Task.objects.select_related("plan").get(pk=task.pk)
        files = placing.files_of(task)
        if self.output.as_json:
            deleted = task.deleted_at is not None
            self.output.document({**listing.task(task), "deleted": deleted, "files": files})
        else:
            self.output.say(f"{done}: {STATUS_SIGNS[task.status]} {clean(task)}  {lookup.short(task.pk)}")
            for file in files:
                reason = f" ({clean(file['reason'])})" if file["reason"] else ""
                has = (
                    "has it"
                    if file["in_step"]
                    else "does not have it yet"
                    if not file["held"]
                    else "cannot say it"
                )
                self.output.say(f"  {clean(file['path'])}: {has}{reason}")
            if not files:
                self.output.say("  No replica has this plan; the edit is in the hub alone.")
        return Exit.CONFLICTS if _in_conflict(task) else Exit.FINE


def _in_conflict(task: Task) -> bool:
    return Conflict.objects.filter(
        plan_id=task.plan_id, item_key=task.pk.hex, state=Conflict.State.OPEN
    ).exists()


def _add_fields(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="fields",
        metavar="FIELD=VALUE",
        help="The same as FIELD=VALUE.",
    )


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parent", metavar="ID", help="The task that it stands below.")
    parser.add_argument(
        "--phase", metavar="PHASE", help="Id, number or title of the phase that it stands in."
    )
    places = parser.add_mutually_exclusive_group()
    places.add_argument(
        "--after", metavar="ID", help="The task that it comes right after; else it is the last one."
    )
    places.add_argument("--first", action="store_true", help="Before its siblings.")


def _with_options(words: list[str]) -> list[str]:
    """The words with each FIELD=VALUE made an option, since argparse takes free words in one row only."""
    edge = words.index("--") if "--" in words else len(words)
    spelled = [
        f"--set={word}" if _FIELD.match(word) and previous != "--set" else word
        for previous, word in zip(["", *words], words[:edge], strict=False)
    ]
    return spelled + words[edge:]


def _fields(options: dict[str, Any]) -> dict[str, str]:
    found = {}
    for given in options["fields"]:
        name, sign, value = given.partition("=")
        if not sign or name not in FIELDS[Kind.TASK]:
            raise UsageError(f"{given!r} is not FIELD=VALUE. {_FIELDS_HELP.strip()}")
        found[name] = value
    return found
