"""The matching itself: passes over two outlines, the best evidence first.

Public: `match`, `Match`, `Doubt`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import takewhile
from operator import eq, itemgetter
from typing import NamedTuple

from rapidfuzz.distance import LCSseq

from plans.document.model import Hidden
from plans.identity.sides import FREE, HIDDEN, ROOT, Likeness, Side, Surroundings
from plans.identity.wording import LONGEST_COMPARED, closeness, wording
from plans.outline import Kind, Outline

LIKENESS = 0.8
"""How close two texts must be where nothing but their neighbourhood speaks for them."""
LIKENESS_IN_PLACE = 0.7
"""How close they must be at the same place between paired neighbours, or under the same ref and parent."""
LIKENESS_ALONE = 0.6
"""How close where that place holds at most two."""
LIKENESS_ALONE_WITH_REF = 0.5
DOUBTFUL = 0.6
"""From here on an unmatched pair is worth a person's look."""
LIKENESS_RENUMBERED = 0.9
"""How close where both have refs and these differ, and the place does not speak for them."""
LEAST_LENGTH = 20
"""Shorter texts look alike too easily: dates, versions, amounts."""
MARGIN = 0.05
"""How far a pair must be ahead of the runner-up, on both ends."""

_ALIGNED_CELLS = 200_000_000
_COMPARED_NEARBY = 12
_RAREST_WORDS = 3
_COMMON_WORD = 256
_NEAREST_HOLDERS = 4
_ROUNDS = 4


class Doubt(NamedTuple):
    """Two items that may be the same, too uncertain to be called so: the parsed one is new."""

    parsed: str
    seen: str
    score: float
    reason: str


class Match(NamedTuple):
    keys: dict[str, str]
    """Parsed key -> seen key, for every parsed item that is a known one."""
    unreachable: frozenset[str]
    """Seen keys whose line still stands but is swallowed, and the headings that went with them."""
    doubtful: tuple[Doubt, ...]


_identity = itemgetter(1, 3, 4)  # kind, text, ref
_content = itemgetter(1, slice(3, None))
_key, _kind, _parent, _text_of, _ref = map(itemgetter, range(5))


def match(seen: Outline, parsed: Outline, hidden: Sequence[Hidden] = ()) -> Match:
    """The items of `parsed` that are items of `seen`."""
    same = _same_throughout(seen, parsed)
    if same is not None:
        return Match(same, frozenset(), ())
    matching = _Matching(seen, parsed)
    matching.run(hidden)
    return matching.result()


def _same_throughout(seen: Outline, parsed: Outline) -> dict[str, str] | None:
    """The keys where only fields differ: the common case, done without looking at single items."""
    before, after = seen.items, parsed.items
    if len(before) != len(after):
        return None
    for column in (_text_of, _ref, _kind):
        if list(map(column, before)) != list(map(column, after)):
            return None
    keys = dict(zip(map(_key, after), map(_key, before), strict=True))
    keys[""] = ""
    if list(map(keys.__getitem__, map(_parent, after))) != list(map(_parent, before)):
        return None
    del keys[""]
    return keys


def _run(before: Iterable[object], after: Iterable[object]) -> int:
    """How many values are equal before the first that differs."""
    return sum(1 for _ in takewhile(bool, map(eq, before, after)))


class _Candidate(NamedTuple):
    rank: float
    """Closeness and what speaks for the pair besides."""
    closeness: float
    bar: float
    """What the closeness must reach."""
    seen: int
    parsed: int
    settled_by_place: bool


