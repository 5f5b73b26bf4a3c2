"""What the screens show of conflicts, the same in the admin and on the pages.

Public: `screen_of` one conflict, `briefs` of many, `effects` of a bulk decision; `title_of`, `settled`,
`stamp_of`, `decision_of`; `field_name`, `label` and `Names`. Nothing here writes.
"""

from __future__ import annotations

from conflicts.presentation.screen import (
    Brief,
    Choice,
    Column,
    Screen,
    briefs,
    decision_of,
    effect_lines,
    screen_of,
    settled,
    stamp_of,
    title_of,
)
from conflicts.presentation.wording import Names, field_name, label

__all__ = [
    "Brief",
    "Choice",
    "Column",
    "Names",
    "Screen",
    "briefs",
    "decision_of",
    "effect_lines",
    "field_name",
    "label",
    "screen_of",
    "settled",
    "stamp_of",
    "title_of",
]
