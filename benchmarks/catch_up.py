"""`python -m benchmarks.catch_up`: how long a process needs until it finds what another one has changed in the store.

With `--database-url` on a PostgreSQL database, which must be empty, else in a temporary SQLite file.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np
from langchain_core.embeddings import DeterministicFakeEmbedding

from app.knowledge import Knowledge, open_knowledge
from app.knowledge.following import Following
from app.knowledge.store import KnowledgeStore, open_store
from app.models.embeddings import EmbeddingModel
from app.settings import Settings, load_settings
from benchmarks.report import as_json, describe_machine, tabulate, write_json
from benchmarks.service import say
from benchmarks.speed_search import cut
from benchmarks.synthetic import WORDS_PER_CHUNK, TextSource
from benchmarks.timing import Measurement

_DIMENSION = 384
_PER_DOCUMENT = 1_000
_MODEL = EmbeddingModel("random", DeterministicFakeEmbedding(size=_DIMENSION), _DIMENSION)
_CHECKS = 300


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parse(arguments)
    with TemporaryDirectory(prefix="llmops-measured-") as folder:
        settings = _settings(
            Path(folder) / "reader", chosen.database_url or f"sqlite:///{folder}/measured.db"
        )
        if chosen.act is not None:
            with open_store(settings.effective_database_url, settings.data_dir) as store:
                _write(store, chosen.chunks) if chosen.act == "write" else store.clear()
            return 0
        measurements = list(_measure(settings, Path(folder), chosen.chunks))
    print(tabulate("Catching up (one run)", measurements).render())
    for one in measurements:
        say(f"{one.name}: {one.value:.3f} {one.unit} {one.details}")
    payload = {"machine": describe_machine(), "measurements": as_json(measurements)}
    print(f"Written to {write_json('catch_up', payload)}")
    return 0


def _measure(settings: Settings, folder: Path, chunks: int) -> Iterator[Measurement]:
    """The reader is open while others write; what it does then is compared with a start from nothing."""
    database = "PostgreSQL" if settings.effective_database_url.startswith("postgres") else "SQLite"
    with open_knowledge(settings, _MODEL) as reader:
        say(f"another process stores {chunks:,} chunks")
        _act("write", settings, chunks)
        last = _last_chunk(chunks)
        caught_up, busy = _seconds(reader.catch_up)
        _require(reader, chunks, last)
        with ExitStack() as stack:
            fresh_settings = _settings(folder / "fresh", settings.effective_database_url)
            cold, cold_busy = _seconds(lambda: stack.enter_context(open_knowledge(fresh_settings, _MODEL)))
        name = f"{chunks:,} chunks of another process until searchable, {database}"
        yield Measurement(
            name=name,
            unit="s",
            value=caught_up,
            baseline=cold,
            baseline_name="the start of a process without snapshots",
            details={"cpu": busy, "bare_cpu": cold_busy},
        )
        checks = sorted(_seconds(reader.store.position)[0] for _ in range(_CHECKS))
        yield Measurement(f"look whether anything has changed, {database}", "ms", checks[_CHECKS // 2] * 1000)
        reader.settle()
        say("another process deletes them")
        _act("clear", settings, chunks)
        forgot, busy = _seconds(reader.catch_up)
        assert not reader.vectors.state().chunks
        name = f"{chunks:,} chunks that another process deleted, {database}"
        yield Measurement(name, "s", forgot, details={"cpu": busy})
        yield _measure_following(reader, settings, chunks, database)


def _measure_following(reader: Knowledge, settings: Settings, chunks: int, database: str) -> Measurement:
    """As a server does it: while the other process stores, the reader follows it."""
    say("another process stores them again, followed by this one")
    with closing(Following(reader.catch_up)) as following:
        following.start()
        (writing, _), last = _seconds(lambda: _act("write", settings, chunks)), _last_chunk(chunks)
        behind = chunks - reader.lexical.state().chunks
        lag, _ = _seconds(lambda: _require_found(reader, last))
    _require(reader, chunks, last)
    name = f"the last of {chunks:,} chunks of another process, followed, until searchable, {database}"
    return Measurement(name, "s", lag, details={"stored_in": writing, "chunks_behind": behind})


def _require_found(knowledge: Knowledge, text: str) -> None:
    assert knowledge.retriever.search(text, k=1).hits[0].chunk.text == text


def _require(knowledge: Knowledge, chunks: int, last: str) -> None:
    """All are there, and the last one is found."""
    assert (knowledge.vectors.state().chunks, knowledge.lexical.state().chunks) == (chunks, chunks)
    _require_found(knowledge, last)


def _act(act: str, settings: Settings, chunks: int) -> None:
    """Let a process of its own do it."""
    own = [sys.executable, "-m", "benchmarks.catch_up", "--act", act, "--chunks", str(chunks)]
    subprocess.run([*own, "--database-url", settings.effective_database_url], check=True)


def _write(store: KnowledgeStore, chunks: int) -> None:
    store.require_embedding_model(_MODEL.name)
    source, random = TextSource(), np.random.default_rng(7)
    for start in range(0, chunks, _PER_DOCUMENT):
        texts = source.chunks(min(_PER_DOCUMENT, chunks - start))
        text = "\n".join(texts)
        document = store.begin_document(
            text.encode(), name=f"synthetic {start}", collection="default", media_type="text/plain"
        )
        store.commit_document(
            document.document_id,
            text=text,
            chunks=list(cut(texts)),
            vectors=random.standard_normal((len(texts), _DIMENSION), dtype=np.float32),
            embedding_model=_MODEL.name,
        )


def _last_chunk(chunks: int) -> str:
    """The text of the last chunk that `_write` stores."""
    source = TextSource()
    for _ in range(chunks - 1):
        source.chunk(WORDS_PER_CHUNK)
    return source.chunk(WORDS_PER_CHUNK)


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    """How long it took, and how much of a processor's time this process has used for it."""
    started, used = perf_counter(), process_time()
    work()
    return perf_counter() - started, process_time() - used


def _settings(data_dir: Path, database_url: str) -> Settings:
    return load_settings(data_dir=data_dir, log_dir=data_dir / "logs", database_url=database_url)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catch_up", description=__doc__)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--database-url", help="of an empty PostgreSQL database")
    parser.add_argument("--act", choices=("write", "clear"), help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
