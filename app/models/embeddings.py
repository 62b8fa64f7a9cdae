"""The embedding model that the settings choose: embedded in this process, or behind an API."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from app.errors import ConfigurationError, ModelMisbehaved
from app.models.calls import model_call
from app.models.provider import (
    Connections,
    ProviderFailure,
    openai_connections,
    openai_options,
    provider_call,
    provider_choice,
)
from app.settings import EMBEDDED_EMBEDDING_MODEL, EMBEDDED_EMBEDDING_MODELS, Settings, environment_name
from app.surrogates import replace_surrogates

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

T = TypeVar("T")

_TEXTS_PER_REQUEST: Final = 256
_MAX_CHARS: Final = 8_000
"""OpenAI refuses a text of more than 8,191 tokens; what lies beyond says little about a chunk or a question."""


@runtime_checkable
class ArrayEmbeddings(Protocol):
    """Embeddings that compute arrays and are spared the detour over lists of Python floats."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class EmbeddingModel:
    """Turns text into unit vectors; `name` is `provider:name` and stays with every knowledge base built with it.

    Blocking, and safe to call from several threads. `dimension` is None where only the provider knows it.

    Raises (both methods):
        ModelUnavailable, ModelRateLimited, ModelTimeout, ModelMisbehaved: the provider failed, after retries.
    """

    name: str
    embeddings: Embeddings
    dimension: int | None = None
    max_retries: int = field(default=0, kw_only=True)
    connections: Connections | None = field(default=None, kw_only=True)
    """Those to the provider, kept between calls; None where there are none that are ours to close."""

    def close(self) -> None:
        """Close what is kept open; the model is not called any more."""
        if self.connections is not None:
            self.connections.close()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row for each text, in their order, of length 1."""
        if isinstance(self.embeddings, ArrayEmbeddings):
            return self.embeddings.embed(texts)
        if not texts:
            return np.empty((0, self.dimension or 0), dtype=np.float32)
        sendable = [_sendable(text) for text in texts]
        return self._normalised(self._retry(lambda: self.embeddings.embed_documents(sendable)), len(texts))

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """One vector of length 1; some providers embed a question otherwise than the texts that answer it."""
        if isinstance(self.embeddings, ArrayEmbeddings):
            rows = self.embeddings.embed([text])
        else:
            question = _sendable(text)
            rows = self._normalised([self._retry(lambda: self.embeddings.embed_query(question))], 1)
        return rows.reshape(-1)

    def _retry(self, call: Callable[[], T]) -> T:
        for attempt in count():
            try:
                with model_call(self.name, "embeddings"), provider_call(self.name):
                    return call()
            except ProviderFailure as failure:
                if attempt >= self.max_retries or failure.pause_s is None:
                    raise failure.error from None
                time.sleep(failure.pause_s)
        raise AssertionError("unreachable")

    def _normalised(self, vectors: list[list[float]], expected: int) -> NDArray[np.float32]:
        """Providers differ in whether they normalise, and a cosine by inner product needs it."""
        if len(vectors) != expected or len({len(vector) for vector in vectors}) != 1:
            raise ModelMisbehaved(f"{self.name} sent {len(vectors)} vectors for {expected} texts")
        array = np.asarray(vectors, dtype=np.float32)
        lengths = np.linalg.norm(array, axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and lengths.all()):
            raise ModelMisbehaved(f"{self.name} sent a vector without a direction")
        return np.asarray(array / lengths, dtype=np.float32)


def build_embedding_model(settings: Settings) -> EmbeddingModel:
    """Build the configured model; nothing is loaded or called before its first use.

    Raises:
        ConfigurationError: the provider is unknown, not installed or lacks its key.
    """
    name = settings.effective_embedding_model
    if name.startswith("embedded:"):
        return _build_embedded(name, settings)
    from langchain.embeddings import init_embeddings

    options: dict[str, Any] = {}
    if name.startswith("openai:"):
        # Texts are sent as they are: cutting them into OpenAI's tokens first would download a vocabulary.
        options = openai_options(settings, "embedding_model") | {
            "check_embedding_ctx_length": False,
            "chunk_size": _TEXTS_PER_REQUEST,
            "http_client": openai_connections(),
        }
    with provider_choice("embedding_model", name):
        embeddings = init_embeddings(name, **options)
    connections = options.get("http_client")
    return EmbeddingModel(name, embeddings, max_retries=settings.model_max_retries, connections=connections)


def _build_embedded(name: str, settings: Settings) -> EmbeddingModel:
    if name not in EMBEDDED_EMBEDDING_MODELS:
        raise ConfigurationError(
            f"{environment_name('embedding_model')}={name!r} is not accepted: the embedded models are "
            f"{' and '.join(EMBEDDED_EMBEDDING_MODELS)}"
        )
    from app.models.minilm import MiniLMEmbeddings

    quantised = name == EMBEDDED_EMBEDDING_MODEL
    embeddings = MiniLMEmbeddings(threads=settings.embedding_threads, quantised=quantised)
    return EmbeddingModel(name, embeddings, embeddings.dimension)


def _sendable(text: str) -> str:
    """OpenAI refuses an empty text, and JSON cannot carry lone surrogates."""
    return replace_surrogates(text[:_MAX_CHARS]) or " "
