"""Templates for plans and phases: those that ship, and a team's own from `templates/` beside its plans. Pure
but for reading them.

Public: `find`, `names`, `fill`, `Starter`, `LANGUAGES`, `FOLDER`.

A template is a plan in which `{{TITLE}}`, `{{DATE}}` and `{{NUMBER}}` stand for what is not known yet. One
that begins with `## ` makes a phase, to be put at the end of a plan; all others make plans.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LANGUAGES = ("en", "fr")
FOLDER = "templates"
"""What the folder of a team's own templates is called."""
_SHIPPED = Path(__file__).parent
_PHASE = "## "


class Starter(NamedTuple):
    name: str
    language: str
    """Empty for a team's own."""
    text: str

    @property
    def makes_phase(self) -> bool:
        return self.text.startswith(_PHASE)

    @property
    def title(self) -> str:
        """What is made of it is called so where nobody says otherwise."""
        return self.name.replace("-", " ").replace("_", " ").capitalize()


def find(name: str, language: str = LANGUAGES[0], folder: Path | None = None) -> Starter | None:
    """The template of that name: the team's own in `folder`, else the one that ships; None without any."""
    return next((starter for starter in _all(language, folder) if starter.name == name), None)


def names(language: str = LANGUAGES[0], folder: Path | None = None) -> list[str]:
    return sorted({starter.name for starter in _all(language, folder)})


def fill(starter: Starter, *, title: str, date: str, number: int = 1) -> str:
    """The text of a plan or phase. `number`: of the phase."""
    text = starter.text
    for name, said in (("TITLE", title), ("DATE", date), ("NUMBER", str(number))):
        text = text.replace("{{" + name + "}}", said)
    return text


def _all(language: str, folder: Path | None) -> Iterator[Starter]:
    if folder is not None and folder.is_dir():
        yield from _in(folder, "")
    yield from _in(_SHIPPED / language, language)


def _in(folder: Path, language: str) -> Iterator[Starter]:
    for path in sorted(folder.glob("*.md")):
        yield Starter(path.stem, language, path.read_text(encoding="utf-8-sig"))
