"""Conflicts in plain words: names of fields, values as people read them, why it is asked, what follows.

Public: `field_name`, `told`, `explanation`, `label`, `consequences`, `losses`, and `Names`, which turns the
keys of items in a value into what the items say (two queries for any number of conflicts).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from conflicts.choices import LISTS, Option, is_pair
from conflicts.merge.model import ORDER, PARENT, PRESENCE
from conflicts.models import GUARD, Conflict
from plans.models import Phase, Priority, Status, Task
from plans.outline import ROOT

Text = str | Promise

FIELDS: Mapping[str, Text] = {
    "text": gettext_lazy("text"),
    "ref": gettext_lazy("number"),
    "status": gettext_lazy("status"),
    "progress": gettext_lazy("declared progress"),
    "priority": gettext_lazy("priority"),
    "assignee": gettext_lazy("assigned to"),
    "due": gettext_lazy("due"),
    "tags": gettext_lazy("tags"),
    "estimate": gettext_lazy("estimate"),
    "depends_on": gettext_lazy("depends on"),
    "version": gettext_lazy("version"),
    "date": gettext_lazy("date"),
    PRESENCE: gettext_lazy("deleted or kept"),
    PARENT: gettext_lazy("place"),
    ORDER: gettext_lazy("order"),
    GUARD: gettext_lazy("refused by a guard"),
}
"""Every field that a conflict can be about, as people call it."""

RULES: Mapping[str, Text] = {
    "open_tasks_removed": gettext_lazy(
        "One edit of the file took out more open tasks than the policy lets pass without a person. "
        "Were they meant to go?"
    ),
    "evidence": gettext_lazy(
        "The box was ticked in the file, and nothing there shows that the work was done, as the policy asks: "
        "no link, commit, reference or note. Is it done?"
    ),
    "declared_progress": gettext_lazy(
        "The progress that the file declares is further from what its tasks come to than the policy allows."
    ),
    "text_added": gettext_lazy(
        "It was deleted in the hub, and meanwhile somebody wrote below it in the file. Is it to go with that?"
    ),
    "emptied": gettext_lazy(
        "The plan was suddenly empty on one side. Nothing was deleted on the other side until you say so."
    ),
    "mass_delete": gettext_lazy(
        "Most of the plan was gone on one side at once. Nothing is deleted on the other one until you say so."
    ),
    "plan_replaced": gettext_lazy(
        "The file suddenly holds another plan. The plan in the hub was left as it is until you say so."
    ),
    "broken_rules": gettext_lazy(
        "The file breaks rules that plans here have to keep. The hub was left as it is until it is mended, "
        "or you say so."
    ),
    "folder_emptied": gettext_lazy(
        "The folder was suddenly empty. It may not be mounted, or be the wrong one. No plan was deleted."
    ),
    "folder_mass_delete": gettext_lazy(
        "Most of the folder's plans were gone at once. No plan was deleted until you say so."
    ),
    "reopened": gettext_lazy("A decision on this was undone, so it waits for a person again."),
}
"""Why it is asked, where it is no plain clash: by the guard or the rule of the policy."""

_PLAIN: Mapping[str, Text] = {
    PRESENCE: gettext_lazy("One side deleted it while the other one edited it."),
    PARENT: gettext_lazy("It was moved to two different places."),
    ORDER: gettext_lazy("Both sides put what stands below it in another order."),
    "status": gettext_lazy("Both sides changed the status, each to another one."),
    "progress": gettext_lazy("Both sides declare another progress."),
}
_ANY_FIELD = gettext_lazy("Both sides changed it since they last agreed, each in its own way.")
_TWO_ITEMS = gettext_lazy(
    "Both sides brought something new under the same number. It may be one thing said twice, or two things."
)

LABELS: Mapping[tuple[str, str], Text] = {
    ("replica", ""): gettext_lazy("Take the file's value"),
    ("hub", ""): gettext_lazy("Take the hub's value"),
    ("replica", PARENT): gettext_lazy("Take the file's place"),
    ("hub", PARENT): gettext_lazy("Take the hub's place"),
    ("replica", ORDER): gettext_lazy("Take the file's order"),
    ("hub", ORDER): gettext_lazy("Take the hub's order"),
    ("both", ""): gettext_lazy("Keep both"),
    ("value", ""): gettext_lazy("Take another value"),
    ("go_on", ""): gettext_lazy("Go on with it"),
    ("restore", ""): gettext_lazy("Bring back what was there"),
    ("unlink", ""): gettext_lazy("Unlink the two sides"),
}
_DELETE: Mapping[str, Text] = {
    "replica": gettext_lazy("Delete it, as in the file"),
    "hub": gettext_lazy("Delete it, as in the hub"),
}
_KEEP: Mapping[str, Text] = {
    "replica": gettext_lazy("Keep it, as in the file"),
    "hub": gettext_lazy("Keep it, as in the hub"),
}
_GUARDS: Mapping[tuple[str, str], Text] = {
    ("restore", "hub"): gettext_lazy(
        "The file gets back what it held at the last sync; what it holds now is kept in the history."
    ),
    ("restore", "replica"): gettext_lazy("The hub gets back what it lost and the file still has."),
    ("restore", "folder"): gettext_lazy("The files that are gone are written again, as they were."),
    ("unlink", "hub"): gettext_lazy(
        "Neither side follows the other any more; both are left exactly as they are."
    ),
    ("unlink", "replica"): gettext_lazy(
        "Neither side follows the other any more; both are left exactly as they are."
    ),
    ("unlink", "folder"): gettext_lazy("The plans stay in the hub, and no longer follow the folder."),
}


class Names:
    """What the items say whose keys stand in values."""

    def __init__(self, texts: Mapping[str, str], plans: Mapping[UUID | None, str]) -> None:
        self._texts = texts
        self._plans = plans

    @classmethod
    def of(cls, conflicts: Iterable[Conflict]) -> Names:
        """The conflicts' plans should be there already (`select_related`)."""
        rows = list(conflicts)
        keys = {key for row in rows for key in _keys(row)} - {ROOT}
        ids = [UUID(hex=key) for key in keys]
        found: dict[str, str] = {}
        for start in range(0, len(ids), 500):
            for model in (Phase, Task):
                chosen = model.objects.filter(pk__in=ids[start : start + 500])
                found |= {item.pk.hex: str(item) for item in chosen}
        return cls(found, {row.plan_id: row.plan.title for row in rows if row.plan is not None})

    def item(self, row: Conflict, key: str) -> str:
        if key == ROOT:
            return self._plans.get(row.plan_id, _("the plan itself"))
        return self._texts.get(key) or _("an item that is gone")


