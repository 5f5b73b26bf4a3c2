"""What the pages of a plan show, read from the hub: `links`, `open_conflicts`, `Tree`, `Touched`.

Every function makes a fixed number of queries, however large the plans are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.utils.functional import cached_property

from audit import sight
from audit.models import Entry
from conflicts import queue
from conflicts.models import Conflict
from conflicts.queue import Someone
from planning_sync.sync.models import Link
from plans import storage
from plans.models import Plan, Task
from plans.outline import ROOT, Kind, Outline
from plans.storage import Counts

_PENDING = (Conflict.State.OPEN, Conflict.State.DECIDED)
MANY_ENTRIES = 2000
"""After so many a page is made anew rather than mended."""


def links(user: Someone) -> QuerySet[Link]:
    """Without the packed outlines, which are large and of no use on a page."""
    return sight.shown(Link.objects.select_related("replica").defer("seen", "base", "held"), user)


def open_conflicts(plan: Plan, user: Someone) -> QuerySet[Conflict]:
    return queue.seen_by(user).filter(plan=plan, state__in=_PENDING).order_by("opened_at", "pk")


# ------------------------------------------------------------------------------------------ one plan


@dataclass(frozen=True)
class Tree:
    """A plan's items in document order, with what is to be said of them."""

    outline: Outline
    conflicts: Mapping[str, int]
    """Open ones, by the key of the item that they are on."""
    unreachable: frozenset[str]
    """Keys of the tasks that code has swallowed in the file."""

    @classmethod
    def of(cls, plan: Plan, conflicts: Iterable[Conflict] = ()) -> Tree:
        swallowed = Task.objects.live().filter(plan=plan, unreachable=True).values_list("pk", flat=True)
        return cls(
            storage.load(plan).outline,
            Counter(conflict.item_key for conflict in conflicts),
            frozenset(pk.hex for pk in swallowed),
        )

    @cached_property
    def counts(self) -> dict[str, Counts]:
        """Of every phase, and of the plan under `ROOT`."""
        return storage.count(self.outline)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """How many items stand below each one that has any, at whatever depth."""
        found: dict[str, int] = {}
        for item in reversed(self.outline.items):
            found[item.parent] = found.get(item.parent, 0) + found.get(item.key, 0) + 1
        return found

    @cached_property
    def lengths(self) -> dict[str, int]:
        """How many tasks stand in the list of each item that has one, and in the lists within that."""
        found: dict[str, int] = {}
        for item in reversed(self.outline.items):
            if item.kind is Kind.TASK:
                found[item.parent] = found.get(item.parent, 0) + found.get(item.key, 0) + 1
        return found

    def above(self, keys: Iterable[str]) -> set[str]:
        """The keys and all that stand above them, the plan included; of those that are there."""
        items, found = self.outline.by_key, {ROOT}
        pending = list(keys)
        while pending:
            key = pending.pop()
            if key in items and key not in found:
                found.add(key)
                pending.append(items[key].parent)
        return found

    def below(self, key: str) -> set[str]:
        """The key and all that stand below it; nothing where it is not there."""
        return {item.key for item in self.outline.subtree(key)} if key in self.outline.by_key else set()


class Touched(NamedTuple):
    """What changed since a page was made."""

    items: frozenset[str]
    lists: frozenset[str]
    """Keys of the items whose children are others, or in another order."""

    @classmethod
    def since(cls, plan: Plan, entry_id: int) -> Touched | None:
        """By the entries of the log after that one; None where they are too many.

        Whoever changes a plan holds its lock, so its entries are numbered in the order of their commits.
        """
        rows = Entry.objects.filter(plan_id=plan.pk, id__gt=entry_id).order_by("id")
        entries = list(rows.values_list("item_kind", "item_id", "before", "after")[: MANY_ENTRIES + 1])
        if len(entries) > MANY_ENTRIES:
            return None
        items = {pk.hex for kind, pk, _, _ in entries if pk is not None and kind in (Kind.TASK, Kind.PHASE)}
        parents = {_parent(place) for _, _, before, after in entries for place in (before, after)}
        return cls(frozenset(items), frozenset(each for each in parents if each is not None))

    def along_with(self, keys: Iterable[str]) -> Touched:
        return self._replace(items=self.items.union(keys))


def _parent(told: Any) -> str | None:
    return str(told["parent"]) if isinstance(told, dict) and "parent" in told else None


def newest_entry(plan_id: UUID) -> int:
    """The number of the latest entry about the plan; 0 for none."""
    newest = Entry.objects.filter(plan_id=plan_id).order_by("-id").values_list("pk", flat=True).first()
    return newest or 0
