"""First link where both sides already hold the same work: who is who, as a proposal for a person.

Public: `unpaired_at`, `propose`, `Proposal`, `Pair`, `Choices`. Reads, never writes: `pairing_act` does.

The items are matched as those of a plan whose file was edited a lot (`plans.identity`); what that calls
doubtful is shown with its score, and is two items unless the person says that it is one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from planning_sync.replicas.base import Reading, Replica
from planning_sync.sync.errors import InvalidPairing
from planning_sync.sync.models import Replica as ReplicaRow
from planning_sync.sync.models import Unpaired
from planning_sync.sync.recognition import recognise
from plans import identity, storage
from plans.identity.wording import closeness, wording
from plans.models import Plan
from plans.outline import ROOT, Item, Outline, Value, differing_fields
from plans.storage import Stored

Choices = Mapping[str, str]
"""What a person says of items: number in the replica's plan -> key in the hub, or `NEW`."""
NEW = ""

SUGGESTED_FROM = 0.4
"""How close two texts must be for one to be offered as what the other may be."""
MOST_SUGGESTED = 5
_MOST_COMPARED = 40_000


class Pair(NamedTuple):
    """An item of the replica's plan and the item of the hub that it is, or may be."""

    item: Item
    """Keyed by its number."""
    hub: Item
    score: float
    """How alike the two read, 0 to 1."""
    reason: str = ""
    """Why the pair is doubtful; "" for one that is sure."""


class Difference(NamedTuple):
    key: str
    field: str
    text: str
    hub: Value
    replica: Value


@dataclass(frozen=True)
class Proposal:
    """What linking the two would mean. An item of the replica's plan goes by its number, counted from 1."""

    path: str
    plan: Plan
    stored: Stored
    reading: Reading
    """Keyed: items that are paired by their keys in the hub, new ones by their numbers."""
    score: float
    """How much of the two plans is the same work."""
    unreachable: frozenset[str]
    """Items of the hub whose line stands in the file, swallowed by a broken fence."""
    pairs: tuple[Pair, ...]
    doubtful: tuple[Pair, ...]
    """Pairs that nobody said anything about; as it stands each is two items."""

    @property
    def hub(self) -> Outline:
        return self.stored.outline

    @property
    def there(self) -> Outline:
        return self.reading.document.outline

    @property
    def new_in_hub(self) -> tuple[Item, ...]:
        return tuple(item for item in self.there.items if item.key not in self.hub.by_key)

    @property
    def new_in_replica(self) -> tuple[Item, ...]:
        known = {*self.there.by_key, *self.unreachable}
        return tuple(item for item in self.hub.items if item.key not in known)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The fields in which the two sides of a pair, or the two plans, differ."""
        hub = self.hub.by_key
        return tuple(
            Difference(item.key, field, hub[item.key].text, mine, theirs)
            for item in (self.there.plan, *self.there.items)
            if item.key in hub
            for field, mine, theirs in differing_fields(hub[item.key], item)
        )

    @property
    def fingerprint(self) -> str:
        """Of all that the proposal rests on; what a person confirms is confirmed for this alone."""
        told = repr((self.path, self.plan.pk.hex, self.plan.revision, self.reading.checksum))
        return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def as_json(self) -> dict[str, Any]:
        """With `number` for an item of the replica's plan, and `id` for one of the hub."""
        suggested = self.suggestions()
        return {
            "path": self.path,
            "plan": str(self.plan.pk),
            "title": self.plan.title,
            "score": self.score,
            "fingerprint": self.fingerprint,
            "pairs": [_pair_json(pair) for pair in self.pairs],
            "doubtful": [_pair_json(pair) for pair in self.doubtful],
            "differences": [
                {
                    "id": each.key,
                    "field": each.field,
                    "text": each.text,
                    "hub": each.hub,
                    "replica": each.replica,
                }
                for each in self.differences
            ],
            "new_in_hub": [
                {
                    "number": item.key,
                    "kind": item.kind,
                    "text": item.text,
                    "suggestions": [_pair_json(pair) for pair in suggested.get(item.key, ())],
                }
                for item in self.new_in_hub
            ],
            "new_in_replica": [
                {"id": item.key, "kind": item.kind, "text": item.text} for item in self.new_in_replica
            ],
        }

    def suggestions(self) -> dict[str, list[Pair]]:
        """By number of a new item of the replica's plan, free items of the hub that it may be, best first."""
        free = self.new_in_replica
        if len(free) * len(self.new_in_hub) > _MOST_COMPARED:
            free = ()
        found = {item.key: _closest(item, free) for item in self.new_in_hub}
        for pair in self.doubtful:
            others = [other for other in found[pair.item.key] if other.hub.key != pair.hub.key]
            found[pair.item.key] = [pair, *others][:MOST_SUGGESTED]
        return {key: pairs for key, pairs in found.items() if pairs}


