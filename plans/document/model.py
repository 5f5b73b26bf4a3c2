"""What a parsed file is: its bytes, its lines, its outline, and where in the lines each thing stands.

Lines are numbered from 0 here and from 1 in everything that a person sees (`Finding.line` included).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, NamedTuple, Self

from plans.document.block_model import Region
from plans.outline import Kind, Outline, Status

DEFAULT_MARKS: Mapping[str, Status] = MappingProxyType(
    {
        " ": Status.TODO,
        "x": Status.DONE,
        "X": Status.DONE,
        "~": Status.IN_PROGRESS,
        "/": Status.IN_PROGRESS,
        "*": Status.IN_PROGRESS,
        "-": Status.CANCELLED,
        "!": Status.BLOCKED,
        ">": Status.TODO,
    }
)
"""What each mark in a box means. The first mark listed for a status is the one that is written."""


@dataclass(frozen=True)
class Dialect:
    """How a replica's files are to be read where Markdown leaves it open."""

    marks: Mapping[str, Status] = field(default_factory=lambda: DEFAULT_MARKS)
    ballots: Literal["off", "auto", "on"] = "auto"
    """Whether lines with a ballot box are tasks, and with `✅` ticked ones (`auto`: if the file has `☐`)."""
    broken_fences: Literal["off", "auto"] = "auto"
    """Whether an info string that is exactly `plaintext` closes an open fence where that gives tasks back."""


DEFAULT_DIALECT = Dialect()


class Spot(NamedTuple):
    """Where one item of the outline stands in the lines. `Document.spots` is parallel to `outline.items`."""

    line: int
    """The item's first line: the list marker's line, or the heading's."""
    text_line: int
    """The line that holds the box and the text; differs from `line` only for a box below a bare marker."""
    own_end: int
    """Just after the item's own lines (its text and body), where its first child item begins, or `end`."""
    end: int
    """Just after the item's last line, all below it included; trailing blank lines are not the item's."""
    start: int
    """Column (in characters of the line) at which the item's list marker, ballot sign or `#` begins."""
    box: int
    """Column of the mark between the brackets, or of the ballot sign; -1 where the item has no box."""
    content: int
    """Column at which the inline content begins: after the box and its blanks, or after the `#`s."""
    level: int = 0
    """Heading level 1-6; 0 for tasks."""


class Hidden(NamedTuple):
    """A line that would be a task or a phase, and is none for what stands around it."""

    line: int
    text: str
    ref: str
    status: str
    reason: str
    kind: Kind = Kind.TASK


class Name(NamedTuple):
    """What an item is called where it stands, whatever its words: evidence stronger than any likeness."""

    own: str = ""
    """Its name there, such as an issue's number; "" where it has none."""
    link: str = ""
    """The hub's id of the item, where the place keeps it for us."""
    edited: str = ""
    """What the place notes at each edit of the item, such as the time of it."""


class Finding(NamedTuple):
    """Something in the file that a person should know of; it never stops a sync."""

    line: int
    """1-based; 0 where it concerns the whole file."""
    code: str
    """A stable slug: `unrecognised`, `broken-fence`, `mojibake`, `not-utf8` ..."""
    message: str


@dataclass(frozen=True)
class Document:
    data: bytes
    encoding: str
    """Codec name that `lines` were decoded with and are encoded with again."""
    lines: tuple[str, ...]
    """The text with its line ends (LF, CRLF or CR, as they stand). Joined and encoded they are `data`."""
    outline: Outline
    """Keys are provisional: "1", "2" ... in document order, until `rekeyed`."""
    spots: tuple[Spot, ...]
    title_spot: Spot | None
    """The heading that gives the plan its title; None where the file name must."""
    hidden: tuple[Hidden, ...] = ()
    findings: tuple[Finding, ...] = ()
    dialect: Dialect = DEFAULT_DIALECT
    regions: tuple[Region, ...] = ()
    """The lines that are code, HTML or tables, ascending."""
    names: tuple[Name, ...] = ()
    """Parallel to the items of the outline; empty where nothing but their words tells items apart."""

    def rekeyed(self, keys: Sequence[str]) -> Self:
        """The same document whose items, in document order, go by `keys`."""
        names = {item.key: key for item, key in zip(self.outline.items, keys, strict=True)}
        return replace(self, outline=self.outline.rekeyed(names))

    def recalled(self, seen: Outline) -> Self:
        """The same document saying, as it was `seen` last, what its format has no words for."""
        return self

    @property
    def keys_by_name(self) -> dict[str, str]:
        """The key of each item that its own name alone tells apart; one with a link is told by that."""
        named = zip(self.names, self.outline.items, strict=False)
        return {name.own: item.key for name, item in named if name.own and name.link != item.key}
