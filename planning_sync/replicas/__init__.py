"""The outside places where plans live, each behind one small interface (`base.Replica`).

Adding a kind of replica is adding a module with a subclass of `Replica`; it must pass the contract suite.
No module here knows of Django or of the hub.
"""

from __future__ import annotations

from planning_sync.replicas.base import ABSENT, Probe, Problem, Reading, Replica, Scan, Write, checksum
from planning_sync.replicas.git import GitTree
from planning_sync.replicas.markdown import MarkdownFolder
from planning_sync.replicas.memory import MemoryFolder

__all__ = [
    "ABSENT",
    "GitTree",
    "MarkdownFolder",
    "MemoryFolder",
    "Probe",
    "Problem",
    "Reading",
    "Replica",
    "Scan",
    "Write",
    "checksum",
]
