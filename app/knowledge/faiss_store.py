"""The vector store over FAISS."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from app.knowledge.faiss_index import FaissIndex
from app.knowledge.quantised import Sizes
from app.knowledge.store import KnowledgeStore
from app.knowledge.vector_store import IndexedVectorStore
from app.models.embeddings import EmbeddingModel
from app.schemas import DEFAULT_COLLECTION


class FaissVectorStore(IndexedVectorStore):
    """Exact search in the memory of this process."""

    def __init__(
        self,
        store: KnowledgeStore,
        embedding_model: EmbeddingModel,
        *,
        collection: str = DEFAULT_COLLECTION,
        snapshots: Path | None = None,
        sizes: Sizes | None = None,
    ) -> None:
        """`snapshots` is where the index is kept between two processes; without it each begins from the store."""
        index = FaissIndex(store, embedding_model.name, snapshots, sizes=sizes)
        super().__init__(store, embedding_model, index, collection=collection)

    @classmethod
    def build(
        cls,
        store: KnowledgeStore,
        embedding_model: EmbeddingModel,
        folder: Path,  # noqa: ARG003  # it is all in memory
        **options: Any,
    ) -> Self:
        return cls(store, embedding_model, **options)
