"""JSON text and where in it each value stands, so that a change touches the characters of one value alone.

Public: `Node`, `parse`, `decoded`, `Malformed`, `Splices`, `Style`, `described`.

A node is decoded whole, at the speed of the standard library; where its members or elements stand is found
only for the nodes that one looks into.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, NoReturn

_BLANK = re.compile(r"[ \t\n\r]*")
_MERGE_MARKER = re.compile(r"(<{7}|={7}|>{7}|\|{7})( |$)")


class Malformed(Exception):
    """The text is not the JSON that it should be; `at` is the place in characters."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason, at)
        self.reason = reason
        self.at = at


def described(fault: Malformed, text: str) -> str:
    """The fault with its line and column, and what may be behind it."""
    line_start = text.rfind("\n", 0, fault.at) + 1
    line, column = text.count("\n", 0, fault.at) + 1, fault.at - line_start + 1
    reason = fault.reason
    if _MERGE_MARKER.match(text, line_start):
        reason = f"a merge left its markers there: {reason}"
    return f"line {line}, column {column}: {reason}"


def decoded(data: bytes) -> str:
    """The text that the bytes are in UTF-8; raises `Malformed`."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        at = len(data[: error.start].decode())
        raise Malformed(f"it is not UTF-8: {error.reason}", at) from None


@dataclass(frozen=True)
class Node:
    text: str
    start: int
    end: int
    value: Any

    @property
    def raw(self) -> str:
        return self.text[self.start : self.end]

    @cached_property
    def members(self) -> dict[str, Node]:
        """The values of an object by their keys. Raises `Malformed` where this is no object."""
        if not isinstance(self.value, dict):
            self.fail("an object is expected here")
        found: dict[str, Node] = {}
        at = _skip(self.text, self.start + 1)
        while self.text[at] != "}":
            at = _skip(self.text, at + 1) if self.text[at] == "," else at
            key = _decoded(self.text, at)
            found[key.value] = node = _decoded(self.text, _skip(self.text, _skip(self.text, key.end) + 1))
            at = _skip(self.text, node.end)
        return found

    def member(self, name: str) -> Node:
        """The value of one key that the object has, without looking into what follows it."""
        at = _skip(self.text, self.start + 1)
        while True:
            key, end = _DECODER.raw_decode(self.text, at)
            start = _skip(self.text, _skip(self.text, end) + 1)
            value, end = _DECODER.raw_decode(self.text, start)
            if key == name:
                return Node(self.text, start, end, value)
            at = _skip(self.text, _skip(self.text, end) + 1)

    @cached_property
    def elements(self) -> list[Node]:
        """The elements of an array. Raises `Malformed` where this is none."""
        if not isinstance(self.value, list):
            self.fail("a list is expected here")
        found: list[Node] = []
        at = _skip(self.text, self.start + 1)
        while self.text[at] != "]":
            at = _skip(self.text, at + 1) if self.text[at] == "," else at
            found.append(_decoded(self.text, at))
            at = _skip(self.text, found[-1].end)
        return found

    def fail(self, reason: str) -> NoReturn:
        raise Malformed(reason, self.start)


def parse(text: str) -> Node:
    """The one value that the text is; raises `Malformed`."""
    node = _decoded(text, _skip(text, 0))
    rest = _skip(text, node.end)
    if rest != len(text):
        raise Malformed("something follows the end", rest)
    return node


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    assert found is not None, "nothing is blank as well"
    return found.end()


class _Repeated(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Repeated(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in here")
    return found


def _no_constant(name: str) -> NoReturn:
    raise _Repeated(f"{name} is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _decoded(text: str, at: int) -> Node:
    try:
        value, end = _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip())
        raise Malformed("the text ends in the middle" if cut else _plain(error.msg), error.pos) from None
    except _Repeated as error:
        raise Malformed(str(error), at) from None
    except RecursionError:
        raise Malformed("it is nested too deeply", at) from None
    return Node(text, at, end, value)


def _plain(message: str) -> str:
    return message[:1].lower() + message[1:]


# ------------------------------------------------------------------------------------ writing


class Splice(NamedTuple):
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Style:
    """How a text lays out its JSON: by lines, each level by `unit`, or all on one line where that is ""."""

    unit: str

    @classmethod
    def of(cls, text: str) -> Style:
        found = re.search(r"\{[ \t]*\r?\n([ \t]+)\"", text)
        if found is None:
            return cls("" if "\n" not in text else "  ")
        # By its last line, as the first one may stand behind something else: the text may be cut out of one.
        outer = _indent(text, len(text))
        return cls(found[1].removeprefix(outer) or "  ")

    def written(self, value: Any, indent: str) -> str:
        """The value as `JSON.stringify` writes it, its further lines indented by `indent` and more."""
        if not self.unit:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        lines = json.dumps(value, ensure_ascii=False, indent=self.unit)
        return lines.replace("\n", "\n" + indent)


class Splices:
    """Changes of a text, each of the characters of one value, that are made together by `done`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.style = Style.of(text)
        self._made: list[Splice] = []

    def done(self) -> str:
        pieces: list[str] = []
        at = 0
        for splice in sorted(self._made):
            assert splice.start >= at, "no two changes concern the same characters"
            pieces += [self.text[at : splice.start], splice.text]
            at = splice.end
        return "".join([*pieces, self.text[at:]])

    def replace(self, node: Node, value: Any) -> None:
        self._put(node.start, node.end, self.style.written(value, _indent(self.text, node.start)))

    def set_member(self, node: Node, key: str, value: Any) -> None:
        """Give the object this member: in its place, or after the last one."""
        known = node.members.get(key)
        if known is not None:
            self.replace(known, value)
        else:
            self.set_raw_member(node, key, self.style.written(value, self._inside(node)[1]))

    def set_raw_member(self, node: Node, key: str, raw: str) -> None:
        """Give the object, which has none of that key, this member as it is written."""
        blank = self._inside(node)[0]
        told = f"{json.dumps(key, ensure_ascii=False)}:{' ' if self.style.unit else ''}{raw}"
        if node.members:
            last = max(member.end for member in node.members.values())
            self._put(last, last, f",{blank}{told}")
        else:
            self._put(node.start, node.end, f"{{{blank}{told}{self._closing(node)}}}")

    def remove_member(self, node: Node, key: str) -> None:
        """Take the member away, with one of the commas beside it."""
        ends = [member.end for member in node.members.values()]
        position = list(node.members).index(key)
        before = ends[position - 1] if position else node.start + 1
        end = ends[position]
        if not position and len(ends) > 1:
            following = self.text.index(",", end) + 1
            self._put(before, following, "")
        elif len(ends) == 1:
            self._put(node.start, node.end, "{}")
        else:
            self._put(before, end, "")

    def rearrange(self, node: Node, staying: Sequence[bool], new: Sequence[Any]) -> None:
        """Take elements out of the array and put new ones at its end; the others stay as they are written."""
        kept = [element for element, stays in zip(node.elements, staying, strict=True) if stays]
        blank, indent = self._inside(node)
        pieces = [element.raw for element in kept]
        pieces += [self.style.written(value, indent) for value in new]
        if not pieces:
            self._put(node.start, node.end, "[]")
            return
        closing = self.text[node.elements[-1].end : node.end - 1] if node.elements else self._closing(node)
        self._put(node.start, node.end, f"[{blank}{f',{blank}'.join(pieces)}{closing}]")

    def _inside(self, node: Node) -> tuple[str, str]:
        """What stands before each thing inside of the node, and the indentation of its lines."""
        first = _skip(self.text, node.start + 1)
        if self.text[first] not in "]}":
            blank = self.text[node.start + 1 : first]
            return blank, blank.rpartition("\n")[2] if "\n" in blank else _indent(self.text, node.start)
        indent = _indent(self.text, node.start) + self.style.unit
        return (f"\n{indent}" if self.style.unit else ""), indent

    def _closing(self, node: Node) -> str:
        return f"\n{_indent(self.text, node.start)}" if self.style.unit else ""

    def _put(self, start: int, end: int, text: str) -> None:
        self._made.append(Splice(start, end, text))


def _indent(text: str, at: int) -> str:
    line_start = text.rfind("\n", 0, at) + 1
    end = line_start
    while end < len(text) and text[end] in " \t":
        end += 1
    return text[line_start:end]
