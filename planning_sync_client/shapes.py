"""The shapes of answers, as the server's schema has them. Times are ISO 8601, ids are UUIDs, both as text."""

from __future__ import annotations

from typing import Any, Literal, TypedDict


class Place(TypedDict):
    """A plan at one replica."""

    replica: str
    path: str
    in_step: bool
    gone: bool
    released: bool
    problem: str
    synced_at: str


class Plan(TypedDict):
    id: str
    title: str
    version: str
    date: str
    status: str
    progress: float
    declared_progress: float | None
    phases: int
    tasks: int
    done: int
    revision: int
    created_at: str
    modified_at: str
    deleted_at: str | None
    open_conflicts: int
    replicas: list[Place]


class Phase(TypedDict):
    id: str
    plan: str
    parent: str | None
    number: str
    title: str
    status: str
    progress: float
    declared_progress: float | None
    created_at: str
    modified_at: str
    deleted_at: str | None


class Task(TypedDict):
    id: str
    plan: str
    phase: str | None
    parent: str | None
    ref: str
    text: str
    status: str
    priority: str
    assignee: str
    due: str | None
    tags: list[str]
    estimate: str
    depends_on: list[str]
    unreachable: bool
    created_at: str
    modified_at: str
    completed_at: str | None
    deleted_at: str | None


class Values(TypedDict):
    base: Any
    replica: Any
    hub: Any


class Conflict(TypedDict):
    id: str
    status: Literal["open", "postponed", "decided", "resolved", "closed"]
    severity: Literal["low", "medium", "high", "critical"]
    kind: str
    rule: str
    plan: str | None
    replica: str | None
    item: dict[str, Any]
    field: str
    values: Values
    changed: dict[str, Any]
    suggestion: dict[str, Any] | None
    assigned_to: str | None
    postponed_until: str | None
    opened_at: str
    changed_at: str
    closed_at: str | None
    decision: dict[str, Any] | None


class Bulk(TypedDict):
    dry_run: bool
    decided: list[dict[str, Any]]
    left: list[dict[str, Any]]
    dropped: int
    fingerprint: str


class Progress(TypedDict):
    done: int
    total: int


class Job(TypedDict):
    id: str
    status: Literal["queued", "running", "done", "conflicts", "refused", "failed"]
    operation: str | None
    actor: str
    on_behalf_of: str
    progress: Progress
    stats: dict[str, int]
    errors: list[dict[str, str]]
    passes: list[dict[str, Any]]
    created_at: str
    started_at: str | None
    finished_at: str | None


class Operation(TypedDict):
    id: str
    kind: str
    actor: str
    on_behalf_of: str
    via: str
    address: str
    replica: str | None
    status: str
    started_at: str
    finished_at: str | None
    summary: dict[str, Any]


class UndoPreview(TypedDict):
    operation: str
    kind: str
    undoes: list[str]
    possible: bool
    dependents: list[dict[str, Any]]
    refused: list[dict[str, str]]
    plans: list[dict[str, Any]]
    fingerprint: str


class Outcome(TypedDict):
    operation: str
    undoes: list[str]
    status: str
    plans: list[dict[str, str]]


class Replica(TypedDict):
    id: str
    name: str
    kind: str
    enabled: bool
    plans: int
    waiting: int
    problems: int
    last_sync_at: str | None
    last_status: str
    last_problem: str
    seen_at: str | None
    lost_at: str | None
    retry_at: str | None
