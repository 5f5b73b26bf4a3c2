"""What a page about conflicts is made of, in the admin as in the dashboard: `one`, `told`, `refusal`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils import timezone
from django.utils.translation import gettext as _

from conflicts import presentation, queue
from conflicts.models import Conflict
from conflicts.queue import Filters, Someone

LAST_DECISION = "last_decision"
"""In the session: the operation of the decision that this person took last, to undo it."""

SEVERAL_DECISIONS = 5

Address = Callable[[UUID], str]
"""Where the page of a conflict is, filters and all."""


class Around(NamedTuple):
    previous_url: str
    next_url: str


def one(
    row: Conflict,
    *,
    filters: Filters,
    user: AbstractBaseUser | AnonymousUser,
    may_decide: bool,
    address: Address,
    back: str,
) -> dict[str, Any]:
    """The context of `conflicts/_screen.html`. A fixed number of queries."""
    rows = filters.choose(user)
    beside = queue.around(row, rows)
    inside = rows.filter(pk=row.pk).exists()
    screen = presentation.screen_of(row)
    return {
        "screen": screen,
        "version": version_of(row),
        "may_decide": may_decide,
        "people": list(queue.deciders()) if may_decide and screen.is_open else [],
        "here": address(row.pk),
        "back": back,
        "neighbours": Around(_to(beside.previous, address), _to(beside.following, address)),
        "position": (beside.before + 1, rows.count()) if inside else None,
        "suggested_by": _rests_on(screen, user, address),
        "now": timezone.now(),
        "typed_value": None,
        "problem": "",
    }


def version_of(row: Conflict) -> str:
    """Changes with anything that the screen shows of the conflict itself."""
    shown = (
        *(row.state, row.replica_value, row.hub_value, row.base_value, row.line, row.suggestion),
        *(row.assigned_to_id, row.postponed_until, row.taken, row.decided_by),
    )
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def told(row: Conflict) -> str:
    """What was just decided, for the person who did."""
    words = {
        "field": presentation.field_name(row.field),
        "title": presentation.title_of(row),
        "taken": presentation.decision_of(row),
    }
    if row.state == Conflict.State.RESOLVED:
        return _("Decided: %(field)s of “%(title)s” – %(taken)s. Both sides have it.") % words
    return _("Decided: %(field)s of “%(title)s” – %(taken)s. The next sync applies it.") % words


def _to(pk: UUID | None, address: Address) -> str:
    return "" if pk is None else address(pk)


def _rests_on(screen: presentation.Screen, user: Someone, address: Address) -> list[dict[str, str]]:
    """The decisions behind the suggestion, to be looked up."""
    if screen.suggestion is None:
        return []
    ids = [found for each in screen.suggestion.decisions[:SEVERAL_DECISIONS] if (found := _uuid(each))]
    rows = queue.seen_by(user).select_related("plan").in_bulk(ids)
    return [{"url": address(pk), "title": presentation.title_of(rows[pk])} for pk in ids if pk in rows]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
