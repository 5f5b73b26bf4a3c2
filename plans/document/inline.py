"""The grammar inside a line: what the text of a task or of a heading says.

Public: `read_task`, `TaskText`, `read_words`, `read_heading`, `read_heading_words`, `HeadingText`,
`read_dependencies`; and for
`spelling`, which writes what is read here: `match_ref`, `find_annotations`, `Annotation`, `PRIORITY_WORDS`,
`split_list`, `heading_end`, `without_annotations`; and for `metadata`: `BLANK`, `garbled`, `valid_date`.

Everything here reads text as `display` shows it, which leaves the signs of the grammar alone. Code spans are
never looked into for annotations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

BLANK = "[ \t\u00a0\u202f]"

# ------------------------------------------------------------------------------------------ refs

_WORDS = (
    "Phase",
    "Étape",
    "Etape",
    "Step",
    "Tâche",
    "Tache",
    "Task",
    "Activité",
    "Action Atomique",
    "Jour",
    "Day",
    "Semaine",
    "Week",
    "Sprint",
    "Module",
    "Niveau",
    "Level",
    "Section",
    "Axe",
    "Milestone",
)
_PARTS = ("étape", "tâche", "activité", "phase", "task", "step")
"""What follows a prefix: `Sous-étape`, `Micro-tâche`, `Sub-task`."""


def garbled(word: str) -> Iterable[str]:
    """The word as it stands in files where UTF-8 was once or twice read as something else."""
    yield word
    if not word.isascii():
        once = word.encode().decode("cp1252")
        yield once
        yield once.encode().decode("cp1252")
        yield word.encode().decode("cp850")


def _spellings(words: Iterable[str]) -> Iterable[str]:
    return (found for word in words for found in (*garbled(word), *garbled(word.upper())))


def _any_of(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, _spellings(words)))


_WORD = rf"{_any_of(_WORDS)}|[A-Z][A-Za-z]{{1,9}}-(?:{_any_of(_PARTS)})"
_ONE_WORD = re.compile(_WORD)
_EMOJI = "[\u2190-\u2bff\U0001f000-\U0001faff][\ufe0f\u200d\u2190-\u2bff\U0001f000-\U0001faff]*"
_DOTTED = r"\d{1,9}(?:\.\d{1,9})*"
_STATE = r"COMPLETED?|COMPL[ÉE]T[ÉE]E?|TERMIN[ÉE]E?|DONE|FAIT|VALID[ÉE]E?|IMPLÉMENTÉE?|FINALISÉE?|EN COURS|OK"
_SEPARATOR = f"(?:{BLANK}*[:–—-](?={BLANK}|$))?(?:{BLANK}+|$)"

_REF = re.compile(
    rf"""
    (?P<lead>(?:{_EMOJI}[ ]+)?(?:\*\*(?:{_STATE})\*\*(?:[ ]\([^()]*\))?[ ]*[-–—:][ ]+)?)
    (?:
      \*\*(?P<sign>{_EMOJI}[ ]+)?(?P<bold>{_DOTTED} | \{{\w+\}}(?:\.\d+)* | [A-Z]{{1,4}}\.?{_DOTTED}
            | (?:{_WORD})[ ]{_DOTTED}[A-Za-z]?(?:-{_DOTTED})? | (?i:sub)?(?i:task)-[\w.]*\w)
         [.)]?(?:{BLANK}*[:–—-])?\*\*{_SEPARATOR}
    |
      (?P<open>\*\*(?:{_EMOJI}[ ]+)?)?
      (?:
        (?P<dotted>\d{{1,9}}(?:\.\d{{1,9}})+)[.)]?{_SEPARATOR}
      | (?P<count>\d{{1,9}})\.(?:{BLANK}+|$)
      | (?P<keycap>(?:\d\ufe0f?\u20e3)+){_SEPARATOR}
      | (?P<word>(?:{_WORD})[ ]\d{{1,9}}(?:\.\d{{1,9}})+[A-Za-z]?(?:-{_DOTTED})?
               | (?i:sub)?(?i:task)-\d[\w.]*)
         (?<!\.)[.)]?{_SEPARATOR}
      | (?P<named>(?:{_WORD})[ ]\d{{1,9}}[A-Za-z]?(?:-{_DOTTED})?)
         [.)]?(?:{BLANK}*[:)–—-](?:{BLANK}+|$)|{BLANK}*$|{BLANK}+(?=\(|{_EMOJI}|\*\*))
      )
    )
    """,
    re.VERBOSE,
)
_WORD_STARTS = frozenset(spelling[:3] for spelling in _spellings(_WORDS))
_NUMBERED = re.compile(
    rf"(?:\*\*({_DOTTED})[.)]?\*\*|(\d{{1,9}}(?:\.\d{{1,9}})+)[.)]?|(\d{{1,9}})\.) +"
    r"(?=[^ \t\u00a0\u202f:–—-])"
)
"""The usual refs, of which `_REF` would say the same."""
_ONLY_NUMBERED = re.compile(rf"\*\*({_DOTTED})\*\* +([^\s:–—#-][^#]*[^\s#)])\Z")
"""The most usual contents with such a ref, without anything that might be an annotation."""
_NUMBERED_WORD = re.compile(rf"(\*\*)?(([^ *]+) {_DOTTED})(?(1)\*\*) ?: +(?=[^ \t\u00a0\u202f:–—-])")
"""The usual refs with a word, of which `_REF` would say the same if the word is one of its own."""
_NUMBER_NEARBY = re.compile(rf"\D{{1,{max(map(len, _spellings((*_WORDS, *_PARTS)))) + 16}}}\d")
"""Every ref that begins with a letter has this."""
_SIGN_OF_REF = re.compile(r"[\d{]|[kK]-")
"""Every ref has one of these."""
_NUMBER_STARTS = frozenset("0123456789*")
_REF_STARTS = frozenset("0123456789*stABCDEFGHIJKLMNOPQRSTUVWXYZ") | {"É", "Ã", "├"}


class RefMatch(NamedTuple):
    lead: str
    """Signs and state words around the ref, and the `**` of a bold text that it begins: all of them text."""
    ref: str
    start: int
    end: int
    """The span of the ref itself."""
    rest: int
    """Where the text goes on, after the separator."""


def match_ref(content: str) -> RefMatch | None:
    """The ref at the beginning of a task's or heading's content. The text is `lead + content[rest:]`."""
    first = content[:1]
    if first not in _REF_STARTS and first < "\u2190":
        return None
    if first.isalpha() and content[:3] not in _WORD_STARTS and "-" not in content[:12]:
        return None  # Not needed, but most texts begin with a word, and the pattern is slow to say no.
    found = _REF.match(content)
    if found is None:
        return None
    group = found.lastgroup or ""
    start, end = found.span(group)
    lead: str = found["lead"] + (found["open"] or found["sign"] or "")
    return RefMatch(lead, found[group], start, end, found.end())


def _split_ref(content: str) -> tuple[str, str]:
    """The ref and the text without it."""
    first = content[:1]
    if first not in _REF_STARTS:
        if first < "\u2190" or (content[1:2] == " " and _is_other_word(content, 2)):
            return "", content
    elif first in _NUMBER_STARTS:
        if first != "*" or content[2:3] in _NUMBER_STARTS:
            number = _NUMBERED.match(content)
            if number is not None:
                return number[number.lastindex or 0], content[number.end() :]
        elif content[3:4].islower() and _is_other_word(content, 2):
            return "", content
    elif first.isalpha():
        if content[:3] not in _WORD_STARTS:
            if "-" not in content[:12]:
                return "", content
        elif _NUMBER_NEARBY.match(content) is None:
            return "", content
    if first < "\u2190":
        word = _NUMBERED_WORD.match(content)
        if word is not None and _is_word(word[3]):
            return word[2], content[word.end() :]
    if _SIGN_OF_REF.search(content) is None:
        return "", content
    found = _REF.match(content)
    if found is None:
        return "", content
    ref: str = found[found.lastgroup or 0]
    lead, opened, sign = found.group("lead", "open", "sign")
    if lead or opened or sign:
        return ref, (lead + (opened or sign or "") + content[found.end() :]).rstrip(" \t")
    return ref, content[found.end() :]


@lru_cache(maxsize=1024)
def _is_word(text: str) -> bool:
    """Whether a text without blanks is a word that numbers follow in refs."""
    return _ONE_WORD.fullmatch(text) is not None


def _is_other_word(content: str, pos: int) -> bool:
    """Whether a word stands at `pos` that begins no ref: the pattern is slow to say so."""
    return (
        content[pos : pos + 1].isalpha()
        and content[pos : pos + 3] not in _WORD_STARTS
        and "-" not in content[pos : pos + 12]
    )


# ----------------------------------------------------------------------------------- annotations

KEYS: Mapping[str, str] = MappingProxyType(
    {
        "priority": "priority",
        "duration": "estimate",
        "time": "estimate",
        "temps": "estimate",
        "estimate": "estimate",
        "assigned": "assignee",
        "assignee": "assignee",
        "owner": "assignee",
        "tags": "tags",
        "due": "due",
        "deadline": "due",
        "depends": "depends_on",
        "depends_on": "depends_on",
    }
)
"""Which field each known `#key:value` gives."""

PRIORITY_WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sign": ("p0", "p1", "p2", "p3", "p4"),
        "english": ("critical", "high", "medium", "low", "lowest"),
        "french": ("critique", "haute", "moyenne", "basse", "minimale"),
    }
)
"""The words of each language for the five priorities, the most urgent first."""

PRIORITIES = PRIORITY_WORDS["english"]

_PRIORITY: Mapping[str, str] = MappingProxyType(
    {word: PRIORITIES[rank] for words in PRIORITY_WORDS.values() for rank, word in enumerate(words)}
    | {"urgent": "critical", "urgente": "critical", "élevée": "high", "elevee": "high", "haut": "high"}
    | {"normal": "medium", "normale": "medium", "moyen": "medium", "faible": "low", "bas": "low"}
)

_TAG = re.compile(
    r"(?<![^ \t\u00a0\u202f])#(?P<key>" + "|".join(sorted(KEYS, key=len, reverse=True)) + r")"
    r"(?::(?P<plain>[^\s()]*[^\s().,;:!?])|\((?P<inner>[^()]*)\))",
    re.IGNORECASE,
)
_DURATION = re.compile(
    r"(?:\d+(?:[.,]\d+)?(?:[-–]\d+(?:[.,]\d+)?)?[ \u00a0\u202f]?"
    r"(?:heures?|hours?|hrs?|h|jours?|days?|j|d|semaines?|weeks?|sem|w|mois|months?|minutes?|mins?|m))+"
    r"|\d+h\d\d",
    re.IGNORECASE,
)
_BARE_TAG = re.compile(r"#[^\W\d_][^\s#,;:!?()\[\]{}<>|`\"]*")
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)[^`]+\1(?!`)")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

_BLANK_ENDS = frozenset(" \t\r\n")
_HEADING_ENDS = _BLANK_ENDS | {"#"}

LONGEST_PARENTHESIS = 32
"""How far back from the end of a line the beginning of a `(3 jours)` is looked for."""


class Annotation(NamedTuple):
    field: str
    """The field it sets; "" for a `#key:value` whose value means nothing (it stays text)."""
    start: int
    end: int
    value: str | tuple[str, ...]
    form: str
    """`:` for `#key:value`, `(` for `#key(value)`, `#` for a bare tag, `()` for `(P0)` and `(2h)`."""
    key: str
    """The key as written, "" where the form has none."""


def valid_date(text: str) -> bool:
    """Whether the text is a date of the calendar as YYYY-MM-DD."""
    if not _ISO_DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def split_list(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated list, each once."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _meaning(field: str, text: str) -> str | tuple[str, ...]:
    """The field's value, empty where the text is not one."""
    match field:
        case "tags" | "depends_on":
            return split_list(text)
        case "priority":
            return _PRIORITY.get(text.lower(), "")
        case "due":
            return text if valid_date(text) else ""
        case _:
            return text


