"""Any model of sentence-transformers, by its name or its folder: `SentenceModel`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from planning_sync.search.encoders.base import in_batches
from planning_sync.search.errors import ModelMissing

if TYPE_CHECKING:
    from planning_sync.search.encoders.base import Vectors


class SentenceModel:
    def __init__(self, name: str, model: Any) -> None:
        self.name = name
        self.dimension = int(model.get_embedding_dimension())
        self._model = model

    @classmethod
    def load(cls, name: str) -> Self:
        """Raises `ModelMissing`. A name not on this disk is downloaded, unless HF_HUB_OFFLINE is set."""
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            told = "sentence-transformers is not installed: pip install 'planning-sync[models]'."
            raise ModelMissing(name, told) from error
        try:
            return cls(name, SentenceTransformer(name, device="cpu"))
        except (OSError, ValueError) as error:
            told = (
                f"{str(error).splitlines()[0]} Name a model of sentence-transformers, or the folder of one."
            )
            raise ModelMissing(name, told) from error

    def encode(self, texts: Sequence[str]) -> Vectors:
        return in_batches(texts, self.dimension, self._encode)

    def _encode(self, texts: list[str]) -> Any:
        return self._model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
