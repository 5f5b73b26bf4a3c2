"""`/schema`: the OpenAPI document of all this."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView

from planning_sync.api.routes import OPEN, Route


class SchemaView(SpectacularJSONAPIView):
    keeps_answers = False

    @extend_schema(exclude=True)
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]  # as the base has it
        return super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]  # the same


ROUTES = (Route("schema", SchemaView, "schema", {"GET": OPEN}),)
