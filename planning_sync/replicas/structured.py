"""Plans that are records rather than lines of Markdown: tasks of a tool's file, of a service, of a table.

Public: `Record`, `Records`, `Words`, `Asked`, `Spliced`, `document`, `beyond`, `rewritten`, `created`.

A replica of such plans does three things of its own; the rest is here, and the same for all of them.

    read       text or answer --> `Record`s, in order --> `document(...)`, which is a `Document` as any other
    prepare    `rewritten(reading, target, splice)`, and `splice` turns what is `Asked` into new bytes
    commit     puts these bytes there if what is there still has the checksum `before`

*What it can say.* A record has fields and hangs below at most `levels - 1` others. What a plan of the hub
has beyond that (phases, deeper tasks, the order) is not said: tasks stand below their nearest ancestor that
the place can show, and where they really stand is remembered from what was seen last: `Records.recalled`.
So a flat list never flattens the hub. A value that the place has no word for needs no care: the new bytes
are read again, and what they do not say is `Write.left`, which the sync holds as agreed.

*Raw values.* `Words` turns many raw words into one of the hub (`review` and `in-progress` into in_progress)
and a value of the hub into the first word listed for it. A splice writes a field only when it is asked to,
which is never so while the raw word still means what the hub says; so `review` stays `review`.

*Names.* `Record.own` is the record's durable id in its plan; the sync remembers which item had which, and
that is stronger evidence than any text (`planning_sync.sync.recognition`). `Record.link` is the hub's id of
the item, for places that can keep it: a record that bears the id of an item of this plan is that item, even
if the write that brought it there was never heard of again.

*Unknown fields* survive because a splice changes the bytes of what is asked, and no others; `rewritten`
reads the new bytes and gives up the write if a record that nothing was asked of does not say the same.

*Several plans in one file*: let `Reading.data` be exactly the bytes of the one plan, its checksum is then
that of the part, and let `commit` put it into the file as it is at that moment, under the file's lock.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from types import MappingProxyType
from typing import NamedTuple, Self

from planning_sync.replicas import remembered
from planning_sync.replicas.base import ABSENT, Reading, Write, checksum
from plans.document.model import Document, Finding, Name, Spot
from plans.outline import ROOT, Item, Kind, Outline, Status, Value, arrange, diff, differing_fields


class Record(NamedTuple):
    """One task as its place keeps it."""

    own: str
    """Its durable id in the plan; "" where it has none."""
    above: str
    """`own` of the record that it hangs below; "" at the top."""
    said: Mapping[str, Value]
    """Its fields, in the hub's words."""
    start: int
    """Where it begins in the text, and where it ends, in characters."""
    end: int
    link: str = ""
    edited: str = ""
    """What the place notes at each edit of the record, such as the time of it."""
    further: Mapping[str, object] = MappingProxyType({})
    """What it says besides, for which the hub has no field."""


class Words:
    """What each raw word means, and which word a value is written as: the first that means it."""

    def __init__(self, meanings: Mapping[str, str]) -> None:
        self._meanings = meanings
        self._words = {meaning: word for word, meaning in reversed(list(meanings.items()))}

    def meaning(self, raw: str) -> str | None:
        """None for a word that means nothing known."""
        return self._meanings.get(raw)

    def word(self, value: str) -> str | None:
        """None where there is no word for the value."""
        return self._words.get(value)


@dataclass(frozen=True)
class Records(Document):
    """A document whose items are records, with what hangs about them by memory alone."""

    levels: int = 1
    """How deep records nest: 1 is a flat list."""
    titled: bool = False
    """Whether the place says the title and the other fields of the plan itself; else they are remembered."""
    source: object = None
    """What its kind of replica read the records from, kept for its own splice."""
    further: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """By the records' own ids, what they say besides."""

    def recalled(self, seen: Outline) -> Self:
        known = dict(zip(self.keys, zip(self.spots, self.names, strict=True), strict=True))
        outline = remembered.recalled(self.outline, seen, self.levels)
        if not self.titled:
            outline = replace(outline, plan=seen.plan)
        told = [known.get(item.key, _REMEMBERED) for item in outline.items]
        spots, names = zip(*told, strict=True) if told else ((), ())
        return replace(self, outline=outline, spots=spots, names=names)

    @property
    def keys(self) -> list[str]:
        return [item.key for item in self.outline.items]


_REMEMBERED = (Spot(0, 0, 1, 1, 0, -1, 0), Name())
"""Where an item stands that no record tells of."""


class Asked(NamedTuple):
    """What a target asks of records, by the hub's ids. A container is a record, or `ROOT` for the top."""

    changed: Mapping[str, Mapping[str, Value]]
    """New values of the fields of records that are there."""
    added: tuple[Item, ...]
    """Tasks that have no record yet, in order, containers before what they hold."""
    moved: tuple[str, ...]
    """Records that are to hang below another container."""
    removed: tuple[str, ...]
    containers: Mapping[str, str]
    """The container of every task of the target."""
    target: Outline

    @property
    def is_nothing(self) -> bool:
        return not (self.changed or self.added or self.moved or self.removed)


class Spliced(NamedTuple):
    document: Records
    """The new bytes, read again."""
    keys: Mapping[str, str]
    """The hub's id of each record, by its `own`."""
    following: frozenset[str] = frozenset()
    """Fields that follow what was asked of other records, such as dependencies on one that is removed."""


