"""The rules for plans, as they are kept beside a replica, and as a guard of its syncs.

Public: `Rulebook`, `rulebook_of`, `SHIPPED`, and `check`, which refuses a file that breaks them.
"""

from __future__ import annotations

from typing import NamedTuple

from audit import services as audit
from planning_sync.replicas.base import Reading, Replica
from planning_sync.replicas.errors import ReplicaError
from planning_sync.sync.errors import Refused
from plans import rules
from plans.rules import Finding, InvalidRules, RulesFile

BROKEN_RULES = "broken_rules"
_MOST_TOLD = 3


class Rulebook(NamedTuple):
    file: RulesFile
    digest: str = ""
    problem: str = ""
    """Why the file of rules cannot be read; then those that ship hold."""


SHIPPED = Rulebook(RulesFile())


def rulebook_of(side: Replica) -> Rulebook:
    """What the file of rules beside the plans says."""
    try:
        data = side.beside(rules.FILE_NAME)
        if data is None:
            return SHIPPED
        return Rulebook(rules.read_rules(data), audit.checksum_of(data))
    except (InvalidRules, ReplicaError) as error:
        return SHIPPED._replace(problem=str(error))


def check(rulebook: Rulebook, reading: Reading, *, world: str) -> None:
    """Raise `Refused` where a rule of severity `error` finds something, or the score is below the least."""
    path, items = reading.path, len(reading.document.outline.items)
    result = rules.check_document(reading.document, rulebook.file.settings(path), name=path)
    least = rulebook.file.min_score
    said = [_said(finding) for finding in result.errors[:_MOST_TOLD]]
    if len(result.errors) > _MOST_TOLD:
        said.append(f"and {len(result.errors) - _MOST_TOLD} more")
    if not said and least is not None and result.score < least:
        said = [f"its score is {result.score:g}, and the rules ask for {least:g}"]
    if said:
        reason = f"the rules refuse this file: {'; '.join(said)}. Mend it, or say go on in its conflict."
        world = f"hub {world}"
        raise Refused(path, reason, rule=BROKEN_RULES, side="hub", held=items, left=items, world=world)


def _said(finding: Finding) -> str:
    return f"line {finding.line}: {finding.message} ({finding.rule})"
