"""The encoder of all-MiniLM-L6-v2 in plain NumPy, after the BERT paper and nobody's code, to check the fast one."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

LAYERS, HEADS, EPSILON = 6, 12, 1e-12
_erf = np.vectorize(math.erf, otypes=[np.float32])


class ReferenceEncoder:
    def __init__(self, folder: Path) -> None:
        data = (folder / "model.safetensors").read_bytes()
        (size,) = struct.unpack_from("<Q", data)
        header: dict[str, Any] = json.loads(data[8 : 8 + size])
        self._weights: dict[str, Array] = {}
        for name, entry in header.items():
            if entry.get("dtype") == "F32":
                start, end = (8 + size + offset for offset in entry["data_offsets"])
                self._weights[name] = np.frombuffer(data[start:end], np.float32).reshape(entry["shape"])

    def embed(self, ids: list[int]) -> Array:
        """Mean over the tokens of the last layer, scaled to length 1."""
        words = self._weights["embeddings.word_embeddings.weight"][ids]
        places = self._weights["embeddings.position_embeddings.weight"][: len(ids)]
        segment = self._weights["embeddings.token_type_embeddings.weight"][0]
        hidden = self._norm(words + places + segment, "embeddings.")
        for layer in range(LAYERS):
            hidden = self._layer(hidden, f"encoder.layer.{layer}.")
        mean = hidden.mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean), np.float32)

    def _layer(self, hidden: Array, prefix: str) -> Array:
        query, key, value = (
            self._linear(hidden, f"{prefix}attention.self.{role}")
            .reshape(len(hidden), HEADS, -1)
            .swapaxes(0, 1)
            for role in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(1, 2) / math.sqrt(query.shape[-1])
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        attended = (weights @ value).swapaxes(0, 1).reshape(hidden.shape)
        attended = self._linear(attended, f"{prefix}attention.output.dense")
        hidden = self._norm(attended + hidden, f"{prefix}attention.output.")
        wide = self._linear(hidden, f"{prefix}intermediate.dense")
        gelu = 0.5 * wide * (1 + _erf(wide / math.sqrt(2)))
        return self._norm(self._linear(gelu, f"{prefix}output.dense") + hidden, f"{prefix}output.")

    def _linear(self, rows: Array, name: str) -> Array:
        return rows @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _norm(self, rows: Array, prefix: str) -> Array:
        centred = rows - rows.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
        return np.asarray(
            centred / scale * self._weights[f"{prefix}LayerNorm.weight"]
            + self._weights[f"{prefix}LayerNorm.bias"]
        )
