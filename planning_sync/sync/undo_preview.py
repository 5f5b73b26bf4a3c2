"""What a case of an undo would change, told for people: rows of the hub, lines of the files, conflicts."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from audit import services as audit
from audit.models import Entry
from planning_sync.replicas.base import ABSENT, Replica
from planning_sync.sync import exchange, sides, undo_act
from planning_sync.sync.models import Link
from planning_sync.sync.preview import row_of
from planning_sync.sync.undo_model import Case, LinkCase
from plans import outline as outlines
from plans.document import parse

ACTIONS = {
    "restore": "gets back the exact content that it had before",
    "rewrite": "changes on these lines",
    "lines": "only the lines concerned change",
    "reopen": "gets back its own value of each conflict",
    "delete": "is deleted again, and unlinked",
    "release": "stays as it is, and is unlinked",
    "attach": "is linked again",
    "sync": "follows by the next sync",
    "leave": "stays as it is",
}


@dataclass(frozen=True)
class FilePreview:
    replica: str
    path: str
    how: str
    lines: list[str]
    """A unified difference without context."""
    edited: bool
    """Whether it has edits that no sync has seen yet; they are taken in first."""

    def as_json(self) -> dict[str, Any]:
        told = {"replica": self.replica, "path": self.path, "how": self.how, "says": ACTIONS[self.how]}
        return {**told, "lines": self.lines, "edited": self.edited}


@dataclass(frozen=True)
class PlanPreview:
    plan: UUID
    title: str
    presence: str
    """`discard`: the plan goes to the bin; `recover`: it comes out of it; else ""."""
    rows: list[dict[str, Any]]
    files: list[FilePreview]
    conflicts: list[dict[str, Any]]
    remarks: list[str]

    def as_json(self) -> dict[str, Any]:
        return {
            "plan": str(self.plan),
            "title": self.title,
            "presence": self.presence,
            "rows": self.rows,
            "files": [each.as_json() for each in self.files],
            "conflicts": self.conflicts,
            "remarks": self.remarks,
        }


def plan_preview(case: Case) -> PlanPreview:
    present = case.stored.outline
    return PlanPreview(
        *(case.plan.pk, case.plan.title, case.presence),
        rows=[row_of(change, present, case.hub) for change in outlines.diff(present, case.hub)],
        files=[_file(case, each) for each in case.links if each.how != "leave" or is_edited(each.link)],
        conflicts=[
            {
                "conflict": str(back.conflict.pk),
                "field": back.conflict.field,
                "item": back.conflict.item_label,
                "becomes": back.fields.get("state", back.conflict.state),
            }
            for back in case.conflicts
        ],
        remarks=[*_renames(case)],
    )


def is_edited(link: Link) -> bool:
    """Whether the file is another one than the last sync left."""
    return link.gone_at is None and sides.connect(link.replica).probe(link.path).checksum != link.checksum


def _renames(case: Case) -> list[str]:
    ids = [operation.pk for operation in case.operations]
    rows = Entry.objects.filter(operation__in=ids, plan_id=case.plan.pk, action=Entry.Action.RENAMED)
    return [f"The file keeps its present name, {entry.after}." for entry in rows]


def _file(case: Case, each: LinkCase) -> FilePreview:
    link = each.link
    edited = is_edited(link)
    lines = [] if edited else _lines(case, each)
    return FilePreview(link.replica.name, link.path, each.how, lines, edited)


def _lines(case: Case, each: LinkCase) -> list[str]:
    side = sides.connect(each.link.replica)
    if each.how == "lines":
        verdict = undo_act.imagined(case, exchange.examine(each.link, side), side)
        return _difference(each.link, side, None if verdict.write is None else verdict.write.data)
    target = undo_act.target_of(each)
    if target is None or target.write is None:
        return []
    return _difference(each.link, side, target.write.data or b"")


def _difference(link: Link, side: Replica, after: bytes | None) -> list[str]:
    if after is None:
        return []
    before = b"" if link.checksum == ABSENT else side.read(link.path).data
    return lines_between(before, after)


def lines_between(before: bytes, after: bytes) -> list[str]:
    """The lines that differ, as a unified difference without context."""
    old, new = ([line.rstrip("\r\n") for line in parse(data).lines] for data in (before, after))
    return list(difflib.unified_diff(old, new, lineterm="", n=0))[2:]


def kept_lines(before: str, after: str) -> list[str]:
    """The same between two contents that are kept by these checksums; "" is no content."""
    return lines_between(*(audit.snapshot(each) if each else b"" for each in (before, after)))
