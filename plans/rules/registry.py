"""Where rules are found: `rule`, the decorator that makes one of a function, and `all_rules`.

Every module of `families` is looked into, so that a rule is added in one place: its function. The function
yields what it finds; its docstring is the rule's explanation.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from plans.rules import families
from plans.rules.model import Example, FixKind, Found, Level, Option, Options, Rule, Severity

if TYPE_CHECKING:
    from plans.rules.subject import Subject

Check = Callable[["Subject", Options], Iterable[Found]]

_registered: dict[str, Rule] = {}


def rule(
    rule_id: str,
    level: Level,
    severity: Severity,
    name: str,
    *,
    bad: str | Example,
    good: str | Example,
    options: Mapping[str, Option] = MappingProxyType({}),
    whole: bool = False,
    enabled: bool = True,
    fix: FixKind = "",
) -> Callable[[Check], Check]:
    """Registers the function as the check of a rule; see `model.Rule` for what the arguments mean."""

    def register(check: Check) -> Check:
        assert rule_id not in _registered, f"two rules are called {rule_id}"
        explanation = inspect.cleandoc(check.__doc__ or "")
        _registered[rule_id] = Rule(
            *(rule_id, level, severity, name, explanation, check),
            bad=_example(bad),
            good=_example(good),
            whole=whole,
            enabled=enabled,
            fix=fix,
            options=options,
        )
        return check

    return register


@cache
def all_rules() -> Mapping[str, Rule]:
    """Every rule that ships, by its id: level by level, family by family."""
    for module in pkgutil.iter_modules(families.__path__, f"{families.__name__}."):
        importlib.import_module(module.name)
    levels = list(Level)
    return MappingProxyType(
        {rule.id: rule for rule in sorted(_registered.values(), key=lambda rule: levels.index(rule.level))}
    )


def _example(given: str | Example) -> Example:
    return given if isinstance(given, Example) else Example(given)