def find_annotations(content: str) -> list[Annotation]:
    """Every annotation of a task's content, in order. A second one for a field of one value means nothing."""
    masked = content
    if "`" in content:
        masked = _CODE_SPAN.sub(lambda span: "`" * len(span[0]), content)
    found = [_keyed(match) for match in _TAG.finditer(masked)] if "#" in content else []
    found.extend(_cluster(masked, {tag.end: tag.start for tag in found}))
    found.sort(key=lambda annotation: annotation.start)
    taken: set[str] = set()
    for position, annotation in enumerate(found):
        if annotation.field in taken and annotation.field not in ("tags", "depends_on"):
            found[position] = annotation._replace(field="")
        taken.add(annotation.field)
    return found


def _keyed(match: re.Match[str]) -> Annotation:
    field = KEYS[match["key"].lower()]
    plain = match["plain"]
    text = plain if plain is not None else match["inner"].strip()
    value = _meaning(field, text)
    form = ":" if plain is not None else "("
    return Annotation(field if value else "", match.start(), match.end(), value or text, form, match["key"])


def _cluster(content: str, keyed: Mapping[int, int]) -> list[Annotation]:
    """The bare tags, priorities and durations among the annotations that end the line."""
    found: list[Annotation] = []
    end = len(content)
    while True:
        while end and content[end - 1] in " \t\u00a0\u202f":
            end -= 1
        start = keyed.get(end, -1)
        if start < 0:
            annotation = _last_annotation(content, end)
            if annotation is None:
                return found
            if annotation.field:
                found.append(annotation)
            start = annotation.start
        end = start


