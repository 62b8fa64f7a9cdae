"""Searches by meaning and by words together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from logging import getLogger
from time import perf_counter
from typing import Any

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from numpy.typing import NDArray
from pydantic import ConfigDict, InstanceOf

from app.errors import EmbeddingModelMismatch, ModelError, UnknownCollection, VectorsUnavailable
from app.knowledge.documents import as_document
from app.knowledge.fusion import Candidate, is_repeated, rank, reorder, weigh_dense
from app.knowledge.lexical import LexicalIndex, ReadQuery
from app.knowledge.mention import Mention, Naming
from app.knowledge.mention import raise_score as raise_named
from app.knowledge.quotation import Quotation, continued
from app.knowledge.records import Hit, Position, Sketch
from app.knowledge.store import KnowledgeStore
from app.knowledge.vector_store import IndexedVectorStore
from app.models.embeddings import EmbeddingModel
from app.models.reranker import Reranker
from app.schemas import DEFAULT_COLLECTION
from app.settings import EMBEDDED_EMBEDDING_MODELS
from app.telemetry import metrics
from app.telemetry.traces import named, span
from app.tenancy import plain_name

log = getLogger("llmops.rag")

_CANDIDATES = 50
_RERANKED = 20
_LOOKS = 5  # a document that is read again this very moment has its chunks exchanged, and would be missed
_LIKELY_QUOTED = 30  # a text that is quoted shares its words with the query, so it is among the best by words


@dataclass(frozen=True, slots=True)
class Retrieved:
    """`hits` best first.

    `degraded` holds `embeddings_unavailable` or `vectors_unavailable` when words alone were searched, by what failed;
    `reranker_unavailable` when the order is that before the reranker.
    """

    hits: tuple[Hit, ...]
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a search asks for beside its query."""

    collection: str
    document_ids: Sequence[str] | None
    filter: Mapping[str, Any] | None
    k: int

    @property
    def is_restricted(self) -> bool:
        return bool(self.document_ids or self.filter)


@dataclass(frozen=True, slots=True)
class _Scope:
    """How many chunks to look for, and among which."""

    collection: str
    within: NDArray[np.int64] | None
    k: int

    def only(self, chunk_nos: Set[int]) -> _Scope:
        """Exactly these chunks, which may be none."""
        return _Scope(self.collection, np.array(sorted(chunk_nos), dtype=np.int64), len(chunk_nos))


