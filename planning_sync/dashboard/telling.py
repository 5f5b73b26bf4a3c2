"""What happened, or would, in plain words: `Change`, `of_row`, `of_entry`, `tallied`, `who`, `why`.

Nothing here asks the database: whoever calls brings the `labels`, what each item is called, by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from audit.models import Entry, Operation
from conflicts.presentation import differences, field_name
from conflicts.presentation.differences import Line, Segment
from conflicts.presentation.wording import FIELDS, scalar
from planning_sync.sync import undo_model
from planning_sync.sync.ledger import AGREEMENT, DOCUMENT

Labels = Mapping[UUID, str]
Text = str | Promise

ARROW = " → "
SETTLED = "settled"
"""In place of an action: what a sync decided is what a rule of the policy settled."""
LINE = "line"
"""The field of an entry about a line of the file, as the repair of an encoding writes it."""
_WORDY = frozenset({"text", "ref", "version", "estimate", "tags", "depends_on", LINE})
"""Fields compared word by word; the others are one value in place of another."""


class Change(NamedTuple):
    """One thing that changed, or would."""

    sign: str
    """create, delete, move, update, file or conflict: how it is marked."""
    what: str
    """In two or three words, without the item."""
    item: str
    field: str
    line: Line


ITEMS: Mapping[tuple[str, str], Text] = {
    ("create", "task"): gettext_lazy("task added"),
    ("create", "phase"): gettext_lazy("phase added"),
    ("create", "plan"): gettext_lazy("plan added"),
    ("delete", "task"): gettext_lazy("task deleted"),
    ("delete", "phase"): gettext_lazy("phase deleted"),
    ("delete", "plan"): gettext_lazy("plan put into the bin"),
    ("restore", "plan"): gettext_lazy("plan taken out of the bin"),
    ("move", "task"): gettext_lazy("task moved"),
    ("move", "phase"): gettext_lazy("phase moved"),
    ("update", "task"): gettext_lazy("task changed"),
    ("update", "phase"): gettext_lazy("phase changed"),
    ("update", "plan"): gettext_lazy("plan changed"),
}
FILES: Mapping[tuple[str, str], Text] = {
    (Entry.Action.WRITTEN, DOCUMENT): gettext_lazy("file written"),
    (Entry.Action.CHANGED, DOCUMENT): gettext_lazy("edit of the file taken in"),
    (Entry.Action.CHANGED, LINE): gettext_lazy("line of the file mended"),
    (Entry.Action.CHANGED, AGREEMENT): gettext_lazy("what both sides agreed on brought up to date"),
    (Entry.Action.RENAMED, "path"): gettext_lazy("file renamed"),
    (Entry.Action.RELEASED, "path"): gettext_lazy("file unlinked"),
    (Entry.Action.LINKED, "path"): gettext_lazy("file linked again"),
}
ABOUT_FILES = frozenset({DOCUMENT, AGREEMENT, LINE, "path"})
"""Fields of entries that are about a file, and not about what the plan says."""
_SIGNS: Mapping[str, str] = {
    Entry.Action.CREATED: "create",
    Entry.Action.DELETED: "delete",
    Entry.Action.RESTORED: "restore",
    Entry.Action.MOVED: "move",
    Entry.Action.CHANGED: "update",
}
_CONFLICTS = frozenset(
    {
        *(Entry.Action.OPENED, Entry.Action.DECIDED, Entry.Action.REOPENED, Entry.Action.CLOSED),
        *(Entry.Action.ASSIGNED, Entry.Action.POSTPONED),
    }
)


# ------------------------------------------------------------------------------------- one change


def of_row(row: Mapping[str, Any]) -> Change:
    """A row of the hub as a preview or a difference tells it."""
    sign, field = row["change"], row.get("field", "")
    what = str(ITEMS[sign, str(row["kind"])])
    if not field:
        return Change(sign, what, row["text"], "", ())
    return _changed(what, row["text"], field, row["before"], row["after"])


def of_entry(entry: Entry, labels: Labels) -> Change:
    """An entry of the log."""
    item, field = _item(entry, labels), str(FIELDS.get(entry.field, ""))
    if (entry.action, entry.field) in FILES:
        return Change("file", str(FILES[entry.action, entry.field]), "", "", _of_file(entry))
    if entry.action in _CONFLICTS:
        return Change("conflict", _of_conflict(entry), item, field, _decided(entry))
    sign = _SIGNS.get(entry.action, "")
    if (sign, entry.item_kind) not in ITEMS:
        what = f"{entry.get_action_display()} {entry.item_kind}".strip()
        return Change("other", what, item, field, ())
    what = str(ITEMS[sign, entry.item_kind])
    if sign == "move":
        return Change(sign, what, item, "", _moved(entry, labels))
    if sign == "update":
        return _changed(what, item, entry.field, entry.before, entry.after)
    return Change(sign.replace("restore", "create"), what, item, "", _size(entry))


def _size(entry: Entry) -> Line:
    """How large a plan was when it was added."""
    told = entry.after if isinstance(entry.after, dict) else {}
    if "tasks" not in told:
        return ()
    count = int(told["tasks"])
    return (Segment("same", ngettext("with %d task", "with %d tasks", count) % count),)


def sentence(change: Change) -> str:
    """The change in one line of plain text."""
    added = any(each.change == "added" for each in change.line)
    arrow = any(each.text == ARROW for each in change.line)
    line = "".join(each.text for each in change.line if arrow or not added or each.change != "removed")
    item = f": {change.item}" if change.item else ""
    field = f", {change.field}" if change.field else ""
    return change.what + item + field + (f"{':' if field else ','} {line}" if line else "")


def mentioned(entry: Entry) -> Iterable[UUID]:
    """The items whose labels `of_entry` needs."""
    if entry.item_id is not None:
        yield entry.item_id
    if entry.action == Entry.Action.MOVED:
        for place in (entry.before, entry.after):
            if isinstance(place, dict) and place.get("parent"):
                yield UUID(hex=place["parent"])


def _item(entry: Entry, labels: Labels) -> str:
    if entry.item_id is not None and entry.item_id in labels:
        return labels[entry.item_id]
    for told in (entry.after, entry.before):
        if isinstance(told, dict) and isinstance(told.get("text") or told.get("title"), str):
            return str(told.get("text") or told.get("title"))
    return ""


def _changed(what: str, item: str, field: str, before: Any, after: Any) -> Change:
    """A text tells of itself which item it is."""
    named = "" if field == "text" and before and after else item
    return Change("update", what, named, field_name(field), _turn(field, before, after))


def _turn(field: str, before: Any, after: Any) -> Line:
    old, new = _plain(field, before), _plain(field, after)
    if field in _WORDY and old and new:
        return differences.words(old, new)
    return _instead(old or _("empty"), new or _("empty"))


def _instead(old: str, new: str) -> Line:
    return (Segment("removed", old), Segment("same", ARROW), Segment("added", new))


def _plain(field: str, value: Any) -> str:
    if value in (None, "", [], ()):
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else scalar(field, value)


def _moved(entry: Entry, labels: Labels) -> Line:
    old, new = (_parent(entry, place, labels) for place in (entry.before, entry.after))
    return _instead(old, new) if old != new else (Segment("same", _("to another place in the same list")),)


def _parent(entry: Entry, place: Any, labels: Labels) -> str:
    parent = place.get("parent", "") if isinstance(place, dict) else ""
    if not parent:
        return _("the plan itself")
    return labels.get(UUID(hex=parent)) or _("an item that is gone")


def _of_file(entry: Entry) -> Line:
    if entry.field == LINE:
        return differences.words(str(entry.before or ""), str(entry.after or ""))
    if entry.action == Entry.Action.RENAMED:
        return _instead(str(entry.before), str(entry.after))
    return (Segment("same", str(entry.before)),) if entry.field == "path" and entry.before else ()


def _of_conflict(entry: Entry) -> str:
    after = entry.after if isinstance(entry.after, dict) else {}
    if "strategy" in after:
        return _("settled without a person, by %(strategy)s") % {"strategy": strategy(after["strategy"])}
    return str(entry.get_action_display())


def _decided(entry: Entry) -> Line:
    """The value that was decided for, where the entry says it in so many words."""
    before, after = entry.before, entry.after
    if entry.action != Entry.Action.DECIDED or not isinstance(before, dict) or not isinstance(after, dict):
        return ()
    taken = after.get("take", "")
    value = after.get("value") if taken not in ("hub", "replica") else before.get(taken)
    plain = isinstance(value, str) or (isinstance(value, list) and entry.field != "order")
    if not plain or entry.field == "parent":
        return ()
    return (Segment("added", _plain(entry.field, value) or _("empty")),)


STRATEGIES: Mapping[str, Text] = {
    "auto_merge": gettext_lazy("merging both edits"),
    "hub_wins": gettext_lazy("the rule that the hub holds"),
    "replica_wins": gettext_lazy("the rule that the file holds"),
    "latest_wins": gettext_lazy("the rule that the latest change holds"),
    "owner_wins": gettext_lazy("the rule that the owner of the field holds"),
    "learned": gettext_lazy("what was learned from earlier decisions"),
}


def strategy(name: str) -> str:
    return str(STRATEGIES.get(name, name))


# ------------------------------------------------------------------------------------ many changes


class Tally(NamedTuple):
    """So many entries of one sort."""

    action: str
    item_kind: str
    field: str
    number: int


def _added(kind: str, n: int) -> str:
    return {
        "task": ngettext("%d task added", "%d tasks added", n),
        "phase": ngettext("%d phase added", "%d phases added", n),
        "plan": ngettext("%d plan added", "%d plans added", n),
    }[kind]


def _deleted(kind: str, n: int) -> str:
    return {
        "task": ngettext("%d task deleted", "%d tasks deleted", n),
        "phase": ngettext("%d phase deleted", "%d phases deleted", n),
        "plan": ngettext("%d plan put into the bin", "%d plans put into the bin", n),
    }[kind]


_COUNTS: Mapping[str, Callable[[str, int], str]] = {
    "create": _added,
    "delete": _deleted,
    "restore": lambda kind, n: ngettext("%d plan taken out of the bin", "%d plans taken out of the bin", n),
    "move": lambda kind, n: ngettext("%d item moved", "%d items moved", n),
    "update": lambda kind, n: ngettext("%d value changed", "%d values changed", n),
    Entry.Action.OPENED: lambda kind, n: ngettext("%d conflict opened", "%d conflicts opened", n),
    Entry.Action.DECIDED: lambda kind, n: ngettext("%d conflict decided", "%d conflicts decided", n),
    SETTLED: lambda kind, n: ngettext("%d settled without a person", "%d settled without a person", n),
    Entry.Action.REOPENED: lambda kind, n: ngettext("%d conflict open again", "%d conflicts open again", n),
    Entry.Action.CLOSED: lambda kind, n: ngettext("%d conflict closed", "%d conflicts closed", n),
    Entry.Action.ASSIGNED: lambda kind, n: ngettext("%d conflict assigned", "%d conflicts assigned", n),
    Entry.Action.POSTPONED: lambda kind, n: ngettext("%d conflict postponed", "%d conflicts postponed", n),
    Entry.Action.OVERRULED: lambda kind, n: ngettext(
        "%d value overruled by its owner", "%d values overruled by their owner", n
    ),
    "edit of a file": lambda kind, n: ngettext("edit of %d file taken in", "edits of %d files taken in", n),
    Entry.Action.WRITTEN: lambda kind, n: ngettext("%d file written", "%d files written", n),
    LINE: lambda kind, n: ngettext("%d line mended", "%d lines mended", n),
    Entry.Action.RENAMED: lambda kind, n: ngettext("%d file renamed", "%d files renamed", n),
    Entry.Action.RELEASED: lambda kind, n: ngettext("%d file unlinked", "%d files unlinked", n),
    Entry.Action.LINKED: lambda kind, n: ngettext("%d file linked again", "%d files linked again", n),
}
"""In the order of a sentence."""


def tallied(tallies: Iterable[Tally]) -> str:
    """All of them in one line; "" where there is nothing to tell."""
    counts: dict[tuple[str, str], int] = {}
    for each in tallies:
        sort = _sort(each)
        if sort is not None:
            counts[sort] = counts.get(sort, 0) + each.number
    order = list(_COUNTS)
    ranked = sorted(counts, key=lambda sort: (order.index(sort[0]), sort[1] != "plan", sort[1] != "phase"))
    return ", ".join(_COUNTS[name](kind, counts[name, kind]) % counts[name, kind] for name, kind in ranked)


def is_single(tallies: Iterable[Tally]) -> bool:
    """Whether they are about one change of one item, which tells more than a count."""
    counts = [each.number for each in tallies if _sort(each) is not None and each.field not in ABOUT_FILES]
    return counts == [1]


def _sort(each: Tally) -> tuple[str, str] | None:
    if each.field == AGREEMENT:
        return None
    if each.field == DOCUMENT and each.action == Entry.Action.CHANGED:
        return "edit of a file", ""
    if each.field == LINE:
        return LINE, ""
    name = _SIGNS.get(each.action, each.action)
    if name in ("create", "delete"):
        return (name, each.item_kind) if each.item_kind in ("plan", "phase", "task") else None
    return (name, "") if name in _COUNTS else None


# ------------------------------------------------------------------------------- people and reasons


def who(operation: Operation) -> str:
    if not operation.on_behalf_of:
        return operation.actor
    return _("%(agent)s for %(person)s") % {"agent": operation.actor, "person": operation.on_behalf_of}


_WHY: Mapping[str, Text] = {
    undo_model.CHANGED_LATER: gettext_lazy("it changed the same thing later"),
    undo_model.WRITES_AGAIN: gettext_lazy("its edits would be written again by the next sync"),
    undo_model.APPLIES_AGAIN: gettext_lazy("its decision would be applied again by the next sync"),
    undo_model.DELETED_LATER: gettext_lazy("it put the plan into the bin"),
    undo_model.ON_TOP: gettext_lazy("it changed the file later"),
}


def why(reason: str) -> str:
    """Why an operation has to be undone as well."""
    return str(_WHY.get(reason, reason))
