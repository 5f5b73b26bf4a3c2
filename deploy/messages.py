"""The French texts: `read`, `missing`, `untranslated`, `compiled`; run it to bring the files up to date.

    .venv/bin/python deploy/messages.py

takes the marked texts of the sources and templates into locale/fr/LC_MESSAGES/django.po (new ones without a
translation, which are then listed) and compiles it to django.mo. It needs no gettext on the machine.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from plans.rules import all_rules

ROOT = Path(__file__).resolve().parent.parent
FRENCH = ROOT / "locale" / "fr" / "LC_MESSAGES" / "django.po"
RULES = "plans/rules"
PACKAGES = ("audit", "plans", "conflicts", "planning_sync")
KEYWORDS: dict[str, Any] = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def main() -> None:
    """Update both files; exits 1 while a text has no French."""
    catalogue = read(FRENCH)
    catalogue.update(_extracted(), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    _write_headers(catalogue)
    with FRENCH.open("wb") as file:
        write_po(file, catalogue, width=100, include_lineno=False, sort_output=True)
    FRENCH.with_suffix(".mo").write_bytes(compiled(catalogue))
    left = untranslated(catalogue)
    for text in left:
        sys.stderr.write(f"{FRENCH}: no French for {text!r}\n")
    sys.exit(bool(left))


def _write_headers(catalogue: Catalog) -> None:
    """Without what Babel leaves to be filled in."""
    catalogue.project, catalogue.version = "Planning Sync", "1"
    catalogue.msgid_bugs_address = ""
    catalogue.last_translator = "Planning Sync contributors"
    catalogue.language_team = "French"
    catalogue.revision_date = catalogue.creation_date


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="fr", abort_invalid=True)


def untranslated(catalogue: Catalog) -> list[str]:
    """The texts without a translation, or with one that nobody has confirmed."""
    return [
        _text(message) for message in catalogue if message.id and (message.fuzzy or not _translated(message))
    ]


def missing(catalogue: Catalog) -> list[str]:
    """The texts of the sources and templates that the catalogue does not have."""
    return [_text(message) for message in _extracted() if message.id and catalogue.get(message.id) is None]


def compiled(catalogue: Catalog) -> bytes:
    """The bytes of the `.mo` file."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def _text(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _translated(message: Message) -> bool:
    return all(message.string) if isinstance(message.string, tuple | list) else bool(message.string)


def _extracted() -> Catalog:
    found = Catalog()
    for path, source in _sources():
        for line, text, comments, context in extract("python", io.BytesIO(source), KEYWORDS):
            found.add(text, locations=[(path, line)], auto_comments=comments, context=context)
    for rule in all_rules().values():  # pure, and so without the mark of a text
        found.add(rule.name, locations=[(RULES, 0)])
    return found


def _sources() -> Iterator[tuple[str, bytes]]:
    """Path and Python source of all that may hold texts; templates as Django turns them into Python."""
    from django.utils.translation.template import templatize

    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path.read_bytes()
    for path in sorted((ROOT / "templates").rglob("*.html")):
        lines = templatize(path.read_text(encoding="utf-8"), origin=str(path)).splitlines()
        yield path.relative_to(ROOT).as_posix(), "\n".join(line.lstrip() for line in lines).encode()


if __name__ == "__main__":
    main()
