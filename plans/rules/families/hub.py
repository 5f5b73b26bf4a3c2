"""What the hub knows of a plan. Without these facts, the rules say nothing."""

from __future__ import annotations

from collections.abc import Iterator

from plans.rules.model import Example, Facts, Found, Level, Option, Options, Severity
from plans.rules.registry import rule
from plans.rules.subject import Subject

_PLAN = "# Plan\n\n- [ ] Sand\n"


@rule(
    *("hub-drift", Level.CONSISTENCY, Severity.WARNING, "a file that says something else than the hub"),
    bad=Example(_PLAN, facts=Facts(drift=("status of Sand: todo in the file, done in the hub",))),
    good=Example(_PLAN, facts=Facts(drift=())),
    whole=True,
)
def hub_drift(subject: Subject, options: Options) -> Iterator[Found]:
    """Hub and file differ, though the last sync is over: something stops the plan from being synced. See
    its remarks and conflicts, and sync it.
    """
    for difference in subject.facts.drift or ():
        yield Found(f"Hub and file differ: {difference}")


@rule(
    *("hub-conflicts", Level.CONSISTENCY, Severity.WARNING, "conflicts that wait for a person"),
    bad=Example(_PLAN, facts=Facts(conflicts=2)),
    good=Example(_PLAN, facts=Facts(conflicts=0)),
    whole=True,
)
def hub_conflicts(subject: Subject, options: Options) -> Iterator[Found]:
    """Both sides of a value are kept until someone decides. Decide, on the conflicts page or by
    `planning-sync resolve`.
    """
    count = subject.facts.conflicts
    if count:
        said = "1 conflict of this plan waits" if count == 1 else f"{count} conflicts of this plan wait"
        yield Found(f"{said} for a decision")


@rule(
    *("sync-cost", Level.PERFORMANCE, Severity.WARNING, "a plan that is slow to sync"),
    bad=Example(_PLAN, facts=Facts(sync_seconds=12.5)),
    good=Example(_PLAN, facts=Facts(sync_seconds=0.1)),
    whole=True,
    options={"seconds": Option(5.0, "How long a sync of the plan may take.")},
)
def sync_cost(subject: Subject, options: Options) -> Iterator[Found]:
    """The last sync of this plan took long. Divide the plan, or move what is done into an archive."""
    took = subject.facts.sync_seconds
    if took is not None and took > options["seconds"]:
        yield Found(f"The last sync took {took:.1f} s, more than {options['seconds']:g} s")
