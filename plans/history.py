"""What a plan said at any time, walked back from its rows through the log.

Public: `steps_of`, `outline_at`, `document_at`, `moment_of`, `versions`, `put_back`; `Step`, `Version`.

Every write to a plan is one batch of entries, which together are the difference of two outlines. Taken back
from the newest on, they lead from the present rows to each outline there ever was.

    rows now  --batch n, inverted-->  outline before n  --batch n-1, inverted-->  ...
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from audit.models import Entry, Operation
from plans import outline as outlines
from plans import storage
from plans.errors import BeyondHistory, BrokenHistory
from plans.models import Plan
from plans.outline import FIELDS, ROOT, Item, Kind, Outline, Place

_ITEMS = frozenset({Kind.PHASE.value, Kind.TASK.value})
_ITEM_ACTIONS = frozenset({"created", "changed", "moved", "deleted"})
_PLAN_FIELDS = frozenset(FIELDS[Kind.PLAN])
_DOCUMENT = "document"


class Step(NamedTuple):
    """One batch of changes: the plan right before and right after it; None while there was no plan."""

    operation_id: UUID
    first_entry: int
    before: Outline | None
    after: Outline


class Version(NamedTuple):
    """The plan as one operation left it."""

    operation: UUID
    kind: str
    actor: str
    on_behalf_of: str
    at: datetime
    checksum: str
    """Of the document as it was known by then; "" where there was none."""
    counts: dict[str, int]
    """Entries by action: what the operation did to items and to the plan."""


def steps_of(plan: Plan, operation_ids: Collection[UUID]) -> list[Step]:
    """The steps of these operations, newest first; raises `BrokenHistory`."""
    walk = _Walk(plan)
    found = []
    for batch in _batches(plan, since=_first_entry(plan, operation_ids)):
        if batch.operation_id not in operation_ids:
            walk.back(batch)
            continue
        after = walk.outline()
        assert after is not None, "a batch leaves a plan behind"
        walk.back(batch)
        found.append(Step(batch.operation_id, batch.entries[0].pk, walk.outline(), after))
    return found


def outline_at(plan: Plan, *, after_entry: int) -> Outline | None:
    """What the plan said once the entry `after_entry` was recorded; None where it was not there yet.

    Raises `BrokenHistory`, and `BeyondHistory` where the log does not reach back so far.
    """
    walk = _Walk(plan)
    for batch in _batches(plan):
        if batch.entries[-1].pk <= after_entry:
            break
        walk.back(batch)
    if walk.there and after_entry < _first_entry(plan):
        raise BeyondHistory(plan.title)
    return walk.outline()


def moment_of(plan: Plan, *, at: datetime | None = None, operation_id: UUID | None = None) -> int:
    """The last entry of the plan at that time, or of that operation; 0 where there was none by then.

    An operation that did nothing to this plan stands for the time at which it began.
    """
    entries = Entry.objects.filter(plan_id=plan.pk)
    if operation_id is not None:
        last = entries.filter(operation_id=operation_id).order_by("-id").values_list("pk", flat=True).first()
        if last is not None:
            return last
        at = Operation.objects.values_list("started_at", flat=True).get(pk=operation_id)
    assert at is not None, "a moment is a time or an operation"
    return entries.filter(at__lte=at).order_by("-id").values_list("pk", flat=True).first() or 0


def document_at(plan: Plan, *, after_entry: int) -> str:
    """Checksum of the plan's document by then; "" where it had none."""
    entries = Entry.objects.filter(plan_id=plan.pk, pk__lte=after_entry)
    told = entries.filter(field=_DOCUMENT).order_by("-id").values_list("after", flat=True).first()
    if told is not None:
        return str(told)
    created = entries.filter(action=Entry.Action.CREATED, item_kind=Kind.PLAN).order_by("-id").first()
    made: dict[str, Any] = (created.after or {}) if created is not None else {}
    return str(made.get("checksum", ""))


def versions(plan: Plan) -> list[Version]:
    """Every version, newest first, one for each operation that did something to the plan."""
    counts: dict[UUID, Counter[str]] = {}
    checksums: dict[UUID, str] = {}
    checksum = ""
    rows = Entry.objects.filter(plan_id=plan.pk).order_by("id")
    names = ("operation_id", "action", "item_kind", "field", "after")
    for operation_id, action, kind, name, after in rows.values_list(*names).iterator():
        told = counts.setdefault(operation_id, Counter())
        if name == _DOCUMENT:
            checksum = str(after or "")
        elif action == Entry.Action.CREATED and kind == Kind.PLAN:
            checksum = str(after.get("checksum", ""))
        checksums[operation_id] = checksum
        told[action] += 1
    operations = Operation.objects.in_bulk(list(counts))
    return [
        Version(
            *(pk, operations[pk].kind, operations[pk].actor, operations[pk].on_behalf_of),
            *(operations[pk].started_at, checksums[pk], dict(counts[pk])),
        )
        for pk in reversed(counts)
    ]


def put_back(outline: Outline, before: Outline, keys: Iterable[str]) -> Outline:
    """`outline` with the items `keys` of `before` as they were then, as near as can be to where they stood.

    An item that is there already is taken from its place first; what stands below it stays below it.
    """
    wanted = frozenset(keys)
    stay = [item for item in outline.items if item.key not in wanted]
    moved = {item.key: item for item in outline.items if item.key in wanted}
    children: dict[str, list[str]] = {}
    items: dict[str, Item] = {ROOT: outline.plan}
    for item in (*stay, *moved.values()):
        items[item.key] = item
    for item in stay:
        children.setdefault(item.parent, []).append(item.key)
    were = outlines.places(before)
    for item in before.items:
        if item.key in wanted:
            parent = _surviving(item, before, items)
            siblings = children.setdefault(parent, [])
            siblings.insert(_position(item, parent, were, siblings), item.key)
            items[item.key] = item._replace(parent=parent)
    return outlines.arrange(outline.plan, items, children)