def _last_annotation(content: str, end: int) -> Annotation | None:
    """The annotation without a known key that ends at `end`. Text must be left before it."""
    if content.endswith(")", 0, end):
        start = content.rfind("(", max(0, end - LONGEST_PARENTHESIS), end)
        if start <= 0 or content[start - 1] not in " \t\u00a0\u202f":
            return None
        inner = content[start + 1 : end - 1]
        if len(inner) == 2 and inner[0] in "Pp" and inner[1] in "01234":
            return Annotation("priority", start, end, _PRIORITY[inner.lower()], "()", "")
        if _DURATION.fullmatch(inner):
            return Annotation("estimate", start, end, inner, "()", "")
        return None
    start = content.rfind("#", 0, end)
    if start <= 0 or content[start - 1] not in " \t\u00a0\u202f":
        return None
    token = content[start:end]
    if _BARE_TAG.fullmatch(token):
        return Annotation("tags", start, end, (token[1:],), "#", "")
    return None if " " in token or "\t" in token else Annotation("", start, end, token, "#", "")


# ----------------------------------------------------------------------------------------- reading


class TaskText(NamedTuple):
    ref: str
    text: str
    priority: str = ""
    assignee: str = ""
    due: str = ""
    tags: tuple[str, ...] = ()
    estimate: str = ""
    depends_on: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    """Annotations with a known key that were not understood: they are still in the text."""


