"""`planning-sync resolve ID...`: decide one conflict, or many alike."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from conflicts import services
from conflicts.choices import GUARD_TAKES
from conflicts.models import GUARD, Conflict
from conflicts.services import Preview
from conflicts.services.deciding import SUGGESTION
from planning_sync.sync.management import base, chosen, listing, lookup
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import Exit, UsageError
from planning_sync.sync.management.output import clean

_LISTS = ("tags", "depends_on")
_SHOWN = 20


class Command(base.Command):
    help = (
        "Decide a conflict: take the replica's value, the hub's, both, or another one. "
        "Several ids, or filters in place of ids, decide many in one operation."
    )

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", metavar="ID", help="A conflict's id, or its start or end.")
        choice = parser.add_mutually_exclusive_group(required=True)
        choice.add_argument(
            "--take",
            choices=("replica", "hub", "both", SUGGESTION, *GUARD_TAKES),
            help="Whose value holds on both sides; go_on, restore or unlink for what a guard refused.",
        )
        choice.add_argument(
            "--value", metavar="V", help="A value for both sides; several tags separated by commas."
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Show what would be decided, and decide nothing."
        )
        parser.add_argument(
            "--fingerprint",
            default="",
            metavar="F",
            help="As the dry run gave it: refuse where the conflicts are not as they were then.",
        )
        chosen.add_filters(parser)

    def act(self, options: dict[str, Any]) -> Exit:
        ids = self._ids(options)
        if options["value"] is not None:
            return self._one(ids, options["value"])
        if options["dry_run"]:
            preview = services.preview(ids, take=options["take"])
            return self._tell(preview, dry_run=True)
        if len(options["ids"]) == 1 and options["take"] != SUGGESTION and not options["fingerprint"]:
            return self._decided(services.resolve(ids[0], take=options["take"], actor=who()).pk)
        done = services.resolve_many(
            ids, take=options["take"], actor=who(), fingerprint=options["fingerprint"]
        )
        return self._tell(done, dry_run=False)

    def _ids(self, options: dict[str, Any]) -> list[UUID]:
        named, filtered = options["ids"], chosen.any_filter(options)
        if bool(named) == filtered:
            raise UsageError("Give the ids of conflicts, or filters such as --plan PLAN, and not both.")
        if named:
            return [lookup.conflict(given) for given in named]
        rows = chosen.conflicts(options).filter(state=Conflict.State.OPEN).order_by("opened_at", "pk")
        return list(rows.values_list("pk", flat=True))

    def _one(self, ids: list[UUID], given: str) -> Exit:
        if len(ids) != 1:
            raise UsageError(f"--value is for one conflict, and {len(ids)} were named.")
        field = Conflict.objects.values_list("field", flat=True).get(pk=ids[0])
        words = [word.strip() for word in given.split(",") if word.strip()]
        value: Any = words if field in _LISTS else given.strip()
        return self._decided(services.resolve(ids[0], take="value", value=value, actor=who()).pk)

    def _decided(self, pk: UUID) -> Exit:
        row = Conflict.objects.get(pk=pk)
        if self.output.as_json:
            self.output.document(listing.as_conflict(row))
        else:
            settled = row.state == Conflict.State.RESOLVED
            applied = "it is done" if row.field == GUARD else "both sides have it"
            told = applied if settled else "the next sync applies it"
            what = row.taken if row.field == GUARD else row.field
            self.output.say(f"Decided: {what} of {row.item_label or 'the plan'}; {told}.")
        return Exit.CONFLICTS if row.state == Conflict.State.OPEN else Exit.FINE

    def _tell(self, preview: Preview, *, dry_run: bool) -> Exit:
        if self.output.as_json:
            self.output.document(_document(preview, dry_run=dry_run))
        else:
            self._say(preview, dry_run=dry_run)
        return Exit.CONFLICTS if preview.refused else Exit.FINE

    def _say(self, preview: Preview, *, dry_run: bool) -> None:
        rows = [
            (
                *(lookup.short(row.pk), row.item_label, row.field, take),
                *(listing.told(option.hub), ", ".join(map(listing.told, option.dropped)) or "nothing"),
            )
            for row, take, option in preview.effects[:_SHOWN]
        ]
        if rows:
            self.output.table(("Id", "Item", "Field", "Take", "Both sides then say", "Dropped"), rows)
        if len(preview.effects) > _SHOWN:
            self.output.say(f"... and {len(preview.effects) - _SHOWN} more")
        for row, error in preview.refused[:_SHOWN]:
            self.output.note(f"{lookup.short(row.pk)}  left: {clean(str(error))}")
        done = "would be decided" if dry_run else "decided"
        self.output.say(
            f"{len(preview.effects)} {done}, {preview.dropped} values dropped, {len(preview.refused)} left."
        )
        if dry_run and preview.effects:
            self.output.say(
                f"Nothing was decided. To decide exactly this, add --fingerprint {preview.fingerprint}"
            )


def _document(preview: Preview, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "decided": [
            {
                **listing.as_conflict(row),
                "take": take,
                "changes_hub": option.changes_hub,
                "changes_replica": option.changes_replica,
                "becomes": option.hub,
                "dropped": list(option.dropped),
            }
            for row, take, option in preview.effects
        ],
        "refused": [{"id": str(row.pk), "reason": str(error)} for row, error in preview.refused],
        "dropped": preview.dropped,
        "fingerprint": preview.fingerprint,
    }
