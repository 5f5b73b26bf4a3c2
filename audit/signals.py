"""What the rest of the product may follow.

`recorded` is sent after the commit of every operation that changed something, with
`operation_id: UUID`, `kind: str`, `plan_ids: frozenset[UUID]` and `replica_id: UUID | None` (the replica that
the change came from, so that it is not sent back there as news).
"""

from __future__ import annotations

from django.dispatch import Signal

recorded = Signal()
