"""Static files as they are handed out: `Compressed`, the middleware that does it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]


class Compressed(WhiteNoiseMiddleware):  # type: ignore[misc]  # it has no types
    """WhiteNoise, which by itself hands out only what somebody has compressed before."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponseBase:
        found = static_file.get_response(request.method, request.META)
        body = b""
        if found.file is not None:
            with found.file:
                body = found.file.read()
        answer = HttpResponse(body, status=found.status, headers=dict(found.headers))
        whole = found.file is not None and found.status == 200
        return _gzip.process_response(request, answer) if whole else answer


_gzip = GZipMiddleware(lambda request: HttpResponse())
