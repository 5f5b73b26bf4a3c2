"""What a sync of one plan rests on and decides: `examine` looks, `judge` decides. Nothing is written here.

examine: link, rows, file  -->  World  -- judge -->  Verdict: the changes of each side, and the write
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from audit.ids import new_id
from conflicts import merge
from conflicts import services as conflicts
from conflicts.merge import STRUCTURAL, Choice, Clash, Decision, Decisions, Policy
from conflicts.policy import Arbitrated, ArbitrationPolicy, Contexts, Settled, arbitrate
from planning_sync.replicas.base import Reading, Replica, Write
from planning_sync.sync import guards, state
from planning_sync.sync.contexts import contexts_of
from planning_sync.sync.models import Link
from planning_sync.sync.state import Held
from plans import identity, storage
from plans import outline as outlines
from plans.document.model import Document, Finding
from plans.models import Plan
from plans.outline import Added, Change, Changed, Item, Outline, Place
from plans.storage import Stored

Direction = Literal["both", "pull", "push"]


@dataclass(frozen=True)
class World:
    """Everything that a verdict rests on."""

    link: Link
    plan: Plan
    stored: Stored
    seen: Outline
    base: Outline
    held: Held
    reading: Reading
    """Keyed: known items by their ids, new ones by fresh ids."""
    found: Outline
    """What the replica says, unreachable items put back where they stood."""
    unreachable: frozenset[str]
    decisions: Mapping[tuple[str, str], Choice]
    doubtful: tuple[Finding, ...]
    """New items that may be known ones: too uncertain to be called so, and worth a person's look."""


@dataclass(frozen=True)
class Verdict:
    world: World
    decision: Decision
    settled: tuple[Settled, ...]
    """The clashes that strategies settled; `decision` has applied them."""
    hub: Outline
    """What the hub is to say."""
    hub_changes: tuple[Change, ...]
    write: Write | None
    replica_changes: tuple[Change, ...]
    """What the write changes in the replica's outline."""
    seen: Outline
    """What the replica says once the hub has acted, before the write."""
    agreed: Outline
    """Base at that moment."""
    next_seen: Outline
    """What the replica will say after the write."""
    next_base: Outline
    next_held: Held
    owes_replica: bool
    """The hub has edits that this direction of sync does not bring to the replica."""
    owes_hub: bool

    @property
    def fingerprint(self) -> str:
        """Of all that the verdict rests on and all that it would do; equal only for an equal world."""
        world = self.world
        told = (
            *(world.link.path, world.link.checksum, world.reading.checksum, world.plan.revision),
            *(len(self.hub_changes), self.write.after if self.write else ""),
        )
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def examine(link: Link, replica: Replica) -> World:
    """Read both sides of the link's plan; raises the replica's errors."""
    plan = Plan.objects.get(pk=link.plan_id)
    seen = state.unpack(link.seen)
    reading = replica.read(link.path)
    parsed = reading.document.outline
    match = identity.match(seen, parsed, reading.document.hidden)
    stored = storage.load(plan)
    known = {**match.keys, **_met_in_hub(match, seen, parsed, stored.outline)}
    reading = reading.rekeyed([known.get(item.key) or new_id().hex for item in parsed.items])
    return World(
        link=link,
        plan=plan,
        stored=stored,
        seen=seen,
        base=state.unpack(link.base) if link.base is not None else seen,
        held=state.unpack_held(link.held),
        reading=reading,
        found=with_kept(reading.document.outline, seen, match.unreachable),
        unreachable=match.unreachable,
        decisions=conflicts.decisions(plan.pk, link.replica_id),
        doubtful=_doubtful(match, known, seen, reading.document),
    )


def _doubtful(
    match: identity.Match, known: Mapping[str, str], seen: Outline, document: Document
) -> tuple[Finding, ...]:
    lines = {str(at): spot.line + 1 for at, spot in enumerate(document.spots, 1)}
    return tuple(
        Finding(
            lines[doubt.parsed],
            "doubtful",
            f"taken as new; it may be {seen.by_key[doubt.seen].text!r}, which is gone ({doubt.reason})",
        )
        for doubt in match.doubtful
        if doubt.parsed not in known and doubt.seen not in known.values()
    )


