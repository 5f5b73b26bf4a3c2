"""`planning-sync audit`: the audit log, to read or to hand on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import datetime, time
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from audit import exports, services
from audit.exports import Filters
from audit.models import Operation
from planning_sync.sync.management import base, lookup
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import CommandFailed, Exit, UsageError
from planning_sync.sync.management.output import clean


class Command(base.Command):
    help = "Show the audit log, oldest first, or export it; the export is in the log itself."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", metavar="TIME", help="A date, or a time such as 2026-01-31T12:00.")
        parser.add_argument("--until", metavar="TIME", help="Up to here, not included.")
        parser.add_argument("--plan", metavar="PLAN", help="Id (also of a plan that is gone), path or title.")
        parser.add_argument("--actor", default="", metavar="NAME", help="Who acted, or on whose behalf.")
        parser.add_argument("--kind", default="", choices=Operation.Kind.values, help="Kind of operation.")
        parser.add_argument(
            "--format", default="text", choices=("text", *exports.FORMATS), help="Default: text for people."
        )
        parser.add_argument("--output", metavar="FILE", help="A new file, readable by its owner only.")

    def act(self, options: dict[str, Any]) -> Exit:
        filters = _filters(options)
        if options["output"]:
            count = _into(Path(options["output"]), self._pieces(options["format"], filters))
            self.output.note(f"{options['output']}: {count} characters.")
        elif self.output.as_json:
            upto = exports.last_entry()
            services.note_export("json", filters, actor=who())
            self.output.document([_plain(row) for row in exports.rows(filters, upto)])
        else:
            for piece in self._pieces(options["format"], filters):
                self.stdout.write(piece, ending="")
        return Exit.FINE

    def _pieces(self, fmt: str, filters: Filters) -> Iterator[str]:
        if fmt in exports.FORMATS:
            return services.export(fmt, filters, actor=who())
        upto = exports.last_entry()
        services.note_export(fmt, filters, actor=who())
        return _sentences(exports.rows(filters, upto))


def _filters(options: dict[str, Any]) -> Filters:
    return Filters(
        since=_time(options["since"], "--since"),
        until=_time(options["until"], "--until"),
        plan_id=_plan(options["plan"]),
        actor=options["actor"],
        kind=options["kind"],
    )


def _time(given: str | None, option: str) -> datetime | None:
    if given is None:
        return None
    try:
        day = parse_date(given)
        found = datetime.combine(day, time()) if day else parse_datetime(given)
    except ValueError:
        found = None
    if found is None:
        raise UsageError(f"{option} {given!r} is no time: write 2026-01-31 or 2026-01-31T12:00.")
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def _plan(given: str | None) -> UUID | None:
    if given is None:
        return None
    try:
        return UUID(given)
    except ValueError:
        return lookup.plan(given).pk


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """With text in place of what JSON has no word for."""
    return {
        name: value.isoformat()
        if isinstance(value, datetime)
        else str(value)
        if isinstance(value, UUID)
        else value
        for name, value in row.items()
    }


def _sentences(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        at = timezone.localtime(row["at"]).strftime("%Y-%m-%d %H:%M:%S")
        behalf = f" for {row['on_behalf_of']}" if row["on_behalf_of"] else ""
        where = " ".join(word for word in (row["via"], row["address"]) if word)
        by = f"{row['actor']}{behalf}" + (f" ({where})" if where else "")
        what = " ".join(word for word in (row["action"], row["item_kind"], row["field"]) if word)
        of = f" {str(row['item'] or row['plan'])[-lookup.SHORT :]}" if row["item"] or row["plan"] else ""
        yield clean(f"{at}  {row['kind']} by {by}: {what}{of}{_values(row)}") + "\n"


def _values(row: dict[str, Any]) -> str:
    before, after = row["before"], row["after"]
    if before is None and after is None:
        return ""
    return f": {_short(before)} -> {_short(after)}" if before is not None else f": {_short(after)}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _into(path: Path, pieces: Iterable[str]) -> int:
    """Never over a file that is there: an export is evidence."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already: name a new file.") from error
    except OSError as error:
        raise CommandFailed(f"{path} cannot be written ({error.strerror}): name another file.") from error
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        return sum(file.write(piece) for piece in pieces)
