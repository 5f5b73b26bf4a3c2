"""`ROLES`: what each role may do. docs/roles.md says the same, and a test compares the two.

A permission is named as Django names it, `app.action_model`; each role has those of the one it builds on.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

READER = frozenset(
    {
        *("plans.view_plan", "plans.view_phase", "plans.view_task"),
        *("conflicts.view_conflict", "sync.view_replica", "sync.view_link"),
        *("audit.view_operation", "audit.view_entry"),
    }
)
EDITOR = READER | {
    f"plans.{action}_{model}" for action in ("add", "change", "delete") for model in ("plan", "phase", "task")
}
ARBITER = EDITOR | {"conflicts.decide_conflict"}
OPERATOR = READER | {
    *("sync.add_replica", "sync.change_replica", "sync.delete_replica"),
    *("sync.change_link", "sync.view_intent", "audit.view_snapshot"),
    *("django_q.view_schedule", "django_q.view_success", "django_q.view_failure", "django_q.view_ormq"),
    *(f"webhooks.{action}_subscription" for action in ("view", "add", "change", "delete")),
    *(f"webhooks.{action}_hook" for action in ("view", "add", "delete")),
    *("webhooks.view_delivery", "webhooks.change_delivery"),
    *("api.view_job", "audit.view_seal"),
    *("search.view_embedding", "search.change_collection"),
}
ADMINISTRATOR = (
    ARBITER
    | OPERATOR
    | {
        f"auth.{action}_{model}"
        for action in ("view", "add", "change", "delete")
        for model in ("user", "group")
    }
    | {f"conflicts.{action}_policy" for action in ("view", "add", "change", "delete")}
    | {f"roles.{action}_replicaaccess" for action in ("view", "add", "delete")}
    | {f"api.{action}_apikey" for action in ("view", "add", "change")}
)

ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "reader": READER,
        "editor": EDITOR,
        "arbiter": ARBITER,
        "operator": OPERATOR,
        "administrator": ADMINISTRATOR,
    }
)
"""By the name of the group."""
