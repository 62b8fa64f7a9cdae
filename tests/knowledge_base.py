"""A small knowledge base for tests: deterministic embeddings in place of a model, and short ways to fill it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from app.errors import ModelUnavailable
from app.knowledge import Knowledge, open_knowledge
from app.knowledge.records import NewChunk
from app.knowledge.store import KnowledgeStore
from app.models.embeddings import EmbeddingModel
from app.schemas import DocumentInfo
from app.settings import load_settings
from tests.postgres import database_url

DIMENSION = 64


class WordHashes(Embeddings):
    """Texts that share words have similar vectors; the same text always has the same one. Can be told to fail."""

    def __init__(self) -> None:
        self.broken = False

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.broken:
            raise ModelUnavailable("the embeddings API is down")
        return np.stack([_hash_words(text) for text in texts])

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self.embed(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def fake_model(name: str = "fake:words") -> EmbeddingModel:
    return EmbeddingModel(name, WordHashes(), DIMENSION)


@contextmanager
def open_test_knowledge(folder: Path, model: EmbeddingModel | None = None) -> Iterator[Knowledge]:
    settings = load_settings(data_dir=folder, database_url=database_url(folder))
    with open_knowledge(settings, model or fake_model()) as knowledge:
        yield knowledge


def add_document(
    store: KnowledgeStore,
    pages: Sequence[str],
    *,
    name: str = "report.txt",
    collection: str = "default",
    metadata: Mapping[str, Any] | None = None,
    model: EmbeddingModel | None = None,
) -> DocumentInfo:
    """Store a document with one chunk for each page."""
    model = model or fake_model()
    text = "\n\n".join(pages)
    begun = store.begin_document(
        text.encode(), name=name, collection=collection, media_type="text/plain", metadata=metadata
    )
    if begun.duplicate:
        return begun
    starts = [sum(len(page) + 2 for page in pages[:n]) for n in range(len(pages))]
    chunks = [
        NewChunk(page, number, start, start + len(page))
        for number, (page, start) in enumerate(zip(pages, starts, strict=True), start=1)
    ]
    return store.commit_document(
        begun.document_id,
        text=text,
        page_spans=[(chunk.char_start, chunk.char_end) for chunk in chunks],
        chunks=chunks,
        vectors=model.embed(pages),
        embedding_model=model.name,
    )


def _hash_words(text: str) -> NDArray[np.float32]:
    vector = np.full(DIMENSION, 1e-3, dtype=np.float32)
    for word in re.findall(r"\w+", text.lower()):
        digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
        vector[digest[0] % DIMENSION] += 1.0 if digest[1] % 2 else -1.0
    return vector / np.float32(np.linalg.norm(vector))
