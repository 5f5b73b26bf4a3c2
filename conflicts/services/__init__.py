"""Every write to conflicts.

After a merge: `reconcile`, with `at_work` for what it has to know beforehand; `refuse` and `release` for what
a guard refused. By people: `resolve`, `preview` and `resolve_many`, `assign`, `postpone`.
"""

from __future__ import annotations

from conflicts.services.deciding import (
    Effect,
    Preview,
    assign,
    postpone,
    preview,
    resolve,
    resolve_many,
)
from conflicts.services.guarding import GuardDecision, guard_decision, guard_passed, refuse
from conflicts.services.merging import (
    AT_WORK,
    NO_EVIDENCE,
    AtWork,
    Evidence,
    Outcome,
    accepted,
    at_work,
    count_new,
    granted,
    is_open,
    is_unsettled,
    reconcile,
)

__all__ = [
    "AT_WORK",
    "NO_EVIDENCE",
    "AtWork",
    "Effect",
    "Evidence",
    "GuardDecision",
    "Outcome",
    "Preview",
    "accepted",
    "assign",
    "at_work",
    "count_new",
    "granted",
    "guard_decision",
    "guard_passed",
    "is_open",
    "is_unsettled",
    "postpone",
    "preview",
    "reconcile",
    "refuse",
    "resolve",
    "resolve_many",
]
