"""A file changed so that it says what is wanted, and nothing else.

Public: `rewrite` and `Rewrite`.

Changes are expressed on the file's own lines, the result is parsed again, and it counts only if its outline
is exactly the intended one. If it is not, the changes are halved and tried apart, so that the few that the
file cannot say are found without giving up the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from plans.document.edits import LineEditor, NewLines
from plans.document.model import Document
from plans.document.parse import parse
from plans.document.segments import Node, Tree, Unsayable
from plans.document.text import BOM, encode
from plans.outline import (
    FIELDS,
    Added,
    Change,
    Changed,
    Item,
    Kind,
    Moved,
    Outline,
    Place,
    Removed,
    Status,
    Value,
    apply,
    diff,
)

_NOTHING = f"{BOM} \t\r\n>"
"""What a line may hold and still be blank."""


@dataclass(frozen=True)
class Rewrite:
    document: Document
    """The new file, its items under their keys."""
    left: tuple[Change, ...]
    """What it does not say: `diff(document.outline, target)`."""


def rewrite(document: Document, target: Outline) -> Rewrite:
    """The document changed to say `target`, as far as its dialect can.

    The keys of `target` are those of `document`, and new ones for new items. A new item that only repeats a
    hidden line of the file is one that cannot be reached there: it is left, not written a second time.
    """
    wanted = _comparable(document.outline, target)
    changes = diff(document.outline, wanted)
    if not changes:
        return Rewrite(document, ())
    steps = _steps(document, changes, wanted)
    done = _express(document, steps, _Siblings(wanted))
    return Rewrite(done, diff(done.outline, wanted))


def _comparable(current: Outline, target: Outline) -> Outline:
    """The target without what a new item's kind has no field for."""
    known = current.by_key
    if all(item.key in known for item in target.items):
        return target
    items = (item if item.key in known else _plain(item) for item in target.items)
    return Outline(target.plan, tuple(items))


def _plain(item: Item) -> Item:
    fields = {name: getattr(item, name) for name in FIELDS[item.kind]}
    if item.kind is Kind.TASK and not item.status:
        fields["status"] = Status.TODO
    return Item(item.key, item.kind, item.parent, **fields)


# --------------------------------------------------------------------------------------------- steps

Step = tuple[Change, ...]
"""Changes that are made together or not at all."""


def _steps(document: Document, changes: Sequence[Change], wanted: Outline) -> list[Step]:
    """The changes in an order in which any beginning of them makes sense: what goes away goes last."""
    hidden = Counter((line.ref, line.text) for line in document.hidden if line.kind is Kind.TASK)
    steps: list[Step] = [(change,) for change in changes if isinstance(change, Changed)]
    for change in changes:
        if isinstance(change, Moved):
            steps.append((change,))
        elif isinstance(change, Added):
            said = (change.item.ref, change.item.text)
            if change.item.kind is Kind.TASK and hidden[said]:
                hidden[said] -= 1
            else:
                steps.append((change,))
    steps.extend(_removals(document.outline, changes))
    return steps


def _removals(outline: Outline, changes: Sequence[Change]) -> Iterator[Step]:
    """The removals, each with those of what goes away below it."""
    removed = {change.item.key: change for change in changes if isinstance(change, Removed)}
    steps: dict[str, list[Removed]] = {}
    top: dict[str, str] = {}
    for item in outline.items:
        if item.key in removed:
            top[item.key] = top.get(item.parent, item.key)
            steps.setdefault(top[item.key], []).append(removed[item.key])
    yield from map(tuple, steps.values())


class _Siblings:
    """Where each item stands among its siblings in the outline that is wanted."""

    def __init__(self, wanted: Outline) -> None:
        self.order: dict[tuple[str, Kind], list[str]] = {}
        self.rank: dict[str, int] = {}
        for item in wanted.items:
            keys = self.order.setdefault((item.parent, item.kind), [])
            self.rank[item.key] = len(keys)
            keys.append(item.key)

    def before(self, key: str, parent: str, kind: Kind) -> Iterator[str]:
        """The siblings wanted before the item, nearest first."""
        return reversed(self.order[parent, kind][: self.rank[key]])


def _express(document: Document, steps: Sequence[Step], siblings: _Siblings) -> Document:
    """The document after as many of the steps as it can say."""
    pending = [list(steps)] if steps else []
    while pending:
        batch = pending.pop()
        done = _attempt(document, batch, siblings)
        if done is None and len(batch) == 1 and isinstance(batch[0][0], Added | Moved):
            done = _attempt(document, batch, siblings, early=True) or _attempt(
                document, batch, siblings, closing=True
            )
        if done is not None:
            document = done
        elif len(batch) > 1:
            middle = len(batch) // 2
            pending.append(batch[middle:])
            pending.append(batch[:middle])
    return document


# ------------------------------------------------------------------------------------------- attempts


def _attempt(
    document: Document,
    steps: Sequence[Step],
    siblings: _Siblings,
    *,
    early: bool = False,
    closing: bool = False,
) -> Document | None:
    """The document after all of the steps but those that its lines cannot say; None if that is not proved."""
    editor = LineEditor(document)
    changes = _flat(document.outline, steps)
    said: list[Change] = list(_edit(editor, document.outline, changes))
    shape = [change for change in changes if not isinstance(change, Changed)]
    try:
        if shape:
            whole, shaped = _reshape(
                editor, Tree(document, editor.lines, early=early, closing=closing), shape, siblings
            )
            said = [*(change for change in shaped if isinstance(change, Removed)), *said]
            said.extend(change for change in shaped if not isinstance(change, Removed))
        else:
            whole = "".join(editor.lines)
        if not said:
            return document
        done = _proved(document, encode(whole, document.encoding), apply(document.outline, said))
    except (Unsayable, UnicodeEncodeError):
        return None
    if done is None or not _keeps_the_rest(document, editor.lines, done, shape):
        return None
    return done


