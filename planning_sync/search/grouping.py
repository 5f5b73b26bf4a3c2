"""What lies close together: `pairs` of texts that say nearly the same, `groups` of one theme.

For the embedder.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import numpy as np
from rapidfuzz import fuzz

from planning_sync.search import embeddings, formulas, labels, words
from planning_sync.search.models import Kind, Record

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHORTEST = 20
"""Shorter texts look alike without being the same work."""
NEAREST = 0.92
"""The cosine from which two texts may say the same ..."""
ALIKE = 75.0
"""... if so much of their letters is the same as well (of 100)."""
MOST_PAIRS = 5000
MOST_GROUPS = 60
_BLOCK = 512
_NAMES = re.compile(r"\d+|[^\s,;:()\"'`]*\w[./_\\]\w[^\s,;:()\"'`]*")
"""Numbers, and names of files and things in code: with another one it is other work."""


class Pair(NamedTuple):
    """By the checksums of their texts."""

    first: str
    second: str
    score: float


class Group(NamedTuple):
    label: str
    members: list[UUID]
    """The nearest to its middle first."""
    cohesion: float
    """The mean cosine to its middle."""


def pairs(model: str) -> list[Pair]:
    """Different texts of tasks that say nearly the same, the nearest first."""
    texts = _work()
    vectors = embeddings.vectors(model, texts)
    keys = sorted(vectors)
    if not keys:
        return []
    matrix = np.stack([vectors[key] for key in keys])
    found: list[Pair] = []
    for start in range(0, len(keys), _BLOCK):
        close = matrix[start : start + _BLOCK] @ matrix[start:].T
        for row, column in zip(*np.nonzero(close >= NEAREST), strict=True):
            if column > row and _same(texts[keys[start + row]], texts[keys[start + column]]):
                found.append(Pair(keys[start + row], keys[start + column], float(close[row, column])))
    return sorted(found, key=lambda pair: (-pair.score, pair))[:MOST_PAIRS]


def _work() -> dict[str, str]:
    """The texts of tasks by their checksums, but for formulas and those that say too little."""
    rows = list(Record.objects.filter(kind=Kind.TASK).exclude(digest="").values_list("sha256", "text"))
    common = formulas.common(text for _, text in rows)
    return {
        checksum: text
        for checksum, text in rows
        if len(text) >= SHORTEST and formulas.shape(text) not in common
    }


def _same(one: str, other: str) -> bool:
    """Two steps of a series differ in their numbers or names alone, and are two pieces of work."""
    one, other = words.folded(one), words.folded(other)
    if sorted(_NAMES.findall(one)) != sorted(_NAMES.findall(other)):
        return False
    return fuzz.ratio(one, other, score_cutoff=ALIKE) > 0


def groups(model: str, kind: str, number: int = 0) -> list[Group]:
    """The records of a kind by theme, the largest first; `number` of them, or as many as seems right.

    Where the middles are, texts of one shape say once: else the headings of a template were the themes.
    """
    from sklearn.cluster import MiniBatchKMeans

    rows = list(Record.objects.filter(kind=kind).exclude(digest="").order_by("pk"))
    vectors = embeddings.vectors(model, [row.sha256 for row in rows])
    rows = [row for row in rows if row.sha256 in vectors]
    if len(rows) < 2:
        return []
    matrix = np.stack([vectors[row.sha256] for row in rows])
    first = list({formulas.shape(row.text): place for place, row in enumerate(rows)}.values())
    wanted = min(number or round(math.sqrt(len(first) / 2)), MOST_GROUPS, len(first))
    fitted = MiniBatchKMeans(max(1, wanted), random_state=0, n_init=3, batch_size=1024).fit(matrix[first])
    homes = fitted.predict(matrix)
    everywhere = Counter(word for place in first for word in labels.telling(rows[place].text))
    found = []
    for home, centre in enumerate(fitted.cluster_centers_):
        members = np.flatnonzero(homes == home)
        if len(members):
            told = [rows[place].text for place in first if homes[place] == home]
            text = labels.label(told or [rows[members[0]].text], everywhere)
            found.append(_group(text, [rows[each] for each in members], matrix[members], centre))
    return sorted(found, key=lambda group: (-len(group.members), group.label))


def _group(
    label: str, rows: Sequence[Record], matrix: NDArray[np.float32], centre: NDArray[np.float32]
) -> Group:
    cosines = matrix @ (centre / max(float(np.linalg.norm(centre)), 1e-9))
    order = np.argsort(-cosines, kind="stable")
    return Group(label, [rows[each].item_id for each in order], float(cosines.mean()))
