"""What people decided in such cases before holds, where that is sure enough. Never on critical clashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from conflicts.merge import Choice, Clash, Severity, severity_of
from conflicts.merge.model import CLASSES
from conflicts.strategies.base import NOTHING_TOLD, Context, Strategy, gettext_noop, taking


class Learned(Strategy):
    name: ClassVar[str] = "learned"
    caveat: ClassVar[str] = gettext_noop(
        "The value that people would probably not take is dropped; the history keeps it. It is a guess from "
        "past decisions."
    )
    fields: ClassVar[frozenset[str]] = frozenset(
        name for name, (_, severity) in CLASSES.items() if severity is not Severity.CRITICAL
    )

    def grounds(self, context: Context) -> Mapping[str, Any]:
        if context.suggestion is None:
            return NOTHING_TOLD
        return {
            "confidence": context.suggestion.confidence,
            "decisions": list(context.suggestion.decisions),
        }

    def can_resolve(self, clash: Clash, context: Context) -> bool:
        return context.suggestion is not None and severity_of(clash) is not Severity.CRITICAL

    def resolve(self, clash: Clash, context: Context) -> Choice | None:
        suggestion = context.suggestion
        if suggestion is None or suggestion.confidence < context.confidence:
            return None
        return taking(clash, suggestion.take)
