"""`/logs`: what was logged lately on the host that answers."""

from __future__ import annotations

import logging
import socket
from itertools import islice
from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api import recent
from planning_sync.api.describing import described
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked
from plans.api import Strict, line

MOST = 2_000
"""Records of one answer."""
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class LogQuery(Strict):
    level = serializers.ChoiceField([(name, name) for name in LEVELS], required=False, help_text="At least.")
    logger = line(200, help_text="This one and those below it, such as `planning_sync.sync`.")
    q = line(200, help_text="Contained in the message.")
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=100)


class RecordSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    level = serializers.ChoiceField([(name, name) for name in LEVELS])
    logger = serializers.CharField()
    message = serializers.CharField(allow_blank=True)
    traceback = serializers.CharField(allow_blank=True)
    process = serializers.IntegerField()


class RecordsSerializer(serializers.Serializer[Any]):
    host = serializers.CharField(help_text="Whose records these are: each host keeps its own.")
    results = RecordSerializer(many=True)


_EXAMPLE = {
    "host": "plans-1",
    "results": [
        {
            "at": "2026-05-04T10:00:00Z",
            "level": "WARNING",
            "logger": "planning_sync.sync.services",
            "message": "Failed at notes: launch.md: another worker has been syncing this plan.",
            "traceback": "",
            "process": 4711,
        }
    ],
}


class Logs(ApiView):
    @described(
        "Recent log records",
        tag="operators",
        operation="logs_list",
        query=LogQuery,
        answer=RecordsSerializer,
        example=_EXAMPLE,
    )
    def get(self, request: Request) -> Response:
        """Newest first, of all web processes, workers and commands on the host that answers."""
        query = asked(LogQuery, request)
        self.who.refuse_if_limited("the log is about all of them")
        least = logging.getLevelNamesMapping()[query.get("level", "DEBUG")]
        folder = settings.PLANNING_SYNC_LOGS
        found = recent.records(folder, least=least, logger=query.get("logger", ""), q=query.get("q", ""))
        return Response({"host": socket.gethostname(), "results": list(islice(found, query["limit"]))})


ROUTES = (Route("logs", Logs, "logs", {"GET": "sync.change_replica"}),)
