"""The knowledge base: one SQL store as the truth, two indexes derived from it, one retriever over both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.knowledge.lexical import LexicalIndex
    from app.knowledge.retriever import HybridRetriever
    from app.knowledge.store import KnowledgeStore
    from app.knowledge.vector_store import IndexedVectorStore
    from app.models.embeddings import EmbeddingModel
    from app.models.reranker import Reranker
    from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is open while the service runs."""

    store: KnowledgeStore
    vectors: IndexedVectorStore
    lexical: LexicalIndex
    retriever: HybridRetriever

    def catch_up(self) -> None:
        """Bring both indexes to the state of the store."""
        self.vectors.catch_up()
        self.lexical.catch_up()

    def settle(self) -> None:
        """Wait until the indexes have nothing to do in the background."""
        self.vectors.settle()
        self.lexical.settle()


@contextmanager
def open_knowledge(
    settings: Settings, embedding_model: EmbeddingModel, reranker: Reranker | None = None
) -> Iterator[Knowledge]:
    """Open the knowledge base of the configured data directory with its indexes ready for searching.

    Raises:
        ConfigurationError: the database cannot be used, or the engine for vectors.
        EmbeddingModelMismatch: it was built with another embedding model.
    """
    # Loading LangChain and an engine takes a second, which a command that only needs the records must not pay for.
    from app.knowledge.lexical import LexicalIndex
    from app.knowledge.retriever import HybridRetriever
    from app.knowledge.store import open_configured_store
    from app.knowledge.vector_engines import open_vectors

    with ExitStack() as stack:
        store = stack.enter_context(open_configured_store(settings))
        store.require_embedding_model(embedding_model.name)
        store.sweep()
        vectors = stack.enter_context(open_vectors(settings, store, embedding_model))
        lexical = stack.enter_context(closing(LexicalIndex(store, settings.data_dir / "indexes")))
        retriever = HybridRetriever(
            store=store,
            vectors=vectors,
            lexical=lexical,
            embedding_model=embedding_model,
            reranker=reranker,
        )
        lexical.open()
        yield Knowledge(store, vectors, lexical, retriever)
