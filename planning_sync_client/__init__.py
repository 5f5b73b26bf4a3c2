"""A client of Planning Sync's REST API. Needs httpx and nothing of the server.

    from planning_sync_client import Client

    with Client("https://plans.example.org", key="psk_...") as client:
        job = client.wait_for(client.sync("notes"))
        for conflict in client.conflicts(status="open"):
            client.resolve(conflict, take="hub")

Public: `Client`; `Problem` and the other errors; the shapes of answers (`Plan`, `Task`, `Conflict`, ...).
"""

from __future__ import annotations

from planning_sync_client.client import Client
from planning_sync_client.errors import ClientError, Problem, Stale, TimedOut, Unreachable
from planning_sync_client.shapes import (
    Bulk,
    Conflict,
    Job,
    Operation,
    Outcome,
    Phase,
    Plan,
    Replica,
    Task,
    UndoPreview,
)

__all__ = [
    "Bulk",
    "Client",
    "ClientError",
    "Conflict",
    "Job",
    "Operation",
    "Outcome",
    "Phase",
    "Plan",
    "Problem",
    "Replica",
    "Stale",
    "Task",
    "TimedOut",
    "UndoPreview",
    "Unreachable",
]
