"""A service that keeps the tags of Task Master, as a replica: `TaskMasterService`.

It speaks what every service of plans does (`planning_sync.replicas.http_plans`); a document is one tag.
"""

from __future__ import annotations

from typing import ClassVar

from planning_sync.replicas.http import Service
from planning_sync.replicas.http_plans import PlanService
from planning_sync.replicas.taskmaster.tag import TagFormat


class TaskMasterService(PlanService):
    kind: ClassVar[str] = "taskmaster"

    def __init__(self, service: Service, *, patches: bool = False) -> None:
        super().__init__(service, TagFormat(), patches=patches)
