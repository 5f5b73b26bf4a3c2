"""The real histories as two-sided work: what merges by itself, what needs a person, what is dropped.

For each pair of consecutive real versions of a plan the file side is the later version, its items called by
`plans.identity`; the hub side is a random walk of edits from the earlier one (`bench.walks`), anywhere in the
plan, or *hot*: at the items that the file edited too. Both are merged as a sync does, under each of some
policies, and `bench.ledger` tells what became of each edit. Everything follows from the seed.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.table import Row
from bench.workplace import CORPUS, Workplace

if TYPE_CHECKING:
    from conflicts.merge import Clash, Decision, Decisions
    from conflicts.policy import Arbitrated, ArbitrationPolicy, Contexts
    from conflicts.strategies import Context
    from plans.outline import Change, Outline

SEED = 1
ROUNDS = 1_040
QUICK_ROUNDS = 260
"""Of each walk with each size."""
SIZES = (3, 10, 40)
"""The hub makes about as many edits as the file, and at most so many."""
SIZE_OF_POLICIES = 40
MOST_ASKED = 0.05
WALKS = ("anywhere", "hot")
NAMES = {"anywhere": "anywhere", "hot": "at the file's items"}
EXAMPLES = 8

RULES: Mapping[str, tuple[str, ...] | None] = {
    "default": None,
    "auto_merge": ("auto_merge",),
    "hub_wins": ("hub_wins",),
    "replica_wins": ("replica_wins",),
    "latest_wins": ("latest_wins",),
    "manual": ("manual",),
}
"""The policies: the one that is there without any, and each strategy alone, for every field and severity."""


def rows(place: Workplace) -> Iterator[Row]:
    folder = CORPUS / "dev" / "history"
    if not folder.is_dir():
        yield Row(
            "replays of real histories", target="no edit lost", problem=f"the corpus is not at {folder}"
        )
        return
    rounds = QUICK_ROUNDS if place.quick else ROUNDS
    hub = place.hub("sqlite")
    found = hub.run("bench.replays:measure", folder=str(folder), rounds=rounds, seed=SEED)
    campaigns = found["campaigns"]
    lost, edits = (sum(each[name] for each in campaigns) for name in ("lost", "edits"))
    told = f"{lost} of {edits:,} ({sum(each['rounds'] for each in campaigns):,} rounds)"
    yield Row("replays: edits lost, under any policy", told, target="none", met=lost == 0)
    default = [each for each in campaigns if each["policy"] == "default"]
    yield _aim_row([each for each in default if each["walk"] == "anywhere" and not each["refused_version"]])
    for each in default:
        yield _asked_row(each)
    for each in campaigns:
        if each["size"] == SIZE_OF_POLICIES and not each["refused_version"]:
            yield _policy_row(each)


def _aim_row(found: Sequence[Mapping[str, Any]]) -> Row:
    """For edits that know nothing of the file's, of versions that a sync takes up; all sizes."""
    edits, asked = (sum(each[name] for each in found) for name in ("edits", "asked"))
    return Row(
        "replays: edits that need a person, hub anywhere, all sizes",
        f"{asked / edits:.1%} of {edits:,}",
        target=f"under {MOST_ASKED:.0%}",
        met=asked < MOST_ASKED * edits,
    )


def _asked_row(found: Mapping[str, Any]) -> Row:
    edits, where = found["edits"], NAMES[found["walk"]]
    share = found["asked"] / edits
    which = ", versions that a guard refuses" if found["refused_version"] else ""
    return Row(
        f"replays: edits that need a person, hub {where}, up to {found['size']} edits{which}",
        f"{share:.1%} of {edits:,}",
        ratio=f"{found['left']:,} conflicts; value against value {found['asked_values'] / edits:.1%}",
    )


def _policy_row(found: Mapping[str, Any]) -> Row:
    clashes = found["settled"] + found["left"]
    return Row(
        f"replays: true clashes settled, {found['policy']}, hub {NAMES[found['walk']]}",
        f"{found['settled'] / clashes:.1%} of {clashes:,}",
        ratio=f"{found['dropped']:,} edits dropped",
    )


