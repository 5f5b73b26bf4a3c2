"""A sync's report, told to people: `tell`; one changed row: `row_told`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planning_sync.sync.management.output import Output, clean
from planning_sync.sync.report import Report, Tally

_WORDS = {
    "in_step": "in step",
    "conflicts": "done, conflicts open",
    "refused": "refused by a guard",
    "failed": "failed in part",
}
_LONGEST_PREVIEW = 200
"""Lines shown of one plan; `--json` has them all."""


def tell(output: Output, report: Report) -> None:
    head = "would be " if report.dry_run and report.status == "in_step" else ""
    output.say(f"{clean(report.replica)}: {head}{_WORDS[report.status]}, {_plans(report)}")
    for name, tally in (("tasks", report.tasks), ("phases", report.phases)):
        if any(vars(tally).values()):
            output.say(f"  {name}: {_counts(tally)}")
    for path in dict.fromkeys(report.files_written):
        output.say(f"  written: {clean(path)}")
    if report.opened or report.closed or report.open:
        output.say(f"  conflicts: {report.opened} opened, {report.closed} closed, {report.open} open")
    if report.unpaired:
        output.say(f"  unpaired: {report.unpaired} plans that the hub may have already")
        output.note(f"  Say whether they are the same: `planning-sync pair {clean(report.replica)}`.")
    for preview in report.previews:
        _preview(output, preview)
    _troubles(output, report)


def _plans(report: Report) -> str:
    return f"{report.seen} plans seen, {report.changed} changed ({report.duration_seconds:.2f} s)"


def _counts(tally: Tally) -> str:
    return ", ".join(f"{number} {name}" for name, number in vars(tally).items() if number)


def _troubles(output: Output, report: Report) -> None:
    for refusal in report.refused:
        output.note(f"  refused: {clean(refusal['plan'] or 'the whole replica')}: {clean(refusal['reason'])}")
    for failure in report.errors:
        where = failure["plan"]
        told = clean(failure["error"])
        output.note(f"  failed: {told if not where or where in told else f'{clean(where)}: {told}'}")
    if report.open and not report.dry_run:
        output.note("  Open conflicts: see `planning-sync conflicts`; everything else is in step.")


def _preview(output: Output, preview: Mapping[str, Any]) -> None:
    """One plan of a dry run: rows of the hub, then lines of the file."""
    fingerprint = f"  [{preview['fingerprint']}]" if "fingerprint" in preview else ""
    output.say()
    output.say(f"{clean(preview['path'] or preview.get('title', ''))}: {preview['action']}{fingerprint}")
    if preview["action"] == "import":
        told = f"{preview['tasks']} tasks, {preview['phases']} phases"
        output.say(f"  hub   + {clean(preview['title'])} ({told})")
    if "like" in preview:
        output.say(f"  hub   = {clean(preview['like'])} ({preview['score']:.0%} alike)")
    shown = [f"  hub   {row_told(row)}" for row in preview.get("rows", ())]
    shown += [f"  file  {clean(line)}" for line in preview.get("lines", ())]
    shown += [f"  clash {_clash(clash)}" for clash in preview.get("conflicts", ())]
    shown += [f"  settle {_settled(clash)}" for clash in preview.get("settled", ())]
    for line in shown[:_LONGEST_PREVIEW]:
        output.say(line)
    if len(shown) > _LONGEST_PREVIEW:
        output.say(f"  ... and {len(shown) - _LONGEST_PREVIEW} more; --json lists them all")


_SIGNS = {"create": "+", "delete": "-", "move": ">", "update": "~"}


def row_told(row: Mapping[str, Any]) -> str:
    """One row of the hub as it changes, on one line."""
    told = f"{_SIGNS[row['change']]} {row['kind']} {clean(row['text'])}"
    if row["change"] == "update":
        told += f": {row['field']} {_value(row['before'])} -> {_value(row['after'])}"
    return told


def _clash(clash: Mapping[str, Any]) -> str:
    sides = (f"{side} {_value(clash[side])}" for side in ("base", "replica", "hub"))
    return f"{clash['field']}: {', '.join(sides)}"


def _settled(clash: Mapping[str, Any]) -> str:
    return f"{_clash(clash)}: {clash['strategy']} takes {clash['take']}"


def _value(value: Any) -> str:
    if value is None:
        return "(none)"
    return clean(", ".join(value) if isinstance(value, list | tuple) else repr(str(value)))
