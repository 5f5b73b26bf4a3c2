"""What a plan declares about itself: version, date, progress and status lines, and front matter.

Public: `read_version_line`, `read_progress_line`, `Declared`; `front_matter_end`, `read_front_matter`;
`write_declared`, `write_front_matter`; `percent`.

A stated progress is a claim, kept beside the computed one. Every writer changes the value alone, in the way
the line has of writing it, and answers None where the line cannot say the new value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import NamedTuple

from plans.document.inline import BLANK, garbled, valid_date
from plans.outline import Status


class Declared(NamedTuple):
    version: str = ""
    date: str = ""
    """ISO 8601."""
    status: str = ""
    progress: str = ""


class Part(NamedTuple):
    """One value in a line."""

    field: str
    start: int
    end: int
    value: str
    form: str = ""
    """How the value is written: `%` or `/` for progress, `iso`, `slash` or `words` for a date."""


# ------------------------------------------------------------------------------------------- values


def percent(number: Decimal) -> str:
    """The percentage as outlines hold it: at most two decimals, no trailing zeros."""
    text = f"{number.quantize(Decimal('0.01')):f}"
    return text.rstrip("0").rstrip(".")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


# The first of each is the one that is written.
_FRENCH: Mapping[Status, tuple[str, ...]] = MappingProxyType(
    {
        Status.TODO: _words("non commencé, à faire, à commencer, planifié, en attente, brouillon"),
        Status.IN_PROGRESS: _words("en cours"),
        Status.DONE: _words("terminé, terminée, complété, complétée, fait, finalisé, validé"),
        Status.BLOCKED: _words("bloqué, bloquée, en pause"),
        Status.CANCELLED: _words("annulé, annulée, abandonné"),
    }
)
_ENGLISH: Mapping[Status, tuple[str, ...]] = MappingProxyType(
    {
        Status.TODO: _words("not started, todo, to do, planned, pending, draft"),
        Status.IN_PROGRESS: _words("in progress, wip, started, active"),
        Status.DONE: _words("done, complete, completed, finished"),
        Status.BLOCKED: _words("blocked, on hold"),
        Status.CANCELLED: _words("cancelled, canceled, abandoned"),
    }
)
_LANGUAGES = (_FRENCH, _ENGLISH)
_STATUS = {
    spelled.lower(): status
    for language in _LANGUAGES
    for status, words in language.items()
    for word in words
    for spelled in garbled(word)
}

_MONTHS = (
    ("janvier", "january"), ("février", "february"), ("mars", "march"), ("avril", "april"), ("mai", "may"),
    ("juin", "june"), ("juillet", "july"), ("août", "august"), ("septembre", "september"),
    ("octobre", "october"), ("novembre", "november"), ("décembre", "december"),
)  # fmt: skip
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}

_DATE = re.compile(
    r"(?<![\d/-])(?:(?P<iso>\d{4}-\d{2}-\d{2})|(?P<slash>\d{2}/\d{2}/\d{4})"
    rf"|(?P<words>\d{{1,2}} (?:{'|'.join(_MONTH)}) \d{{4}}))(?![\d/-])",
    re.IGNORECASE,
)
_NUMBER = r"\d{1,9}(?:[.,]\d{1,9})?"
_PERCENT = rf"(?P<percent>{_NUMBER}){BLANK}?%(?!{BLANK}*(?:→|->))"
_FRACTION = rf"(?P<fraction>{_NUMBER}{BLANK}*/{BLANK}*{_NUMBER})"


def _iso(match: re.Match[str]) -> str:
    """The date as ISO 8601, "" where the calendar has no such day."""
    text = match[0]
    if match.lastgroup == "slash":
        text = f"{text[6:]}-{text[3:5]}-{text[:2]}"
    elif match.lastgroup == "words":
        day, month, year = text.lower().split(" ")
        text = f"{year}-{_MONTH[month]:02}-{int(day):02}"
    return text if valid_date(text) else ""


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))


def _share(text: str) -> str:
    """The percentage that a fraction is, "" for one that is none."""
    count, total = (_decimal(part.strip(" \t\u00a0\u202f")) for part in text.split("/"))
    return percent(count * 100 / total) if 0 <= count <= total and total else ""


# -------------------------------------------------------------------------------------------- lines

_LEAD = rf"[ \t]{{0,3}}(?:>[ \t]?)?(?:[-*+]{BLANK}+)?(?:[\u2190-\u2bff\U0001f000-\U0001faff]\ufe0f?{BLANK}*)*"
_COLON = rf"{BLANK}*(?:\*{{1,2}}|_{{1,2}})?{BLANK}*:{BLANK}*(?:\*{{1,2}}|_{{1,2}})?{BLANK}*"

_VERSION_LINE = re.compile(
    rf"{_LEAD}(?:\*{{1,2}}|_{{1,2}})?Version(?:{_COLON}|{BLANK}+)(?P<version>[vV]?\d[\w.]*(?:-\w[\w.]*)*)"
    rf"(?={BLANK}*(?:[-–—|*_(\r\n]|$))",
    re.IGNORECASE,
)
_DATE_LINE = re.compile(rf"{_LEAD}(?:\*{{1,2}}|_{{1,2}})?Date(?={BLANK}*[*_:])", re.IGNORECASE)
_PROGRESS = re.compile(
    rf"(?:Progression|Progress|Avancement)(?:{BLANK}+(?:globale?|totale?|overall))?{_COLON}"
    rf"\[?(?:{_PERCENT}|{_FRACTION})",
    re.IGNORECASE,
)
_PROGRESS_LINE = re.compile(
    rf"{_LEAD}(?:\*{{1,2}}|_{{1,2}})?(?:[\u2190-\u2bff\U0001f000-\U0001faff]\ufe0f?{BLANK}*)*(?={_PROGRESS.pattern})",
    re.IGNORECASE,
)
_STATUS_LINE = re.compile(
    rf"{_LEAD}(?:\*{{1,2}}|_{{1,2}})?(?:Statut|Status|État|Etat|Ã‰tat)(?:{BLANK}+(?:globale?|actuel|overall))?{_COLON}"
    rf"(?:[\u2190-\u2bff\U0001f000-\U0001faff]\ufe0f?{BLANK}*)*(?:\*{{1,2}}|_{{1,2}})?"
    rf"(?P<status>[^\W\d][^\r\n|%*\[\d(–—]*?)?(?={BLANK}*(?:[-–—*|(\[\r\n]|$))"
    rf"(?:\*{{1,2}})?{BLANK}*[-–—]?{BLANK}*(?:\[[^\]\r\n]*\]{BLANK}*-{BLANK}*)?(?:{_PERCENT})?",
    re.IGNORECASE,
)


_BEFORE_WORD = r"[^a-zA-ZſßÉéÃãK]*"
_MAY_DECLARE_PROGRESS = re.compile(rf"{_BEFORE_WORD}(?i:progress|avancement|statu[ts]|état|etat|Ã‰tat)")
_MAY_DECLARE = re.compile(rf"{_BEFORE_WORD}(?i:version|date|progress|avancement|statu[ts]|état|etat|Ã‰tat)")


def may_declare_progress(line: str) -> bool:
    """Whether it is worth reading the line as a progress line. Quick."""
    return _MAY_DECLARE_PROGRESS.match(line) is not None


def may_declare(line: str) -> bool:
    """Whether it is worth reading the line as a version line or as a progress line. Quick."""
    return _MAY_DECLARE.match(line) is not None


def read_version_line(line: str) -> Declared | None:
    """What a version line (or a `**Date**:` line) declares; None for any other line."""
    return _declared(version_parts(line))


def read_progress_line(line: str) -> Declared | None:
    """What a progress or status line declares; None for any other line."""
    return _declared(progress_parts(line))


def _declared(parts: Sequence[Part]) -> Declared | None:
    return Declared(**{part.field: part.value for part in parts}) if parts else None


def version_parts(line: str) -> list[Part]:
    """The version, date and progress that a version line or a date line holds."""
    found = _VERSION_LINE.match(line)
    if found is not None:
        parts = [Part("version", *found.span("version"), found["version"])]
        parts.extend(_date_part(line, found.end()))
        parts.extend(_progress_part(_PROGRESS.search(line, found.end())))
        return parts
    found = _DATE_LINE.match(line)
    return list(_date_part(line, found.end())) if found is not None else []


def progress_parts(line: str) -> list[Part]:
    """The progress and the status that a progress or status line holds."""
    found = _PROGRESS_LINE.match(line)
    if found is not None:
        return list(_progress_part(found))
    found = _STATUS_LINE.match(line)
    if found is None:
        return []
    parts: list[Part] = []
    status = _STATUS.get(" ".join((found["status"] or "").lower().replace("_", " ").split()))
    if status:
        parts.append(Part("status", *found.span("status"), status.value))
    parts.extend(_progress_part(found))
    return parts


def _date_part(line: str, start: int) -> Iterator[Part]:
    found = _DATE.search(line, start)
    if found is not None and _iso(found):
        yield Part("date", *found.span(), _iso(found), found.lastgroup or "")


def _progress_part(found: re.Match[str] | None) -> Iterator[Part]:
    groups = found.groupdict() if found is not None else {}
    if found is not None and groups.get("percent"):
        number = _decimal(found["percent"])
        if number <= 100:
            yield Part("progress", *found.span("percent"), percent(number), "%")
    elif found is not None and groups.get("fraction"):
        share = _share(found["fraction"])
        if share:
            yield Part("progress", *found.span("fraction"), share, "/")


# ------------------------------------------------------------------------------------------ writing


def write_declared(line: str, field: str, value: str) -> str | None:
    """The line with `field` set to `value`; None where it does not hold the field or cannot say the value."""
    part = next((part for part in (*version_parts(line), *progress_parts(line)) if part.field == field), None)
    if part is None or not value:
        return None
    spelled = _spell(part, line[part.start : part.end], value)
    return line[: part.start] + spelled + line[part.end :] if spelled else None


def _spell(part: Part, old: str, value: str) -> str:
    """The value in the way the old one is written, "" where there is none."""
    match part.field:
        case "version":
            return value
        case "date":
            return _spell_date(part.form, old, value)
        case "status":
            return _spell_status(old, value)
        case _:
            return _spell_progress(part.form, old, value)


def _spell_date(form: str, old: str, value: str) -> str:
    if not valid_date(value):
        return ""
    year, month, day = value.split("-")
    if form == "slash":
        return f"{day}/{month}/{year}"
    if form == "words":
        names = _MONTHS[int(month) - 1]
        return f"{int(day)} {names[_is_english(old.lower().split(' ')[1])]} {year}"
    return value


def _is_english(month: str) -> bool:
    return any(month == english for _, english in _MONTHS)


def _spell_status(old: str, value: str) -> str:
    if value not in _FRENCH:
        return ""
    plain = " ".join(old.lower().replace("_", " ").split())
    language = _ENGLISH if any(plain in words for words in _ENGLISH.values()) else _FRENCH
    spelled = language[Status(value)][0]
    if "_" in old:
        spelled = spelled.replace(" ", "_")
    if old.isupper():
        return spelled.upper()
    return spelled.capitalize() if old[:1].isupper() else spelled


def _spell_progress(form: str, old: str, value: str) -> str:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return ""
    if form == "%":
        spelled = value
    else:
        total = old.split("/")[1]
        count = percent(number * _decimal(total.strip(" \t\u00a0\u202f")) / 100)
        blanks = old[: old.index("/")][len(old[: old.index("/")].rstrip(" \t\u00a0\u202f")) :]
        spelled = f"{count}{blanks}/{total}"
    return spelled.replace(".", ",") if "," in old else spelled


# ------------------------------------------------------------------------------------- front matter

_KEY_LINE = re.compile(
    r"(?P<key>[A-Za-z_][\w-]*)[ \t]*:[ \t]+(?:\"(?P<double>[^\"\\\r\n]*)\"|'(?P<single>[^'\r\n]*)'"
    r"|(?P<plain>[^\s\"'#\[{&*!|>%@`][^\r\n]*?))[ \t]*(?:[ \t]#[^\r\n]*)?[\r\n]*$"
)
_KEYS: Mapping[str, str] = MappingProxyType(
    {key: key for key in ("version", "date", "status", "progress")} | {"progression": "progress"}
)


_MOST_FRONT_MATTER = 300
_ENTRY = re.compile(r"[^\W\d][\w .-]*[ \t]*:(?:[ \t]|[\r\n]*$)|\"[^\"]*\"[ \t]*:|'[^']*'[ \t]*:")
_BESIDE_ENTRIES = re.compile(
    r"(?![ \t]*[-*+][ \t]+\[.\][ \t])(?:[ \t]+\S|-(?:[ \t]|[\r\n]*$)|#|[]})][\r\n]*)|[ \t]*[\r\n]*$"
)


def front_matter_end(lines: Sequence[str]) -> int:
    """The number of lines that the front matter takes, its two fences included; 0 where there is none.

    Between its fences all looks like YAML, with one entry at least: a rule at the top of a plan is a rule.
    """
    if not lines or lines[0].lstrip("\ufeff").rstrip(" \t\r\n") != "---":
        return 0
    entries = 0
    for number in range(1, min(len(lines), _MOST_FRONT_MATTER)):
        line = lines[number]
        if line.rstrip(" \t\r\n") in ("---", "..."):
            return number + 1 if entries else 0
        if _ENTRY.match(line):
            entries += 1
        elif not _BESIDE_ENTRIES.match(line):
            return 0
    return 0


def read_front_matter(lines: Sequence[str], end: int) -> Declared:
    """What the front matter in `lines[:end]` declares. The first of equal keys counts."""
    found: dict[str, str] = {}
    for line in lines[:end]:
        part = front_matter_part(line)
        if part is not None:
            found.setdefault(part.field, part.value)
    return Declared(**found)


def front_matter_part(line: str) -> Part | None:
    """The field that a line of the front matter holds."""
    found = _KEY_LINE.match(line)
    field = _KEYS.get(found["key"].lower()) if found else None
    if found is None or field is None:
        return None
    group = next(name for name in ("double", "single", "plain") if found[name] is not None)
    value = _front_matter_value(field, found[group])
    return Part(field, *found.span(group), value, group) if value else None


def _front_matter_value(field: str, text: str) -> str:
    match field:
        case "date":
            return text if valid_date(text) else ""
        case "status":
            return _STATUS.get(text.lower().replace("_", " "), "")
        case "progress":
            number = re.fullmatch(rf"({_NUMBER}){BLANK}?%?", text)
            return percent(_decimal(number[1])) if number and _decimal(number[1]) <= 100 else ""
        case _:
            return text.strip()


def write_front_matter(line: str, field: str, value: str) -> str | None:
    """A line of the front matter with its field set to `value`, quoted as before."""
    part = front_matter_part(line)
    if part is None or part.field != field or not value:
        return None
    old = line[part.start : part.end]
    if field == "status":
        spelled = _spell_status(old, value)
    elif field == "progress" and old.endswith("%"):
        spelled = value + old[len(old.rstrip("%").rstrip(" \t\u00a0\u202f")) :]
    else:
        spelled = value
    return line[: part.start] + spelled + line[part.end :] if spelled else None