def unpaired_at(row: ReplicaRow) -> QuerySet[Unpaired]:
    """The plans there that wait for a person to say what they are."""
    return Unpaired.objects.filter(replica=row, as_new=False).select_related("plan").order_by("path")


def propose(side: Replica, path: str, plan_id: UUID, choices: Choices | None = None) -> Proposal:
    """Who is who; raises `InvalidPairing` for choices that cannot be, and the replica's errors."""
    plan = Plan.objects.live().filter(pk=plan_id).first()
    if plan is None:
        raise InvalidPairing(path, gettext_noop("the plan of the hub is not there any more"))
    stored, reading = storage.load(plan), side.read(path)
    there, hub = reading.document.outline, stored.outline
    match = recognise(reading.document, hub, {}, hub.by_key)
    keys = _chosen(path, match.keys, choices or {}, there, hub)
    taken = set(keys.values())
    return Proposal(
        path=path,
        plan=plan,
        stored=stored,
        reading=reading.rekeyed([keys.get(item.key, item.key) for item in there.items]).recalled(hub),
        score=round(identity.similarity(hub, there), 3),
        unreachable=match.unreachable - taken,
        pairs=tuple(_pair(there.by_key[number], hub.by_key[key]) for number, key in keys.items()),
        doubtful=tuple(
            Pair(there.by_key[doubt.parsed], hub.by_key[doubt.seen], doubt.score, doubt.reason)
            for doubt in match.doubtful
            if doubt.parsed not in {*keys, *(choices or {})} and doubt.seen not in taken
        ),
    )


def _chosen(
    path: str, matched: Mapping[str, str], choices: Choices, there: Outline, hub: Outline
) -> dict[str, str]:
    """The matched keys, with the choices above them: a chosen partner leaves whom it was matched with."""
    for mine, theirs in choices.items():
        _check_choice(path, mine, theirs, there, hub)
    wanted = [theirs for theirs in choices.values() if theirs != NEW]
    if len(set(wanted)) < len(wanted):
        raise InvalidPairing(
            path, gettext_noop("one item of the hub was chosen for two items of the replica")
        )
    kept = {mine: key for mine, key in matched.items() if mine not in choices and key not in wanted}
    kept |= {mine: theirs for mine, theirs in choices.items() if theirs != NEW}
    return {item.key: kept[item.key] for item in there.items if item.key in kept}


def _check_choice(path: str, mine: str, theirs: str, there: Outline, hub: Outline) -> None:
    if mine == ROOT or mine not in there.by_key:
        raise InvalidPairing(path, f"the replica's plan has no item {mine!r}")
    if theirs == NEW:
        return
    if theirs not in hub.by_key:
        raise InvalidPairing(path, f"the plan of the hub has no item {theirs!r}")
    if hub.by_key[theirs].kind is not there.by_key[mine].kind:
        raise InvalidPairing(path, f"{hub.by_key[theirs].text!r} is of another kind than item {mine!r}")


def _pair_json(pair: Pair) -> dict[str, Any]:
    return {
        "number": pair.item.key,
        "kind": pair.item.kind,
        "text": pair.item.text,
        "id": pair.hub.key,
        "hub_text": pair.hub.text,
        "score": pair.score,
        "reason": pair.reason,
    }


def _pair(item: Item, hub: Item) -> Pair:
    return Pair(item, hub, _closeness(item, hub))


def _closeness(item: Item, other: Item) -> float:
    return round(closeness(wording(item.ref, item.text).text, wording(other.ref, other.text).text), 3)


def _closest(item: Item, free: Sequence[Item]) -> list[Pair]:
    pairs: Iterable[Pair] = (_pair(item, hub) for hub in free if hub.kind is item.kind)
    close = [pair for pair in pairs if pair.score >= SUGGESTED_FROM]
    return sorted(close, key=lambda pair: (-pair.score, pair.hub.key))[:MOST_SUGGESTED]
