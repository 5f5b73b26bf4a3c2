"""How what was found is told: `FORMATS`, each a function that gives the whole answer; `Checked`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from planning_sync.sync.management.validation.formats import as_github, as_json, as_junit, as_sarif, as_text
from planning_sync.sync.management.validation.formats.checked import Checked
from plans.rules import Report

FORMATS: Mapping[str, Callable[[Sequence[Checked], Report], str]] = MappingProxyType(
    {
        "text": as_text.told,
        "json": as_json.told,
        "sarif": as_sarif.told,
        "github": as_github.told,
        "junit": as_junit.told,
    }
)

__all__ = ["FORMATS", "Checked"]
