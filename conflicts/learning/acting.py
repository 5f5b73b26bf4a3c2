"""Guesses for the strategy `learned`: `suggester`."""

from __future__ import annotations

from collections.abc import Callable

from conflicts.learning import memory
from conflicts.learning.features import Facts
from conflicts.learning.memory import State
from conflicts.strategies import Suggestion

Suggester = Callable[[Facts], Suggestion | None]


def suggester() -> Suggester | None:
    """From the facts of a clash to what is suggested; None where guesses may not act at present."""
    if memory.status().state != State.ACTING:
        return None
    knowledge = memory.knowledge()
    if knowledge is None:
        return None

    def suggest(facts: Facts) -> Suggestion | None:
        guess = knowledge.guess(facts)
        return None if guess is None else Suggestion(guess.take, round(guess.confidence, 3), guess.decisions)

    return suggest