def _flat(outline: Outline, steps: Sequence[Step]) -> list[Change]:
    """The changes of the steps that still apply: whatever would take an item away that stays does not."""
    changes: list[Change] = []
    leaving = {change.key for step in steps for change in step if isinstance(change, Moved)}
    for step in steps:
        gone = {change.item.key for change in step if isinstance(change, Removed)}
        if gone and any(item.key not in gone | leaving for key in gone for item in outline.subtree(key)):
            gone_for_good = _without_carriers(outline, gone, leaving)
            changes.extend(
                change for change in step if isinstance(change, Removed) and change.item.key in gone_for_good
            )
        else:
            changes.extend(step)
    return changes


def _without_carriers(outline: Outline, gone: set[str], leaving: set[str]) -> set[str]:
    """Those of the keys below which nothing stays."""
    carriers: set[str] = set()
    for item in outline.items:
        if item.key not in gone and item.key not in leaving:
            above = item.parent
            while above in gone and above not in carriers:
                carriers.add(above)
                above = outline.by_key[above].parent
    return gone - carriers


def _edit(editor: LineEditor, outline: Outline, changes: Iterable[Change]) -> Iterator[Changed]:
    """Sets fields, item by item; the changes that the lines can say."""
    edits = (change for change in changes if isinstance(change, Changed))
    for key, group in groupby(edits, key=lambda change: change.key):
        asked = {change.field: change for change in group}
        values: Mapping[str, Value] = {field: change.after for field, change in asked.items()}
        for field in editor.change(outline.by_key[key], values):
            yield asked[field]


def _reshape(
    editor: LineEditor, tree: Tree, changes: Sequence[Change], siblings: _Siblings
) -> tuple[str, list[Change]]:
    """The text after taking out, putting in and moving, and the changes that this makes."""
    new = NewLines(editor, tree)
    moving = {change.key: tree.nodes[change.key] for change in changes if isinstance(change, Moved)}
    gone = {change.item.key for change in changes if isinstance(change, Removed)}
    for node in moving.values():
        tree.detach(node)
    for change in changes:
        if isinstance(change, Removed) and change.item.parent not in gone:
            tree.detach(tree.nodes[change.item.key])
    said: list[Change] = [change for change in changes if isinstance(change, Removed)]
    for change in changes:
        if isinstance(change, Moved):
            node = moving[change.key]
            place = _place(tree, siblings, change.key, change.after.parent, node.kind)
            tree.place(node, place)
            said.append(change._replace(after=place))
        elif isinstance(change, Added):
            added = _add(tree, new, siblings, change.item)
            said.extend([added] if added else [])
    return tree.text(), said


def _add(tree: Tree, new: NewLines, siblings: _Siblings, item: Item) -> Added | None:
    if item.parent not in tree.nodes:
        return None
    place = _place(tree, siblings, item.key, item.parent, item.kind)
    try:
        node = new.node(item, place)
    except Unsayable:
        return None
    tree.place(node, place)
    return Added(new.said[item.key], place)


def _place(tree: Tree, siblings: _Siblings, key: str, parent: str, kind: Kind) -> Place:
    """The place of an item after the nearest of its wanted predecessors that is there."""
    above = tree.nodes.get(parent)
    if above is None:
        raise Unsayable("what it belongs to is not there")
    for before in siblings.before(key, parent, kind):
        node: Node | None = tree.nodes.get(before)
        if node is not None and node.parent is above:
            return Place(parent, before)
    return Place(parent, "")


# ---------------------------------------------------------------------------------------------- proof


def _proved(document: Document, data: bytes, expected: Outline) -> Document | None:
    """The document that the bytes are, if it says exactly what is expected."""
    found = parse(data, document.dialect)
    if len(found.outline.items) != len(expected.items):
        return None
    if found.title_spot is None and document.title_spot is None:
        plan = found.outline.plan._replace(text=expected.plan.text)
        found = replace(found, outline=Outline(plan, found.outline.items))
    found = found.rekeyed([item.key for item in expected.items])
    if found.outline.items != expected.items or found.outline.plan != expected.plan:
        return None
    return found


def _keeps_the_rest(
    document: Document, edited: Sequence[str], done: Document, shape: Sequence[Change]
) -> bool:
    """Whether every line that no change concerns stands in the new file as it was, in order.

    Blank lines beside what comes or goes may come and go with it, and a last line without an end may get one.
    """
    if not shape:
        return done.lines == tuple(edited)
    concerned = {number for number, line in enumerate(document.lines) if line != edited[number]}
    positions = {item.key: position for position, item in enumerate(document.outline.items)}
    for change in shape:
        if not isinstance(change, Added):
            key = change.item.key if isinstance(change, Removed) else change.key
            spot = document.spots[positions[key]]
            concerned.update(range(spot.line, spot.end))
    rest = iter(done.lines)
    last = len(document.lines) - 1
    for number, line in enumerate(document.lines):
        if number in concerned or not line.strip(_NOTHING):
            continue
        if not any(line == other or (number in (0, last) and _same_words(line, other)) for other in rest):
            return False
    return True


def _same_words(line: str, other: str) -> bool:
    """Whether two lines differ only in the byte-order mark before them and the line end behind."""
    return line.lstrip(BOM).rstrip("\r\n") == other.lstrip(BOM).rstrip("\r\n")