# ------------------------------------------------------------------------------------ histories


@dataclass(frozen=True)
class Step:
    """One real version after another: what a file said, and what it says."""

    name: str
    base: Outline
    found: Outline
    edits: tuple[Change, ...]
    later: bytes
    is_refused: bool
    """Whether a guard would ask a person about this version, had nobody touched the hub."""

    @property
    def acts(self) -> int:
        """The edits, where what is added or removed together with the item above it counts as one."""
        from plans.outline import Added, Removed

        roots = [edit.item for edit in self.edits if isinstance(edit, Added | Removed)]
        keys = {item.key for item in roots}
        return len(self.edits) - sum(item.parent in keys for item in roots)


def steps_of(folder: Path) -> list[Step]:
    """Every pair of consecutive versions in which the outline changed."""
    found = [
        _step(f"{history.name} {later.name}", earlier.read_bytes(), later.read_bytes())
        for history in sorted(folder.iterdir())
        for earlier, later in pairwise(sorted(history.glob("*.md")))
    ]
    return [step for step in found if step.edits]


def _step(name: str, earlier: bytes, later: bytes) -> Step:
    from planning_sync.sync.exchange import with_kept
    from plans import identity
    from plans import outline as outlines
    from plans.document import parse

    base, document = parse(earlier, name=name).outline, parse(later, name=name)
    base = base.rekeyed({item.key: f"b{item.key}" for item in base.items})
    match = identity.match(base, document.outline, document.hidden)
    parsed = document.outline.rekeyed(
        {item.key: match.keys.get(item.key, f"f{item.key}") for item in document.outline.items}
    )
    found = with_kept(parsed, base, match.unreachable)
    refused = _is_refused(base, found, blank=not later.strip())
    return Step(name, base, found, outlines.diff(base, found), later, refused)


def _is_refused(before: Outline, after: Outline, *, blank: bool) -> bool:
    from planning_sync.sync import guards
    from planning_sync.sync.errors import Refused

    try:
        guards.check_plan("", before, after, "hub", world="", blank=blank)
    except Refused:
        return True
    return False


# -------------------------------------------------------------------------------------- rounds


@dataclass(frozen=True)
class Round:
    """Two sides of one step, and when each of them edited what."""

    step: Step
    hub: Outline
    minutes: Mapping[tuple[str, str], int]
    saved: int
    """When the file was saved, in minutes as the hub's edits."""


