"""The three-way merge of one plan between the hub and a replica: values in, one `Decision` out.

Public: `decide` and `Decision`; what it reports: `Clash`, `Overruled`; what it is told: `Held`, `Policy`,
`DEFAULT_POLICY`, `Choice`, `Decisions`; how a clash is classed: `kind_of`, `severity_of`, `STRUCTURAL`.

    base, hub, replica --> joining --> structure --> fields --> order --> Decision
                         (one item    (who is there,  (what it  (after
                          for two)     and below what)  says)     whom)

Nothing here compares clocks, and nothing depends on which of two edits came first.
"""

from __future__ import annotations

from conflicts.merge.decision import decide
from conflicts.merge.model import (
    DEFAULT_POLICY,
    STRUCTURAL,
    Choice,
    Clash,
    ClashKind,
    Decision,
    Decisions,
    Held,
    Overruled,
    Policy,
    Severity,
    kind_of,
    severity_of,
)

__all__ = [
    "DEFAULT_POLICY",
    "STRUCTURAL",
    "Choice",
    "Clash",
    "ClashKind",
    "Decision",
    "Decisions",
    "Held",
    "Overruled",
    "Policy",
    "Severity",
    "decide",
    "kind_of",
    "severity_of",
]
