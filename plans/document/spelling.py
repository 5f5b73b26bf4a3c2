"""How a file spells what its tasks and headings say: the opposite of `inline`.

Public: `write_task`, `write_heading`, `Habits`, `learn_habits`, `STANDARD`.

A line is changed only where its new value stands, in the spelling that it has; what it does not have yet is
spelled as elsewhere in the file, else by the declared standard (`#priority:high #duration:3d ...`). Each
writer reads its result back and answers None where no spelling would read as meant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from plans.document.inline import (
    PRIORITIES,
    PRIORITY_WORDS,
    Annotation,
    HeadingText,
    TaskText,
    find_annotations,
    heading_end,
    match_ref,
    read_heading,
    read_task,
)
from plans.outline import Value

BLANKS = " \t\u00a0\u202f"

_STANDARD_KEYS = MappingProxyType(
    {
        "priority": "priority",
        "estimate": "duration",
        "assignee": "assigned",
        "tags": "tags",
        "due": "due",
        "depends_on": "depends",
    }
)
ANNOTATED = tuple(_STANDARD_KEYS)
"""The fields of a task that are annotations of its text."""

_LISTS = ("tags", "depends_on")
_MOST_PIECES = 32
"""In a text cut into more pieces than this by annotations, no edit looks for the piece that it concerns."""

_SIGN = re.compile("[\u2190-\u2bff\U0001f000-\U0001faff][\ufe0f\u200d\u2190-\u2bff\U0001f000-\U0001faff]* +")


@dataclass(frozen=True)
class Habits:
    """How a file spells what one of its lines does not have yet."""

    refs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """For each kind of ref (`count`, `dotted`, `word`) what is written before and after it."""
    forms: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """For each annotated field the form and the key (see `Annotation`)."""
    priority_words: str = "english"


STANDARD = Habits()

_BOLD_REF = ("**", "** ")
_PLAIN_REFS = MappingProxyType({"count": ("", ". "), "dotted": ("", " "), "word": ("", " : ")})


def learn_habits(contents: Iterable[str]) -> Habits:
    """The most frequent spellings among the contents of a file's tasks, or of its headings."""
    refs: Counter[tuple[str, str, str]] = Counter()
    forms: Counter[tuple[str, str, str]] = Counter()
    languages: Counter[str] = Counter()
    for content in contents:
        found = match_ref(content)
        if found and content[found.rest :] and not found.lead.endswith("**"):
            before = "**" if content.endswith("**", 0, found.start) else ""
            refs[_kind_of(found.ref), before, content[found.end : found.rest]] += 1
        if "#" in content or content.endswith(")"):
            for annotation in find_annotations(content):
                forms[annotation.field, annotation.form, annotation.key] += 1
                if annotation.field == "priority":
                    languages[_language(content[annotation.start : annotation.end], annotation)] += 1
    return Habits(
        refs={kind: (before, after) for (kind, before, after), _ in reversed(refs.most_common())},
        forms={name: (form, key) for (name, form, key), _ in reversed(forms.most_common()) if name},
        priority_words=max(languages, key=languages.__getitem__, default="english"),
    )


def _kind_of(ref: str) -> str:
    if ref.isdecimal():
        return "count"
    return "dotted" if ref[:1].isdecimal() else "word"


# --------------------------------------------------------------------------------------- ref and text


def write_task(content: str, changes: Mapping[str, Value], habits: Habits = STANDARD) -> str | None:
    """The content of a task line with some fields set (an empty value empties). No blanks stand around it."""
    expected = read_task(content)
    if "ref" in changes or "text" in changes:
        ref, text = str(changes.get("ref", expected.ref)), str(changes.get("text", expected.text))
        expected = expected._replace(ref=ref, text=text)
        found = _first_read_as(expected, _with_ref_and_text(content, ref, text, habits))
        if found is None:
            return None
        content = found
    for name in ANNOTATED:
        if name in changes:
            expected = _with_field(expected, name, changes[name])
            found = _first_read_as(expected, _with_annotation(content, name, changes[name], habits))
            if found is None:
                return None
            content = found
    return content


