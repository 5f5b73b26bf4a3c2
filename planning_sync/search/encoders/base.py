"""`Encoder`: what every model can do; `in_batches`, the order in which a CPU is fastest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    """One row a text, each of length 1."""

DEFAULT = "all-MiniLM-L6-v2"
BATCH = 16
"""More at once is slower on a CPU: short texts are then padded to long ones."""


class Encoder(Protocol):
    name: str
    dimension: int

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors in the order of the texts."""
        ...


def in_batches(texts: Sequence[str], dimension: int, encode: Callable[[list[str]], Any]) -> Vectors:
    """All vectors, made by `encode` of a few texts of like length at a time."""
    import numpy as np

    found = np.empty((len(texts), dimension), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    for start in range(0, len(order), BATCH):
        places = order[start : start + BATCH]
        found[places] = encode([texts[place] for place in places])
    return found
