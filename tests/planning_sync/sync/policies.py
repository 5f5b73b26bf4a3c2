"""Conflict policies as tests write them: like the file, into the rows that the admin edits."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from conflicts.models import Policy, PolicyRule


def policy_for(replica_id: UUID | None, *rules: dict[str, Any], **columns: Any) -> Policy:
    """A policy for the replica, or for all of them, in place of the one there was."""
    Policy.objects.filter(replica_id=replica_id).delete()
    policy = Policy.objects.create(replica_id=replica_id, **columns)
    for position, rule in enumerate(rules, 1):
        said = dict(rule)
        PolicyRule.objects.create(
            policy=policy,
            position=position,
            field_names=_listed(said.pop("field", [])),
            kinds=_listed(said.pop("kind", [])),
            strategies=_listed(said.pop("strategies")),
            **said,
        )
    return policy


def _listed(given: str | list[str]) -> list[str]:
    return [given] if isinstance(given, str) else given