class HeadingText(NamedTuple):
    ref: str
    text: str


def read_words(content: str) -> tuple[str, str] | None:
    """The ref and the text of a task's content without annotations; None where there may be any. Quick."""
    if content[:1] == "*":
        numbered = _ONLY_NUMBERED.match(content)
        if numbered is not None:
            return numbered[1], numbered[2]
    if "#" in content:
        return None
    ending = content[-1:]
    if ending in _BLANK_ENDS or content[:1] in _BLANK_ENDS:
        content = content.strip(" \t\r\n")
        ending = content[-1:]
    if ending == ")":
        opening = content.rfind("(", -LONGEST_PARENTHESIS)
        if opening > 0 and (content[opening + 1].isdecimal() or content[opening + 1] in "pP"):
            return None
    return _split_ref(content)


def read_task(content: str) -> TaskText:
    """What the content of a task line says: what comes after the box, with or without the line's end."""
    words = read_words(content)
    if words is not None:
        return TaskText(*words)
    content = content.strip(" \t\r\n")
    found = find_annotations(content)
    return _read_annotated(content, found) if found else TaskText(*_split_ref(content))


def _read_annotated(content: str, found: Sequence[Annotation]) -> TaskText:
    ref, text = _split_ref(without_annotations(content, found))
    values: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    for field, _, _, value, _, _ in found:
        if isinstance(value, tuple):
            lists[field] = tuple(dict.fromkeys(lists.get(field, ()) + value))
        elif field:
            values[field] = value
    return TaskText(
        ref,
        text,
        values.get("priority", ""),
        values.get("assignee", ""),
        values.get("due", ""),
        lists.get("tags", ()),
        values.get("estimate", ""),
        lists.get("depends_on", ()),
        tuple(content[item.start : item.end] for item in found if not item.field and item.key),
    )


