"""One conflict as a screen shows it: `screen_of`. Every screen makes the same number of queries."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.translation import gettext as _

from audit.models import Entry
from conflicts import choices
from conflicts.choices import Option
from conflicts.merge.model import PRESENCE
from conflicts.models import GUARD, Conflict
from conflicts.presentation import differences, wording
from conflicts.presentation.differences import Line, Segment
from conflicts.presentation.wording import Names
from plans.models import Priority, Status

HISTORY = 10
SHORT = 80
"""Characters of a value in one line of a list."""

ORDER_OF_TAKES = ("replica", "hub", "both", "restore", "go_on", "unlink")
"""As the columns stand; of a guard's, what brings back before what goes on."""


class Column(NamedTuple):
    """One of the values side by side."""

    side: str
    title: str
    lines: tuple[Line, ...]
    """Against the base, for the two sides."""
    empty: str
    """What stands there instead of lines."""
    by: str = ""
    at: datetime | None = None


class Choice(NamedTuple):
    """One decision that can be taken by one click."""

    key: str
    """Of the keyboard."""
    take: str
    label: str
    consequences: tuple[str, ...]
    losses: tuple[str, ...]
    suggested: bool


class Typed(NamedTuple):
    """The field for a value of one's own."""

    kind: str
    """text, number, date or select."""
    value: str
    choices: tuple[tuple[str, str], ...] = ()
    hint: str = ""


class Quote(NamedTuple):
    """A line of the file."""

    number: int
    text: str
    marked: bool


class Suggestion(NamedTuple):
    label: str
    percent: int
    reason: str
    decisions: tuple[str, ...]
    """Ids of the conflicts that it rests on."""


class Event(NamedTuple):
    """Something that happened to the item before."""

    at: datetime
    by: str
    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Screen:
    conflict: Conflict
    title: str
    field: str
    explanation: str
    columns: tuple[Column, ...]
    choices: tuple[Choice, ...]
    typed: Typed | None
    excerpt: tuple[Quote, ...]
    suggestion: Suggestion | None
    history: tuple[Event, ...]
    settled: str
    """What became of it; "" while it is open."""
    stamp: str
    """Of the values: a decision holds for these."""

    @property
    def is_open(self) -> bool:
        return self.conflict.state == Conflict.State.OPEN


class Brief(NamedTuple):
    """One conflict in a list."""

    conflict: Conflict
    title: str
    field: str
    replica: str
    hub: str
    suggested: str
    percent: int | None


def screen_of(conflict: Conflict) -> Screen:
    """The conflict should come with its plan and its assignee."""
    names = Names.of([conflict])
    return Screen(
        conflict=conflict,
        title=title_of(conflict),
        field=wording.field_name(conflict.field),
        explanation=wording.explanation(conflict),
        columns=_columns(conflict, names),
        choices=choices_of(conflict, names),
        typed=_typed(conflict),
        excerpt=_excerpt(conflict),
        suggestion=_suggestion(conflict),
        history=_history(conflict),
        settled=settled(conflict),
        stamp=stamp_of(conflict),
    )


def briefs(conflicts: list[Conflict]) -> list[Brief]:
    """The conflicts in their order, in two queries at most."""
    names = Names.of(conflicts)
    return [_brief(row, names) for row in conflicts]


def title_of(row: Conflict) -> str:
    if row.item_label:
        return row.item_label
    if row.plan is not None:
        return row.plan.title
    return row.path or _("the whole folder")


def stamp_of(row: Conflict) -> str:
    """Identifies the two values that a person saw."""
    return hashlib.sha256(repr((row.replica_value, row.hub_value)).encode()).hexdigest()[:16]


def choices_of(row: Conflict, names: Names) -> tuple[Choice, ...]:
    """The decisions that it can take by one click, in the order of the screen."""
    ranked = sorted(choices.options(row), key=lambda option: ORDER_OF_TAKES.index(option.take))
    suggested = (row.suggestion or {}).get("take")
    return tuple(
        Choice(
            key=str(number),
            take=option.take,
            label=wording.label(row, option.take),
            consequences=tuple(wording.consequences(row, option, names)),
            losses=tuple(wording.losses(row, option, names)),
            suggested=option.take == suggested,
        )
        for number, option in enumerate(ranked, start=1)
    )


def settled(row: Conflict) -> str:
    """What became of the conflict; "" while it is open."""
    if row.state == Conflict.State.OPEN:
        return ""
    if row.state == Conflict.State.CLOSED:
        return _("Closed by itself: the two sides agree by now.")
    words = {"by": row.decided_by, "taken": decision_of(row)}
    if row.state == Conflict.State.RESOLVED:
        return _("Settled by %(by)s: %(taken)s. Both sides have it.") % words
    return _("Settled by %(by)s: %(taken)s. The next sync applies it.") % words


def decision_of(row: Conflict) -> str:
    """What was decided, in one line."""
    label = wording.label(row, row.taken).lower()
    if row.taken_value is None:
        return label
    return f"{label}, {wording.quoted(wording.told(row, row.taken_value, Names.of([row])))}"


def _brief(row: Conflict, names: Names) -> Brief:
    suggestion = row.suggestion or {}
    take = suggestion.get("take", "")
    return Brief(
        conflict=row,
        title=title_of(row),
        field=wording.field_name(row.field),
        replica=_short(_side(row, row.replica_value, names)),
        hub=_short(_side(row, row.hub_value, names)),
        suggested=wording.label(row, take) if take else "",
        percent=_percent(suggestion) if take else None,
    )


