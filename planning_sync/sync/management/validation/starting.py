"""What `planning-sync new` does: `HELP`, `arguments`, `run`."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from planning_sync.replicas import names
from planning_sync.replicas.base import ABSENT
from planning_sync.replicas.errors import ReplicaError
from planning_sync.replicas.markdown import MarkdownFolder
from planning_sync.sync.management.failures import CommandFailed, Exit, UsageError
from planning_sync.sync.management.output import Output
from planning_sync.sync.management.validation.clock import today
from plans import starters
from plans.document import Document, text
from plans.outline import Kind
from plans.starters import Starter

HELP = "Make a plan from a template, or a phase at the end of a plan."

_LAST_NUMBER = re.compile(r"\d+")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path",
        nargs="?",
        default=".",
        metavar="PATH",
        help="Where the plan is to be: a file or a folder, else `.`. For a phase: the plan that gets it.",
    )
    parser.add_argument(
        "--template", metavar="NAME", help="What to begin with; without it, the names are listed."
    )
    parser.add_argument("--title", help="What the plan or phase is called; else like the template.")
    parser.add_argument(
        "--language", choices=starters.LANGUAGES, default="en", help="Of templates that ship."
    )


class _Made(NamedTuple):
    template: str
    path: str
    title: str
    kind: Kind


def run(options: Mapping[str, Any], output: Output) -> Exit:
    path, language = Path(options["path"]), options["language"]
    folder = _templates(path if path.is_dir() else path.parent)
    if options["template"] is None:
        _list(starters.names(language, folder), output)
        return Exit.FINE
    starter = starters.find(options["template"], language, folder)
    if starter is None:
        known = ", ".join(starters.names(language, folder))
        raise UsageError(f"There is no template {options['template']!r}. There are: {known}.")
    title = " ".join((options["title"] or starter.title).split())
    try:
        made = (_phase if starter.makes_phase else _plan)(starter, path, title)
    except ReplicaError as error:
        raise CommandFailed(str(error)) from error
    _tell(made, output)
    return Exit.FINE


def _templates(folder: Path) -> Path | None:
    """The nearest folder of a team's own templates, up to the root of the git work tree."""
    for place in (folder.resolve(), *folder.resolve().parents):
        if (place / starters.FOLDER).is_dir():
            return place / starters.FOLDER
        if (place / ".git").exists():
            return None
    return None


def _list(known: list[str], output: Output) -> None:
    if output.as_json:
        output.document({"templates": known})
    else:
        output.say("\n".join(known))


def _tell(made: _Made, output: Output) -> None:
    if output.as_json:
        output.document(made._asdict())
    else:
        output.say(f"Made the {made.kind} {made.title} in {made.path}")


# ------------------------------------------------------------------------------------------- plans


def _plan(starter: Starter, path: Path, title: str) -> _Made:
    folder, name = (path, names.file_name(title)) if path.is_dir() else (path.parent, path.name)
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}. Make it first.")
    if (folder / name).exists():
        raise UsageError(f"There is a plan {folder / name} already. Give another PATH or --title.")
    data = starters.fill(starter, title=title, date=today().isoformat()).encode()
    _write(MarkdownFolder(folder), name, ABSENT, data)
    return _Made(starter.name, str(folder / name), title, Kind.PLAN)


def _write(folder: MarkdownFolder, name: str, before: str, data: bytes) -> None:
    folder.commit(folder.prepare_restore(name, before, data))


# ------------------------------------------------------------------------------------------- phases


def _phase(starter: Starter, path: Path, title: str) -> _Made:
    if not path.is_file():
        raise UsageError(f"The template {starter.name} makes a phase: name the plan that gets it as PATH.")
    real = path.resolve()
    folder = MarkdownFolder(real.parent)
    reading = folder.read(real.name)
    number = max(_numbers(reading.document), default=0) + 1
    said = starters.fill(starter, title=title, date=today().isoformat(), number=number)
    _write(folder, real.name, reading.checksum, _appended(reading.document, said))
    return _Made(starter.name, str(path), title, Kind.PHASE)


def _numbers(document: Document) -> Iterator[int]:
    """The numbers of the phases of the first rank."""
    levels = [spot.level for spot in document.spots if spot.level]
    for item, spot in zip(document.outline.items, document.spots, strict=True):
        if spot.level and spot.level == min(levels):
            yield from (int(found) for found in _LAST_NUMBER.findall(item.ref)[-1:])


def _appended(document: Document, said: str) -> bytes:
    """The plan with the phase below a blank line. The lines that are there stay; the last one is ended."""
    ends = Counter(filter(None, map(text.line_end, document.lines)))
    end = ends.most_common(1)[0][0] if ends else "\n"
    whole = "".join(document.lines)
    gap = "" if not whole else (end if text.line_end(document.lines[-1]) else end * 2)
    return text.encode(whole + gap + said.replace("\n", end), document.encoding)
