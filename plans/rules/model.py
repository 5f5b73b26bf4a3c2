"""What validation is about: rules, what they find, how it is mended, and what comes of it for a plan.

Public: `Level`, `Severity`, `Rule`, `Option`, `Options`, `Example`, `Found`, `Finding`, `Fix`, `Splice`,
`Facts`, `Cost`, `Metrics`, `ValidationResult`, `Report`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from plans.rules.subject import Subject


class Level(StrEnum):
    """What a rule looks at."""

    SCHEMA = "schema"
    """The Markdown: can it be read as it is meant?"""
    CONSISTENCY = "consistency"
    """Does the plan contradict itself?"""
    BUSINESS = "business"
    """Is it what the team agreed that plans are?"""
    PERFORMANCE = "performance"
    """Is it of a size that people and syncs can work with?"""


class Severity(StrEnum):
    """The worst first. A plan with an error is not valid."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


# ------------------------------------------------------------------------------------------- fixes


class Splice(NamedTuple):
    """Lines `start` to `end` (0-based, exclusive) become `lines`, which bring their line ends."""

    start: int
    end: int
    lines: tuple[str, ...]


class Fix(NamedTuple):
    title: str
    """What it does, in the imperative."""
    splices: tuple[Splice, ...]
    """Ascending, apart from one another. Of the file as it was checked."""
    safe: bool
    """Whether the plan says the same afterwards, to people and to the hub."""


# ------------------------------------------------------------------------------------------- findings


class Found(NamedTuple):
    """What a rule says of a plan; the engine makes a `Finding` of it."""

    message: str
    line: int = 0
    """1-based; 0 where it concerns the whole file."""
    column: int = 0
    """1-based, in characters; 0 where it concerns whole lines."""
    end_column: int = 0
    """Just after the last character."""
    end_line: int = 0
    """0 where it is `line`."""
    fix: Fix | None = None


class Finding(NamedTuple):
    rule: str
    level: Level
    severity: Severity
    message: str
    line: int
    """1-based; 0 where it concerns the whole file."""
    column: int
    """1-based, in characters; 0 where it concerns whole lines."""
    end_line: int
    end_column: int
    """Just after the last character; 0 with `column`."""
    fix: Fix | None = None

    @property
    def fixable(self) -> bool:
        return self.fix is not None


# ------------------------------------------------------------------------------------------- rules


class Option(NamedTuple):
    """What a rule can be tuned by. A value is valid if it is of the kind of `default`."""

    default: bool | int | float | str | tuple[str, ...]
    explanation: str
    choices: tuple[str, ...] = ()
    """The words that a list may have; none where any will do."""


FixKind = Literal["", "safe", "unsafe"]

Options = Mapping[str, Any]
"""The value of each option of a rule, of the kind of its default."""


@dataclass(frozen=True)
class Facts:
    """What is known of a plan from elsewhere than its file; each is None where it is not known."""

    today: date | None = None
    """Without it, no rule says that a date is over or yet to come."""
    drift: tuple[str, ...] | None = None
    """What hub and file say differently, a line for each difference."""
    conflicts: int | None = None
    """Conflicts of the plan that are open."""
    sync_seconds: float | None = None
    """How long the last sync of the plan took."""


@dataclass(frozen=True)
class Example:
    """A plan that shows a rule. The rule finds nothing in a good one, and something in a bad one."""

    text: str
    name: str = "plan.md"
    options: Options = field(default_factory=lambda: MappingProxyType({}))
    facts: Facts = field(default_factory=Facts)


@dataclass(frozen=True)
class Rule:
    id: str
    """A slug. Stable: files of rules and comments in plans name it."""
    level: Level
    severity: Severity
    name: str
    """A few words: what is wrong where it finds something."""
    explanation: str
    """Why it matters, and what to do. Markdown."""
    check: Callable[[Subject, Options], Iterable[Found]]
    bad: Example = field(default_factory=lambda: Example(""))
    good: Example = field(default_factory=lambda: Example(""))
    """Both are there for each rule that ships."""
    whole: bool = False
    """Whether it speaks of the plan as a whole, so that a finding costs the same in a long plan."""
    enabled: bool = True
    """Whether it is on where no file of rules says otherwise."""
    fix: FixKind = ""
    """The safest fix that its findings may have; "" where it has none."""
    options: Mapping[str, Option] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def defaults(self) -> Options:
        return {name: option.default for name, option in self.options.items()}


# ------------------------------------------------------------------------------------------- results


class Cost(NamedTuple):
    """What the findings of one rule cost a plan."""

    rule: str
    severity: Severity
    findings: int
    points: float
    capped: bool
    """Whether more findings would have cost no more."""


class Metrics(NamedTuple):
    bytes: int
    lines: int
    phases: int
    tasks: int
    done: int
    progress: float
    """Percentage of the tasks that are done, without the cancelled ones."""
    declared_progress: float | None
    depth: int
    """The most tasks around a task, itself included."""


@dataclass(frozen=True)
class ValidationResult:
    """What validation says of one plan."""

    path: str
    findings: tuple[Finding, ...]
    """By line, those that concern the whole file first."""
    score: float
    """0 to 100, one decimal."""
    costs: tuple[Cost, ...]
    """What the score lost, the most expensive rule first."""
    metrics: Metrics

    @cached_property
    def errors(self) -> tuple[Finding, ...]:
        return self._of(Severity.ERROR)

    @cached_property
    def warnings(self) -> tuple[Finding, ...]:
        return self._of(Severity.WARNING)

    @property
    def is_valid(self) -> bool:
        return not self.errors

    def _of(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is severity)


@dataclass(frozen=True)
class Report:
    """What validation says of several plans."""

    results: tuple[ValidationResult, ...]

    @property
    def is_valid(self) -> bool:
        return all(result.is_valid for result in self.results)

    @cached_property
    def score(self) -> float:
        """The average of the plans' scores; 100 without plans."""
        if not self.results:
            return 100.0
        return round(sum(result.score for result in self.results) / len(self.results), 1)