def _keys(row: Conflict) -> Iterable[str]:
    for value in (row.base_value, row.replica_value, row.hub_value):
        if row.field == PARENT and isinstance(value, str):
            yield value
        elif row.field == ORDER and isinstance(value, list):
            yield from value


def field_name(field: str) -> str:
    return str(FIELDS.get(field, field))


def told(row: Conflict, value: Any, names: Names) -> str:
    """The value in one line."""
    if row.field == GUARD:
        return _guarded(row, value)
    listed = entries(row, value, names)
    if listed is None:
        return scalar(row.field, value)
    if row.field == PRESENCE and listed:
        more = len(listed) - 1
        return listed[0] + (
            " " + ngettext("(and %d below it)", "(and %d below it)", more) % more if more else ""
        )
    return ", ".join(listed) if listed else scalar(row.field, "")


def entries(row: Conflict, value: Any, names: Names) -> list[str] | None:
    """The value as a list of texts; None where it is no list."""
    if row.field == ORDER and isinstance(value, list):
        return [names.item(row, key) for key in value]
    if row.field == PARENT and value is not None:
        return [names.item(row, str(value))]
    return [str(each) for each in value] if isinstance(value, list) else None


def scalar(field: str, value: Any) -> str:
    """A value that is no list, as people read it."""
    if value is None:
        return _("not there") if field == PRESENCE else _("nothing agreed yet")
    text = str(value)
    if not text:
        return _("empty")
    if field == "status":
        return str(dict(Status.choices).get(text, text))
    if field == "priority":
        return str(dict(Priority.choices).get(text, text))
    if field == "progress":
        return _("%(percent)s %%") % {"percent": _number(text)}
    return text


def _guarded(row: Conflict, value: Any) -> str:
    count = _count(value)
    if row.plan_id is None:
        return ngettext("%d plan", "%d plans", count) % count
    return ngettext("%d item", "%d items", count) % count


def _number(text: str) -> str:
    try:
        return number_format(float(text)) if "." in text else text
    except ValueError:
        return text


def quoted(text: str) -> str:
    return _("“%(text)s”") % {"text": text}


def explanation(row: Conflict) -> str:
    """Why a person is asked."""
    if row.rule in RULES:
        return str(RULES[row.rule])
    if is_pair(row) and row.field == "text":
        return str(_TWO_ITEMS)
    return str(_PLAIN.get(row.field, _ANY_FIELD))


def label(row: Conflict, take: str) -> str:
    """What the button says."""
    if row.field == PRESENCE and take in _KEEP:
        gone = (row.replica_value if take == "replica" else row.hub_value) is None
        return str((_DELETE if gone else _KEEP)[take])
    return str(LABELS.get((take, row.field)) or LABELS.get((take, ""), take))


