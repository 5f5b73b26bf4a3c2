"""How the schema comes about: `described` for each method of a view, `Schema` for what all of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeVar

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from planning_sync.api import problems, routes
from planning_sync.api.idempotency import HEADER as IDEMPOTENCY_KEY
from planning_sync.api.principals import ON_BEHALF_OF

Method = TypeVar("Method", bound=Callable[..., Any])

_HEADER: Final = "header"


def described(
    summary: str,
    *,
    answer: Any = None,
    example: Any = None,
    status: int = 200,
    query: Any = None,
    body: Any = None,
    body_example: Any = None,
    media_type: str = "application/json",
    also: Mapping[int, Any] | None = None,
    tag: str,
    operation: str,
) -> Callable[[Method], Method]:
    """Say of a method what it takes and what it answers; its errors are told by `Schema`.

    `also` are other answers than the usual one, by their status: (serializer, example).
    """
    responses: dict[Any, Any] = {(status, media_type): OpenApiResponse(answer, description=summary)}
    if answer is None:
        responses = {status: OpenApiResponse(description=summary)}
    examples = []
    if example is not None:
        examples.append(
            OpenApiExample(
                "Answer", value=example, response_only=True, status_codes=[str(status)], media_type=media_type
            )
        )
    if body_example is not None:
        examples.append(OpenApiExample("Request", value=body_example, request_only=True))
    for code, (serializer, value) in (also or {}).items():
        responses[code] = OpenApiResponse(serializer, description=summary)
        examples.append(
            OpenApiExample(f"Answer {code}", value=value, response_only=True, status_codes=[str(code)])
        )
    return extend_schema(
        operation_id=operation,
        summary=summary,
        tags=[tag],
        parameters=[query] if query is not None else None,
        request=body,
        responses=responses,
        examples=examples,
    )


@cache
def _route_of() -> Mapping[type, routes.Route]:
    found = {route.view: route for route in routes.all_routes()}
    assert len(found) == len(routes.all_routes()), "a view serves two routes"
    return found


class Schema(AutoSchema):
    """Adds what follows from the method: headers, problems, and the permission that the route needs."""

    @property
    def needed(self) -> str:
        return _route_of()[type(self.view)].needs[self.method]

    def get_override_parameters(self) -> list[Any]:
        found = []
        if self.method == "POST" and getattr(self.view, "keeps_answers", False):
            told = "Send the same key again to get the same answer without doing it twice. Kept for a day."
            found.append(OpenApiParameter(IDEMPOTENCY_KEY, _text(200), _HEADER, description=told))
        if self.method in ("PATCH", "DELETE") or getattr(self.view, "takes_if_match", False):
            told = "The ETag of what you looked at. Another revision by now is refused with 409."
            pattern = {"type": "string", "pattern": '^(\\*|(W/)?"[0-9]{1,18}")$'}
            found.append(OpenApiParameter("If-Match", pattern, _HEADER, description=told))
        if self.method != "GET" and self.needed != routes.OPEN:
            told = "For agents: the person on whose behalf this is done. It is shown in the history."
            found.append(OpenApiParameter(ON_BEHALF_OF, _text(200), _HEADER, description=told))
        return found

    def get_auth(self) -> list[dict[str, list[str]]]:
        return [] if self.needed == routes.OPEN else super().get_auth()

    def get_extensions(self) -> dict[str, Any]:
        return {"x-needs": self.needed}

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        found = super()._get_response_bodies(direction)
        for status in self._problems():
            if str(status) not in found:
                found[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
        return found

    def _problems(self) -> list[int]:
        statuses = [400, 406, 429, 503]
        if (
            self.needed != routes.OPEN
            or self.path.endswith("/auth/token")
            or self.path.endswith("/auth/refresh")
        ):
            statuses.append(401)
        if self.needed != routes.OPEN:
            statuses.append(403)
        if "{" in self.path or self.method == "POST":
            statuses.append(404)
        if self.method != "GET":
            statuses += [409, 413, 415, 422]
        if "{" in self.path:
            statuses.append(422)
        statuses += getattr(self.view, "also_answers", [])
        return sorted(set(statuses))


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest, "pattern": "^[ -~]*$"}


class _Bearer(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    target_class = "planning_sync.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        told = "A token of POST /api/v1/auth/token, or an API key."
        return {"type": "http", "scheme": "bearer", "description": told}


def register() -> None:
    """Importing this module has told drf-spectacular of the ways to sign in."""
    assert _Bearer.name != SessionScheme.name


def components() -> dict[str, Any]:
    """The problem document, and one answer for each status of problems."""
    by_status: dict[int, list[problems.Kind]] = {}
    for kind in problems.KINDS.values():
        by_status.setdefault(kind.status, []).append(kind)
    return {
        "schemas": {"Problem": _PROBLEM},
        "responses": {f"Problem{status}": _response(kinds) for status, kinds in sorted(by_status.items())},
    }


def add_components(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Called by drf-spectacular once the paths are there."""
    for family, told in components().items():
        result["components"].setdefault(family, {}).update(told)
    _without_marks(result)
    return result


def _without_marks(part: Any) -> None:
    """Take out what drf-spectacular notes for a step of its own that is not used here."""
    if isinstance(part, dict):
        part.pop("x-spec-enum-id", None)
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _without_marks(inner)


def _response(kinds: list[problems.Kind]) -> dict[str, Any]:
    examples = {
        kind.slug: {"value": problems.document(kind.slug, "What happened, to what, and what to do next.")}
        for kind in kinds
    }
    schema = {"$ref": "#/components/schemas/Problem"}
    told = "; ".join(f"`{kind.slug}`: {kind.title}" for kind in kinds)
    return {"description": told, "content": {problems.MEDIA_TYPE: {"schema": schema, "examples": examples}}}


_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Stable: tells kinds of problems apart."},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What happened, to what, and what to do next."},
        "errors": {
            "type": "object",
            "description": "By field, what is wrong with it.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "revision": {"type": "integer", "description": "Of `stale`: the plan's revision now."},
        "present": {
            "type": "object",
            "description": "Of `stale`: the values of now.",
            "additionalProperties": True,
        },
    },
}
