"""The preview of an undo or a restore, for the eye: `shown`; `needed`, `refusal`, `fingerprint_of`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit import sight
from audit.models import Entry
from conflicts.models import Conflict
from conflicts.presentation import field_name
from conflicts.queue import Someone
from planning_sync.dashboard import diffs, telling
from planning_sync.dashboard.diffs import Diff
from planning_sync.dashboard.telling import Change
from planning_sync.sync.models import Replica
from planning_sync.sync.undo_preview import PlanPreview
from plans.models import Plan

ROWS_MOST = 200

Text = str | Promise

HOW: Mapping[str, Text] = {
    "restore": gettext_lazy("The file gets back the exact content that it had before."),
    "rewrite": gettext_lazy("The file changes on these lines."),
    "lines": gettext_lazy("Only the lines concerned change."),
    "reopen": gettext_lazy("The file gets back its own value of each conflict."),
    "delete": gettext_lazy("The file is deleted again, and unlinked."),
    "release": gettext_lazy("The file stays as it is, and is unlinked."),
    "attach": gettext_lazy("The file is linked again."),
    "sync": gettext_lazy("The file follows by the next sync."),
    "leave": gettext_lazy("The file stays as it is."),
}
"""By what becomes of a file (`planning_sync.sync.undo_preview.ACTIONS`)."""
PRESENCE: Mapping[str, Text] = {
    "discard": gettext_lazy("The plan goes to the bin."),
    "recover": gettext_lazy("The plan comes out of the bin."),
}
BECOMES: Mapping[str, Text] = {
    Conflict.State.OPEN: gettext_lazy("is open again"),
    Conflict.State.DECIDED: gettext_lazy("is decided again"),
    Conflict.State.RESOLVED: gettext_lazy("is settled again"),
    Conflict.State.CLOSED: gettext_lazy("is closed"),
}


class FileShown(NamedTuple):
    replica: str
    path: str
    how: str
    edited: bool
    diff: Diff


class ConflictShown(NamedTuple):
    title: str
    field: str
    becomes: str


class PlanShown(NamedTuple):
    """What becomes of one plan."""

    title: str
    presence: str
    changes: tuple[Change, ...]
    more: int
    """Changes that are not shown."""
    files: tuple[FileShown, ...]
    conflicts: tuple[ConflictShown, ...]
    remarks: tuple[str, ...]

    @property
    def does_something(self) -> bool:
        return bool(self.presence or self.changes or self.files or self.conflicts)


def shown(plans: Iterable[PlanPreview], user: Someone) -> list[PlanShown]:
    """Plan by plan, without files at replicas that the person may not see."""
    names = set(sight.shown(Replica.objects.all(), user).values_list("name", flat=True))
    return [_plan(each, names) for each in plans]


def _plan(told: PlanPreview, names: set[str]) -> PlanShown:
    rows = told.rows[:ROWS_MOST]
    return PlanShown(
        *(told.title, str(PRESENCE.get(told.presence, ""))),
        changes=tuple(map(telling.of_row, rows)),
        more=len(told.rows) - len(rows),
        files=tuple(
            FileShown(each.replica, each.path, str(HOW[each.how]), each.edited, diffs.shown(each.lines))
            for each in told.files
            if each.replica in names
        ),
        conflicts=tuple(
            ConflictShown(
                each["item"] or told.title, field_name(each["field"]), str(BECOMES[each["becomes"]])
            )
            for each in told.conflicts
        ),
        remarks=tuple(told.remarks),
    )


# --------------------------------------------------------------------------------------- who may


def refusal(user: Any, permissions: Iterable[str]) -> str:
    """Why this person may not; "" where nothing stands in the way."""
    missing = sorted(each for each in permissions if not user.has_perm(each))
    if not missing:
        return ""
    return _("Your account may not do that: it takes %(permissions)s.") % {"permissions": ", ".join(missing)}


def reaches_hidden(operation_ids: Iterable[UUID], user: Someone) -> bool:
    """Whether the operations touched plans that the person may not see."""
    touched = Entry.objects.filter(operation__in=list(operation_ids)).exclude(plan_id=None)
    plans = Plan.objects.filter(pk__in=touched.values("plan_id"))
    return plans.count() != sight.shown(plans, user).count()


def fingerprint_of(found: PlanPreview, plan: Plan) -> str:
    """Changes with anything that the preview of a restore shows or rests on."""
    told = json.dumps([found.as_json(), plan.revision], sort_keys=True, default=str)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]