def consequences(row: Conflict, option: Option, names: Names) -> list[str]:
    """What each side says after the decision, a sentence each."""
    if row.field == GUARD:
        return [str(_GUARDS[option.take, guarded_side(row)])] if option.take != "go_on" else []
    if option.take == "both" and is_pair(row):
        return [_("They are two items: each side keeps its own and gets the other one as well.")]
    if row.field == PRESENCE:
        return _presence(row, option)
    return [
        _in_hub(row, option, names) if option.changes_hub else _("The hub stays as it is."),
        _in_file(row, option, names) if option.changes_replica else _("The file stays as it is."),
    ]


def losses(row: Conflict, option: Option, names: Names) -> list[str]:
    """What neither side says after the decision, a sentence each."""
    if row.field in (PARENT, ORDER):
        return []
    if row.field == GUARD:
        return [_let_go(row)] if option.take == "go_on" else []
    if row.field == PRESENCE:
        return [_deleted(value) for value in option.dropped]
    kept = _kept(option.hub) if row.field in LISTS else frozenset()
    values = [_without(value, kept) for value in option.dropped]
    return [
        _("Neither side says %(value)s any more; the history keeps it.")
        % {"value": quoted(told(row, value, names))}
        for value in values
        if value
    ]


def _kept(value: Any) -> frozenset[str]:
    return frozenset(value or ())


def _without(value: Any, kept: frozenset[str]) -> Any:
    return [each for each in value if each not in kept] if isinstance(value, list) else value


def _deleted(value: Any) -> str:
    lines: Sequence[str] = value if isinstance(value, list) else [str(value)]
    more = len(lines) - 1
    if not more:
        return _("%(item)s is in neither side any more; the bin and the history keep it.") % {
            "item": quoted(lines[0])
        }
    return ngettext(
        "%(item)s and %(n)d more below it are in neither side any more; the bin and the history keep them.",
        "%(item)s and %(n)d more below it are in neither side any more; the bin and the history keep them.",
        more,
    ) % {"item": quoted(lines[0]), "n": more}


def _presence(row: Conflict, option: Option) -> list[str]:
    if option.hub is None:
        if option.changes_hub:
            return [_("It is deleted in the hub, and goes to the bin."), _("The file stays as it is.")]
        return [
            _("Its lines are deleted from %(file)s.") % {"file": _file(row)},
            _("The hub stays as it is."),
        ]
    if option.changes_hub:
        return [_("It comes back in the hub, as the file says it."), _("The file stays as it is.")]
    return [_("It is written back to %(file)s.") % {"file": _file(row)}, _("The hub stays as it is.")]


def _let_go(row: Conflict) -> str:
    """What goes if a person says go on."""
    if row.rule == "broken_rules":
        return _("The hub takes the file in as it is.")
    side = guarded_side(row)
    gone = _count(row.base_value) - _count(row.replica_value)
    if side == "folder":
        return ngettext("%d plan goes to the bin.", "%d plans go to the bin.", gone) % gone
    if side == "hub":
        return (
            ngettext("%d item goes to the bin of the hub.", "%d items go to the bin of the hub.", gone) % gone
        )
    told = ngettext("%(n)d item is taken out of %(file)s.", "%(n)d items are taken out of %(file)s.", gone)
    return told % {"n": gone, "file": _file(row)}


def guarded_side(row: Conflict) -> str:
    """What would lose so much: the "hub", the "replica", or the "folder" with all its plans."""
    if row.plan_id is None:
        return "folder"
    world = row.replica_value.get("world", "") if isinstance(row.replica_value, dict) else ""
    return "replica" if str(world).startswith("replica ") else "hub"


def _count(value: Any) -> int:
    return int(value.get("items", 0)) if isinstance(value, dict) else 0


def _in_hub(row: Conflict, option: Option, names: Names) -> str:
    if row.field == PARENT:
        return _("In the hub it moves below %(place)s.") % {"place": quoted(told(row, option.hub, names))}
    if row.field == ORDER:
        return _("The hub takes over the order of the file.")
    return _("In the hub, %(old)s becomes %(new)s.") % {
        "old": quoted(told(row, row.hub_value, names)),
        "new": quoted(told(row, option.hub, names)),
    }


def _in_file(row: Conflict, option: Option, names: Names) -> str:
    new = quoted(told(row, option.replica, names))
    if row.field == PARENT:
        return _("In %(file)s it moves below %(place)s.") % {"file": _file(row), "place": new}
    if row.field == ORDER:
        return _("%(file)s takes over the order of the hub.") % {"file": _file(row)}
    words = {
        "file": _file(row),
        "old": quoted(told(row, row.replica_value, names)),
        "new": new,
        "line": row.line,
    }
    if row.line:
        return _("In line %(line)d of %(file)s, %(old)s becomes %(new)s.") % words
    return _("In %(file)s, %(old)s becomes %(new)s.") % words


def _file(row: Conflict) -> str:
    return row.path or _("the file")
