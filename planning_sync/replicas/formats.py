"""What a plan's bytes say, and what they are to become: `Format`, one for each way to write plans down.

A format knows nothing of where the bytes are kept: the same one serves a folder and a service.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from planning_sync.replicas.base import Reading, Write
from plans.document.model import Document
from plans.outline import Outline


class Format(ABC):
    suffix: str
    """What the names of new files end in."""

    @property
    def rules(self) -> str:
        """Another text once the same bytes mean something else, as after a change of options."""
        return ""

    @abstractmethod
    def parse(self, data: bytes, path: str) -> Document:
        """What the plan at `path` says, with provisional keys.

        :raises PlanUnreadable: when it is not in this format; it says where the fault is.
        """

    @abstractmethod
    def rewritten(self, reading: Reading, target: Outline) -> Write:
        """The write that turns `reading`, whose keys are real, into `target`. Pure."""

    @abstractmethod
    def created(self, path: str, target: Outline) -> Write:
        """The write that makes a new plan of `target` at `path`. Pure."""
