"""What one pass over a replica did, or would do: `Report`, and its JSON form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from plans.outline import Added, Change, Changed, Item, Kind, Moved, Outline, Removed


@dataclass
class Tally:
    """Numbers of items by what happened to them."""

    created: int = 0
    updated: int = 0
    moved: int = 0
    deleted: int = 0


@dataclass
class Report:
    replica: str
    dry_run: bool = False
    operation: str = ""
    seen: int = 0
    changed: int = 0
    failed: int = 0
    tasks: Tally = field(default_factory=Tally)
    phases: Tally = field(default_factory=Tally)
    opened: int = 0
    closed: int = 0
    open: int = 0
    unpaired: int = 0
    """Plans of the replica that wait for a person to say whether the hub has them already."""
    files_written: list[str] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    errors: list[dict[str, str]] = field(default_factory=list)
    previews: list[dict[str, Any]] = field(default_factory=list)
    duration_seconds: float = 0.0

    @property
    def status(self) -> str:
        if self.errors:
            return "failed"
        if self.refused:
            return "refused"
        return "conflicts" if self.open else "in_step"

    def count(self, changes: Iterable[Change], outline: Outline) -> None:
        """Add what `changes`, the way to `outline`, do to phases and tasks; each item counts once."""
        touched: dict[str, tuple[Kind, str]] = {}
        for change in changes:
            match change:
                case Added(Item(key=key, kind=kind)):
                    touched[key] = (kind, "created")
                case Removed(Item(key=key, kind=kind)):
                    touched[key] = (kind, "deleted")
                case Moved(key):
                    touched.setdefault(key, (outline.by_key[key].kind, "moved"))
                case Changed(key):
                    touched[key] = (outline.by_key[key].kind, "updated")
        for kind, what in touched.values():
            if kind is not Kind.PLAN:
                tally = self.tasks if kind is Kind.TASK else self.phases
                setattr(tally, what, getattr(tally, what) + 1)

    def as_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "operation": self.operation,
            "replica": self.replica,
            "status": self.status,
            "dry_run": self.dry_run,
            "plans": {
                "seen": self.seen,
                "changed": self.changed,
                "written": len(self.files_written),
                "failed": self.failed,
            },
            "tasks": vars(self.tasks),
            "phases": vars(self.phases),
            "conflicts": {"opened": self.opened, "closed": self.closed, "open": self.open},
            "unpaired": self.unpaired,
            "files_written": self.files_written,
            "refused": self.refused,
            "errors": self.errors,
            "duration_seconds": round(self.duration_seconds, 3),
        }
        if self.dry_run:
            document["previews"] = self.previews
        return document