def _side(row: Conflict, value: Any, names: Names) -> str:
    if row.field == GUARD and value is None:
        value = row.base_value
    return wording.told(row, value, names)


def _short(text: str) -> str:
    return text if len(text) <= SHORT else text[: SHORT - 1].rstrip() + "…"


# ------------------------------------------------------------------------------------- side by side


def _columns(row: Conflict, names: Names) -> tuple[Column, ...]:
    if row.field == GUARD:
        return (
            Column("base", _("Before"), _plain(row, row.base_value, names), ""),
            Column("replica", _("After, if you go on"), _plain(row, row.replica_value, names), ""),
        )
    file = Column(
        "replica",
        _("In the file"),
        _against_base(row, row.replica_value, names),
        _empty(row, row.replica_value, names),
        row.replica_changed_by,
        row.replica_changed_at,
    )
    hub = Column(
        "hub",
        _("In the hub"),
        _against_base(row, row.hub_value, names),
        _empty(row, row.hub_value, names),
        row.hub_changed_by,
        row.hub_changed_at,
    )
    base = Column(
        "base", _("Agreed before"), _plain(row, row.base_value, names), _empty(row, row.base_value, names)
    )
    return (base, file, hub)


def _empty(row: Conflict, value: Any, names: Names) -> str:
    return wording.told(row, value, names) if value in (None, "", []) else ""


def _plain(row: Conflict, value: Any, names: Names) -> tuple[Line, ...]:
    if value in (None, "", []):
        return ()
    listed = wording.entries(row, value, names)
    texts = [wording.told(row, value, names)] if listed is None else listed
    return tuple((Segment("same", text),) for text in texts)


def _against_base(row: Conflict, value: Any, names: Names) -> tuple[Line, ...]:
    base = row.base_value
    if base in (None, "", []) or value in (None, "", []):
        return _plain(row, value, names)
    old, new = wording.entries(row, base, names), wording.entries(row, value, names)
    if old is not None and new is not None:
        return differences.entries(old, new)
    return (differences.words(wording.told(row, base, names), wording.told(row, value, names)),)


def _excerpt(row: Conflict) -> tuple[Quote, ...]:
    return tuple(Quote(number, text, number == row.line) for number, text in row.excerpt or ())


# ------------------------------------------------------------------------------------- deciding


def _typed(row: Conflict) -> Typed | None:
    if not choices.takes_value(row):
        return None
    value = row.replica_value if row.replica_value is not None else row.hub_value
    text = ", ".join(value) if isinstance(value, list) else str(value or "")
    if row.field == "status":
        blank = () if row.item_kind == "task" else (("", "—"),)
        return Typed("select", text, (*blank, *_labelled(Status)))
    if row.field == "priority":
        return Typed("select", text, (("", "—"), *_labelled(Priority)))
    if row.field == "due":
        return Typed("date", text)
    if row.field == "progress":
        return Typed("number", text, hint=_("From 0 to 100."))
    if row.field in choices.LISTS:
        return Typed("text", text, hint=_("Several are separated by commas."))
    return Typed("text", text)


def _labelled(named: type[Status] | type[Priority]) -> tuple[tuple[str, str], ...]:
    return tuple((value, str(label)) for value, label in named.choices)


def _suggestion(row: Conflict) -> Suggestion | None:
    told: Mapping[str, Any] = row.suggestion or {}
    if not told.get("take"):
        return None
    return Suggestion(
        label=wording.label(row, told["take"]),
        percent=_percent(told),
        reason=str(told.get("reason", "")),
        decisions=tuple(str(each) for each in told.get("decisions", ())),
    )


def _percent(told: Mapping[str, Any]) -> int:
    # Never 100: nothing that was learned is certain.
    return min(99, round(100 * float(told.get("confidence", 0))))


# ------------------------------------------------------------------------------------- the history


def _history(row: Conflict) -> tuple[Event, ...]:
    item_id = UUID(hex=row.item_key) if row.item_key else row.plan_id
    if item_id is None:
        return ()
    entries = Entry.objects.filter(item_id=item_id).exclude(field__in=("agreement", "document"))
    return tuple(
        _event(row, entry) for entry in entries.select_related("operation").order_by("-id")[:HISTORY]
    )


def _event(row: Conflict, entry: Entry) -> Event:
    operation = entry.operation
    by = operation.actor
    if operation.on_behalf_of:
        by = _("%(agent)s for %(person)s") % {"agent": by, "person": operation.on_behalf_of}
    what = entry.get_action_display()
    if entry.field:
        what = f"{wording.field_name(entry.field)}: {what}"
    before, after = _values(entry)
    return Event(entry.at, by, what, _brief_value(entry.field, before), _brief_value(entry.field, after))


def _values(entry: Entry) -> tuple[Any, Any]:
    """What it was and what it became, where the entry says it in so many words."""
    before, after = entry.before, entry.after
    if isinstance(after, dict) and "take" in after:
        return None, after.get("value")
    plain = (str, list)
    return (
        before if isinstance(before, plain) else None,
        after if isinstance(after, plain) else None,
    )


def _brief_value(field: str, value: Any) -> str:
    if value in (None, [], "") or field in (PRESENCE, "parent", "order"):
        return ""
    text = ", ".join(map(str, value)) if isinstance(value, list) else wording.scalar(field, value)
    return _short(text)


def effect_lines(row: Conflict, option: Option, names: Names) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(what each side says after it, what neither says any more), for a preview."""
    return tuple(wording.consequences(row, option, names)), tuple(wording.losses(row, option, names))
