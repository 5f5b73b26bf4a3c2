"""What a sync of one plan rests on and decides: `examine` looks, `judge` decides. Nothing is written here.

examine: link, rows, file  -->  World  -- judge -->  Verdict: the changes of each side, and the write
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from django.utils.functional import cached_property

from audit.ids import new_id
from conflicts import merge
from conflicts import services as conflicts
from conflicts import watch as watching
from conflicts.merge import STRUCTURAL, Choice, Clash, Decision, Decisions, Policy
from conflicts.merge.model import PRESENCE, Spot
from conflicts.policy import Arbitrated, ArbitrationPolicy, Contexts, Settled, arbitrate
from conflicts.services import AtWork, Evidence
from conflicts.watch import Watch
from planning_sync.replicas.base import Reading, Replica, Write
from planning_sync.sync import annotated, guards, overwritten, state
from planning_sync.sync.contexts import contexts_of, suggesting
from planning_sync.sync.evidence import evidence_of
from planning_sync.sync.models import Link
from planning_sync.sync.recognition import recognise
from planning_sync.sync.state import Held
from plans import identity, storage
from plans import outline as outlines
from plans.document import text
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
    hub: Outline
    """What the hub says, with what a person decided that is no matter of the merge."""
    seen: Outline
    base: Outline
    held: Held
    reading: Reading
    """Keyed: known items by their ids, new ones by fresh ids."""
    found: Outline
    """What the replica says, unreachable items put back where they stood."""
    unreachable: frozenset[str]
    at_work: AtWork
    doubtful: tuple[Finding, ...]
    """New items that may be known ones: too uncertain to be called so, and worth a person's look."""

    @cached_property
    def decisions(self) -> Mapping[Spot, Choice]:
        """What people decided about clashes of the merge."""
        return {
            spot: choice
            for spot, choice in self.at_work.choices.items()
            if self.at_work.asked.get(spot) != watching.DECLARED_PROGRESS
        }

    @property
    def guard_world(self) -> str:
        """What a refusal of this plan rests on."""
        return f"{self.reading.checksum[:16]} {self.plan.revision}"