def _with_field(said: TaskText, name: str, value: Value) -> TaskText:
    return TaskText(**{**said._asdict(), name: tuple(value) if name in _LISTS else value})


def _first_read_as(expected: TaskText, candidates: Iterable[str]) -> str | None:
    return next((content for content in candidates if read_task(content)[:-1] == expected[:-1]), None)


def write_heading(
    content: str, changes: Mapping[str, Value], habits: Habits = STANDARD, *, atx: bool = True
) -> str | None:
    """The content of a heading with its ref or text set; closing `#`s stay as they are."""
    old = read_heading(content, atx=atx)
    wanted = HeadingText(str(changes.get("ref", old.ref)), str(changes.get("text", old.text)))
    end = heading_end(content) if atx else len(content)
    for body in _spellings(content[:end], *wanted, habits, _PLAIN_REFS):
        candidate = body + content[end:]
        if read_heading(candidate, atx=atx) == wanted:
            return candidate
    return None


def _with_ref_and_text(content: str, ref: str, text: str, habits: Habits) -> Iterator[str]:
    """The content with its words changed and its annotations in place, likeliest spelling first."""
    pieces, tokens = _cut(content)
    for words in _spellings("".join(pieces).strip(" \t"), ref, text, habits, {}):
        for new_pieces in _spread(words, pieces):
            glued = [piece + token for piece, token in zip(new_pieces, [*tokens, ""], strict=True)]
            yield "".join(glued).strip(" \t")


def _cut(content: str) -> tuple[list[str], list[str]]:
    """The words of a content between its annotations, and the annotations with the blanks before them."""
    pieces: list[str] = []
    tokens: list[str] = []
    last = 0
    for annotation in find_annotations(content) if "#" in content or content.endswith(")") else ():
        if annotation.field:
            words = content[last : annotation.start].rstrip(BLANKS)
            pieces.append(words)
            tokens.append(content[last + len(words) : annotation.end])
            last = annotation.end
    pieces.append(content[last:])
    return pieces, tokens


def _spread(words: str, pieces: list[str]) -> Iterator[list[str]]:
    """`words` cut like `pieces`: all but one piece as they are, or else everything in the first one."""
    if len(pieces) == 1:
        yield [words]
        return
    if len(pieces) <= _MOST_PIECES:
        for position, old in enumerate(pieces):
            head = "".join(pieces[:position]).lstrip(" \t")
            tail = "".join(pieces[position + 1 :])
            if not words.startswith(head) or not words.endswith(tail) or len(head) + len(tail) > len(words):
                continue
            middle = words[len(head) : len(words) - len(tail)]
            if position and middle and middle[0] not in BLANKS and old[:1] in tuple(BLANKS):
                middle = old[0] + middle
            yield [*pieces[:position], middle, *pieces[position + 1 :]]
    yield [words, *([""] * (len(pieces) - 1))]


def _spellings(
    old: str, ref: str, text: str, habits: Habits, usual: Mapping[str, tuple[str, str]]
) -> Iterator[str]:
    """Ways to write the ref and the text, the one nearest to `old` first."""
    found = match_ref(old)
    if not ref:
        yield text
        return
    if found:
        after = old[found.end : found.rest]
        if text.startswith(found.lead) or text == found.lead.rstrip(" \t"):
            yield _join(old[: found.start] + ref + after, text[len(found.lead) :])
        bold = old.endswith("**", 0, found.start) and not found.lead.endswith("**")
        yield from _around("**" if bold else "", ref, after if bold or "**" not in after else " ", text)
    kind = _kind_of(ref)
    for way in (habits.refs.get(kind), usual.get(kind), _BOLD_REF, _PLAIN_REFS[kind]):
        if way:
            yield from _around(way[0], ref, way[1], text)


