"""The graph of a small BERT with mean pooling, for onnxruntime: `graph`.

words + places + kind, normalised -> 6 x (attention, feed forward) -> mean over the tokens -> length 1
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Weights = Mapping[str, NDArray[np.float32]]

LAYERS, HEADS, WIDTH = 6, 12, 384
_EPSILON = 1e-12
_OPSET = 20
_IR_VERSION = 10
"""What onnxruntime of the last years reads, whatever newer one onnx would write."""


def graph(weights: Path) -> bytes:
    """Takes `ids` (tokens) and `mask` (1 for a token, 0 for padding), gives `vectors`."""
    drawing = _Drawing(_read(weights))
    hidden = drawing.embeddings()
    scores_mask = drawing.mask()
    for number in range(LAYERS):
        hidden = drawing.layer(hidden, scores_mask, f"encoder.layer.{number}")
    drawing.pool(hidden)
    data: bytes = drawing.model().SerializeToString()
    return data


def _read(path: Path) -> Weights:
    """The tensors of a safetensors file: a JSON header of places, then their bytes."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    return {
        name: np.frombuffer(
            data[start + told["data_offsets"][0] : start + told["data_offsets"][1]], dtype=np.float32
        ).reshape(told["shape"])
        for name, told in header.items()
        if told.get("dtype") == "F32"
    }


class _Drawing:
    """Each method adds nodes, and names the value that comes out."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[Any] = []
        self._tensors: list[Any] = []
        self._number = 0

    def embeddings(self) -> str:
        words = self._op("Gather", self._weight("embeddings.word_embeddings.weight"), "ids")
        length = self._op("Shape", "ids", start=1, end=2)
        places = self._op(
            *("Slice", self._weight("embeddings.position_embeddings.weight")),
            *(self._ints([0]), length, self._ints([0])),
        )
        kind = self._tensor(self._weights["embeddings.token_type_embeddings.weight"][0])
        return self._norm(self._op("Add", self._op("Add", words, places), kind), "embeddings.LayerNorm")

    def mask(self) -> str:
        """What is added to the scores of attention: nothing, or so much that padding gets none."""
        off = self._op("Sub", self._tensor(np.float32(1)), "mask")
        scaled = self._op("Mul", off, self._tensor(np.float32(-1e9)))
        return self._op("Unsqueeze", scaled, self._ints([1, 2]))

    def layer(self, hidden: str, mask: str, name: str) -> str:
        attended = self._dense(self._attention(hidden, mask, name), f"{name}.attention.output.dense")
        hidden = self._norm(self._op("Add", attended, hidden), f"{name}.attention.output.LayerNorm")
        inner = self._op("Gelu", self._dense(hidden, f"{name}.intermediate.dense"))
        outer = self._dense(inner, f"{name}.output.dense")
        return self._norm(self._op("Add", outer, hidden), f"{name}.output.LayerNorm")

    def _attention(self, hidden: str, mask: str, name: str) -> str:
        names = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        joined = np.concatenate([self._weights[f"{each}.weight"].T for each in names], axis=1)
        bias = np.concatenate([self._weights[f"{each}.bias"] for each in names])
        both = self._op("Add", self._op("MatMul", hidden, self._tensor(joined)), self._tensor(bias))
        query, key, value = self._ops("Split", 3, both, axis=2, num_outputs=3)
        scores = self._op("MatMul", self._heads(query, (0, 2, 1, 3)), self._heads(key, (0, 2, 3, 1)))
        scaled = self._op("Mul", scores, self._tensor(np.float32(1 / math.sqrt(WIDTH / HEADS))))
        shares = self._op("Softmax", self._op("Add", scaled, mask), axis=-1)
        mixed = self._op("MatMul", shares, self._heads(value, (0, 2, 1, 3)))
        return self._op("Reshape", self._op("Transpose", mixed, perm=(0, 2, 1, 3)), self._ints([0, 0, WIDTH]))

    def _heads(self, value: str, order: tuple[int, ...]) -> str:
        split = self._op("Reshape", value, self._ints([0, 0, HEADS, WIDTH // HEADS]))
        return self._op("Transpose", split, perm=order)

    def pool(self, hidden: str) -> None:
        weights = self._op("Unsqueeze", "mask", self._ints([2]))
        total = self._op("ReduceSum", self._op("Mul", hidden, weights), self._ints([1]), keepdims=0)
        mean = self._op("Div", total, self._op("ReduceSum", "mask", self._ints([1]), keepdims=1))
        length = self._op("ReduceL2", mean, self._ints([1]), keepdims=1)
        self._nodes.append(helper.make_node("Div", [mean, length], ["vectors"]))

    def model(self) -> Any:
        inputs = [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["texts", "tokens"]),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["texts", "tokens"]),
        ]
        outputs = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", WIDTH])]
        drawn = helper.make_graph(self._nodes, "minilm", inputs, outputs, self._tensors)
        return helper.make_model(
            drawn, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
        )

    # ------------------------------------------------------------------------------------ small parts

    def _dense(self, value: str, name: str) -> str:
        product = self._op("MatMul", value, self._tensor(self._weights[f"{name}.weight"].T))
        return self._op("Add", product, self._weight(f"{name}.bias"))

    def _norm(self, value: str, name: str) -> str:
        scale, bias = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        return self._op("LayerNormalization", value, scale, bias, axis=-1, epsilon=_EPSILON)

    def _weight(self, name: str) -> str:
        return self._tensor(self._weights[name])

    def _ints(self, values: list[int]) -> str:
        return self._tensor(np.array(values, dtype=np.int64))

    def _tensor(self, values: Any) -> str:
        name = self._fresh()
        self._tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        (name,) = self._ops(kind, 1, *inputs, **attributes)
        return name

    def _ops(self, kind: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        names = [self._fresh() for _ in range(outputs)]
        self._nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names

    def _fresh(self) -> str:
        self._number += 1
        return f"v{self._number}"
