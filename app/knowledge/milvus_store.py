"""The vector store over Milvus."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from app.knowledge.milvus_index import MilvusIndex
from app.knowledge.store import KnowledgeStore
from app.knowledge.vector_store import IndexedVectorStore
from app.models.embeddings import EmbeddingModel


class MilvusVectorStore(IndexedVectorStore):
    """Search in Milvus, which all processes share, for more vectors than fit into memory."""

    @classmethod
    def build(
        cls, store: KnowledgeStore, embedding_model: EmbeddingModel, folder: Path, **options: Any
    ) -> Self:
        """Over Milvus Lite in the folder, unless `uri` names a server; the options are those of `MilvusIndex`."""
        options = {"uri": str(folder / "milvus.db")} | options
        return cls(store, embedding_model, MilvusIndex(store, embedding_model.name, **options))
