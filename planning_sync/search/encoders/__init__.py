"""Models that make vectors of texts: `Encoder`, `load`. For the embedder, never a web process."""

from __future__ import annotations

from planning_sync.search.encoders.base import BATCH, DEFAULT, Encoder, in_batches

__all__ = ["BATCH", "DEFAULT", "Encoder", "in_batches", "load"]


def load(name: str) -> Encoder:
    """The model of that name, or in that folder. Raises `ModelMissing`."""
    if name == DEFAULT:
        from planning_sync.search.encoders.minilm import MiniLM

        return MiniLM.load()
    from planning_sync.search.encoders.transformer import SentenceModel

    return SentenceModel.load(name)
