"""Which strategies may settle which clash: `ArbitrationPolicy`, and `arbitrate`, the merge under one. Pure.

Public: `ArbitrationPolicy`, `Rule`, `DEFAULT_ARBITRATION`, `MANUAL_ONLY`, `FILE_NAME`, `from_toml`,
`from_mapping`, `Layer`, `combined`, `read_toml`, `settle`, `Settled`, `arbitrate`, `Arbitrated`, `outlook`.

    [owners]
    text = "replica"                         # its value returns, whatever the other side says
    presence = "hub"                         # it settles the clash

    [watch]
    open_tasks_removed = 3                   # more of them, removed by one edit, wait for a person

    [[rule]]
    field = "assignee"                       # one or a list; without it, every field
    kind = "metadata_mismatch"               # one or a list; without it, every kind of clash
    severity = "medium"                      # at most; without it "high", so that critical ones are named
    strategies = ["auto_merge", "hub_wins"]  # tried in this order
    min_kept = 0.5                           # of the words, for auto_merge
    confidence = 0.95                        # at least, for learned

What has an owner goes by its owner, before every rule. The first rule that matches a clash decides alone:
what its strategies leave, a person gets. What no rule matches goes by the default rules, which drop no value:
texts, tags, dependencies and orders are merged, all else is for a person. `strategies = ["manual"]` ends
that.
"""

from __future__ import annotations

from conflicts.policy.consequences import Origin, Outlook, outlook
from conflicts.policy.reading import FILE_NAME, Layer, combined, from_mapping, from_toml, read_toml
from conflicts.policy.rules import (
    DEFAULT_ARBITRATION,
    DEFAULT_RULES,
    MANUAL_ONLY,
    OWNER_RULE,
    ArbitrationPolicy,
    Rule,
)
from conflicts.policy.settling import Arbitrated, Contexts, Settled, arbitrate, settle

__all__ = [
    "DEFAULT_ARBITRATION",
    "DEFAULT_RULES",
    "FILE_NAME",
    "MANUAL_ONLY",
    "OWNER_RULE",
    "Arbitrated",
    "ArbitrationPolicy",
    "Contexts",
    "Layer",
    "Origin",
    "Outlook",
    "Rule",
    "Settled",
    "arbitrate",
    "combined",
    "from_mapping",
    "from_toml",
    "outlook",
    "read_toml",
    "settle",
]