def _around(before: str, ref: str, after: str, text: str) -> Iterator[str]:
    yield _join(before + ref + after, text)
    sign = _SIGN.match(text)
    if sign:
        yield _join(sign[0] + before + ref + after, text[sign.end() :])


def _join(head: str, text: str) -> str:
    if text and head and head[-1] not in BLANKS:
        return f"{head} {text}"
    return head + text if text else head.rstrip(BLANKS)


# --------------------------------------------------------------------------------------- annotations


def _with_annotation(content: str, name: str, value: Value, habits: Habits) -> Iterator[str]:
    """The content with one annotated field set, likeliest spelling first."""
    existing = [found for found in find_annotations(content) if found.field == name]
    if not value:
        yield _replaced(content, existing, "")
    elif not existing:
        for token in _tokens(name, value, habits.forms.get(name), habits.priority_words):
            yield f"{content} {token}".strip(" \t")
    elif name in _LISTS:
        yield from _with_list(content, existing, tuple(value))
    else:
        old = existing[0]
        language = _language(content[old.start : old.end], old)
        for token in _tokens(name, value, (old.form, old.key), language):
            yield _replaced(content, existing, _like(token, content[old.start : old.end], name))


def _with_list(content: str, existing: list[Annotation], value: tuple[str, ...]) -> Iterator[str]:
    keyed = [found for found in existing if found.form != "#"]
    if not keyed:
        yield _replaced(content, existing, " ".join("#" + tag for tag in value))
    first = keyed[0] if keyed else existing[0]
    others = [found for found in existing if found is not first]
    habit = (first.form, first.key) if keyed else None
    for token in _tokens(first.field, value, habit, ""):
        new = content[: first.start] + token + content[first.end :]
        shift = len(new) - len(content)
        moved = [_shifted(found, shift) if found.start > first.start else found for found in others]
        yield _replaced(new, moved, "")


def _shifted(found: Annotation, distance: int) -> Annotation:
    return found._replace(start=found.start + distance, end=found.end + distance)


def _tokens(name: str, value: Value, habit: tuple[str, str] | None, language: str) -> Iterator[str]:
    """Ways to write an annotation: as the habit has it, else by the declared standard."""
    form, key = habit or (":", _STANDARD_KEYS[name])
    key = key or _STANDARD_KEYS[name]
    if isinstance(value, tuple):
        if form == "#":
            yield " ".join("#" + part for part in value)
        text = ",".join(value)
    elif name == "priority" and value in PRIORITIES:
        rank = PRIORITIES.index(value)
        if form == "()":
            yield f"(P{rank})"
        text = PRIORITY_WORDS[language or "english"][rank]
    else:
        if form == "()":
            yield f"({value})"
        text = value
    ways = (f"#{key}:{text}", f"#{key}({text})")
    yield from ways[::-1] if form == "(" else ways


def _replaced(content: str, existing: list[Annotation], token: str) -> str:
    """The content with `token` in the place of the first annotation, and without the others."""
    pieces: list[str] = []
    last = 0
    for position, found in enumerate(existing):
        if token and position == 0:
            pieces.append(content[last : found.start] + token)
        else:
            pieces.append(content[last : found.start].rstrip(BLANKS))
        last = found.end
    pieces.append(content[last:])
    return "".join(pieces).strip(" \t")


def _language(token: str, annotation: Annotation) -> str:
    """The language of a priority's word."""
    if annotation.field != "priority" or annotation.form == "()":
        return ""
    word = _value_of(token).lower()
    return next((name for name, words in PRIORITY_WORDS.items() if word in words), "french")


def _value_of(token: str) -> str:
    return token[token.index("(") + 1 : -1] if token.endswith(")") else token.partition(":")[2]


def _like(token: str, old: str, name: str) -> str:
    """A priority token with the word in capitals where the old one is."""
    if name != "priority" or token.startswith("("):
        return token
    old_word, word = _value_of(old), _value_of(token)
    if old_word.isupper():
        return token.replace(word, word.upper())
    return token.replace(word, word.capitalize()) if old_word[:1].isupper() else token