def _met_in_hub(match: identity.Match, seen: Outline, parsed: Outline, hub: Outline) -> dict[str, str]:
    """Parsed items that read unlike what was seen, and just as the hub has reworded a missing item."""
    taken = {*match.keys.values(), *match.unreachable}
    missing: dict[tuple[str, ...], list[str]] = {}
    for item in seen.items:
        if item.key not in taken and item.key in hub.by_key:
            now = hub.by_key[item.key]
            missing.setdefault((now.kind, now.ref, now.text), []).append(item.key)
    met: dict[str, str] = {}
    if missing:
        for item in parsed.items:
            alike = missing.get((item.kind, item.ref, item.text)) if item.key not in match.keys else None
            if alike:
                met[item.key] = alike.pop(0)
    return met


def edited_in_hub(link: Link, hub: Outline) -> bool:
    """Whether the hub says anything that the replica was never told of."""
    base = state.unpack(link.base if link.base is not None else link.seen)
    return merge.decide(base, hub, base, held=state.unpack_held(link.held)).replica != base


def judge(
    world: World,
    replica: Replica,
    *,
    direction: Direction,
    policy: Policy,
    arbitration: ArbitrationPolicy,
    guarded: bool,
) -> Verdict:
    """What is to happen; raises `Refused` where a guard says no."""
    decision, settled = _arbitrated(world, replica, policy, arbitration)
    world = _joined(world, decision)
    choices = {each.spot: each.choice for each in settled}
    world = replace(world, decisions={**world.decisions, **choices})
    hub = decision.hub if direction != "push" else world.stored.outline
    if guarded:
        blank = not world.reading.data.strip()
        guards.check_plan(world.link.path, world.stored.outline, hub, "hub", blank=blank)
        if direction != "pull":
            guards.check_plan(world.link.path, world.found, decision.replica, "replica")
    hub_changes = outlines.diff(world.stored.outline, hub)
    target = without(decision.replica, world.unreachable)
    write = None
    if direction != "pull" and target != world.reading.document.outline:
        prepared = _prepared(world, replica, target, world.unreachable & decision.replica.by_key.keys())
        write = None if prepared.changes_nothing else prepared
    next_seen = world.found
    if write is not None and write.document is not None:
        next_seen = with_kept(write.document.outline, world.found, _out_of_reach(world, write.document))
    pulled = direction == "pull"
    next_base, next_held = _after(world, decision, next_seen, pulled=pulled)
    return Verdict(
        world=world,
        decision=decision,
        settled=settled,
        hub=hub,
        hub_changes=hub_changes,
        write=write,
        replica_changes=outlines.diff(world.found, next_seen),
        seen=world.found,
        agreed=decision.agreed if direction != "push" else world.base,
        next_seen=next_seen,
        next_base=next_base if direction != "push" else _pushed(world, policy, decision.replica, next_seen),
        next_held=next_held,
        owes_replica=pulled and target != world.reading.document.outline,
        owes_hub=direction == "push" and decision.hub != world.stored.outline,
    )


def _arbitrated(world: World, replica: Replica, policy: Policy, arbitration: ArbitrationPolicy) -> Arbitrated:
    """The merge, with the decisions of people and of strategies."""

    def decide(decisions: Decisions) -> Decision:
        return merge.decide(
            world.base,
            world.stored.outline,
            world.found,
            held=world.held,
            policy=policy,
            decisions=decisions,
        )

    def saved_at() -> datetime | None:
        return replica.saved_at(world.link.path)

    def contexts(decision: Decision, clashes: Sequence[Clash]) -> Contexts:
        return contexts_of(
            *(clashes, decision),
            plan_id=world.plan.pk,
            seen=world.seen,
            saved_at=saved_at if arbitration.needs_times else None,
        )

    return arbitrate(decide, world.decisions, contexts, arbitration)


def _joined(world: World, decision: Decision) -> World:
    """The world once new items that both sides brought go by the hub's key."""
    if not decision.joined:
        return world
    names = {item.key: decision.joined.get(item.key, item.key) for item in world.found.items}
    keys = [names[item.key] for item in world.reading.document.outline.items]
    return replace(world, reading=world.reading.rekeyed(keys), found=world.found.rekeyed(names))


