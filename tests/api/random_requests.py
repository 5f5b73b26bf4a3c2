"""Requests at random, as the schema allows and forbids them, each answered as it says: `answers`.

Loads schemathesis, which takes two seconds: import it where requests are made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from planning_sync.wsgi import application

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

Known = Callable[[], Mapping[str, Any]]
"""Asks for what is really there, for half of the requests: by the name of the parameter."""


def answers(
    schema: dict[str, Any],
    headers: dict[str, str],
    known: Known,
    *,
    positive: int,
    negative: int,
    chance: int | None = None,
    tags: Collection[str] = (),
) -> set[tuple[str, int]]:
    """The statuses with which each operation answered so many requests, all of them as the schema says.

    Only operations with one of `tags`, where some are given.
    """
    found = schemathesis.openapi.from_dict(schema)
    found.app = application
    listed: list[Any] = [each.ok() for each in found.get_all_operations()]  # type: ignore[union-attr]
    listed = [each for each in listed if not tags or set(tags) & set(each.tags or ())]
    listed.sort(key=lambda operation: operation.method == "delete")
    seen, wrong = set(), []
    for operation in listed:
        for mode, number in ((GenerationMode.POSITIVE, positive), (GenerationMode.NEGATIVE, negative)):
            cases = operation.as_strategy(generation_mode=mode)
            try:
                told = _sent(cases, number, headers, known(), chance)
                seen |= {(operation.label, status) for status in told}
            except FailureGroup as error:
                wrong += [f"{operation.label}: {each}" for each in error.exceptions]
    assert wrong == []
    assert {label for label, _ in seen} == {operation.label for operation in listed}
    return seen


def _sent(
    cases: Any, number: int, headers: dict[str, str], known: Mapping[str, Any], chance: int | None
) -> list[int]:
    """The statuses of the answers to that many requests, each of which is as the schema says.

    The same requests each time; with `chance`, those of that seed.
    """
    statuses: list[int] = []

    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        derandomize=chance is None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def send(case: Case[Any]) -> None:
        if len(statuses) % 2 == 0:
            case.path_parameters.update({name: known[name] for name in known.keys() & case.path_parameters})
            if isinstance(case.body, dict) and "parent" in case.body:
                case.body |= {"parent": known["phase_id" if "tasks" in case.path else "plan_id"]}
                case.body.pop("after", None)
            if case.headers:
                case.headers.pop("If-Match", None)
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=CHECKS)
        statuses.append(answer.status_code)

    (send if chance is None else seed(chance)(send))()
    return statuses
