"""What every view of the API is: `ApiView`, and the helpers `asked`, `given`, `expected_revision`, `etag`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from planning_sync.api import idempotency, limits, principals
from planning_sync.api.errors import InvalidHeader, TooLarge
from planning_sync.api.models import IdempotentRequest
from planning_sync.api.principals import Principal


class ApiView(APIView):
    """Takes part in rate limits, idempotency and the table of permissions; errors become problems."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]  # noqa: RUF012  # as the base has it
    keeps_answers: ClassVar[bool] = True
    """Whether a POST may carry an Idempotency-Key: not where the answer is all secret."""
    secret_fields: ClassVar[Collection[str]] = ()
    """Fields of an answer that are shown once only."""

    _claimed: IdempotentRequest | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and self.keeps_answers:
            self._claimed = idempotency.claim(request, principals.of(request).ident, _body(request))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        allowance = getattr(request, "_allowance", None)
        if isinstance(allowance, limits.Allowance):
            for name, value in allowance.headers.items():
                response.headers[name] = value
        if self._claimed is not None:
            claimed, self._claimed = self._claimed, None
            if isinstance(response, Response):
                response.render()
            idempotency.keep(claimed, response, self.secret_fields)
        return response

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, idempotency.Replay):
            return exc.response  # type: ignore[return-value]  # DRF takes any response of Django
        try:
            return super().handle_exception(exc)
        except Exception:
            if self._claimed is not None:
                idempotency.release(self._claimed)
            raise

    @property
    def who(self) -> Principal:
        return principals.of(self.request)


def _body(request: Request) -> bytes:
    """The whole body, which the parser then reads from memory. Raises `TooLarge`."""
    limit = settings.PLANNING_SYNC_BODY_BYTES
    inner = request._request
    if not getattr(inner, "_read_started", False):
        data = inner.read(limit + 1)
        if len(data) > limit:
            raise TooLarge(limit)
        inner._body = data
    return inner.body


def asked(serializer: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """The parameters of the address, checked; raises `ValidationError`."""
    query = request.query_params
    names = serializer().fields
    told = {name: query.getlist(name) if _is_list(names.get(name)) else query[name] for name in query}
    found = serializer(data=told)
    found.is_valid(raise_exception=True)
    return dict(found.validated_data)


def _is_list(field: Any) -> bool:
    return hasattr(field, "child") or field.__class__.__name__ == "MultipleChoiceField"


def given(serializer: type[Serializer[Any]], request: Request, *, partial: bool = False) -> dict[str, Any]:
    """The body, checked; raises `ValidationError`."""
    found = serializer(data=request.data, partial=partial)
    found.is_valid(raise_exception=True)
    return dict(found.validated_data)


def etag(revision: int) -> str:
    return f'"{revision}"'


def expected_revision(request: Request) -> int | None:
    """The revision that If-Match names; None where it says nothing, or `*`. Raises `InvalidHeader`."""
    told = request.headers.get("If-Match", "").strip()
    if told in ("", "*"):
        return None
    number = told.removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise InvalidHeader("If-Match", 'the ETag of an answer, such as "12"')
    return int(number)


def location(name: str, pk: UUID | str) -> str:
    return f"/api/v1/{name}/{pk}"
