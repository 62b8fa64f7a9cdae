"""Search over synthetic chunks, beside one query embedding, one FAISS search and one tantivy search."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.api.services import Services
from app.knowledge.records import NewChunk
from benchmarks.baselines import build_raw_index, search_raw_index
from benchmarks.synthetic import TextSource
from benchmarks.timing import Measurement, in_ms, spread_ms, time_in_turn

_CHUNKS_PER_DOCUMENT = 100
CANDIDATES = 50

Vectors = NDArray[np.float32]


def measure_search(services: Services, *, chunks: int, repetitions: int) -> Measurement:
    """Fill the empty service with `chunks` chunks, which takes a minute for 100,000, then ask it questions."""
    source = TextSource()
    texts = source.chunks(chunks)
    dimension = len(services.embedding_model.embed_query("dimension"))
    vectors = _random_vectors(chunks, dimension)
    _fill(services, texts, vectors)
    services.knowledge.catch_up()
    services.knowledge.settle()
    questions = [source.question(text) for text in texts[:: max(1, chunks // repetitions)]]
    bare = BareSearch(services.embedding_model.embed_query, texts, [vectors])
    retriever = services.knowledge.retriever
    ours, raw = time_in_turn(
        lambda turn: retriever.search(questions[turn % len(questions)], k=services.settings.top_k),
        lambda turn: bare.search(questions[turn % len(questions)]),
        repetitions,
    )
    return Measurement(
        name=f"search among {chunks:,} chunks",
        unit="ms",
        value=in_ms(ours),
        baseline=in_ms(raw),
        baseline_name="query embedding + bare FAISS + bare tantivy",
        details={"ours": spread_ms(ours), "bare": spread_ms(raw)},
    )


class BareSearch:
    def __init__(
        self, embed: Callable[[str], Vectors], texts: Sequence[str], vectors: Iterable[Vectors]
    ) -> None:
        import faiss

        self._embed = embed
        self._vectors: Any = None
        for part in vectors:
            if self._vectors is None:
                self._vectors = faiss.IndexFlatIP(part.shape[1])
            self._vectors.add(part)
        self._words = build_raw_index(texts)
        self._searcher = self._words.searcher()

    def search(self, question: str) -> tuple[list[int], list[int]]:
        _, nearest = self._vectors.search(self._embed(question)[np.newaxis], CANDIDATES)
        return nearest[0].tolist(), search_raw_index(self._words, self._searcher, question, CANDIDATES)


def _random_vectors(count: int, dimension: int) -> Vectors:
    vectors = np.random.default_rng(7).standard_normal((count, dimension), dtype=np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _fill(services: Services, texts: Sequence[str], vectors: Vectors) -> None:
    """Straight into the store, with vectors at hand: how fast texts are embedded is measured elsewhere."""
    store = services.knowledge.store
    for start in range(0, len(texts), _CHUNKS_PER_DOCUMENT):
        batch = texts[start : start + _CHUNKS_PER_DOCUMENT]
        text = "\n".join(batch)
        document = store.begin_document(
            text.encode(), name=f"synthetic {start}", collection="default", media_type="text/plain"
        )
        store.commit_document(
            document.document_id,
            text=text,
            chunks=list(cut(batch)),
            vectors=vectors[start : start + _CHUNKS_PER_DOCUMENT],
            embedding_model=services.embedding_model.name,
        )


def cut(texts: Sequence[str]) -> Iterator[NewChunk]:
    start = 0
    for text in texts:
        yield NewChunk(text, None, start, start + len(text))
        start += len(text) + 1
