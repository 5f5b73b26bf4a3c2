"""What the rest of the product asks of search, and the decisions on duplicates. Web processes may import it.

`search`, `similar`, `near`, `recommend`, `duplicates`, `decide`, `clusters`; what they answer is in `asking`,
or beside the function, and `reindex`. None waits long for the embedder: what cannot be said without it is
said to be `degraded`.
"""

from __future__ import annotations

from planning_sync.search.asking import Answer, Filters, Hit
from planning_sync.search.services.doubles import Duplicate, Duplicates, decide, duplicates
from planning_sync.search.services.likeness import near, similar
from planning_sync.search.services.rebuilding import reindex
from planning_sync.search.services.recommending import Recommendation, recommend
from planning_sync.search.services.searching import ALL_KINDS, LIMIT, MOST, search
from planning_sync.search.services.themes import Cluster, Clusters, clusters

__all__ = [
    "ALL_KINDS",
    "LIMIT",
    "MOST",
    "Answer",
    "Cluster",
    "Clusters",
    "Duplicate",
    "Duplicates",
    "Filters",
    "Hit",
    "Recommendation",
    "clusters",
    "decide",
    "duplicates",
    "near",
    "recommend",
    "reindex",
    "search",
    "similar",
]