def _prepared(world: World, replica: Replica, target: Outline, kept: frozenset[str]) -> Write:
    """The write towards `target`; nothing goes away as long as lines of the items `kept` would go with it.

    Below a heading that is to go may stand code that has swallowed what the hub still has.
    """
    write = replica.prepare(world.reading, target)
    if not kept or write.document is None:
        return write
    if kept <= _out_of_reach(world, write.document) | write.document.outline.by_key.keys():
        return write
    present = world.reading.document.outline
    changes = [change for change in outlines.diff(present, target) if isinstance(change, Changed | Added)]
    try:
        return replica.prepare(world.reading, outlines.apply(present, changes))
    except KeyError:  # an addition hangs on what was to move
        changes = [change for change in changes if isinstance(change, Changed)]
        return replica.prepare(world.reading, outlines.apply(present, changes))


def _out_of_reach(world: World, document: Document) -> frozenset[str]:
    """Which items that code has swallowed still have their lines in the document."""
    if not world.unreachable:
        return frozenset()
    return identity.match(world.found, document.outline, document.hidden).unreachable & world.unreachable


def _after(world: World, decision: Decision, actual: Outline, *, pulled: bool) -> tuple[Outline, Held]:
    """The base and the held values after the write, of which `actual` is what became of it.

    What the replica could not be made to say is undone in the base, so that it does not look like an
    edit made there; of a field that the replica has no words for, the hub's value is held as agreed.
    """
    if pulled:
        return decision.agreed, dict(decision.held)
    missing = outlines.diff(decision.replica, actual)
    if not missing:
        return decision.base, dict(decision.held)
    held = dict(decision.held)
    for change in missing:
        if isinstance(change, Changed) and change.key not in world.unreachable:
            held[change.key, change.field] = change.before
    try:
        return outlines.apply(decision.base, missing), held
    except (KeyError, ValueError):
        # The base lacks what a change hangs on, because that is in conflict itself.
        return decision.agreed, dict(decision.held)


def _pushed(world: World, policy: Policy, wanted: Outline, actual: Outline) -> Outline:
    """The base once only the replica has acted, and of what was `wanted` of it came to say `actual`.

    It is the merge again with the sides exchanged. A value that the hub holds because the replica has no
    words for it counts as the replica's own.
    """
    if any(field in STRUCTURAL for _, field in world.held):
        return world.base
    base = world.base.by_key
    settled = [
        Changed(key, field, value, outlines.value(base[key], field))
        for (key, field), value in world.held.items()
        if key in base and key in world.stored.outline.by_key
        if outlines.value(world.stored.outline.by_key[key], field) == value
    ]
    hub = outlines.apply(world.stored.outline, settled)
    choices = {spot: choice.mirrored() for spot, choice in world.decisions.items()}
    agreed = merge.decide(world.base, world.found, hub, policy=policy.mirrored(), decisions=choices).agreed
    try:
        return outlines.apply(agreed, outlines.diff(wanted, actual))
    except (KeyError, ValueError):
        return world.base


# ------------------------------------------------------------------------------- unreachable items


def with_kept(outline: Outline, before: Outline, keys: Iterable[str]) -> Outline:
    """`outline` with the items `keys` of `before` put back, each as near as can be to where it stood."""
    kept = frozenset(keys)
    if not kept:
        return outline
    present = set(outline.by_key) | kept
    were = outlines.places(before)
    additions = []
    for item in before.items:
        if item.key in kept and item.key not in outline.by_key:
            parent = _surviving(item.parent, before, present)
            after = _preceding(were[item.key], parent, were, present, outline, kept)
            additions.append(Added(item._replace(parent=parent), Place(parent, after)))
    return outlines.apply(outline, additions)


def _surviving(key: str, before: Outline, present: set[str]) -> str:
    while key not in present:
        key = before.by_key[key].parent
    return key


def _preceding(
    place: Place,
    parent: str,
    were: Mapping[str, Place],
    present: set[str],
    outline: Outline,
    kept: frozenset[str],
) -> str:
    """The nearest earlier sibling that still stands below `parent`, or ""."""
    after = place.after
    while after and not (after in kept or (after in present and outline.by_key[after].parent == parent)):
        after = were[after].after
    return after if place.parent == parent else ""


def without(outline: Outline, keys: Iterable[str]) -> Outline:
    """`outline` less the items `keys` and everything below them."""
    gone = set(keys)
    if not gone:
        return outline
    items: list[Item] = []
    for item in outline.items:
        if item.key in gone or item.parent in gone:
            gone.add(item.key)
        else:
            items.append(item)
    return Outline(outline.plan, tuple(items))
