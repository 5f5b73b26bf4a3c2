"""What goes for every address under `/api/`, even where no view is reached: `ApiMiddleware`."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from planning_sync.api import problems
from planning_sync.api.errors import TooLarge

PREFIX = "/api/"


class ApiMiddleware(MiddlewareMixin):
    """Refuses large bodies before anything reads them, and makes problems of Django's own error pages."""

    get_response: Callable[[HttpRequest], HttpResponse]

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if not request.path.startswith(PREFIX):
            return None
        limit = settings.PLANNING_SYNC_BODY_BYTES
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdecimal()) or int(length) > limit:
            return problems.answer("too-large", str(TooLarge(limit)))
        return None

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if not request.path.startswith(PREFIX):
            return response
        if response.status_code >= 400 and not _is_problem(response):
            response = problems.of_status(response.status_code)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _is_problem(response: HttpResponse) -> bool:
    return str(response.headers.get("Content-Type", "")).startswith(problems.MEDIA_TYPE)
