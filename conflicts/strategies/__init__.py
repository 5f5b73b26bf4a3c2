"""Ways to settle a clash without a person: one small class each, in a module of its own. Pure.

Public: `STRATEGIES`, every strategy by its name; `Strategy`, `Context`, `Touch`, `Suggestion`. To add a
strategy, add a module with a subclass of `Strategy` to this package.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import isabstract
from types import MappingProxyType

from conflicts.strategies.base import Context, Strategy, Suggestion, Touch

__all__ = ["STRATEGIES", "Context", "Strategy", "Suggestion", "Touch"]


def _found() -> Iterator[Strategy]:
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        named = vars(import_module(f"{__name__}.{module.name}"))
        for each in named.values():
            own = isinstance(each, type) and each.__module__ == f"{__name__}.{module.name}"
            if own and issubclass(each, Strategy) and not isabstract(each):
                yield each()


def _by_name() -> dict[str, Strategy]:
    strategies: dict[str, Strategy] = {}
    for strategy in _found():
        assert strategy.name not in strategies, f"two strategies are called {strategy.name}"
        strategies[strategy.name] = strategy
    return strategies


STRATEGIES: Mapping[str, Strategy] = MappingProxyType(_by_name())
