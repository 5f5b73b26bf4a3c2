"""What `planning-sync validate` does: `HELP`, `arguments`, `run`."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from planning_sync.replicas.errors import ReplicaError
from planning_sync.sync.management.failures import Exit, UsageError
from planning_sync.sync.management.output import Output
from planning_sync.sync.management.validation import sources
from planning_sync.sync.management.validation.clock import today
from planning_sync.sync.management.validation.formats import FORMATS, Checked
from planning_sync.sync.management.validation.sources import Source
from plans.document import Document, parse, text
from plans.rules import Facts, InvalidRules, Level, Report, RulesFile, Settings, check_document, fix_all

HELP = "Check plans against rules, without a hub: findings, a score for each, and fixes."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="Plans, or folders of them; `-` for standard input; else `.`.",
    )
    parser.add_argument("--fix", action="store_true", help="Mend what can be mended safely, in the files.")
    parser.add_argument(
        "--unsafe-fixes",
        action="store_true",
        help="With --fix or --diff: also mend what changes what plans say.",
    )
    parser.add_argument(
        "--diff", action="store_true", help="Show what --fix would change, and change nothing."
    )
    parser.add_argument("--format", choices=sorted(FORMATS), help="How to answer; else text.")
    parser.add_argument(
        "--rules", metavar="FILE", help="The file of rules; else the nearest above each plan."
    )
    parser.add_argument("--select", action="append", metavar="RULE", help="Only these rules or levels.")
    parser.add_argument("--ignore", action="append", metavar="RULE", help="All but these rules or levels.")
    parser.add_argument("--min-score", type=float, metavar="N", help="End with 4 where a plan has less.")
    parser.add_argument("--stdin-filename", metavar="NAME", help="What the plan on standard input is called.")


class _Asked(NamedTuple):
    rules: sources.RulesFiles
    select: frozenset[str]
    ignore: frozenset[str]
    min_score: float | None
    fix: bool
    unsafe: bool
    diff: bool
    facts: Facts

    def settings(self, source: Source) -> tuple[Settings, RulesFile]:
        file, path = self.rules.of(source)
        return file.settings(path).narrowed(self.select, self.ignore), file


def run(options: Mapping[str, Any], output: Output) -> Exit:
    try:
        return _Run(_asked(options), output, _format(options)).all(
            options["paths"], options["stdin_filename"]
        )
    except InvalidRules as error:
        raise UsageError(str(error)) from error


def _format(options: Mapping[str, Any]) -> str:
    form: str = options["format"] or ("json" if options["as_json"] else "text")
    if options["diff"] and form != "text":
        raise UsageError(f"--diff is for people to read, and cannot be {form}: leave one of the two out.")
    return form


def _asked(options: Mapping[str, Any]) -> _Asked:
    rules = sources.RulesFiles(options["rules"])
    min_score = options["min_score"]
    if min_score is not None and not 0 <= min_score <= 100:
        raise UsageError(f"--min-score cannot be {min_score:g}: give a number from 0 to 100.")
    return _Asked(
        rules,
        frozenset(_names(options["select"])),
        frozenset(_names(options["ignore"])),
        *(min_score, options["fix"], options["unsafe_fixes"], options["diff"], Facts(today=today())),
    )


def _names(given: Sequence[str] | None) -> Iterator[str]:
    return (name.strip() for each in given or () for name in each.split(",") if name.strip())


class _Run:
    def __init__(self, asked: _Asked, output: Output, form: str) -> None:
        self.asked = asked
        self.output = output
        self.form = form
        self.checked: list[Checked] = []
        self.failed = False
        self.low: list[Checked] = []
        """Plans that have less than the score they must have."""

    def all(self, paths: Sequence[str], stdin_name: str | None) -> Exit:
        if paths == ["-"] or (stdin_name and not paths):
            return self.standard_input(stdin_name or "plan.md")
        found = sources.gather(paths or ["."])
        for problem in found.problems:
            self.output.note(f"planning-sync: {problem}")
        for source in found.sources:
            self.one(source)
        self.tell()
        return self.code()

    def tell(self) -> None:
        if self.asked.diff:
            return
        report = Report(tuple(each.result for each in self.checked))
        self.output.answer(FORMATS[self.form](self.checked, report))
        for each in self.low:
            self.output.note(
                f"planning-sync: {each.shown} has the score {each.result.score:g}, which is too low."
            )

    def code(self) -> Exit:
        if self.failed:
            return Exit.FAILED
        broken = self.low or not all(each.result.is_valid for each in self.checked)
        return Exit.CONFLICTS if broken else Exit.FINE

    def one(self, source: Source) -> None:
        try:
            reading = source.read()
            checked, least = self.judged(source, reading.document)
            if checked.data != reading.data:
                source.write(reading, checked.data)
        except ReplicaError as error:
            self.failed = True
            self.output.note(f"planning-sync: {source.shown}: {error}")
        else:
            self.keep(checked, least)

    def judged(self, source: Source, document: Document) -> tuple[Checked, float | None]:
        """What is found in a plan, once mended where that is asked for; and the score that it must have."""
        asked, name = self.asked, source.path
        settings, file = asked.settings(source)
        self.know(settings)
        least = file.min_score if asked.min_score is None else asked.min_score
        if not asked.fix and not asked.diff:
            result = check_document(document, settings, name=name, facts=asked.facts)
            return Checked(source.shown, source.answer, document.data, result), least
        fixed = fix_all(document.data, settings, name=name, facts=asked.facts, unsafe=asked.unsafe)
        if asked.diff:
            self.output.answer(_diff(source.shown, document.data, fixed.data))
            result = check_document(document, settings, name=name, facts=asked.facts)
            return Checked(source.shown, source.answer, document.data, result), least
        return Checked(source.shown, source.answer, fixed.data, fixed.result, len(fixed.applied)), least

    def keep(self, checked: Checked, least: float | None) -> None:
        if least is not None and checked.result.score < least:
            self.low.append(checked)
        self.checked.append(checked if checked.result.findings else checked._replace(data=b""))

    def know(self, settings: Settings) -> None:
        """Refuses names that are neither a rule nor a level."""
        known = settings.known | set(map(str, Level))
        for name in sorted((self.asked.select | self.asked.ignore) - known):
            near = difflib.get_close_matches(name, sorted(known), 1)
            hint = f"Did you mean {near[0]}?" if near else "docs/rules.md lists the rules."
            raise UsageError(f"There is no rule or level {name!r}. {hint}")

    def standard_input(self, name: str) -> Exit:
        """Checks what comes in. With --fix the mended plan goes out, and what is left to standard error."""
        source = Source.unsaved(name)
        checked, least = self.judged(source, parse(sys.stdin.buffer.read(), name=name))
        self.keep(checked, least)
        if self.asked.fix and not self.asked.diff:
            sys.stdout.buffer.write(checked.data)
            sys.stdout.buffer.flush()
            self.output.note(FORMATS[self.form](self.checked, Report((checked.result,))).rstrip("\n"))
        else:
            self.tell()
        return self.code()


def _diff(name: str, before: bytes, after: bytes) -> str:
    """The lines that differ, as `git diff` shows them."""
    old, new = (list(map(text.display, text.split_lines(text.decode(data)[1]))) for data in (before, after))
    return "".join(_ended(difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", n=2)))


def _ended(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
