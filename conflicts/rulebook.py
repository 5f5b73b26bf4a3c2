"""Every write to policies by programs: `make`, `change`, `remove`. What is said is checked as the file is.

The admin writes by forms of its own, which check the same: `kept` and `record_form` bring that into the log.

`said` names columns of `Policy`, and `rules` as a list of columns of `PolicyRule`, all of them in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from conflicts import policy as policies
from conflicts import signals
from conflicts.errors import PolicyExists
from conflicts.models import Policy, PolicyRule

COLUMNS = ("enabled", "reads_file", "owners", "watch")


def make(replica_id: UUID | None, said: Mapping[str, Any], *, actor: str, on_behalf_of: str = "") -> Policy:
    """A policy for the replica, or the general one; raises `PolicyExists`, `InvalidPolicy`."""
    policy = Policy(replica_id=replica_id)
    try:
        with write_transaction():
            _write(policy, said)
            _record(Entry.Action.CREATED, policy, None, _told(policy), actor, on_behalf_of)
    except IntegrityError:
        raise PolicyExists from None
    return policy


def change(policy: Policy, said: Mapping[str, Any], *, actor: str, on_behalf_of: str = "") -> None:
    """Change what is said and leave the rest; raises `InvalidPolicy`."""
    with write_transaction():
        before = _told(policy)
        _write(policy, said)
        after = _told(policy)
        if after != before:
            _record(Entry.Action.CHANGED, policy, before, after, actor, on_behalf_of)


def remove(policy: Policy, *, actor: str, on_behalf_of: str = "") -> None:
    with write_transaction():
        _record(Entry.Action.DELETED, policy, _told(policy), None, actor, on_behalf_of)
        policy.delete()


def kept(policy: Policy) -> dict[str, Any] | None:
    """What the policy says in the database by now; None where it is not in there."""
    row = Policy.objects.filter(pk=policy.pk).first()
    return None if row is None else _told(row)


def record_form(policy: Policy, before: dict[str, Any] | None, *, actor: str) -> None:
    """Write down what a form has made of the policy, which said `before`; nothing where it says the same.

    Announced in any case: who saves it again wants it applied.
    """
    after = kept(policy)
    if after == before:
        signals.policy_changed.send(Policy, replica_id=policy.replica_id)
        return
    action = Entry.Action.CREATED if before is None else Entry.Action.CHANGED
    _record(action, policy, before, after, actor, "")


def _write(policy: Policy, said: Mapping[str, Any]) -> None:
    for name in COLUMNS:
        if name in said:
            setattr(policy, name, said[name])
    rules = None
    if "rules" in said:
        rules = [PolicyRule(position=number, **told) for number, told in enumerate(said["rules"], 1)]
    _check(policy, rules)
    policy.save()
    if rules is not None:
        policy.rules.all().delete()
        for rule in rules:
            rule.policy = policy
        PolicyRule.objects.bulk_create(rules)
        policy.refresh_from_db()


def _check(policy: Policy, rules: list[PolicyRule] | None) -> None:
    content: dict[str, Any] = {"owners": policy.owners, "watch": policy.watch}
    if rules is not None:
        content["rule"] = [rule.as_mapping() for rule in rules]
    policies.from_mapping(content, "")


def _told(policy: Policy) -> dict[str, Any]:
    """As the file would say it."""
    told = {"enabled": policy.enabled, "reads_file": policy.reads_file, **policy.as_mapping()}
    return {"policy": str(policy.replica_id or "general"), **told}


def _record(action: str, policy: Policy, before: Any, after: Any, actor: str, on_behalf_of: str) -> None:
    note = Note(action, item_kind="policy", item_id=policy.pk, before=before, after=after)
    audit.note_done(Operation.Kind.ADMIN, [note], actor=actor, on_behalf_of=on_behalf_of)
    signals.policy_changed.send(Policy, replica_id=policy.replica_id)