def rounds_of(steps: Sequence[Step], rounds: int, seed: int, *, size: int, hot: bool) -> Iterator[Round]:
    """So many rounds, over all the steps in turn; those in which the hub came to no edit are left out."""
    from bench import walks

    for number in range(rounds):
        source = random.Random(f"{seed} {number} {size} {hot}")
        step = steps[number % len(steps)]
        most = min(step.acts, size)
        walk = walks.walk(step.base, step.edits, source.randint(-(-most // 2), most), source, hot=hot)
        if walk.outline != step.base:
            yield Round(step, walk.outline, walk.minutes, source.randrange(walks.DAY))


def merged(each: Round, policy: ArbitrationPolicy) -> Arbitrated:
    """The round merged as a sync does, with nobody's decisions."""
    from conflicts import merge
    from conflicts.policy import arbitrate

    def decide(decisions: Decisions) -> Decision:
        return merge.decide(each.step.base, each.hub, each.step.found, decisions=decisions)

    def contexts(decision: Decision, clashes: Sequence[Clash]) -> Contexts:
        return _contexts(each, decision, clashes)

    return arbitrate(decide, {}, contexts, policy)


def _contexts(each: Round, decision: Decision, clashes: Sequence[Clash]) -> dict[tuple[str, str], Context]:
    """As `planning_sync.sync.contexts` gives them, with the times of the walk instead of those of the log."""
    from dataclasses import replace
    from uuid import UUID

    from planning_sync.sync.contexts import contexts_of

    found = contexts_of(clashes, decision, plan_id=UUID(int=0), seen=each.step.base, saved_at=None)
    return {
        spot: replace(context, hub=_touch(each.minutes.get(spot)), replica=_touch(each.saved))
        for spot, context in found.items()
    }


def _touch(minute: int | None) -> Any:
    from datetime import UTC, datetime, timedelta

    from conflicts.strategies import Touch

    return None if minute is None else Touch(datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=minute))


# --------------------------------------------------------------------------------------- tally


@dataclass
class Tally:
    """What a policy did, over many rounds."""

    rounds: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    asked_values: int = 0
    """Of the edits for a person: those whose value clashes with another value, not with a deletion."""
    settled: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    """Clashes by field."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    def add(self, each: Round, arbitrated: Arbitrated) -> None:
        from bench import ledger
        from conflicts.merge import STRUCTURAL

        clashes = arbitrated.decision.clashes
        spots = {(clash.key, clash.field) for clash in clashes if clash.field not in STRUCTURAL}
        keys = {key for key, _ in spots}
        self.rounds += 1
        for edit, outcome in ledger.account(each.step.base, each.hub, each.step.found, arbitrated):
            self.outcomes[outcome] += 1
            if outcome is ledger.Outcome.ASKED:
                met = edit.key in keys if edit.what == "added" else (edit.key, edit.what) in spots
                self.asked_values += met
            elif outcome is ledger.Outcome.LOST:
                self.lost.append(f"{each.step.name}: {edit}")
        self.settled.update(settled.clash.field for settled in arbitrated.settled)
        for clash in clashes:
            self.left[clash.field] += 1
            known = self.examples.setdefault(clash.field, [])
            if len(known) < EXAMPLES:
                known.append(f"{each.step.name}: {clash}")

    def as_json(self) -> dict[str, Any]:
        return {
            "rounds": self.rounds,
            "edits": self.outcomes.total(),
            **{name: self.outcomes[name] for name in ("kept", "asked", "dropped", "overtaken", "lost")},
            "asked_values": self.asked_values,
            "settled": self.settled.total(),
            "left": self.left.total(),
            "settled_by_field": dict(self.settled),
            "left_by_field": dict(self.left),
            "examples": self.examples,
            "lost_edits": self.lost[:EXAMPLES],
        }


def policies() -> dict[str, ArbitrationPolicy]:
    from conflicts.merge import Severity
    from conflicts.policy import DEFAULT_ARBITRATION, ArbitrationPolicy, Rule

    return {
        name: DEFAULT_ARBITRATION
        if strategies is None
        else ArbitrationPolicy((Rule(strategies, severity=Severity.CRITICAL),))
        for name, strategies in RULES.items()
    }


def measure(folder: str, rounds: int, seed: int) -> dict[str, Any]:
    """What became of the edits, for each walk, size and policy; of versions that a guard refuses apart."""
    steps = steps_of(Path(folder))
    campaigns = []
    for walk, size in product(WALKS, SIZES):
        names = RULES if size == SIZE_OF_POLICIES else ("default",)
        tallies = campaign(steps, rounds, seed, size=size, hot=walk == "hot", names=names)
        for (name, refused), tally in tallies.items():
            told = {"walk": walk, "size": size, "policy": name, "refused_version": refused}
            campaigns.append({**told, **tally.as_json()})
    return {"campaigns": campaigns}


def campaign(
    steps: Sequence[Step], rounds: int, seed: int, *, size: int, hot: bool, names: Iterable[str]
) -> dict[tuple[str, bool], Tally]:
    """A tally for each policy, of versions that a guard would take and of those that it refuses."""
    chosen = {name: policy for name, policy in policies().items() if name in names}
    tallies = {(name, refused): Tally() for refused in (False, True) for name in chosen}
    for each in rounds_of(steps, rounds, seed, size=size, hot=hot):
        for name, policy in chosen.items():
            tallies[name, each.step.is_refused].add(each, merged(each, policy))
    return tallies