@dataclass(frozen=True)
class Verdict:
    world: World
    decision: Decision
    settled: tuple[Settled, ...]
    """The clashes that strategies settled; `decision` has applied them."""
    clashes: tuple[Clash, ...]
    """What waits for a person: the clashes of the decision, and what the policy has people look at."""
    rules: Mapping[Spot, str]
    """Which rule asks for the latter."""
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
    plan = link.plan
    seen = state.unpack(link.seen)
    reading = replica.read(link.path)
    parsed = reading.document.outline
    base = state.unpack(link.base) if link.base is not None else seen
    names = state.names(link.seen)
    undone = overwritten.before(link, plan, replica, reading)
    if undone is not None:
        seen, base, names = undone
    stored = storage.load(plan)
    match = recognise(reading.document, seen, names, stored.outline.by_key)
    at_work = conflicts.at_work(plan.pk, link.replica_id)
    known = {**match.keys, **_met_in_hub(match, seen, parsed, stored.outline)}
    reading = reading.rekeyed([known.get(item.key) or new_id().hex for item in parsed.items]).recalled(seen)
    found = with_kept(reading.document.outline, seen, match.unreachable)
    return World(
        link=link,
        plan=plan,
        stored=stored,
        hub=_divided(_recounted(stored.outline, at_work), found, at_work),
        seen=seen,
        base=base,
        held=state.unpack_held(link.held),
        reading=reading,
        found=found,
        unreachable=match.unreachable,
        at_work=at_work,
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
    rules = _disputed(world, arbitration.watch)
    decision, settled = _arbitrated(world, replica, policy, arbitration, rules)
    world = _joined(world, decision)
    settling = {**world.decisions, **{each.spot: each.choice for each in settled}}
    miscounted = _miscounted(world, decision, arbitration.watch)
    hub = decision.hub if direction != "push" else world.hub
    if guarded:
        blank = not world.reading.data.strip()
        path, told = world.link.path, world.guard_world
        # First what the file itself lost: edits of the hub keep items there, and would hide a plan replaced.
        lost_in_hub = (key for key in world.seen.by_key if key not in world.stored.outline.by_key)
        known = without(world.seen, lost_in_hub)
        guards.check_plan(path, known, world.found, "hub", world=told, blank=blank)
        guards.check_plan(path, world.stored.outline, hub, "hub", world=told, blank=blank)
        if direction != "pull":
            guards.check_plan(path, world.found, decision.replica, "replica", world=told)
    hub_changes = outlines.diff(world.stored.outline, hub)
    target = without(decision.replica, world.unreachable)
    write, document = None, world.reading.document
    if direction != "pull" and target != document.outline:
        prepared = _prepared(world, replica, target, world.unreachable & decision.replica.by_key.keys())
        write = None if prepared.changes_nothing else prepared
        document = prepared.document or document
    next_seen = world.found
    if document is not world.reading.document:
        next_seen = with_kept(document.outline, world.found, _out_of_reach(world, document))
    pulled = direction == "pull"
    next_base, next_held = _after(world, decision, next_seen, pulled=pulled)
    return Verdict(
        world=world,
        decision=decision,
        settled=settled,
        clashes=(*decision.clashes, *miscounted),
        rules={**rules, **{(clash.key, clash.field): watching.DECLARED_PROGRESS for clash in miscounted}},
        hub=hub,
        hub_changes=hub_changes,
        write=write,
        replica_changes=outlines.diff(world.found, next_seen),
        seen=world.found,
        agreed=decision.agreed if direction != "push" else world.base,
        next_seen=next_seen,
        next_base=next_base
        if direction != "push"
        else _pushed(world, policy, settling, rules, decision.replica, next_seen),
        next_held=next_held,
        owes_replica=pulled and target != world.reading.document.outline,
        owes_hub=direction == "push" and decision.hub != world.hub,
    )


def _arbitrated(
    world: World,
    replica: Replica,
    policy: Policy,
    arbitration: ArbitrationPolicy,
    rules: Mapping[Spot, str],
) -> Arbitrated:
    """The merge, with the decisions of people and of strategies; what a rule asks about is for people."""

    def decide(decisions: Decisions) -> Decision:
        return merge.decide(
            world.base,
            world.hub,
            world.found,
            held=world.held,
            policy=policy,
            decisions=decisions,
            disputed=rules.keys(),
        )

    def saved_at() -> datetime | None:
        return replica.saved_at(world.link.path)

    def evidence() -> Callable[[Clash], Evidence]:
        link = world.link
        return evidence_of(link.plan_id, link.replica_id, replica, link.path, world.reading)

    def contexts(decision: Decision, clashes: Sequence[Clash]) -> Contexts:
        return contexts_of(
            *(clashes, decision),
            plan_id=world.plan.pk,
            seen=world.seen,
            saved_at=saved_at if arbitration.needs_times else None,
            suggest=suggesting(world.link.replica_id, evidence()) if arbitration.learns else None,
        )

    manual = {*rules, *world.at_work.asked}
    return arbitrate(decide, world.decisions, contexts, arbitration, manual)


def _recounted(hub: Outline, at_work: AtWork) -> Outline:
    """`hub` with the progress declared anew where a person decided that the tasks are right."""
    changes = []
    for (key, field), choice in at_work.choices.items():
        asked = at_work.asked.get((key, field)) == watching.DECLARED_PROGRESS
        if asked and choice.take != "replica" and key in hub.by_key:
            present = outlines.value(hub.by_key[key], field)
            wanted = choice.hub_value if choice.take == "hub" else choice.value
            if present == choice.replica_value and wanted is not None:
                changes.append(Changed(key, field, present, wanted))
    return outlines.apply(hub, changes) if changes else hub


def _divided(hub: Outline, found: Outline, at_work: AtWork) -> Outline:
    """`hub` with a new item beside each of which a person said that it is two: it says what the hub said."""
    for key in at_work.pairs:
        choice, item, twin = at_work.choices[key, "text"], hub.by_key.get(key), found.by_key.get(key)
        if item is None or twin is None or (item.text, twin.text) != (choice.hub_value, choice.replica_value):
            continue
        own = item._replace(key=new_id().hex)
        hub = outlines.apply(hub, [Added(own, Place(item.parent, key))])
    return hub


def _disputed(world: World, watch: Watch) -> dict[Spot, str]:
    """What only one side changed and a person is to look at: now, or since an earlier merge asked."""
    base, found = world.base.by_key, world.found.by_key

    def changed(key: str, field: str) -> bool:
        if key not in base:
            return False
        if field == PRESENCE:
            return key not in found
        return key in found and outlines.value(found[key], field) != outlines.value(base[key], field)

    asked = {
        spot: rule
        for spot, rule in world.at_work.asked.items()
        if rule in (watching.OPEN_TASKS_REMOVED, watching.EVIDENCE) and changed(*spot)
    }
    asked |= annotated.of(world)
    if watch.is_off:
        return asked
    found_now = watching.disputed(watch, world.base, world.found, _said(world.reading.document))
    removed = any(field == PRESENCE for _, field in found_now)
    if removed and world.link.base is not None:
        # What hangs below keeps an item in the hub whose removal was granted: that is not asked twice.
        granted = conflicts.granted(world.plan.pk, world.link.replica_id, watching.OPEN_TASKS_REMOVED)
        found_now = {
            (key, field): rule
            for (key, field), rule in found_now.items()
            if field != PRESENCE or key not in granted
        }
    return {**found_now, **asked}


def _said(document: Document) -> watching.Said:
    spots = dict(zip((item.key for item in document.outline.items), document.spots, strict=True))

    def said(key: str) -> tuple[str, str]:
        spot = spots.get(key)
        if spot is None:  # its line is inside of code
            return "", ""
        line, *body = (text.display(each) for each in document.lines[spot.text_line : spot.own_end])
        return line, "".join(body)

    return said


def _miscounted(world: World, decision: Decision, watch: Watch) -> tuple[Clash, ...]:
    """A declared progress that the tasks do not come to, unless a person said that it is to stand."""
    counts = storage.count(decision.hub)
    computed = {key: storage.percent_text(each.percent) for key, each in counts.items() if each.total}
    found = watching.inconsistent(watch, decision.hub, computed)
    if not found:
        return ()
    clashing = {(clash.key, clash.field) for clash in decision.clashes}
    accepted = conflicts.accepted(world.plan.pk, world.link.replica_id, watching.DECLARED_PROGRESS)
    return tuple(
        Clash(key, "progress", declared, hub=counted, replica=declared)
        for key, (declared, counted) in found.items()
        if (key, "progress") not in clashing and (key, declared, counted) not in accepted
    )


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


def _pushed(
    world: World,
    policy: Policy,
    settling: Decisions,
    rules: Mapping[Spot, str],
    wanted: Outline,
    actual: Outline,
) -> Outline:
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
        if key in base and key in world.hub.by_key
        if outlines.value(world.hub.by_key[key], field) == value
    ]
    hub = outlines.apply(world.hub, settled)
    agreed = merge.decide(
        *(world.base, world.found, hub),
        policy=policy.mirrored(),
        decisions={spot: choice.mirrored() for spot, choice in settling.items()},
        disputed=rules.keys(),
    ).agreed
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
