"""A service on a large data directory: from its start to ready, its searches, its memory, and one more document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from app.knowledge import open_knowledge
from app.knowledge.store import open_store
from app.models.embeddings import EmbeddingModel, build_embedding_model
from app.settings import Settings
from benchmarks.service import say, settings_below
from benchmarks.speed_search import BareSearch, cut
from benchmarks.speed_server import SERVICE, environment_below, resident_mb, running
from benchmarks.synthetic import TextSource
from benchmarks.timing import Measurement, in_ms, spread_ms, time_in_turn

_PART = 1_000
_VISIBLE_WITHIN_S = 30.0


def fill_folder(folder: Path, *, chunks: int, words: int) -> None:
    """Put synthetic chunks with random vectors into the store below a folder, and leave snapshots of both indexes."""
    settings = settings_below(folder)
    fill_store(settings, chunks=chunks, words=words)
    say(f"{chunks:,} chunks are stored")
    with open_knowledge(settings, build_embedding_model(settings)) as knowledge:
        knowledge.settle()


def fill_store(settings: Settings, *, chunks: int, words: int, seed: int = 7) -> None:
    """Put synthetic chunks with random vectors into a store, a thousand in each document."""
    model = build_embedding_model(settings)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        for number, (texts, vectors) in enumerate(_parts(model, chunks, words, seed)):
            text = "\n".join(texts)
            document = store.begin_document(
                text.encode(),
                name=f"synthetic {seed} {number}",
                collection="default",
                media_type="text/plain",
            )
            store.commit_document(
                document.document_id,
                text=text,
                chunks=list(cut(texts)),
                vectors=vectors,
                embedding_model=model.name,
            )


def measure_scale(folder: Path, *, chunks: int, words: int, repetitions: int) -> Iterator[Measurement]:
    """What `fill_folder` has filled, served by a process of its own, beside the bare libraries in this one."""
    settings = settings_below(folder)
    model = build_embedding_model(settings)
    texts = [text for part, _ in _parts(model, chunks, words) for text in part]
    source = TextSource(seed=17)
    questions = [source.question(text) for text in texts[:: max(1, chunks // repetitions)]]
    bare = BareSearch(model.embed_query, texts, (vectors for _, vectors in _parts(model, chunks, words)))
    del texts
    environment = environment_below(folder) | {
        "LLMOPS_DATA_DIR": str(settings.data_dir),
        "LLMOPS_DATABASE_URL": settings.effective_database_url,
    }
    del environment["PYTHONPYCACHEPREFIX"]  # a warm start
    indexes = {name: size_mb(settings.data_dir / "indexes" / name) for name in ("vectors", "words")}
    with running(SERVICE, environment) as (process, client, ready_s):
        yield Measurement(f"API start to ready, {chunks:,} chunks", "s", ready_s)
        ours, raw = time_in_turn(
            lambda turn: _search(client, questions[turn % len(questions)]),
            lambda turn: bare.search(questions[turn % len(questions)]),
            repetitions,
        )
        yield Measurement(
            name=f"POST /search among {chunks:,} chunks",
            unit="ms",
            value=in_ms(ours),
            baseline=in_ms(raw),
            baseline_name="query embedding + bare FAISS + bare tantivy",
            details={"ours": spread_ms(ours), "bare": spread_ms(raw)},
        )
        if resident := resident_mb(process.pid):
            yield Measurement(
                name=f"API resident, {chunks:,} chunks",
                unit="MB",
                value=resident["VmRSS"],
                baseline=indexes["vectors"],
                baseline_name="file of the vector index",
                details={**resident, **{f"{name}_file": size for name, size in indexes.items()}},
            )
        yield Measurement(f"one page until found, {chunks:,} chunks", "ms", in_ms([_add_page(client)]))


def _parts(
    model: EmbeddingModel, chunks: int, words: int, seed: int = 7
) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    """Texts and unit vectors, a thousand at a time, the same in every run."""
    dimension = len(model.embed_query("dimension"))
    source, random = TextSource(seed), np.random.default_rng(seed)
    for start in range(0, chunks, _PART):
        count = min(_PART, chunks - start)
        vectors = random.standard_normal((count, dimension), dtype=np.float32)
        yield (
            [source.chunk(words) for _ in range(count)],
            vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        )


def _search(client: httpx.Client, question: str) -> Mapping[str, Any]:
    answer: dict[str, Any] = client.post("/search", json={"query": question}).raise_for_status().json()
    assert answer["results"], f"nothing was found for {question!r}"
    return answer


def _add_page(client: httpx.Client) -> float:
    """Seconds from sending a page to finding it."""
    page = TextSource(seed=19).chunk(400)
    started = perf_counter()
    client.post("/index", json={"documents": [{"text": page, "name": "one more page"}]}).raise_for_status()
    while perf_counter() - started < _VISIBLE_WITHIN_S:
        found = _search(client, page[:300])["results"]
        if any(result["document_name"] == "one more page" for result in found):
            return perf_counter() - started
        sleep(0.01)
    raise AssertionError("the page is not found")


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1024**2