class _Matching:
    def __init__(self, seen: Outline, parsed: Outline) -> None:
        self.seen, self.parsed = Side(seen), Side(parsed)
        self.doubts: dict[int, Doubt] = {}
        self.unreachable: set[int] = set()
        self.likely: set[int] = set()
        """Seen items paired for their place more than for their text: they speak for nothing around them."""
        self._closeness: dict[tuple[int, int], float] = {}

    def run(self, hidden: Sequence[Hidden]) -> None:
        self._pair_ends()
        self._pair_single(Side.raw_text)
        self._pair_single(Side.telling_text)
        self._settle()
        for likeness in (Side.telling_label, Side.telling_text):
            if self._pair_single(likeness):
                self._settle()
        self._set_hidden_aside(hidden)
        for _ in range(_ROUNDS):
            if not (self._adopt() + self._pair_similar()):
                break
            self._settle()
        if self._pair_moved():
            self._settle()
        self._report_repeated()

    def result(self) -> Match:
        self._keep_with_hidden()
        before, after = self.seen.items, self.parsed.items
        return Match(
            {after[p].key: before[s].key for p, s in enumerate(self.parsed.mate) if s >= 0},
            frozenset(before[s].key for s in self.unreachable),
            tuple(doubt for p, doubt in sorted(self.doubts.items()) if self.parsed.mate[p] == FREE),
        )

    def _pair(self, s: int, p: int) -> None:
        self.seen.mate[s], self.parsed.mate[p] = p, s

    def _unfinished(self) -> bool:
        return FREE in self.seen.mate and FREE in self.parsed.mate

    # ------------------------------------------------------------------------------ equal items

    def _pair_ends(self) -> None:
        """The equal items at both ends, as far as their parents are the same too.

        At the end all fields must be equal: of two copies of a block, the untouched one is the old one.
        """
        before, after = self.seen.items, self.parsed.items
        head = _run(map(_identity, before), map(_identity, after))
        for position in range(self._without_open_parents(head)):
            self._pair_under_same_parent(position, position)
        tail = _run(map(_content, reversed(before)), map(_content, reversed(after)))
        for back in range(min(tail, len(before) - head, len(after) - head), 0, -1):
            self._pair_under_same_parent(len(before) - back, len(after) - back)

    def _without_open_parents(self, head: int) -> int:
        """The end of the head without the items whose first child already differs: those may be others."""
        openers = self.seen.children, self.parsed.children
        while head and any(head in children.get(head - 1, ()) for children in openers):
            head -= 1
        return head

    def _pair_under_same_parent(self, s: int, p: int) -> None:
        if self.seen.mate_of(self.seen.parent[s]) == self.parsed.parent[p]:
            self._pair(s, p)

    def _pair_single(self, likeness: Likeness) -> int:
        """Pairs what is alike and occurs once among the free ones of each side; how many pairs."""
        found, others = self._single(self.seen, likeness), self._single(self.parsed, likeness)
        pairs = [(s, others[value]) for value, s in found.items() if value in others]
        for s, p in pairs:
            self._pair(s, p)
        return len(pairs)

    @staticmethod
    def _single(side: Side, likeness: Likeness) -> dict[Hashable, int]:
        single: dict[Hashable, int] = {}
        repeated: set[Hashable] = {None}
        for position in side.free():
            value = likeness(side, position)
            if value in single:
                del single[value]
                repeated.add(value)
            elif value not in repeated:
                single[value] = position
        return single

    def _settle(self) -> None:
        """Carries what is known up to the parents and down to the children until nothing is added."""
        while self._unfinished() and (self._lift() + self._descend()):
            pass

    def _lift(self) -> int:
        """Pairs free parents of the same text whose children are the same."""
        lifted = 0
        while True:
            votes = self._votes()
            chosen = [(-count, s, p) for (s, p), count in votes.items() if self._says_the_same(s, p)]
            now = sum(self._pair_if_free(s, p) for _, s, p in sorted(chosen))
            if not now:
                return lifted
            lifted += now

    def _says_the_same(self, s: int, p: int) -> bool:
        text = self.seen.text(s)
        return self.seen.label(s) == self.parsed.label(p) or (
            text is not None and text == self.parsed.text(p)
        )

    def _votes(self) -> Counter[tuple[int, int]]:
        """How many matched children each pair of free parents of one kind has in common."""
        votes: Counter[tuple[int, int]] = Counter()
        for s, p in enumerate(self.seen.mate):
            if p < 0:
                continue
            above, beside = self.seen.parent[s], self.parsed.parent[p]
            if self.seen.mate_of(above) == FREE and self.parsed.mate_of(beside) == FREE:
                votes[above, beside] += 1
        kinds = self.seen.items, self.parsed.items
        return Counter({(s, p): n for (s, p), n in votes.items() if kinds[0][s].kind is kinds[1][p].kind})

    def _pair_if_free(self, s: int, p: int) -> bool:
        if self.seen.mate[s] != FREE or self.parsed.mate[p] != FREE:
            return False
        self._pair(s, p)
        return True

    def _descend(self) -> int:
        """Aligns the children of matched parents, from the top down."""
        before = self.seen.mate.count(FREE)
        pending = [ROOT] + [s for s, p in enumerate(self.seen.mate) if p >= 0 and s in self.seen.children]
        while pending:
            parent = pending.pop()
            aligned = self._align(parent, self.seen.mate_of(parent))
            pending.extend(s for s in aligned if s in self.seen.children)
        return before - self.seen.mate.count(FREE)

    def _align(self, above: int, beside: int) -> list[int]:
        """Pairs equal children of two parents that are the same; the seen ones paired now."""
        paired: list[int] = []
        for likeness in (Side.signature, Side.label, Side.text):
            mine = self._children(self.seen, above, beside, self.parsed.parent)
            theirs = self._children(self.parsed, beside, above, self.seen.parent)
            pairs = self._beside_neighbours(mine, theirs, likeness)
            pairs += self._in_sequence(mine, theirs, likeness)
            pairs += self._in_order(mine, theirs, likeness)
            paired += pairs
        return paired

    @staticmethod
    def _children(side: Side, parent: int, other: int, parents_there: Sequence[int]) -> list[int]:
        """The children that are free or whose mate is a child of `other`; none if none is free."""
        mates = [(child, side.mate[child]) for child in side.children.get(parent, ())]
        if all(mate != FREE for _, mate in mates):
            return []
        return [
            child for child, mate in mates if mate == FREE or (mate >= 0 and parents_there[mate] == other)
        ]

    def _pair_alike(self, s: int, p: int, likeness: Likeness, paired: list[int]) -> None:
        if self.seen.mate[s] != FREE or self.parsed.mate[p] != FREE:
            return
        value = likeness(self.seen, s)
        if value is not None and value == likeness(self.parsed, p):
            self._pair(s, p)
            paired.append(s)

    def _beside_neighbours(self, mine: list[int], theirs: list[int], likeness: Likeness) -> list[int]:
        """Pairs equal items that follow, then those that precede, items already paired with each other."""
        paired: list[int] = []
        for here, there in ((mine, theirs), (mine[::-1], theirs[::-1])):
            place = {position: at for at, position in enumerate(there)}
            following = 0
            for s in here:
                if following < len(there):
                    self._pair_alike(s, there[following], likeness, paired)
                following = place.get(self.seen.mate[s], len(there)) + 1
        return paired

    def _in_sequence(self, mine: list[int], theirs: list[int], likeness: Likeness) -> list[int]:
        """Pairs equal items along a longest common subsequence, with those paired already as fixed points."""
        if len(mine) * len(theirs) > _ALIGNED_CELLS:
            return []
        paired: list[int] = []
        a = [self._token(self.seen, s, s, likeness) for s in mine]
        b = [self._token(self.parsed, p, self.parsed.mate[p], likeness) for p in theirs]
        shared = {value for s, value in zip(mine, a, strict=True) if self.seen.mate[s] == FREE}
        if shared.isdisjoint(b):
            return []
        for run in LCSseq.opcodes(a, b):
            if run.tag == "equal":
                for s, p in zip(mine[run.src_start : run.src_end], theirs[run.dest_start :], strict=False):
                    self._pair_alike(s, p, likeness, paired)
        return paired

    @staticmethod
    def _token(side: Side, position: int, pair: int, likeness: Likeness) -> int:
        if side.mate[position] >= 0:
            return hash(("paired", pair))
        value = likeness(side, position)
        return hash((id(side), position) if value is None else value)

    def _in_order(self, mine: list[int], theirs: list[int], likeness: Likeness) -> list[int]:
        """Pairs the equal items that are left, in their order."""
        paired: list[int] = []
        waiting: dict[Hashable, list[int]] = defaultdict(list)
        for p in reversed(theirs):
            if self.parsed.mate[p] == FREE:
                waiting[likeness(self.parsed, p)].append(p)
        for s in mine:
            if self.seen.mate[s] == FREE and waiting.get(likeness(self.seen, s)):
                self._pair_alike(s, waiting[likeness(self.seen, s)].pop(), likeness, paired)
        return paired

    # ---------------------------------------------------------------------- swallowed and renamed

    def _set_hidden_aside(self, hidden: Sequence[Hidden]) -> None:
        lines: Counter[Hashable] = Counter((line.kind, wording(line.ref, line.text).label) for line in hidden)
        for s in self.seen.free() if lines else ():
            if lines[self.seen.label(s)] > 0:
                lines[self.seen.label(s)] -= 1
                self._put_out_of_reach(s)

    def _keep_with_hidden(self) -> None:
        """Out of reach too: what is above such an item, and the headings between and beside them.

        Not every swallowed heading is a hidden line. In a stretch of which no task is missing, headings
        are taken for swallowed: to keep one too many can be seen and undone, to delete one cannot.
        """
        for s in list(self.unreachable):
            above = self.seen.parent[s]
            while self.seen.mate_of(above) == FREE:
                self._put_out_of_reach(above)
                above = self.seen.parent[above]
        stretch: list[int] = []
        for s, p in enumerate([*self.seen.mate, ROOT]):
            if p in (FREE, HIDDEN):
                stretch.append(s)
                continue
            missing = [one for one in stretch if self.seen.mate[one] == FREE]
            if len(missing) < len(stretch) and all(
                self.seen.items[one].kind is Kind.PHASE for one in missing
            ):
                for one in missing:
                    self._put_out_of_reach(one)
            stretch = []

    def _put_out_of_reach(self, s: int) -> None:
        self.seen.mate[s] = HIDDEN
        self.unreachable.add(s)

    def _adopt(self) -> int:
        """Pairs free parents most of whose children are the same."""
        chosen = []
        for (s, p), common in (self._votes() + self._alike_below()).items():
            most = max(len(self.seen.children[s]), len(self.parsed.children[p]))
            alike = closeness(self.seen.wording(s).text, self.parsed.wording(p).text)
            if 2 * common >= most and (common > 1 or alike >= LIKENESS_ALONE_WITH_REF):
                chosen.append((-common, -alike, s, p))
        return sum(self._pair_if_free(s, p) for _, _, s, p in sorted(chosen))

    def _alike_below(self) -> Counter[tuple[int, int]]:
        """How many free children read the same, for free parents at the same place."""
        here, there = self._surroundings()
        alike: Counter[tuple[int, int]] = Counter()
        for s, p in self._in_one_gap(here, there):
            if s in self.seen.children and p in self.parsed.children:
                mine, theirs = self._free_labels(self.seen, s), self._free_labels(self.parsed, p)
                alike[s, p] = (mine & theirs).total()
        return +alike

    @staticmethod
    def _free_labels(side: Side, parent: int) -> Counter[Hashable]:
        return Counter(side.label(child) for child in side.children[parent] if side.mate[child] == FREE)

    # ---------------------------------------------------------------------------- similar items

    def _pair_similar(self) -> int:
        """Pairs the free items that read alike, the most alike first; how many pairs."""
        if not self._unfinished():
            return 0
        candidates = sorted(self._candidates(), reverse=True)
        best: dict[tuple[bool, int], list[float]] = defaultdict(list)
        for candidate in candidates:
            for end in ((True, candidate.seen), (False, candidate.parsed)):
                best[end].append(candidate.rank)
        paired = 0
        for candidate in candidates:
            reason = self._objection(candidate, best)
            if not reason:
                if self._pair_if_free(candidate.seen, candidate.parsed):
                    if candidate.closeness < LIKENESS:
                        self.likely.add(candidate.seen)
                    paired += 1
            elif candidate.closeness >= DOUBTFUL:
                self._doubt(candidate.seen, candidate.parsed, candidate.closeness, reason)
        return paired

    @staticmethod
    def _objection(candidate: _Candidate, best: dict[tuple[bool, int], list[float]]) -> str:
        """Why the pair cannot be called the same; "" if it can."""
        if candidate.bar > 1:
            return "similar, but neither near nor under the same parent"
        if candidate.closeness < candidate.bar:
            return "not similar enough"
        if not candidate.settled_by_place:
            ahead = candidate.rank - MARGIN
            for end in ((True, candidate.seen), (False, candidate.parsed)):
                ranks = best[end]
                if len(ranks) > 1 and (ranks[1] if ranks[0] == candidate.rank else ranks[0]) > ahead:
                    return "another item is about as similar"
        return ""

    def _doubt(self, s: int, p: int, score: float, reason: str) -> None:
        if p not in self.doubts or self.doubts[p].score < score:
            self.doubts[p] = Doubt(self.parsed.items[p].key, self.seen.items[s].key, round(score, 3), reason)

    def _candidates(self) -> Iterator[_Candidate]:
        mine, theirs = self.seen.free(), self.parsed.free()
        here, there = self._surroundings()
        pairs = set(self._in_one_gap(here, there))
        pairs.update(self._under_one_ref(mine, theirs))
        pairs.update(self._with_common_words(mine, theirs, here))
        for s, p in pairs:
            if self.seen.items[s].kind is self.parsed.items[p].kind:
                candidate = self._weighed(s, p, here, there)
                if candidate:
                    yield candidate

    def _close(self, s: int, p: int, least: float) -> float:
        """How alike the texts are; 0 where that is less than `least`."""
        known = self._closeness.get((s, p))
        if known is None:
            known = closeness(self.seen.wording(s).text, self.parsed.wording(p).text)
            self._closeness[s, p] = known
        return known if known >= least else 0.0

    def _surroundings(self) -> tuple[Surroundings, Surroundings]:
        """Where the free items stand among those paired for sure."""
        sure = [FREE if s in self.likely else p for s, p in enumerate(self.seen.mate)]
        there = [p if s >= 0 and s not in self.likely else FREE for p, s in enumerate(self.parsed.mate)]
        return Surroundings(self.seen, sure), Surroundings(self.parsed, there)

    def _weighed(self, s: int, p: int, here: Surroundings, there: Surroundings) -> _Candidate | None:
        mine, theirs = self.seen.wording(s), self.parsed.wording(p)
        same_parent = here.home(s) == self.parsed.parent[p]
        same_ref = bool(mine.ref) and mine.ref == theirs.ref
        slot = here.slot[s]
        opposite = slot is not None and slot == there.slot[p] and here.crowd(s) == there.crowd(p)
        least = self._least(opposite and here.alone(s), same_ref, here.home(s))
        if opposite or (same_parent and same_ref):
            alike = self._close(s, p, min(least, DOUBTFUL))
            rank = alike + 0.1 * (opposite + same_ref)
            return _Candidate(rank, alike, least, s, p, True) if alike else None
        near = (same_parent and here.home(s) != ROOT) or here.near(s, there, p)
        long = min(len(mine.text), len(theirs.text)) >= LEAST_LENGTH
        renumbered = bool(mine.ref and theirs.ref) and not same_ref
        least = LIKENESS_RENUMBERED if renumbered else LIKENESS
        alike = self._close(s, p, DOUBTFUL if near else LIKENESS)
        return _Candidate(alike, alike, least if near and long else 2.0, s, p, False) if alike else None

    @staticmethod
    def _least(alone: bool, same_ref: bool, home: int) -> float:
        if alone:
            return LIKENESS_ALONE_WITH_REF if same_ref else LIKENESS_ALONE
        return LIKENESS if home == ROOT else LIKENESS_IN_PLACE

    @staticmethod
    def _in_one_gap(here: Surroundings, there: Surroundings) -> Iterator[tuple[int, int]]:
        for gap, mine in here.gaps.items():
            theirs = there.gaps.get(gap, [])
            for at, s in enumerate(mine):
                first = max(0, at - _COMPARED_NEARBY)
                for p in theirs[first : at + _COMPARED_NEARBY]:
                    yield s, p

    def _under_one_ref(self, mine: list[int], theirs: list[int]) -> Iterator[tuple[int, int]]:
        owners: dict[tuple[int, str], list[int]] = defaultdict(list)
        for p in theirs:
            owners[self.parsed.parent[p], self.parsed.wording(p).ref].append(p)
        for s in mine:
            ref = self.seen.wording(s).ref
            above = self.seen.mate_of(self.seen.parent[s])
            if ref and above >= ROOT:
                for p in owners.get((above, ref), ())[:_COMPARED_NEARBY]:
                    yield s, p

    def _with_common_words(
        self, mine: list[int], theirs: list[int], here: Surroundings
    ) -> Iterator[tuple[int, int]]:
        """Pairs that share one of the rarest words of the seen text; of many, the nearest."""
        holders: dict[str, list[int]] = defaultdict(list)
        for p in theirs:
            for word in _words(self.parsed.wording(p).text):
                holders[word].append(p)
        for s in mine:
            held = [holders[word] for word in _words(self.seen.wording(s).text) if word in holders]
            for positions in sorted((one for one in held if len(one) <= _COMMON_WORD), key=len)[
                :_RAREST_WORDS
            ]:
                middle = bisect_left(positions, here.expected[s])
                for p in positions[max(0, middle - _NEAREST_HOLDERS) : middle + _NEAREST_HOLDERS]:
                    yield s, p

    # ------------------------------------------------------------------------------ what is left

    def _pair_moved(self) -> int:
        """Pairs short texts that occur once on each side, if neither parent went or came with them."""
        moved = 0
        for likeness in (Side.label, Side.text):
            found, others = self._single(self.seen, likeness), self._single(self.parsed, likeness)
            for value, s in found.items():
                p = others.get(value, FREE)
                if p != FREE and self._parents_stayed(s, p):
                    self._pair(s, p)
                    moved += 1
        return moved

    def _parents_stayed(self, s: int, p: int) -> bool:
        known = self.seen.mate_of(self.seen.parent[s]), self.parsed.mate_of(self.parsed.parent[p])
        return min(known) >= ROOT

    def _report_repeated(self) -> None:
        owners: dict[Hashable, int] = {self.seen.text(s): s for s in reversed(self.seen.free())}
        for p in self.parsed.free():
            value = self.parsed.text(p)
            if value is not None and value in owners:
                self._doubt(owners[value], p, 1.0, "the same text elsewhere, but not clearly the same item")


def _words(text: str) -> set[str]:
    if not LEAST_LENGTH <= len(text) <= LONGEST_COMPARED:
        return set()
    return {word for word in text.split() if len(word) > 2}
