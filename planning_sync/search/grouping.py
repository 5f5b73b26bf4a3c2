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

from planning_sync.search import embeddings, words
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
_BLOCK = 512
_DIGITS = re.compile(r"\d+")
_LONGEST_LABEL = 3
_SHORTEST_WORD = 4


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
    rows = Record.objects.filter(kind=Kind.TASK).exclude(digest="").values_list("sha256", "text")
    texts = {checksum: text for checksum, text in rows.iterator() if len(text) >= SHORTEST}
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


def _same(one: str, other: str) -> bool:
    """Two steps of a series differ in their numbers alone, and are two pieces of work."""
    if _DIGITS.findall(one) != _DIGITS.findall(other):
        return False
    return fuzz.ratio(words.folded(one), words.folded(other), score_cutoff=ALIKE) > 0


def groups(model: str, kind: str, number: int = 0) -> list[Group]:
    """The records of a kind by theme, the largest first; `number` of them, or as many as seems right."""
    from sklearn.cluster import MiniBatchKMeans

    rows = list(Record.objects.filter(kind=kind).exclude(digest="").order_by("pk"))
    vectors = embeddings.vectors(model, [row.sha256 for row in rows])
    rows = [row for row in rows if row.sha256 in vectors]
    if len(rows) < 2:
        return []
    matrix = np.stack([vectors[row.sha256] for row in rows])
    wanted = min(number or round(math.sqrt(len(rows) / 2)), len({row.sha256 for row in rows}))
    fitted = MiniBatchKMeans(max(1, min(wanted, 60)), random_state=0, n_init=3, batch_size=1024).fit(matrix)
    everywhere = Counter(word for row in rows for word in _telling(row.text))
    found = []
    for place, centre in enumerate(fitted.cluster_centers_):
        members = np.flatnonzero(fitted.labels_ == place)
        if len(members):
            found.append(_group([rows[each] for each in members], matrix[members], centre, everywhere))
    return sorted(found, key=lambda group: (-len(group.members), group.label))


def _group(
    rows: Sequence[Record], matrix: NDArray[np.float32], centre: NDArray[np.float32], everywhere: Counter[str]
) -> Group:
    cosines = matrix @ (centre / max(float(np.linalg.norm(centre)), 1e-9))
    order = np.argsort(-cosines, kind="stable")
    return Group(_label(rows, everywhere), [rows[each].item_id for each in order], float(cosines.mean()))


def _label(rows: Sequence[Record], everywhere: Counter[str]) -> str:
    """The words that are frequent in the group and rare elsewhere, as one of its texts spells them."""
    here = Counter(word for row in rows for word in _telling(row.text))
    best = sorted(here, key=lambda word: (-here[word] * here[word] / everywhere[word], word))
    spelled = [_spelled(word, rows) for word in best[:_LONGEST_LABEL]]
    return ", ".join(spelled) or rows[0].text


def _spelled(word: str, rows: Sequence[Record]) -> str:
    for row in rows:
        for token in re.findall(r"[^\W\d_]+", row.text):
            if words.folded(token) == word:
                return str(token)
    return word


def _telling(text: str) -> set[str]:
    return {word for word in words.words(text) if len(word) >= _SHORTEST_WORD and word.isalpha()}
