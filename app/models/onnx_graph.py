"""The BERT encoder of all-MiniLM-L6-v2 as an ONNX model that borrows its weights from a safetensors file.

Writing the graph ourselves spares PyTorch, the `onnx` package and a second copy of the weights: an initializer is
"external data" that names an offset in the safetensors file, but for weights that are quantised. Operators come from
opset 20 and from ONNX Runtime's own domain.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.models.onnx_format import (
    FLOAT32,
    INT32,
    encode_external_tensor,
    encode_graph,
    encode_int64_tensor,
    encode_model,
    encode_node,
    encode_tensor,
    encode_value_info,
)

_IR_VERSION: Final = 9
_OPSET: Final = 20
_RUNTIME_DOMAIN: Final = "com.microsoft"
_LARGEST_INT8: Final = 63
"""Seven bits: sums of two products with unsigned bytes then fit into 16 bits, as processors without VNNI add them."""


@dataclass(frozen=True)
class Weight:
    """Where a float32 tensor lies in its file, in bytes."""

    shape: tuple[int, ...]
    offset: int
    length: int


@dataclass(frozen=True)
class BertShape:
    layers: int = 6
    hidden: int = 384
    heads: int = 12
    epsilon: float = 1e-12


def read_weights(path: Path) -> dict[str, Weight]:
    """Read the header of a safetensors file: its size as a little-endian u64, then JSON, then the data."""
    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
    header.pop("__metadata__", None)
    return {name: _locate(entry, 8 + size) for name, entry in header.items() if entry["dtype"] == "F32"}


def _locate(entry: dict[str, Any], data: int) -> Weight:
    start, end = entry["data_offsets"]
    return Weight(tuple(entry["shape"]), data + start, end - start)


def build_encoder(path: Path, shape: BertShape, *, quantised: bool) -> bytes:
    """Write the model: `ids` (int32, texts x tokens) in, `embedding` (float32, texts x hidden) out.

    All texts of a batch have the same number of tokens, so the model knows neither padding nor a mask. The session
    is told to look for external data in the folder of `path`, the weights. Where it is `quantised`, linear layers
    multiply bytes: their weights have a scale for each output, what comes in has one for all that is computed at once.
    """
    graph = _Graph(shape, path, read_weights(path), quantised)
    hidden = _embed_tokens(graph)
    for layer in range(shape.layers):
        hidden = _encode_layer(graph, f"encoder.layer.{layer}.", hidden)
    _pool(graph, hidden)
    return graph.as_model()


def _embed_tokens(graph: _Graph) -> str:
    """Word, position and segment embeddings, normalised; one row for each token of the batch."""
    zero, one = graph.constant("zero", 0), graph.constant("one", 1)
    tokens = graph.add("Gather", graph.add("Shape", "ids"), one)
    positions = graph.add("Range", zero, tokens, one)
    place = graph.add("Gather", graph.weight("embeddings.position_embeddings.weight"), positions)
    place = graph.add("Add", place, graph.first_row("embeddings.token_type_embeddings.weight"))
    word = graph.add("Gather", graph.weight("embeddings.word_embeddings.weight"), "ids")
    hidden = graph.add(
        "LayerNormalization",
        graph.add("Add", word, place),
        *graph.norm("embeddings."),
        epsilon=graph.shape.epsilon,
    )
    graph.add("Shape", hidden, output="batch_shape")
    return graph.add("Reshape", hidden, graph.constant("rows_shape", -1, graph.shape.hidden))


def _encode_layer(graph: _Graph, prefix: str, hidden: str) -> str:
    """Self-attention and feed-forward, each added to its input and normalised after it, as BERT does."""
    projections = [
        graph.add("Reshape", graph.linear(hidden, f"{prefix}attention.self.{role}"), "batch_shape")
        for role in ("query", "key", "value")
    ]
    attended = graph.add_runtime("MultiHeadAttention", *projections, num_heads=graph.shape.heads)
    attended = graph.add("Reshape", attended, "rows_shape")
    attended = graph.linear(attended, f"{prefix}attention.output.dense")
    hidden = graph.add_and_norm(attended, hidden, f"{prefix}attention.output.")
    widened = graph.add("Gelu", graph.linear(hidden, f"{prefix}intermediate.dense"))
    return graph.add_and_norm(graph.linear(widened, f"{prefix}output.dense"), hidden, f"{prefix}output.")


def _pool(graph: _Graph, hidden: str) -> None:
    """Sum over the tokens, then scale to length 1: the division that makes the sum a mean cancels out."""
    hidden = graph.add("Reshape", hidden, "batch_shape")
    total = graph.add("ReduceSum", hidden, graph.constant("token_axis", 1, vector=True), keepdims=0)
    graph.add("LpNormalization", total, output="embedding", axis=-1, p=2)


@dataclass
class _Graph:
    """Collects nodes and initializers in the order they are written, and names the values between them."""

    shape: BertShape
    path: Path
    weights: Mapping[str, Weight]
    quantised: bool
    nodes: list[bytes] = field(default_factory=list)
    initializers: dict[str, bytes] = field(default_factory=dict)

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: float) -> str:
        return self._append(operator, inputs, output, "", attributes)

    def add_runtime(self, operator: str, *inputs: str, **attributes: float) -> str:
        """Add an operator that ONNX Runtime has beyond the standard."""
        return self._append(operator, inputs, "", _RUNTIME_DOMAIN, attributes)

    def _append(
        self,
        operator: str,
        inputs: Sequence[str],
        output: str,
        domain: str,
        attributes: Mapping[str, float],
    ) -> str:
        output = output or f"value_{len(self.nodes)}"
        self.nodes.append(encode_node(operator, inputs, output, domain, attributes))
        return output

    def linear(self, rows: str, name: str) -> str:
        """PyTorch stores a linear layer's weights as outputs x inputs, hence the transposition."""
        bias = self.weight(f"{name}.bias")
        if not self.quantised:
            return self.add("Gemm", rows, self.weight(f"{name}.weight"), bias, transB=1)
        values, scales = _quantise(self._read(f"{name}.weight").T)
        matrix = self._own(f"{name}.int8", values)
        return self.add_runtime(
            "DynamicQuantizeMatMul", rows, matrix, self._own(f"{name}.scales", scales), "", bias
        )

    def add_and_norm(self, rows: str, skipped: str, prefix: str) -> str:
        """In two operators: the one that ONNX Runtime has for both takes eight times as long on a processor."""
        total = self.add("Add", rows, skipped)
        return self.add("LayerNormalization", total, *self.norm(prefix), epsilon=self.shape.epsilon)

    def norm(self, prefix: str) -> tuple[str, str]:
        return self.weight(f"{prefix}LayerNorm.weight"), self.weight(f"{prefix}LayerNorm.bias")

    def weight(self, name: str) -> str:
        return self._borrow(name, self.weights[name])

    def first_row(self, name: str) -> str:
        """Use row 0 of a matrix as a vector: a lone text is all segment 0."""
        matrix = self.weights[name]
        rows, columns = matrix.shape
        return self._borrow(name, Weight((columns,), matrix.offset, matrix.length // rows))

    def _borrow(self, name: str, weight: Weight) -> str:
        self.initializers[name] = encode_external_tensor(
            name, weight.shape, self.path.name, offset=weight.offset, length=weight.length
        )
        return name

    def _own(self, name: str, values: NDArray[np.int8] | NDArray[np.float32]) -> str:
        self.initializers[name] = encode_tensor(name, values)
        return name

    def _read(self, name: str) -> NDArray[np.float32]:
        weight = self.weights[name]
        return np.memmap(self.path, np.float32, "r", offset=weight.offset, shape=weight.shape)

    def constant(self, name: str, *values: int, vector: bool = False) -> str:
        dimensions = (len(values),) if vector or len(values) > 1 else ()
        self.initializers[name] = encode_int64_tensor(name, dimensions, values)
        return name

    def as_model(self) -> bytes:
        inputs = [encode_value_info("ids", INT32, ("texts", "tokens"))]
        outputs = [encode_value_info("embedding", FLOAT32, ("texts", self.shape.hidden))]
        graph = encode_graph("encoder", self.nodes, self.initializers.values(), inputs, outputs)
        return encode_model(graph, ir_version=_IR_VERSION, opsets={"": _OPSET, _RUNTIME_DOMAIN: 1})


def _quantise(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Inputs x outputs as bytes, symmetric about 0, and the scale of each output."""
    scales = np.abs(matrix).max(axis=0) / _LARGEST_INT8
    return np.ascontiguousarray(np.rint(matrix / scales), np.int8), np.asarray(scales, np.float32)
