"""What becomes of a plan's files when operations are undone: `link_case`, `followed`."""

from __future__ import annotations

from audit.models import Entry, Operation
from conflicts import merge
from planning_sync.replicas.base import ABSENT, Replica
from planning_sync.sync import ledger as ledgers
from planning_sync.sync import memory as memories
from planning_sync.sync import sides
from planning_sync.sync.ledger import Ledger, LinkStep
from planning_sync.sync.memory import Memory
from planning_sync.sync.models import Link
from planning_sync.sync.undo_model import ON_TOP, WRITES_AGAIN, Dependent, Examined, How, LinkCase, is_work
from plans.models import Plan
from plans.outline import Outline

_LATEST_TRIED = 5


def link_case(at: Examined, link: Link) -> LinkCase:
    """What becomes of the link and its file, the hub's side being worked out. Raises the replica's errors."""
    for entry in at.ledger.of(at.unit):
        if entry.action in (Entry.Action.RELEASED, Entry.Action.LINKED) and _names(entry, link):
            how: How = "attach" if entry.action == Entry.Action.RELEASED else "release"
            stands = (link.released_at is not None) == (how == "attach")
            return _with_memory(at, link, how) if stands else LinkCase(link, "leave")
    if link.released_at is not None:
        return LinkCase(link, "leave")
    if at.creates or at.presence == "discard":
        return _link_of_new_plan(at, link)
    spots = tuple(spot for spot in at.spots if spot.replica_id == link.replica_id)
    if spots:
        return LinkCase(link, "reopen", spots=spots)
    if at.touches(link, at.unit):
        return _undone_at(at, link)
    return _followed_by(at, link)


def _link_of_new_plan(at: Examined, link: Link) -> LinkCase:
    """A plan that came from a file leaves it alone; one that was made in the hub takes its file along."""
    came_from_file = any(
        entry.operation.replica_id == link.replica_id
        for entry in at.ledger.of(at.unit)
        if ledgers.tells_of_presence(entry)
    )
    return LinkCase(link, "release" if came_from_file else "sync")


def _with_memory(at: Examined, link: Link, how: How) -> LinkCase:
    """A link that is attached again, with the file that was deleted when it was released, if one was."""
    found = memories.reachable(at.ledger, link, at.unit)
    if how != "attach" or found is None:
        return LinkCase(link, how)
    step, checksum = found
    side = sides.connect(link.replica)
    if checksum == link.checksum or side.probe(link.path).checksum != link.checksum:
        return LinkCase(link, how)
    return LinkCase(link, how, memories.memory_before(at.plan, link, side, step, checksum))


def _undone_at(at: Examined, link: Link) -> LinkCase:
    side = sides.connect(link.replica)
    found = memories.reachable(at.ledger, link, at.unit)
    untouched = side.probe(link.path).checksum == link.checksum
    memory = None
    if found is not None and untouched:
        step, checksum = found
        memory = memories.memory_before(at.plan, link, side, step, checksum)
        if memory is not None:
            _check_not_futile(at, link, step, memory)
    if memory is None:
        return _without_memory(at, link, reached=found is not None)
    return LinkCase(link, "delete" if memory.checksum == ABSENT else "restore", memory)


def _without_memory(at: Examined, link: Link, *, reached: bool) -> LinkCase:
    if at.presence:
        return LinkCase(link, "sync")
    if at.hub != at.stored.outline:
        return LinkCase(link, "lines")
    for step in _steps_on_top(at, link):
        what = f"wrote {link.path}" if not step.found_edit else f"took in an edit of {link.path}"
        at.dependents.setdefault(step.operation.pk, Dependent(step.operation, what, ON_TOP))
    if reached and not at.dependents:
        at.refusal = f"{link.path} was edited since, or its earlier content is not kept any more"
    return LinkCase(link, "leave")


def _steps_on_top(at: Examined, link: Link) -> list[LinkStep]:
    found = []
    for step in at.ledger.link_steps(link):
        if step.operation.pk in at.unit:
            break
        if step.operation.pk not in at.ledger.cancelled:
            found.append(step)
    return found


def _check_not_futile(at: Examined, link: Link, step: LinkStep, memory: Memory) -> None:
    """To take a mere write back is of no use as long as the hub still says what was written."""
    steps = [each for each in at.ledger.link_steps(link) if each.operation.pk in at.unit]
    if any(each.found_edit or each.operation.kind != Operation.Kind.SYNC for each in steps):
        return
    if at.hub != at.stored.outline or at.presence or memory.checksum in (ABSENT, link.checksum):
        return
    pending = merge.decide(memory.base, at.hub, memory.seen, held=memory.held).replica
    if at.plan.deleted_at is None and pending == memory.seen:
        return
    earlier = memories.carried_by(at.plan, step).exclude(operation__in=list(at.unit))
    work = [entry for entry in earlier.select_related("operation") if is_work(entry)]
    at.depend(work, WRITES_AGAIN)


def _followed_by(at: Examined, link: Link) -> LinkCase:
    """A link that the operations did not touch, where syncs have carried their edits into the file."""
    if at.presence:
        return LinkCase(link, "sync")
    return followed(at.plan, at.stored.outline, at.hub, link, at.ledger)


def followed(plan: Plan, present: Outline, hub: Outline, link: Link, ledger: Ledger) -> LinkCase:
    """How the link's file follows the hub from what it says at present to what it is to say."""
    if hub == present or link.gone_at is not None or link.released_at is not None:
        return LinkCase(link, "leave")
    side = sides.connect(link.replica)
    if side.probe(link.path).checksum == link.checksum:
        memory = _fitting(plan, hub, link, side, ledger)
        if memory is not None:
            return LinkCase(link, "restore", memory)
    return LinkCase(link, "lines")


def _fitting(plan: Plan, hub: Outline, link: Link, side: Replica, ledger: Ledger) -> Memory | None:
    """The content before the syncs that carried edits, if it says just what the hub is to say."""
    checksum = link.checksum
    for step in ledger.link_steps(link)[:_LATEST_TRIED]:
        if step.found_edit or step.before in (None, ABSENT) or step.after == ABSENT:
            return None
        checksum = step.before or checksum
        memory = memories.memory_before(plan, link, side, step, checksum)
        if memory is None:
            return None
        if memories.in_step(memory, hub):
            return memory
    return None


def _names(entry: Entry, link: Link) -> bool:
    """Whether an entry about releasing is about this link."""
    if isinstance(entry.after, dict) and "link" in entry.after:
        return bool(entry.after["link"] == link.pk)
    return bool(entry.before == link.path) and entry.operation.replica_id in (None, link.replica_id)
