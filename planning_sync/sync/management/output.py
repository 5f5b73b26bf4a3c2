"""How commands answer: one JSON document for programs, tables and trees for people.

Public: `Output`, `clean`, `STATUS_SIGNS`. The libraries that draw are loaded when something is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

Progress = Callable[[int, int], None]

STATUS_SIGNS = {
    "todo": "[ ]",
    "in_progress": "[~]",
    "done": "[x]",
    "blocked": "[!]",
    "cancelled": "[-]",
    "": "",
}
_STYLES = {
    "done": "green",
    "in_progress": "yellow",
    "blocked": "red",
    "cancelled": "dim",
    "ok": "green",
    "warning": "yellow",
    "problem": "red",
    "in_step": "green",
    "conflicts": "yellow",
    "refused": "red",
    "failed": "red",
    "critical": "red",
    "high": "yellow",
}
_COLOURED = ("State", "Severity")
"""The columns whose words have colours."""
_WIDTH_OF_A_PIPE = 240
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def clean(text: object) -> str:
    """The text on one line, with nothing in it that a terminal would obey."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", str(text))


class Output:
    def __init__(self, out: TextIO, err: TextIO, *, as_json: bool, plain: bool = False) -> None:
        self._out = out
        self._err = err
        self.as_json = as_json
        self._plain = plain
        self._console: Console | None = None

    def document(self, value: Any) -> None:
        """The one answer of a command that was asked for JSON."""
        import orjson

        option = orjson.OPT_INDENT_2 if self._out.isatty() else 0
        self._out.write(orjson.dumps(value, option=option).decode() + "\n")
        self._out.flush()

    def say(self, text: str = "") -> None:
        """A sentence: part of the answer for people, a message beside the answer for programs."""
        _write(self._err if self.as_json else self._out, text)

    def answer(self, text: str) -> None:
        """The answer, or a part of it, in a format of its own."""
        self._out.write(text)
        self._out.flush()

    def note(self, text: str) -> None:
        """A message on standard error."""
        _write(self._err, text)

    def show(self, drawing: RenderableType) -> None:
        console = self._drawn_on()
        if self._out.isatty():
            console.print(drawing)
            return
        with console.capture() as drawn:
            console.print(drawing, soft_wrap=True)
        for line in drawn.get().splitlines():
            _write(self._out, line.rstrip())

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Columns whose name begins with `>` are numbers, set to the right."""
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            right = column.startswith(">")
            table.add_column(
                column.removeprefix(">"), justify="right" if right else "left", no_wrap=right, overflow="fold"
            )
        for row in rows:
            table.add_row(
                *(styled(cell, coloured=name in _COLOURED) for name, cell in zip(columns, row, strict=True))
            )
        self.show(table)

    @contextmanager
    def progress(self, label: str) -> Iterator[Progress | None]:
        """A bar while the block runs, where a person looks."""
        if not self._err.isatty():
            yield None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(file=self._err), transient=True) as bar:
            task = bar.add_task(label, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    def _drawn_on(self) -> Console:
        if self._console is None:
            from rich.console import Console

            width = None if self._out.isatty() else _WIDTH_OF_A_PIPE
            self._console = Console(
                file=self._out,
                width=width,
                no_color=self._plain or None,
                highlight=False,
                markup=False,
                emoji=False,
            )
        return self._console


def _write(stream: TextIO, text: str) -> None:
    stream.write(text + "\n")
    stream.flush()


def styled(cell: object, *, coloured: bool) -> Text:
    """The cell; with `coloured`, a word that has a colour is in it."""
    from rich.text import Text

    if isinstance(cell, Text):
        return cell
    text = "" if cell is None else clean(cell)
    return Text(text, style=_STYLES.get(text, "") if coloured else "")


def signed(status: str) -> Text:
    """The box of a status, in its colour."""
    from rich.text import Text

    return Text(STATUS_SIGNS[status], style=_STYLES.get(status, ""))
