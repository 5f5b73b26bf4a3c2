"""The forms in which the fields of a plan, a phase or a task are edited: `Form`, of `Input`s.

A form holds, beside each field, what the person saw in it (`was-NAME`). Only what was changed is written, and
nothing of it where another value stands there by now (`ChangedMeanwhile`): the form is then shown again with
the present values, to which a second attempt refers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit.models import Entry
from planning_sync.dashboard import telling
from plans import services
from plans.errors import ChangedMeanwhile, NotFound
from plans.models import Phase, Plan, Priority, Status, Task
from plans.outline import ROOT, Item, Kind, Outline, Value, value

Row = Plan | Phase | Task
_NONE: tuple[str, str | Promise] = ("", "–")


class Input(NamedTuple):
    name: str
    """Of the field in the outline."""
    label: str | Promise
    widget: str = "line"
    """`line`, `text`, `choice` or `date`."""
    choices: tuple[tuple[str, str | Promise], ...] = ()
    hint: str | Promise = ""


_STATUSES = tuple(Status.choices)
_TASK = (
    Input("text", _("Text"), "text"),
    Input("status", _("Status"), "choice", _STATUSES),
    Input("priority", _("Priority"), "choice", (_NONE, *Priority.choices)),
    Input("assignee", _("Assigned to")),
    Input("due", _("Due"), "date"),
    Input("estimate", _("Estimate"), hint=_("such as 2h or 3d")),
    Input("tags", _("Tags"), hint=_("separated by commas")),
    Input("depends_on", _("Depends on"), hint=_("numbers of other tasks, separated by commas")),
)
_PHASE = (
    Input("text", _("Title")),
    Input("ref", _("Number")),
    Input("status", _("Declared status"), "choice", (_NONE, *_STATUSES)),
    Input("progress", _("Declared progress"), hint=_("percent, as the author states it")),
)
_PLAN = (
    Input("text", _("Title")),
    Input("version", _("Version")),
    Input("date", _("Date")),
    Input("status", _("Declared status"), "choice", (_NONE, *_STATUSES)),
    Input("progress", _("Declared progress"), hint=_("percent, as the author states it")),
)
INPUTS: Mapping[Kind, tuple[Input, ...]] = {Kind.TASK: _TASK, Kind.PHASE: _PHASE, Kind.PLAN: _PLAN}


class Now(NamedTuple):
    """What a field holds by now, instead of what the person saw in it."""

    value: str
    by: str
    """Who changed it; "" where nobody knows."""


class Field(NamedTuple):
    input: Input
    value: str
    was: str
    now: Now | None = None


@dataclass(frozen=True)
class Form:
    row: Row
    item: Item
    typed: Mapping[str, str] = field(default_factory=dict)
    """What the person typed, where it could not be taken."""
    moved_on: Mapping[str, Now] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Row, outline: Outline) -> Form:
        """With the values of now. Raises `NotFound` where the item has just gone."""
        item = outline.by_key.get(key_of(row))
        if item is None:
            raise NotFound(kind_of(row), str(row.pk))
        return cls(row, item)

    def __iter__(self) -> Iterator[Field]:
        for each in INPUTS[kind_of(self.row)]:
            present = spelled(value(self.item, each.name))
            typed = self.typed.get(each.name, present)
            yield Field(each, typed, present, self.moved_on.get(each.name))


class Sent(NamedTuple):
    """What came back of a form."""

    wanted: Mapping[str, str]
    """What is to be in the fields that the person changed."""
    seen: Mapping[str, str]
    """What the person saw in them, as far as the form told it."""

    @classmethod
    def of(cls, kind: Kind, posted: Mapping[str, str]) -> Sent:
        names = [each.name for each in INPUTS[kind] if each.name in posted]
        seen = {name: posted[f"was-{name}"] for name in names if f"was-{name}" in posted}
        wanted = {name: " ".join(posted[name].splitlines()) for name in names}
        changed = {name: text for name, text in wanted.items() if seen.get(name) != text}
        return cls(changed, {name: text for name, text in seen.items() if name in changed})


def save(row: Row, sent: Sent, *, actor: str) -> None:
    """Raises `PlansError`, `ChangedMeanwhile` among them."""
    if sent.wanted:
        services.set_fields(row, sent.wanted, actor=actor, expected=sent.seen)


def moved_on(row: Row, error: ChangedMeanwhile) -> dict[str, Now]:
    """What the fields hold by now, and who changed them last. A query for each."""
    return {name: Now(spelled(held), _last_hand(row, name)) for name, held in error.present.items()}


def _last_hand(row: Row, name: str) -> str:
    entries = Entry.objects.filter(item_id=row.pk, field=name, action=Entry.Action.CHANGED)
    last = entries.select_related("operation").order_by("-id").first()
    return telling.who(last.operation) if last is not None else ""


def spelled(held: Value) -> str:
    """A value as it is typed."""
    return held if isinstance(held, str) else ", ".join(held)


def kind_of(row: Row) -> Kind:
    return {Plan: Kind.PLAN, Phase: Kind.PHASE, Task: Kind.TASK}[type(row)]


def key_of(row: Row) -> str:
    """The item's key in the outline of its plan."""
    return ROOT if isinstance(row, Plan) else row.pk.hex


def row_of(plan: Plan, key: str) -> Row:
    """The plan itself for `ROOT`, else its phase or task outside the bin. Raises `NotFound`."""
    if key == ROOT:
        return plan
    try:
        pk = UUID(key)
    except ValueError:
        raise NotFound("item", key) from None
    for model in (Task, Phase):
        found = model.objects.live().filter(pk=pk, plan=plan).first()
        if isinstance(found, Task | Phase):
            return found
    raise NotFound("item", key)
