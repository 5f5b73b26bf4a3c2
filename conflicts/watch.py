"""What a policy watches an edit of the file for: `Watch`, `disputed`, `inconsistent`. Pure.

Programs that work on plans get things wrong in known ways: they drop tasks that were still open, tick boxes
for which there is nothing to show, claim a progress that the tasks do not come to. A policy can have such
edits wait for a person instead of being taken over in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from conflicts.merge.model import PRESENCE, Spot
from plans.outline import Item, Outline, Status

OPEN_TASKS_REMOVED = "open_tasks_removed"
EVIDENCE = "evidence"
DECLARED_PROGRESS = "declared_progress"

CLOSED = (Status.DONE, Status.CANCELLED)

_LINK = re.compile(r"https?://\S|\]\([^)\s]+\)")
_HEX = re.compile(r"\b[0-9a-f]{7,40}\b")
_REFERENCE = re.compile(r"(?<!\w)#\d+\b|\b[A-Z][A-Z0-9]+-\d+\b")

_PROOFS: Mapping[str, Callable[[str, str], bool]] = MappingProxyType(
    {
        "link": lambda line, body: bool(_LINK.search(f"{line} {body}")),
        "commit": lambda line, body: any(map(_is_commit, _HEX.findall(f"{line} {body}"))),
        "reference": lambda line, body: bool(_REFERENCE.search(f"{line} {body}")),
        "note": lambda line, body: bool(body.strip()),
    }
)
"""Kinds of evidence: a test of the task's line and of the text below it."""

PROOFS = tuple(_PROOFS)


@dataclass(frozen=True)
class Watch:
    """Edits that are plain and still wait for a person, as they look like a program's mistake."""

    open_tasks_removed: int | None = None
    """More open tasks than this, removed by one edit; None: not watched."""
    evidence: frozenset[str] = frozenset()
    """What a box ticked in the file needs one of, in the task's line or below it; empty: nothing."""
    declared_progress: float | None = None
    """By how many points the declared progress may differ from the computed one; None: by any."""

    @property
    def is_off(self) -> bool:
        return self == Watch()


Said = Callable[[str], tuple[str, str]]
"""Gives an item's line in the file and the text below it, by the item's key."""


def disputed(watch: Watch, base: Outline, replica: Outline, said: Said) -> dict[Spot, str]:
    """The edits of the replica since `base` that wait for a person, each with the rule that wants it so."""
    return {**_removed(watch, base, replica), **_unproven(watch, base, replica, said)}


def _removed(watch: Watch, base: Outline, replica: Outline) -> dict[Spot, str]:
    if watch.open_tasks_removed is None:
        return {}
    gone = [item for item in base.tasks() if item.key not in replica.by_key and item.status not in CLOSED]
    if len(gone) <= watch.open_tasks_removed:
        return {}
    return {(item.key, PRESENCE): OPEN_TASKS_REMOVED for item in gone}


def _unproven(watch: Watch, base: Outline, replica: Outline, said: Said) -> dict[Spot, str]:
    if not watch.evidence:
        return {}
    return {
        (item.key, "status"): EVIDENCE
        for item in replica.tasks()
        if item.status == Status.DONE and _was_open(item, base) and not _proven(watch, *said(item.key))
    }


def _was_open(item: Item, base: Outline) -> bool:
    before = base.by_key.get(item.key)
    return before is not None and before.status != Status.DONE


def _proven(watch: Watch, line: str, body: str) -> bool:
    return any(_PROOFS[kind](line, body) for kind in watch.evidence)


def _is_commit(word: str) -> bool:
    """Not every word of these letters is one: "defaced" is none, nor is a year with a month."""
    return any(sign.isdigit() for sign in word) and any(sign.isalpha() for sign in word)


def inconsistent(watch: Watch, outline: Outline, computed: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """(declared, computed) percentage by key, of the plan and the phases that declare another progress.

    `computed` holds the percentages of those that have tasks.
    """
    if watch.declared_progress is None:
        return {}
    return {
        item.key: (item.progress, computed[item.key])
        for item in (outline.plan, *outline.phases())
        if item.progress and item.key in computed
        if abs(Decimal(item.progress) - Decimal(computed[item.key])) > Decimal(str(watch.declared_progress))
    }
