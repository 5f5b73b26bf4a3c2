"""Which rules hold for a plan, and how they are tuned: `Settings`, `Active`, `RulesFile`, `Layer`,
`Tuning`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import NamedTuple

from plans.rules.model import Options, Rule, Severity
from plans.rules.registry import all_rules


class Tuning(NamedTuple):
    """What a file of rules says of one rule; None where it is silent."""

    enabled: bool | None = None
    severity: Severity | None = None
    options: Options = MappingProxyType({})

    def over(self, other: Tuning) -> Tuning:
        """Both, this one counting for more."""
        enabled = other.enabled if self.enabled is None else self.enabled
        return Tuning(enabled, self.severity or other.severity, {**other.options, **self.options})


class Layer(NamedTuple):
    """What is said of the plans whose paths the glob takes."""

    glob: str
    tunings: Mapping[str, Tuning]


class Active(NamedTuple):
    """A rule that is on, as it is tuned for a plan."""

    rule: Rule
    severity: Severity
    options: Options


@dataclass(frozen=True)
class Settings:
    """The rules for one plan."""

    active: tuple[Active, ...]
    known: frozenset[str]
    """Ids of all rules, those that are off included."""

    @cached_property
    def by_id(self) -> Mapping[str, Active]:
        return {active.rule.id: active for active in self.active}

    def narrowed(self, select: Collection[str] = (), ignore: Collection[str] = ()) -> Settings:
        """Only the rules that are selected (none named: all), by id or by level, without those ignored."""

        def wanted(active: Active) -> bool:
            names = {active.rule.id, str(active.rule.level)}
            return (not select or not names.isdisjoint(select)) and names.isdisjoint(ignore)

        return replace(self, active=tuple(filter(wanted, self.active)))


@dataclass(frozen=True)
class RulesFile:
    """What a file of rules says; without one, what ships."""

    name: str = ""
    layers: tuple[Layer, ...] = ()
    """In order: the later one counts for more."""
    own: tuple[Rule, ...] = ()
    """The team's rules, which are on unless a layer says otherwise."""
    min_score: float | None = None
    """The score that a plan must have; None where any will do."""
    _settings: dict[frozenset[int], Settings] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def rules(self) -> Mapping[str, Rule]:
        return {**all_rules(), **{rule.id: rule for rule in self.own}}

    def settings(self, path: str) -> Settings:
        """The rules for the plan at the path, which is relative to the folder of this file."""
        fitting = [number for number, layer in enumerate(self.layers) if takes(layer.glob, path)]
        key = frozenset(fitting)
        if key not in self._settings:
            self._settings[key] = self._made(fitting)
        return self._settings[key]

    def _made(self, fitting: list[int]) -> Settings:
        tunings: dict[str, Tuning] = {}
        for number in fitting:
            for name, tuning in self.layers[number].tunings.items():
                tunings[name] = tuning.over(tunings.get(name, Tuning()))
        active = [_active(rule, tunings.get(name, Tuning())) for name, rule in self.rules.items()]
        return Settings(tuple(each for each in active if each is not None), frozenset(self.rules))


def _active(rule: Rule, tuning: Tuning) -> Active | None:
    enabled = rule.enabled if tuning.enabled is None else tuning.enabled
    return (
        Active(rule, tuning.severity or rule.severity, {**rule.defaults, **tuning.options})
        if enabled
        else None
    )


@lru_cache(maxsize=256)
def _pattern(glob: str) -> re.Pattern[str]:
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    said = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(said.get(piece, re.escape(piece)) for piece in pieces), re.DOTALL)


def takes(glob: str, path: str) -> bool:
    """Whether the glob takes the path: `*` and `?` stay within one name, `**` does not."""
    return _pattern(glob).fullmatch(path) is not None


DEFAULT_RULES = RulesFile()
DEFAULT_SETTINGS = DEFAULT_RULES.settings("")
