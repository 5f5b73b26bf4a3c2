"""`Client`: what programs do with Planning Sync, one method for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, cast

import httpx

from planning_sync_client.errors import TimedOut
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
from planning_sync_client.transport import Transport

ENDED = frozenset({"done", "conflicts", "refused", "failed"})
_SLOWEST_POLL_SECONDS = 5.0


class Client:
    """Signs in with a key or a token; `sign_in` gets one for a name and a password.

    Every method raises `Problem` for what the server refuses, and `Unreachable` where no answer comes.
    Lists are read page by page as they are gone through. Filters are those of the schema (GET /docs).
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str = "",
        on_behalf_of: str = "",
        timeout_seconds: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sleep = sleep
        self._transport = Transport(
            base_url,
            secret=key,
            on_behalf_of=on_behalf_of,
            timeout_seconds=timeout_seconds,
            transport=transport,
            sleep=sleep,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def sign_in(self, username: str, password: str) -> Self:
        self._transport.sign_in(username, password)
        return self

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """For what has no method of its own; `path` is below /api/v1/."""
        return self._transport.json(method, path, query=query, body=body, headers=headers)

    # ------------------------------------------------------------------------------------- plans

    def plans(self, **filters: Any) -> Iterator[Plan]:
        return self._all("plans", filters)

    def plan(self, plan_id: str) -> Plan:
        return cast(Plan, self.request("GET", f"plans/{plan_id}"))

    def create_plan(self, title: str) -> Plan:
        return cast(Plan, self.request("POST", "plans", body={"title": title}))

    def update_plan(self, plan_id: str, *, revision: int | None = None, **fields: Any) -> Plan:
        """With the `revision` that was read, `Stale` where the plan is another one by now."""
        return cast(Plan, self._patch(f"plans/{plan_id}", fields, revision))

    def delete_plan(self, plan_id: str) -> None:
        self.request("DELETE", f"plans/{plan_id}")

    def tree(self, plan_id: str) -> list[dict[str, Any]]:
        """The phases and tasks of a plan, each with its `children`."""
        return cast("list[dict[str, Any]]", self.request("GET", f"plans/{plan_id}/tree")["items"])

    def document(self, plan_id: str) -> bytes:
        """The plan's file, byte for byte."""
        return self._transport.send(
            "GET", f"plans/{plan_id}/document", headers={"Accept": "text/markdown"}
        ).content

    def phases(self, **filters: Any) -> Iterator[Phase]:
        return self._all("phases", filters)

    def tasks(self, **filters: Any) -> Iterator[Task]:
        return self._all("tasks", filters)

    def task(self, task_id: str) -> Task:
        return cast(Task, self.request("GET", f"tasks/{task_id}"))

    def create_task(self, parent: str, text: str, **fields: Any) -> Task:
        """Below the plan, phase or task `parent`."""
        return cast(Task, self.request("POST", "tasks", body={"parent": parent, "text": text, **fields}))

    def update_task(self, task_id: str, *, revision: int | None = None, **fields: Any) -> Task:
        """With the `revision` of its plan, `Stale` where the plan is another one by now."""
        return cast(Task, self._patch(f"tasks/{task_id}", fields, revision))

    def delete_task(self, task_id: str) -> None:
        self.request("DELETE", f"tasks/{task_id}")

    # ------------------------------------------------------------------------------------- syncs

    def replicas(self) -> list[Replica]:
        return cast("list[Replica]", self.request("GET", "replicas")["results"])

    def sync(
        self,
        replica: str | None = None,
        *,
        paths: Sequence[str] = (),
        direction: str = "both",
        **options: Any,
    ) -> Job:
        """Ask for a sync; `direction` is both, pull (files to hub) or push. See `wait_for`."""
        address = {"both": "sync/now", "pull": "sync/pull", "push": "sync/push"}[direction]
        body: dict[str, Any] = dict(options)
        if replica is not None:
            body["replica"] = replica
        if paths:
            body["paths"] = list(paths)
        return cast(Job, self.request("POST", address, body=body))

    def preview_sync(self, replica: str | None = None, **options: Any) -> list[dict[str, Any]]:
        """What a sync would do, as a report for each replica; nothing is done."""
        told = cast("dict[str, Any]", self.sync(replica, dry_run=True, **options))
        return cast("list[dict[str, Any]]", told["reports"])

    def job(self, job_id: str) -> Job:
        return cast(Job, self.request("GET", f"sync/jobs/{job_id}"))

    def wait_for(self, job: Job, *, timeout_seconds: float = 300.0) -> Job:
        """The job once it has ended, however that was: see its `status`. Raises `TimedOut`."""
        deadline, pause = time.monotonic() + timeout_seconds, 0.1
        while job["status"] not in ENDED:
            if time.monotonic() >= deadline:
                raise TimedOut(cast("dict[str, Any]", job), timeout_seconds)
            self._sleep(pause)
            pause = min(2 * pause, _SLOWEST_POLL_SECONDS)
            job = self.job(job["id"])
        return job

    # --------------------------------------------------------------------------------- conflicts

    def conflicts(self, **filters: Any) -> Iterator[Conflict]:
        return self._all("conflicts", filters)

    def conflict(self, conflict_id: str) -> Conflict:
        """With `options`, `excerpt` and the rest."""
        return cast(Conflict, self.request("GET", f"conflicts/{conflict_id}"))

    def resolve(self, conflict: Conflict, *, take: str, value: Any = None) -> Conflict:
        """Decide it as it was read; `Stale`, with the values of now, where they are others."""
        seen = {"replica": conflict["values"]["replica"], "hub": conflict["values"]["hub"]}
        body = {"take": take, "value": value, "seen": seen}
        return cast(Conflict, self.request("POST", f"conflicts/{conflict['id']}/resolve", body=body))

    def preview_bulk(self, conflict_ids: Sequence[str], *, take: str) -> Bulk:
        return self._bulk({"ids": list(conflict_ids), "take": take, "dry_run": True})

    def resolve_bulk(self, conflict_ids: Sequence[str], *, take: str, fingerprint: str) -> Bulk:
        """Exactly what the preview with this fingerprint said, or `Problem`."""
        return self._bulk({"ids": list(conflict_ids), "take": take, "fingerprint": fingerprint})

    def reopen(self, conflict_id: str) -> Conflict:
        return cast(Conflict, self.request("POST", f"conflicts/{conflict_id}/reopen"))

    # -------------------------------------------------------------------------------- operations

    def operations(self, **filters: Any) -> Iterator[Operation]:
        return self._all("operations", filters)

    def preview_undo(self, operation_id: str, *, with_dependents: bool = False) -> UndoPreview:
        query = {"with_dependents": "true"} if with_dependents else None
        return cast(UndoPreview, self.request("GET", f"operations/{operation_id}/undo", query=query))

    def undo(self, operation_id: str, *, with_dependents: bool = False, fingerprint: str = "") -> Outcome:
        body = {"with_dependents": with_dependents, "fingerprint": fingerprint}
        return cast(Outcome, self.request("POST", f"operations/{operation_id}/undo", body=body))

    # ------------------------------------------------------------------------------------ inside

    def _all(self, path: str, filters: Mapping[str, Any]) -> Iterator[Any]:
        address: str | None = path
        query: Mapping[str, Any] | None = filters
        while address:
            page = self.request("GET", address, query=query)
            yield from page["results"]
            # The address of the next page has the filters in it.
            address, query = page["next"], None

    def _patch(self, path: str, fields: Mapping[str, Any], revision: int | None) -> Any:
        headers = {} if revision is None else {"If-Match": f'"{revision}"'}
        return self.request("PATCH", path, body=dict(fields), headers=headers)

    def _bulk(self, body: Mapping[str, Any]) -> Bulk:
        return cast(Bulk, self.request("POST", "conflicts/bulk", body=body))
