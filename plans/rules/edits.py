"""Fixes that set a field in the plan's own spelling: `edited`."""

from __future__ import annotations

from itertools import compress, count
from operator import is_not

from plans.document.edits import LineEditor
from plans.rules.model import Fix
from plans.rules.subject import Subject


def edited(subject: Subject, position: int, title: str, **changes: str) -> Fix | None:
    """A fix that sets fields of an item (-1: of the plan); None where no line can say them."""
    editor = subject.shared(_editor)
    item = subject.plan if position < 0 else subject.items[position]
    said = editor.change(item, changes)
    changed = list(compress(count(), map(is_not, editor.lines, subject.lines)))
    bodies = {line: editor.lines[line].rstrip("\r\n") for line in changed}
    for line in changed:
        editor.lines[line] = subject.lines[line]
    return subject.rewrite(title, bodies) if changed and set(said) == set(changes) else None


def _editor(subject: Subject) -> LineEditor:
    """An editor of the plan, which is given its lines back after each use."""
    return LineEditor(subject.document)
