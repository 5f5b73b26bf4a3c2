"""Which plans are to be looked at, and what the rules say of one: `due`, `Due`, `result_of`, `mended`.

A plan is judged by its first Markdown file, as the last sync left it, by the rules kept beside its replica.
It is looked at again once anything that the verdict rests on has changed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypedDict
from uuid import UUID

from audit import services as audit
from audit.models import Entry, Operation
from conflicts.models import Conflict
from planning_sync.replicas.base import ABSENT
from planning_sync.replicas.markdown import MarkdownFolder
from planning_sync.sync import sides, state
from planning_sync.sync.models import Link, Replica
from planning_sync.sync.preview import row_of
from planning_sync.sync.validity import Rulebook, rulebook_of
from planning_sync.validation.models import Assessment
from plans import outline as outlines
from plans import rules, storage
from plans.document.model import Dialect
from plans.rules import Facts, Settings, ValidationResult


@dataclass(frozen=True)
class Due:
    """A plan to look at, with all that the verdict will rest on."""

    link: Link
    rulebook: Rulebook
    conflicts: int
    today: date

    @property
    def basis(self) -> str:
        link = self.link
        told = (
            *(link.pk, link.path, link.checksum, link.problem, _is_behind(link)),
            *(self.rulebook.digest, self.conflicts),
        )
        return hashlib.sha256(repr((*told, self.today.isoformat())).encode()).hexdigest()

    @property
    def settings(self) -> Settings:
        return self.rulebook.file.settings(self.link.path)

    @property
    def facts(self) -> Facts:
        return Facts(
            today=self.today,
            drift=_drift(self.link),
            conflicts=self.conflicts,
            sync_seconds=_last_sync_seconds(self.link.plan_id),
        )


def due(*, today: date) -> Iterator[Due]:
    """The plans whose verdict is not there or rests on something that has changed; oldest link first."""
    known = dict(Assessment.objects.values_list("plan_id", "basis"))
    conflicts = _open_conflicts()
    rulebooks: dict[UUID, Rulebook] = {}
    for link in _judged_links():
        if link.replica_id not in rulebooks:
            rulebooks[link.replica_id] = rulebook_of(sides.connect(link.replica))
        each = Due(link, rulebooks[link.replica_id], conflicts[link.plan_id], today)
        if known.get(link.plan_id) != each.basis:
            yield each


def of_link(link: Link, *, today: date) -> Due:
    """The same of one plan, whether it is due or not."""
    rulebook = rulebook_of(sides.connect(link.replica))
    return Due(link, rulebook, _open_conflicts(link.plan_id)[link.plan_id], today)


def link_of(plan_id: UUID) -> Link | None:
    """The link by whose file the plan is judged; None where it has no Markdown file."""
    return next(_judged_links(plan_id), None)


def _judged_links(plan_id: UUID | None = None) -> Iterator[Link]:
    """The first of each plan."""
    rows = Link.objects.select_related("replica", "plan").defer("seen", "base", "held").order_by("pk")
    rows = rows.filter(released_at=None, gone_at=None, plan__deleted_at=None)
    rows = rows.filter(replica__kind=Replica.Kind.MARKDOWN).exclude(checksum=ABSENT)
    if plan_id is not None:
        rows = rows.filter(plan_id=plan_id)
    met: set[UUID] = set()
    for link in rows.iterator(chunk_size=500):
        if link.plan_id not in met:
            met.add(link.plan_id)
            yield link


def _open_conflicts(plan_id: UUID | None = None) -> Counter[UUID | None]:
    rows = Conflict.objects.filter(state=Conflict.State.OPEN)
    if plan_id is not None:
        rows = rows.filter(plan_id=plan_id)
    return Counter(rows.values_list("plan_id", flat=True))


def _is_behind(link: Link) -> bool:
    """Whether the file has not been told of an edit of the hub."""
    return link.revision < link.plan.revision


def _drift(link: Link) -> tuple[str, ...]:
    """What stops the plan from being synced, and what the hub says that its file was never told."""
    found = [link.problem] if link.problem else []
    if _is_behind(link):
        file, hub = state.unpack(link.seen), storage.load(link.plan).outline
        found += [_difference(row_of(change, file, hub)) for change in outlines.diff(file, hub)]
    return tuple(found)


def _difference(row: Mapping[str, Any]) -> str:
    """A change that a sync would make of the file, in words."""
    what = f"{row['kind']} {row.get('text', '')!r}"
    if row["change"] == "update":
        return f"{row['field']} of {what}: {row['before']!r} in the file, {row['after']!r} in the hub"
    return f"the hub would {row['change']} {what}"


def _last_sync_seconds(plan_id: UUID) -> float | None:
    """How long the last sync that touched the plan took, for each plan that it changed."""
    syncs = (Operation.Kind.SYNC, Operation.Kind.IMPORT)
    told = Entry.objects.filter(plan_id=plan_id, operation__kind__in=syncs).select_related("operation")
    last = told.exclude(operation__finished_at=None).order_by("-id").first()
    if last is None or last.operation.finished_at is None:
        return None
    took = (last.operation.finished_at - last.operation.started_at).total_seconds()
    changed = last.operation.summary.get("plans", {})
    return took / max(1, changed.get("changed", 1) if isinstance(changed, dict) else 1)


def result_of(each: Due) -> ValidationResult:
    """What the rules say of the file as it was at the last sync."""
    return rules.check(audit.snapshot(each.link.checksum), each.settings, **_told_of(each))


def mended(each: Due, data: bytes, *, only: Collection[str] = (), unsafe: bool = False) -> bytes:
    """The file with all that the rules, or those named by `only`, can mend."""
    return rules.fix_all(data, each.settings.narrowed(only), unsafe=unsafe, **_told_of(each)).data


def _told_of(each: Due) -> _Told:
    side = sides.connect(each.link.replica)
    assert isinstance(side, MarkdownFolder), "only Markdown is judged"
    return {"name": each.link.path, "facts": each.facts, "dialect": side.dialect}


class _Told(TypedDict):
    name: str
    facts: Facts
    dialect: Dialect


def told(result: ValidationResult) -> Mapping[str, object]:
    """The columns of an `Assessment`."""
    return {
        "score": result.score,
        "errors": len(result.errors),
        "warnings": len(result.warnings),
        "remarks": len(result.findings) - len(result.errors) - len(result.warnings),
        "fixable": sum(finding.fixable for finding in result.findings),
        "rules": "".join(Assessment.mention(cost.rule) for cost in result.costs),
        "findings": [
            {
                **{name: getattr(finding, name) for name in _COLUMNS},
                "fixable": finding.fixable,
                "safe": finding.fix is not None and finding.fix.safe,
                "fix": finding.fix.title if finding.fix is not None else "",
            }
            for finding in result.findings
        ],
        "costs": [cost._asdict() for cost in result.costs],
        "metrics": result.metrics._asdict(),
    }


_COLUMNS = ("rule", "level", "severity", "line", "column", "end_line", "end_column", "message")