def _surviving(item: Item, before: Outline, items: Mapping[str, Item]) -> str:
    """The nearest item above that is still there, and not below the item itself by now."""
    parent = item.parent
    while parent not in items or _stands_below(parent, item.key, items):
        parent = before.by_key[parent].parent
    return parent


def _stands_below(key: str, other: str, items: Mapping[str, Item]) -> bool:
    while key != ROOT and key != other:
        key = items[key].parent
    return key == other


def _position(item: Item, parent: str, were: dict[str, Place], siblings: list[str]) -> int:
    """Right after the nearest earlier sibling that stands here; before all where none does."""
    earlier = were[item.key].after if item.parent == parent else ""
    while earlier and earlier not in siblings:
        earlier = were[earlier].after
    return siblings.index(earlier) + 1 if earlier else 0


# -------------------------------------------------------------------------------------- walking back


@dataclass
class _Batch:
    operation_id: UUID
    entries: list[Entry]
    """In the order in which they were recorded."""


def _first_entry(plan: Plan, operation_ids: Collection[UUID] | None = None) -> int:
    """The first entry of the plan in the log, or the first one of these operations."""
    entries = Entry.objects.filter(plan_id=plan.pk)
    if operation_ids is not None:
        entries = entries.filter(operation_id__in=list(operation_ids))
    return entries.order_by("id").values_list("pk", flat=True).first() or 0


def _batches(plan: Plan, *, since: int = 0) -> Iterator[_Batch]:
    """The batches that changed what the plan says, newest first, back to the entry `since`."""
    rows = Entry.objects.filter(plan_id=plan.pk, pk__gte=since, action__in=_ITEM_ACTIONS).order_by("-id")
    told = (entry for entry in rows.iterator(chunk_size=500) if _tells_of_items(entry))
    # One call records all its entries with one time.
    for (operation_id, _), entries in groupby(told, lambda entry: (entry.operation_id, entry.at)):
        yield _Batch(operation_id, list(entries)[::-1])


def _tells_of_items(entry: Entry) -> bool:
    if entry.item_kind in _ITEMS:
        return True
    if entry.item_kind != Kind.PLAN:
        return False
    return entry.action == Entry.Action.CREATED or (
        entry.action == Entry.Action.CHANGED and entry.field in _PLAN_FIELDS
    )


@dataclass
class _Walk:
    """The plan's tree as it goes back in time."""

    plan: Plan
    there: bool = True
    root: Item = field(init=False)
    items: dict[str, Item] = field(init=False)
    children: dict[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        present = storage.load(self.plan).outline
        self.root, self.items = present.plan, {item.key: item for item in present.items}
        self.children = {parent: list(keys) for parent, keys in present.children.items()}

    def outline(self) -> Outline | None:
        return outlines.arrange(self.root, self.items, self.children) if self.there else None

    def back(self, batch: _Batch) -> None:
        """Take the batch back; raises `BrokenHistory` where the rows are not what it left."""
        try:
            self._back(batch)
        except (KeyError, ValueError) as error:
            raise BrokenHistory(self.plan.title, batch.operation_id) from error

    def _back(self, batch: _Batch) -> None:
        homeless: dict[str, Place] = {}
        for entry in batch.entries:
            if entry.item_kind == Kind.PLAN:
                self._back_plan(entry)
                continue
            assert entry.item_id is not None, "an item has an id"
            key = entry.item_id.hex
            match entry.action:
                case Entry.Action.CREATED:
                    self._take(key)
                    del self.items[key]
                case Entry.Action.MOVED:
                    self._take(key)
                    homeless[key] = _place(entry.before)
                case Entry.Action.CHANGED:
                    self.items[key] = self.items[key]._replace(**{entry.field: _value(entry.before)})
                case Entry.Action.DELETED:
                    self.items[key] = _item(key, Kind(entry.item_kind), entry.before)
                    homeless[key] = _place(entry.before)
        self._settle(homeless)

    def _back_plan(self, entry: Entry) -> None:
        if entry.action == Entry.Action.CREATED:
            self.there = False
        else:
            self.root = self.root._replace(**{entry.field: _value(entry.before)})

    def _take(self, key: str) -> None:
        self.children[self.items[key].parent].remove(key)

    def _settle(self, homeless: dict[str, Place]) -> None:
        """Put each item at its place, after those that its place names."""
        while homeless:
            waiting = [next(iter(homeless))]
            while waiting:
                place = homeless[waiting[-1]]
                first = next((key for key in (place.parent, place.after) if key in homeless), None)
                if first is None:
                    key = waiting.pop()
                    self._insert(key, homeless.pop(key))
                elif first in waiting:
                    raise ValueError(first)
                else:
                    waiting.append(first)

    def _insert(self, key: str, place: Place) -> None:
        if place.parent and place.parent not in self.items:
            raise KeyError(place.parent)
        siblings = self.children.setdefault(place.parent, [])
        siblings.insert(siblings.index(place.after) + 1 if place.after else 0, key)
        self.items[key] = self.items[key]._replace(parent=place.parent)


def _place(told: Any) -> Place:
    return Place(told["parent"], told["after"])


def _item(key: str, kind: Kind, told: Any) -> Item:
    fields = {name: _value(told[name]) for name in FIELDS[kind] if name in told}
    return Item(**{"text": "", **fields}, key=key, kind=kind, parent=told["parent"])


def _value(told: Any) -> Any:
    return tuple(told) if isinstance(told, list) else told
