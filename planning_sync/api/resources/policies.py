"""`/policies`: what may be settled without a person."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit.transactions import write_transaction
from conflicts import policy as policies
from conflicts import rulebook
from conflicts.api import NewPolicy, PolicyEdit, PolicySerializer, WholePolicySerializer, policy_json
from conflicts.errors import InvalidPolicy
from conflicts.models import Policy
from conflicts.policy import Layer
from conflicts.queue import LOOK
from planning_sync.api import problems
from planning_sync.api.describing import described
from planning_sync.api.errors import OutOfStep
from planning_sync.api.principals import Principal, visible_replicas
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, etag, expected_revision, given, location
from planning_sync.roles import access
from planning_sync.sync.models import Replica

_NAMES = {"field": "fields", "kind": "kinds"}
"""What the file calls otherwise."""


def _where(error: InvalidPolicy) -> str:
    """`rule 2, kind` is `rules.1.kinds` here."""
    steps = [step for step in error.where.split(", ") if step]
    if steps and (found := re.fullmatch(r"rule (\d+)", steps[0])):
        steps[:1] = ["rules", str(int(found[1]) - 1)]
    return ".".join(_NAMES.get(step, step) for step in steps) or "body"


problems.tell(
    *("invalid-policy", 422, "The policy cannot be used"),
    InvalidPolicy,
    more=lambda error: {"errors": {_where(error): [error.reason]}},
)


class PolicyMoved(OutOfStep):
    def __init__(self, expected: int, revision: int, present: Any) -> None:
        super().__init__(str(expected), revision, present)
        said = "The policy changed meanwhile. `present` has what it says now: repeat the edit with its ETag."
        self.args = (said,)


class PoliciesSerializer(serializers.Serializer[Any]):
    results = PolicySerializer(many=True)


_RULE = {
    "fields": ["assignee"],
    "kinds": [],
    "severity": "medium",
    "strategies": ["auto_merge", "hub_wins"],
    "min_kept": 0.5,
    "confidence": 0.95,
    "note": "",
}
EXAMPLE = {
    "id": "01936b7e-6000-7a00-8000-000000000001",
    "replica": "notes",
    "enabled": True,
    "reads_file": True,
    "owners": {"status": "replica"},
    "watch": {"open_tasks_removed": 3},
    "rules": [_RULE],
    "changed_at": "2026-05-04T10:00:00Z",
}
_WHOLE = {
    **EXAMPLE,
    "comes_to": [
        {
            "field": "assignee",
            "kind": "metadata_mismatch",
            "severity": "medium",
            "owner": "both",
            "strategies": ["hub_wins"],
            "caveats": ["the file's value is dropped"],
            "origin": "rule",
        }
    ],
    "problem": "",
}


class Policies(ApiView):
    @described(
        "List the policies",
        tag="policies",
        operation="policies_list",
        answer=PoliciesSerializer,
        example={"results": [EXAMPLE]},
    )
    def get(self, request: Request) -> Response:
        """The general one first. A file beside the plans may say more: see `comes_to` of each."""
        names = Replica.names()
        rows = sorted(_visible(self.who), key=lambda row: (row.replica_id is not None, str(row.replica_id)))
        return Response({"results": [policy_json(row, names) for row in rows]})

    @described(
        "Make a policy",
        tag="policies",
        operation="policies_create",
        status=201,
        answer=WholePolicySerializer,
        example=_WHOLE,
        body=NewPolicy,
        body_example={"replica": "notes", "rules": [{"fields": ["assignee"], "strategies": ["hub_wins"]}]},
    )
    def post(self, request: Request) -> Response:
        """One for each replica, and one for all of them."""
        body = given(NewPolicy, request)
        replica_id = _replica(self.who, body.pop("replica", None))
        row = rulebook.make(replica_id, _said(body), **self.who.marks)
        return _answer(self.who, row.pk, 201)


class OnePolicy(ApiView):
    @described(
        "One policy, and what it comes to",
        tag="policies",
        operation="policies_read",
        answer=WholePolicySerializer,
        example=_WHOLE,
    )
    def get(self, request: Request, policy_id: UUID) -> Response:
        return _answer(self.who, policy_id)

    @described(
        "Change a policy",
        tag="policies",
        operation="policies_update",
        answer=WholePolicySerializer,
        example=_WHOLE,
        body=PolicyEdit,
        body_example={"owners": {"status": "replica"}},
    )
    def patch(self, request: Request, policy_id: UUID) -> Response:
        """Only what is sent changes; `rules`, `owners` and `watch` are replaced as a whole."""
        body = given(PolicyEdit, request)
        with _in_step(self.who, request, policy_id) as row:
            rulebook.change(row, _said(body), **self.who.marks)
        return _answer(self.who, policy_id)

    @described("Remove a policy", tag="policies", operation="policies_delete", status=204)
    def delete(self, request: Request, policy_id: UUID) -> Response:
        """What it settled stays settled."""
        with _in_step(self.who, request, policy_id) as row:
            rulebook.remove(row, **self.who.marks)
        return Response(status=204)


def _visible(who: Principal) -> QuerySet[Policy]:
    return access.within(Policy.objects.prefetch_related("rules"), who.replica_ids)


def _found(who: Principal, policy_id: UUID) -> Policy:
    row = _visible(who).filter(pk=policy_id).first()
    if row is None:
        raise NotFound
    return row


@contextmanager
def _in_step(who: Principal, request: Request, policy_id: UUID) -> Iterator[Policy]:
    """The policy, to be changed; raises `PolicyMoved` where it is not the one that If-Match names."""
    with write_transaction():
        row = _found(who, policy_id)
        if row.replica_id is None:
            who.refuse_if_limited("the general policy is for all of them")
        Policy.objects.select_for_update().get(pk=row.pk)
        expected, present = expected_revision(request), _revision(row.changed_at)
        if expected is not None and expected != present:
            raise PolicyMoved(expected, present, policy_json(row, Replica.names()))
        yield row


def _revision(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def _answer(who: Principal, policy_id: UUID, status: int = 200) -> Response:
    row = _found(who, policy_id)
    layers = [row]
    if row.replica_id is not None:
        layers += Policy.objects.filter(replica_id=None, enabled=True).prefetch_related("rules")
    found, problem = policies.MANUAL_ONLY, ""
    try:
        found = policies.combined([Layer(each.as_mapping(), str(each)) for each in layers])
    except InvalidPolicy as error:
        problem = str(error)
    told = {**policy_json(row, Replica.names()), "problem": problem}
    told["comes_to"] = [each._asdict() for each in policies.outlook(found)]
    headers = {"ETag": etag(_revision(row.changed_at))}
    if status == 201:
        headers["Location"] = location("policies", row.pk)
    return Response(told, status=status, headers=headers)


def _replica(who: Principal, name: str | None) -> UUID | None:
    if name is None:
        who.refuse_if_limited("the general policy is for all of them")
        return None
    found = visible_replicas(who).filter(name=name).first()
    if found is None:
        raise ValidationError({"replica": [f"There is no replica {name!r}."]})
    return found.pk


def _said(body: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that the body names."""
    said = {name: body[name] for name in rulebook.COLUMNS if name in body}
    if "watch" in said:
        said["watch"] = {name: value for name, value in said["watch"].items() if value != []}
    if "rules" in body:
        said["rules"] = [
            {"field_names" if name == "fields" else name: value for name, value in rule.items()}
            for rule in body["rules"]
        ]
    return said


ROUTES = (
    Route("policies", Policies, "policies", {"GET": LOOK, "POST": "conflicts.add_policy"}),
    Route(
        *("policies/<uuid:policy_id>", OnePolicy, "policy"),
        {"GET": LOOK, "PATCH": "conflicts.change_policy", "DELETE": "conflicts.delete_policy"},
    ),
)
