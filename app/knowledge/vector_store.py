"""The vectors of the knowledge base as a LangChain `VectorStore`, over whichever index searches them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from uuid import uuid4

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from app.knowledge.documents import as_document
from app.knowledge.records import IndexState, NewText
from app.knowledge.store import KnowledgeStore, open_store
from app.knowledge.vector_index import ChunkNos, Vector, VectorIndex
from app.models.embeddings import EmbeddingModel
from app.schemas import DEFAULT_COLLECTION

Filter = Mapping[str, Any]


class IndexedVectorStore(VectorStore):
    """Search over one collection, whose texts and vectors are kept by the SQL store.

    What is added here is stored durably before the call returns, is found by every process that uses the same store,
    and can be found by its words as well. Filters apply before the search. Scores are cosines.
    """

    def __init__(
        self,
        store: KnowledgeStore,
        embedding_model: EmbeddingModel,
        index: VectorIndex,
        *,
        collection: str = DEFAULT_COLLECTION,
    ) -> None:
        self._store = store
        self._model = embedding_model
        self._collection = collection
        self._index = index
        self._resources = ExitStack()

    @classmethod
    @abstractmethod
    def build(
        cls, store: KnowledgeStore, embedding_model: EmbeddingModel, folder: Path, **options: Any
    ) -> Self:
        """Over an index of its own, which may keep files in a folder."""

    @property
    def embeddings(self) -> Embeddings:
        return self._model.embeddings

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Build a vector store of its own, in a folder that lives until `close` or the end of the object."""
        resources = ExitStack()
        folder = Path(
            resources.enter_context(TemporaryDirectory(prefix="llmops-", ignore_cleanup_errors=True))
        )
        store = resources.enter_context(open_store(f"sqlite:///{folder / 'llmops.db'}", folder))
        built = cls.build(store, EmbeddingModel(type(embedding).__name__, embedding), folder, **kwargs)
        built._resources = resources  # noqa: SLF001  # it is of this class
        built.add_texts(texts, metadatas, ids=ids)
        return built

    def open(self) -> None:
        """Have the index ready, from what it has kept where it has."""
        self._index.open()

    def close(self) -> None:
        """End work in the background, and remove what `from_texts` has made; a store handed in is left alone."""
        self._index.close()
        self._resources.close()

    def settle(self) -> None:
        """Wait until nothing is being built in the background."""
        self._index.settle()

    def catch_up(self) -> None:
        """Take in what other threads or processes have stored; every search does so by itself."""
        self._index.catch_up()

    def refill(self) -> None:
        """Throw away what the index keeps, and derive everything from the store again."""
        self._index.refill()

    def problem(self) -> str | None:
        """Why searches are not answered at the moment; None when they are."""
        return self._index.problem()

    def state(self) -> IndexState:
        """As it is, without catching up."""
        return self._index.state()

    def search_vector(
        self, vector: Vector, k: int, *, collection: str, within: ChunkNos | None = None
    ) -> list[tuple[int, float]]:
        """The k nearest chunks of a collection as (chunk_no, cosine), nearest first; always k where k exist.

        `within` restricts the search to these chunk numbers, see `KnowledgeStore.select_chunk_nos`.
        """
        return self._index.search(vector, k, collection=collection, within=within)

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,  # noqa: ARG002  # the interface has it
    ) -> list[str]:
        """Store texts, in place of those that have the same id; ids that are not given are made up.

        Raises:
            ValueError: there are not as many metadatas or ids as texts.
            EmbeddingModelMismatch: the knowledge base holds vectors of another model.
        """
        contents = list(texts)
        chosen = [given or uuid4().hex for given in ids or [""] * len(contents)]
        fields = metadatas or [{} for _ in contents]
        if not len(contents) == len(chosen) == len(fields):
            raise ValueError(
                f"{len(contents)} texts, {len(chosen)} ids and {len(fields)} metadatas do not fit together"
            )
        # Of an id that comes twice the last text counts, as if they had been added one after another.
        newest = {
            chunk_id: NewText(chunk_id, text, metadata)
            for chunk_id, text, metadata in zip(chosen, contents, fields, strict=True)
        }
        items = list(newest.values())
        vectors = self._model.embed([item.text for item in items])
        self._store.put_texts(items, vectors, collection=self._collection, embedding_model=self._model.name)
        return chosen

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:  # noqa: ARG002
        """Delete texts by id, or all of the collection without ids; ids that do not exist are passed over."""
        if ids is None:
            self._store.clear(self._collection)
        else:
            self._store.delete_chunks(ids, self._collection)
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        found = self._store.chunks_by_id(ids, self._collection)
        return [as_document(found[chunk_id]) for chunk_id in ids if chunk_id in found]

    def similarity_search(
        self,
        query: str,
        k: int = 4,
        filter: Filter | None = None,  # noqa: A002  # LangChain's name for it
        **kwargs: Any,  # noqa: ARG002  # the interface has it
    ) -> list[Document]:
        return [document for document, _ in self.similarity_search_with_score(query, k, filter)]

    def similarity_search_with_score(
        self,
        query: str,
        k: int = 4,
        filter: Filter | None = None,  # noqa: A002  # LangChain's name for it
        **kwargs: Any,  # noqa: ARG002  # the interface has it
    ) -> list[tuple[Document, float]]:
        """The k nearest texts with their cosines."""
        return self._search(self._model.embed_query(query), k, filter)

    def similarity_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        filter: Filter | None = None,  # noqa: A002  # LangChain's name for it
        **kwargs: Any,  # noqa: ARG002  # the interface has it
    ) -> list[Document]:
        return [document for document, _ in self._search(embedding, k, filter)]

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        vector = self._model.embed_query(query).tolist()
        return self.max_marginal_relevance_search_by_vector(vector, k, fetch_k, lambda_mult, **kwargs)

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Filter | None = None,  # noqa: A002  # LangChain's name for it
        **kwargs: Any,  # noqa: ARG002  # the interface has it
    ) -> list[Document]:
        """k of the `fetch_k` nearest texts, chosen one by one to be near the query and unlike those chosen before."""
        query = _as_vector(embedding)
        hits = self._hits(query, max(k, fetch_k), filter)
        vectors = self._store.vectors_by_no([chunk_no for chunk_no, _ in hits])
        chunks = self._store.chunks_by_no(list(vectors))
        nearest = [no for no, _ in hits if no in chunks and chunks[no].collection == self._collection]
        if not nearest:
            return []
        chosen = maximal_marginal_relevance(query, [vectors[no].tolist() for no in nearest], lambda_mult, k)
        return [as_document(chunks[nearest[place]]) for place in chosen]

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        """A cosine below zero is no more relevant than none."""
        return lambda cosine: max(0.0, cosine)

    def _search(
        self, embedding: Vector | list[float], k: int, filter_: Filter | None
    ) -> list[tuple[Document, float]]:
        hits = self._hits(_as_vector(embedding), k, filter_)
        chunks = self._store.chunks_by_no([chunk_no for chunk_no, _ in hits])
        own = {no: chunk for no, chunk in chunks.items() if chunk.collection == self._collection}
        return [(as_document(own[no]), cosine) for no, cosine in hits if no in own]

    def _hits(self, vector: Vector, k: int, filter_: Filter | None) -> list[tuple[int, float]]:
        within = self._store.select_chunk_nos(self._collection, filter=filter_) if filter_ else None
        return self.search_vector(vector, k, collection=self._collection, within=within)


def _as_vector(embedding: Vector | list[float]) -> Vector:
    return np.asarray(embedding, dtype=np.float32)