class HybridRetriever(BaseRetriever):
    """Unites what the vectors and the words find, gives both scores to each candidate and ranks by their mean.

    As a LangChain retriever it searches `collection` for `k` chunks.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    store: KnowledgeStore
    vectors: IndexedVectorStore
    lexical: LexicalIndex
    embedding_model: InstanceOf[EmbeddingModel]
    reranker: InstanceOf[Reranker] | None = None
    collection: str = DEFAULT_COLLECTION
    k: int = 6

    def search(
        self,
        query: str,
        *,
        k: int,
        collection: str = DEFAULT_COLLECTION,
        document_ids: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002  # LangChain's name for it
        rerank: bool = True,
    ) -> Retrieved:
        """Find the k chunks that fit a query, among those of the documents and with the metadata asked for.

        No document ids mean all documents. `rerank=False` leaves the configured reranker out. Blocking.

        Raises:
            UnknownCollection: it was never created; the default collection always exists.
            UnknownDocument: a document is not in the collection.
            InvalidRequest: the filter cannot be understood.
        """
        if not self.store.has_collection(collection):
            raise UnknownCollection(f"There is no collection {plain_name(collection)!r}")
        started = perf_counter()
        with span("search", k=k) as searching:
            wanted = _Wanted(collection, document_ids or None, filter, k)
            found = self._search(query, wanted, rerank=rerank)
            searching.note(named({"found": len(found.hits), "degraded": ",".join(found.degraded)}))
        metrics.searched(perf_counter() - started, found.hits[0].score if found.hits else 0.0)
        return found

    def _search(self, query: str, wanted: _Wanted, *, rerank: bool) -> Retrieved:
        k = wanted.k
        loaded = k if self.reranker is None or not rerank else max(k, _RERANKED)
        try:
            vector = self._embed(query)
            degraded = () if vector is not None else ("embeddings_unavailable",)
            hits = self._look_until_still(query, vector, wanted, loaded)
        except VectorsUnavailable as error:
            log.warning("vectors_unavailable", extra={"reason": error.detail})
            degraded = ("vectors_unavailable",)
            hits = self._look_until_still(query, None, wanted, loaded)
        if self.reranker is None or not rerank:
            return Retrieved(hits, degraded)
        try:
            return Retrieved(reordered(self.reranker, query, hits)[:k], degraded)
        except ModelError as error:
            log.warning("reranker_unavailable", extra={"model": self.reranker.name, "code": error.code})
            return Retrieved(hits[:k], (*degraded, "reranker_unavailable"))

    def _look_until_still(
        self, query: str, vector: NDArray[np.float32] | None, wanted: _Wanted, loaded: int
    ) -> tuple[Hit, ...]:
        """What is found while nothing is taken out; after a few attempts, whatever is found."""
        for _ in range(_LOOKS):
            seen = within = None
            if wanted.is_restricted:
                self._catch_up(vector)  # which may take long, and little time should pass from here on
                seen = self.store.position()
                within = self.store.select_chunk_nos(wanted.collection, wanted.document_ids, wanted.filter)
            scope = _Scope(wanted.collection, within, max(_CANDIDATES, 2 * wanted.k))
            hits, looked_at = self._look(query, vector, scope, loaded)
            if not self.store.has_removed_since(seen or looked_at):
                break
        return hits

    def _catch_up(self, vector: NDArray[np.float32] | None) -> None:
        with self.store.one_look():
            self.lexical.catch_up()
            if vector is not None:
                self.vectors.catch_up()

    def _look(
        self, query: str, vector: NDArray[np.float32] | None, scope: _Scope, wanted: int
    ) -> tuple[tuple[Hit, ...], Position]:
        """The best that are there, and how far the store was before they were looked for."""
        with self.store.one_look():
            seen = self.store.position()
            found = self._find(query, vector, scope)
        return self._load_best(*self._look_closer(query, found, scope.collection), wanted), seen

    def _find(self, query: str, vector: NDArray[np.float32] | None, scope: _Scope) -> list[Candidate]:
        """What either search finds, with both scores, best first."""
        self.lexical.catch_up()
        words = self.lexical.read(query)
        lexical = self._search_words(words, scope)
        dense = None if vector is None else self._search_vectors(vector, scope)
        if vector is not None and dense is not None:
            dense |= self._search_vectors(vector, scope.only(lexical.keys() - dense.keys()))
            lexical |= self._search_words(words, scope.only(dense.keys() - lexical.keys()))
        english_only = self.embedding_model.name in EMBEDDED_EMBEDDING_MODELS
        return rank(dense, lexical, dense_weight=weigh_dense(query, english_only=english_only))

    def _look_closer(
        self, query: str, candidates: Sequence[Candidate], collection: str
    ) -> tuple[list[Candidate], dict[int, Sketch]]:
        """Raise those whose document the query names, and those in which it, or long parts of it, stand literally."""
        by_words = sorted(candidates, key=lambda found: (-found.lexical, found.chunk_no))
        likely = {found.chunk_no for found in by_words[:_LIKELY_QUOTED]}
        numbers = {found.chunk_no for found in candidates} | {chunk_no + 1 for chunk_no in likely}
        sketches = self.store.sketches_by_no(list(numbers), collection)
        fits = Mention(query, self.lexical.rarity).weigh({_naming(sketch) for sketch in sketches.values()})
        quotation = Quotation(query)

        def judge(found: Candidate, sketch: Sketch) -> Candidate:
            score = raise_named(found.score, fits.get(_naming(sketch), 0.0))
            if found.chunk_no in likely and quotation.is_possible():
                text = continued(sketch, sketches.get(found.chunk_no + 1))
                score = quotation.raise_score(score, text)
            return found if score == found.score else replace(found, score=score)

        present = [found for found in candidates if found.chunk_no in sketches]
        return reorder(judge(found, sketches[found.chunk_no]) for found in present), sketches

    def _load_best(
        self, candidates: Sequence[Candidate], sketches: Mapping[int, Sketch], k: int
    ) -> tuple[Hit, ...]:
        """The best k that are there; the next ones take the places of those that have been deleted this moment."""
        while True:
            chosen = choose(candidates, sketches, k)
            chunks = self.store.chunks_by_no([found.chunk_no for found in chosen])
            gone = {found.chunk_no for found in chosen} - chunks.keys()
            if not gone:
                return tuple(found.as_hit(chunks[found.chunk_no]) for found in chosen)
            candidates = [found for found in candidates if found.chunk_no not in gone]

    def _embed(self, query: str) -> NDArray[np.float32] | None:
        try:
            self.vectors.catch_up()  # which finds out whether they still are of this model
            return self.embedding_model.embed_query(query)
        except (ModelError, EmbeddingModelMismatch) as error:
            log.warning(
                "embeddings_unavailable", extra={"model": self.embedding_model.name, "code": error.code}
            )
            return None

    def _search_vectors(self, vector: NDArray[np.float32], scope: _Scope) -> dict[int, float]:
        return dict(
            self.vectors.search_vector(vector, scope.k, collection=scope.collection, within=scope.within)
        )

    def _search_words(self, words: ReadQuery | None, scope: _Scope) -> dict[int, float]:
        if words is None:
            return {}
        return dict(self.lexical.find(words, scope.k, collection=scope.collection, within=scope.within))

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002  # the interface has it
        **kwargs: Any,
    ) -> list[Document]:
        options: dict[str, Any] = {"k": self.k, "collection": self.collection} | kwargs
        return [as_document(hit.chunk, score=hit.score) for hit in self.search(query, **options).hits]


def reordered(reranker: Reranker, query: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """The hits in the reranker's order. The scores stay at their places, so that they go on falling from hit to hit
    and mean the same as without it: what a reranker's numbers mean differs from one to the next.

    Raises:
        ModelError: the reranker failed.
    """
    places = reranker.order(query, [as_document(hit.chunk, score=hit.score) for hit in hits])
    return tuple(replace(hits[place], score=hit.score) for place, hit in zip(places, hits, strict=True))


def choose(candidates: Iterable[Candidate], sketches: Mapping[int, Sketch], k: int) -> list[Candidate]:
    """The best k, passing over what says the same again."""
    chosen: list[Candidate] = []
    for candidate in candidates:
        if not is_repeated(sketches[candidate.chunk_no], (sketches[other.chunk_no] for other in chosen)):
            chosen.append(candidate)
            if len(chosen) == k:
                break
    return chosen


def _naming(sketch: Sketch) -> Naming:
    return Naming(sketch.document_name, sketch.document_title)
