"""Which items of a new reading are items that are known already.

Public: `match`, `Match`, `Doubt` and `similarity`.

A file carries no ids. Each reading is laid beside the outline last seen there, best evidence first:
equal items at both ends; texts that occur once on each side; then, below parents known to be the
same, equal items aligned by their neighbours; parents whose children are mostly the same; at last
similar texts, all pairs scored before any is taken. What stays uncertain is new, and is reported.
"""

from plans.identity.matching import Doubt, Match, match
from plans.identity.resemblance import similarity

__all__ = ["Doubt", "Match", "match", "similarity"]
