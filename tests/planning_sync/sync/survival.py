"""What must hold after every sync, whatever happened before it: the checks of the survival tests."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping

from audit import services as audit
from audit.models import Entry, Operation, Snapshot
from conflicts.merge.model import ORDER, PARENT, PRESENCE
from conflicts.models import Conflict
from planning_sync.sync import exchange, state
from planning_sync.sync.models import Intent, Link
from planning_sync.sync.recognition import recognise
from plans import identity, storage
from plans import outline as outlines
from plans.document import Document, parse
from plans.models import Phase, Plan, Task
from plans.outline import ROOT, Added, Change, Changed, Moved, Outline, Removed
from tests.planning_sync.sync.pages import lines_of, tokens


def parsed(data: bytes, path: str) -> Document:
    return parse(data, name=path.rpartition("/")[2])


def disagreements(link: Link, data: bytes) -> tuple[list[str], set[str]]:
    """What hub and file say differently of one plan without an open conflict that tells of it.

    And the tokens that wait in the hub until the lines around them in the file can be reached again.
    """
    document = parsed(data, link.path)
    seen = state.unpack(link.seen)
    matched = identity.match(seen, document.outline, document.hidden)
    unreachable = matched.unreachable | _swallowed_phases(seen, matched, document)
    if not exchange.without(seen, unreachable).same_shape(document.outline):
        told = f"{drawn(seen)}\n{drawn(document.outline)}\n{matched}\n{document.hidden}\n{data.decode()}"
        return [f"{link.path}: the outline seen last is not that of the file:\n{told}"], set()
    return _untold(link, seen, unreachable)


def recorded_disagreements(link: Link, document: Document) -> tuple[list[str], set[str]]:
    """As `disagreements`, of a plan that is records: what it has no words for is remembered."""
    seen = state.unpack(link.seen)
    keys = recognise(document, seen, state.names(link.seen), seen.by_key).keys
    found = document.rekeyed([keys.get(item.key, item.key) for item in document.outline.items]).recalled(seen)
    if found.outline != seen:
        told = f"{outlines.diff(seen, found.outline)}\n{drawn(seen)}\n{document.data.decode()}"
        return [f"{link.path}: the outline seen last is not that of the records:\n{told}"], set()
    return _untold(link, seen, frozenset())


def _untold(link: Link, seen: Outline, unreachable: Collection[str]) -> tuple[list[str], set[str]]:
    hub = storage.load(link.plan).outline
    held = set(state.unpack_held(link.held))
    differences = _Told(hub, seen, open_conflicts(link), held, unreachable)
    changes = outlines.diff(hub, seen)
    wrong = [change for change in changes if not differences.explains(change)]
    waiting = {token for change in changes if differences.waits(change) for token in tokens(str(change))}
    return [f"{link.path}: {change}\n{drawn(hub)}\n{drawn(seen)}" for change in wrong], waiting


def _swallowed_phases(seen: Outline, matched: identity.Match, document: Document) -> set[str]:
    """Phases whose heading stands in code; they may stay or go with what stood below them."""
    known = set(matched.keys.values())
    text = "".join(document.lines)
    return {item.key for item in seen.phases() if item.key not in known and item.text in text}


def open_conflicts(link: Link) -> set[tuple[str, str]]:
    rows = Conflict.objects.filter(plan_id=link.plan_id, replica_id=link.replica_id, state="open")
    return set(rows.values_list("item_key", "field"))


class _Told:
    """Which differences of two outlines of one plan have been told of."""

    def __init__(
        self,
        hub: Outline,
        seen: Outline,
        conflicts: set[tuple[str, str]],
        held: Collection[tuple[str, str]],
        unreachable: Collection[str],
    ) -> None:
        self.sides = (hub, seen)
        self.held = set(held)
        self.spots = conflicts | self.held
        self.unreachable = set(unreachable)

    def explains(self, change: Change) -> bool:
        if self.unreachable and not isinstance(change, Changed):
            return True  # nothing goes or moves in the file if swallowed lines of living tasks went with it
        match change:
            case Changed(key, field, _, _):
                return (key, field) in self.spots or key in self.unreachable
            case Added(item, _) | Removed(item, _):
                return any(self._clashing(key) for key in self._family(item.key))
            case Moved(key, before, after):
                spots = {(key, PARENT), (before.parent, ORDER), (after.parent, ORDER)}
                above = {*self._family(before.parent), *self._family(after.parent)}
                # It waits where it is for a parent that one side does not have as long as that clashes.
                return bool(spots & self.spots) or any(self._clashing(each) for each in {key, *above})
        raise AssertionError(change)

    def waits(self, change: Change) -> bool:
        """Whether it concerns what the file cannot be made to say because code has swallowed the place."""
        if isinstance(change, Changed):
            return change.key in self.unreachable or (change.key, change.field) in self.held
        return bool(self.unreachable)

    def _clashing(self, key: str) -> bool:
        return (key, PRESENCE) in self.spots or key in self.unreachable or (key, PARENT) in self.spots

    def _family(self, key: str) -> Iterator[str]:
        """The item, those above and those below it, on both sides."""
        for side in self.sides:
            if key in side.by_key and key != ROOT:
                yield from (item.key for item in side.subtree(key))
                above = side.by_key[key].parent
                while above != ROOT:
                    yield above
                    above = side.by_key[above].parent


def drawn(outline: Outline) -> str:
    """The outline as indented lines, for messages."""
    depth = {ROOT: 0}
    lines = [outline.plan.text]
    for item in outline.items:
        depth[item.key] = depth[item.parent] + 1
        mark = "#" if item.kind == "phase" else f"[{item.status}]"
        lines.append(f"{'  ' * depth[item.key]}{mark} {item.ref} {item.text} ({item.key[-4:]})")
    return "\n".join(lines)


def hub_texts() -> str:
    """Everything that live rows of live plans say."""
    told = [title for (title,) in Plan.objects.live().values_list("title")]
    for model, name in ((Phase, "title"), (Task, "text")):
        rows = model.objects.filter(deleted_at=None, plan__deleted_at=None).values_list(name, flat=True)
        told.extend(rows)
    return "\n".join(sorted(told))


def conflict_texts() -> str:
    """Every value that an open conflict shows."""
    rows = Conflict.objects.filter(state="open").values_list("replica_value", "hub_value", "item_label")
    return json.dumps(list(rows), default=str)


def plans_in_conflict() -> str:
    """What the live rows say of plans that are there on one side only, until a person decides."""
    told: list[str] = []
    for plan in Plan.objects.filter(
        conflicts__state="open", conflicts__field=PRESENCE, conflicts__item_key=""
    ):
        told.append(plan.title)
        told.extend(Phase.objects.filter(plan=plan, deleted_at=None).values_list("title", flat=True))
        told.extend(Task.objects.filter(plan=plan, deleted_at=None).values_list("text", flat=True))
    return "\n".join(told)


def everything_kept() -> set[str]:
    """Tokens of all that is kept anywhere: rows (also in the bin), entries, conflicts, snapshots."""
    found: set[str] = set()
    for model, name in ((Plan, "title"), (Phase, "title"), (Task, "text")):
        for text in model.objects.values_list(name, flat=True):
            found |= tokens(text)
    for entry in Entry.objects.values_list("before", "after"):
        found |= tokens(json.dumps(entry, default=str))
    for row in Conflict.objects.values_list("base_value", "replica_value", "hub_value", "taken_value"):
        found |= tokens(json.dumps(row, default=str))
    for checksum in Snapshot.objects.values_list("checksum", flat=True):
        found |= tokens(audit.snapshot(checksum).decode("utf-8", "replace"))
    return found


def foreign_changes(before: bytes, after: bytes, path: str, touched: Mapping[str, bool]) -> list[str]:
    """Lines that a sync changed in a file although nobody asked for it.

    `touched`: tokens of what was edited in the hub; True where it may have moved or gone with all below it.
    """
    document = parsed(before, path)
    free: set[int] = set()
    for item, spot in zip(document.outline.items, document.spots, strict=True):
        for token in tokens(item.text):
            if token in touched:
                free.update(range(spot.line, spot.end if touched[token] else spot.text_line + 1))
    lines = lines_of(before.decode())
    kept = [
        line
        for number, line in enumerate(lines)
        if number not in free and line.strip() and not tokens(line) & touched.keys()
    ]
    present = lines_of(after.decode())
    missing: list[str] = []
    place = 0
    for line in kept:
        found = next(
            (at for at in range(place, len(present)) if _same(present[at], line, line is lines[-1])), None
        )
        if found is None:
            missing.append(line)
        else:
            place = found + 1
    return missing


def _same(found: str, line: str, last: bool) -> bool:
    return found == line or (last and found.rstrip("\r\n") == line.rstrip("\r\n"))


def forget_everything() -> None:
    """Empty the tables of the product, for the next example."""
    from audit import triggers
    from planning_sync.sync.models import Replica

    triggers.remove(using="default")
    for model in (Intent, Conflict, Link, Replica, Task, Phase, Plan, Entry, Operation, Snapshot):
        model.objects.all()._raw_delete("default")
    triggers.install(using="default")