def without_annotations(content: str, found: Sequence[Annotation]) -> str:
    """The content without the annotations that set a field, each taken out with the blanks before it."""
    pieces: list[str] = []
    last = 0
    for annotation in found:
        if annotation.field:
            pieces.append(content[last : annotation.start].rstrip(" \t\u00a0\u202f"))
            last = annotation.end
    pieces.append(content[last:])
    return "".join(pieces).strip(" \t")


def read_heading(content: str, *, atx: bool = True) -> HeadingText:
    """What a heading says: the content after the `#`s and the box. Closing `#`s are not text (`atx` only)."""
    return HeadingText(*read_heading_words(content, atx=atx))


def read_heading_words(content: str, *, atx: bool) -> tuple[str, str]:
    """The same, as a bare tuple."""
    if atx and content[-1:] in _HEADING_ENDS:
        content = content[: heading_end(content)]
    return _split_ref(content.strip(" \t\r\n"))


def heading_end(content: str) -> int:
    """Where an ATX heading's text ends, before the blanks, closing `#`s and line end."""
    text = content.rstrip(" \t\r\n")
    opened = text.rstrip("#")
    if len(opened) < len(text) and (not opened or opened[-1] in " \t"):
        text = opened.rstrip(" \t")
    return len(text)


_DEPENDENCIES = re.compile(
    rf"[ \t>]*(?:[-*+]{BLANK}+)?(?P<bold>\*\*)?(?:D(?:é|Ã©)pendances?|Dependenc(?:y|ies)|Depends on){BLANK}*"
    rf"(?:\*\*{BLANK}*:|:{BLANK}*\*\*|:){BLANK}*(?P<refs>[^\r\n]*)",
    re.IGNORECASE,
)
_ONE_REF = re.compile(
    rf"(?:\*\*)?(?P<ref>{_DOTTED}|(?i:(?:sub)?task)-[\w.]*\w|(?:{_WORD})[ ]{_DOTTED})(?:\*\*)?\.?"
)
_NONE = frozenset({"", "aucune", "aucun", "none", "-", "n/a"})


class Dependencies(NamedTuple):
    refs: tuple[str, ...]
    start: int
    end: int
    """The span of the list in the line."""


def read_dependencies(line: str) -> Dependencies | None:
    """The refs that a line such as `> **Dépendances**: task-456, task-789` lists; None for any other line.

    A list that holds anything but refs is prose, hence None too.
    """
    found = _DEPENDENCIES.match(line)
    if found is None:
        return None
    text = found["refs"].rstrip(" \t")
    span = found.start("refs"), found.start("refs") + len(text)
    if text.rstrip(".").lower() in _NONE:
        return Dependencies((), *span)
    refs = [_ONE_REF.fullmatch(part.strip()) for part in text.split(",")]
    if any(ref is None for ref in refs):
        return None
    return Dependencies(tuple(dict.fromkeys(ref["ref"] for ref in refs if ref)), *span)