def document(
    data: bytes,
    records: Sequence[Record],
    *,
    title: str,
    levels: int = 1,
    titled: bool = False,
    text: str | None = None,
    findings: Iterable[Finding] = (),
    plan: Mapping[str, Value] | None = None,
    source: object = None,
) -> Records:
    """The document of a plan that is these records; what hangs below a record may stand anywhere after it.

    `text` is what the records' places count in, else `data` as UTF-8; `plan`: further fields of the plan
    itself. Its items have provisional keys, as those of any other document.
    """
    whole = data.decode("utf-8", "surrogateescape") if text is None else text
    lines = tuple(io.StringIO(whole, newline=""))
    keys = {record.own: str(number) for number, record in enumerate(records, 1) if record.own}
    items = {
        str(number): _item(str(number), keys.get(record.above, ROOT) if record.above else ROOT, record)
        for number, record in enumerate(records, 1)
    }
    told = dict(zip(items, zip(_spots(lines, records), records, strict=True), strict=True))
    root = Item(ROOT, Kind.PLAN, ROOT, title).saying(plan or {})
    outline = arrange(root, items, _children(items.values()))
    return Records(
        data=data,
        encoding="utf-8",
        lines=lines,
        outline=outline,
        spots=tuple(told[item.key][0] for item in outline.items),
        title_spot=None,
        findings=tuple(findings),
        names=tuple(_name(told[item.key][1]) for item in outline.items),
        levels=levels,
        titled=titled,
        source=source,
        further={record.own: record.further for record in records if record.own and record.further},
    )


def beyond(said: Mapping[str, object], known: Collection[str]) -> Mapping[str, object]:
    """What a record says in fields that are none of the known ones, as far as it says anything."""
    return {name: value for name, value in said.items() if name not in known and value not in _NOTHING}


_NOTHING: tuple[object, ...] = (None, "", [], {})


def rewritten(reading: Reading, target: Outline, splice: Callable[[Records, Asked], Spliced]) -> Write:
    """`reading`, whose keys are real, as `target`, as far as its place has words for that."""
    present = reading.document
    assert isinstance(present, Records), "a structured replica reads records"
    asked = _asked(present, target)
    known = present.recalled(target)
    if asked.is_nothing:
        left = diff(known.outline, target)
        return Write(reading.path, reading.checksum, reading.checksum, reading.data, known, left)
    spliced = splice(present, asked)
    done = _keyed(spliced, target)
    if done is None or not _keeps_the_rest(present.outline, done.outline, asked, spliced.following):
        left = diff(present.outline, target)
        return Write(reading.path, reading.checksum, reading.checksum, reading.data, present, left)
    left = diff(done.outline, target)
    return Write(reading.path, reading.checksum, checksum(done.data), done.data, done, left)


def created(path: str, target: Outline, empty: Records, splice: Callable[[Records, Asked], Spliced]) -> Write:
    """A new plan at `path` with all that `target` holds, put into the `empty` one."""
    done = _keyed(splice(empty, _asked(empty, target)), target)
    assert done is not None, "what was put into an empty plan is found there again"
    return Write(path, ABSENT, checksum(done.data), done.data, done, diff(done.outline, target))


# ------------------------------------------------------------------------------------ reading


def _item(key: str, parent: str, record: Record) -> Item:
    item = Item(key, Kind.TASK, parent, "", status=Status.TODO)
    return item.saying(record.said)


def _name(record: Record) -> Name:
    return Name(record.own, record.link, record.edited)


def _children(items: Iterable[Item]) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {}
    for item in items:
        children.setdefault(item.parent, []).append(item.key)
    return children


def _spots(lines: Sequence[str], records: Iterable[Record]) -> Iterator[Spot]:
    """A record's own lines reach to where the first of those inside it begins."""
    starts = [0, *accumulate(map(len, lines))]
    found = [
        (bisect_right(starts, record.start) - 1, bisect_right(starts, max(record.start, record.end - 1)))
        for record in records
    ]
    for number, (line, end) in enumerate(found):
        inner = found[number + 1][0] if number + 1 < len(found) else end
        yield Spot(line, line, max(line + 1, min(end, inner)), end, 0, -1, 0)


# ------------------------------------------------------------------------------------ writing


def _asked(present: Records, target: Outline) -> Asked:
    before, after = present.outline.by_key, target.by_key
    was, containers = (
        remembered.containers(present.outline, present.levels),
        remembered.containers(target, present.levels),
    )
    staying = [key for key in containers if key in was]
    changes = {key: dict(_changes(before[key], after[key])) for key in staying}
    return Asked(
        changed={key: fields for key, fields in changes.items() if fields},
        added=tuple(after[key] for key in containers if key not in was),
        moved=tuple(key for key in staying if was[key] != containers[key]),
        removed=tuple(key for key in was if key not in containers),
        containers=containers,
        target=target,
    )


def _changes(before: Item, after: Item) -> Iterator[tuple[str, Value]]:
    return ((field, value) for field, _, value in differing_fields(before, after))


def _keyed(spliced: Spliced, target: Outline) -> Records | None:
    """The document under the hub's ids and with what the target remembers; None if a record has no id."""
    names = spliced.document.names
    keys = [spliced.keys.get(name.own, "") for name in names]
    if "" in keys or len(set(keys)) < len(keys):
        return None
    return spliced.document.rekeyed(keys).recalled(target)


def _keeps_the_rest(before: Outline, after: Outline, asked: Asked, following: frozenset[str]) -> bool:
    """Whether records that nothing was asked of are still there and say the same."""
    gone = {*asked.removed}
    for item in before.tasks():
        if item.key in gone:
            continue
        now = after.by_key.get(item.key)
        if now is None:
            return False
        may_change = asked.changed.get(item.key, {}).keys() | following
        if any(field not in may_change for field, _, _ in differing_fields(item, now)):
            return False
    return True
