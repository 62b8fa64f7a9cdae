"""Puts the parts of ingestion together over one store."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.ingestion.indexer import Embedder, Indexer
from app.ingestion.ingest import Ingestor
from app.ingestion.small_texts import SmallTexts
from app.ingestion.splitter import Measure
from app.ingestion.uploads import Uploads
from app.ingestion.worker import LEASE_S, MAX_ATTEMPTS, Worker
from app.knowledge.document_queue import DocumentQueue
from app.knowledge.jobs import Jobs
from app.knowledge.reindexing import Reindexing
from app.knowledge.store import KnowledgeStore
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Ingestion:
    """`worker` works off `queue` as soon as it is started; `ingestor` and `uploads` fill it; `jobs` say how it goes.

    `small_texts` needs no queue. `reindexing` stops and resumes what a job has read again.
    """

    queue: DocumentQueue
    worker: Worker
    ingestor: Ingestor
    small_texts: SmallTexts
    uploads: Uploads
    jobs: Jobs
    reindexing: Reindexing


def build_ingestion(
    store: KnowledgeStore,
    embedding_model: Embedder,
    word_pieces: Measure,
    settings: Settings,
    *,
    lease_s: float = LEASE_S,
    max_attempts: int = MAX_ATTEMPTS,
    now: Callable[[], float] = time.time,
) -> Ingestion:
    """No thread runs before there is something to do; `worker.stop` ends those that were started."""
    queue, jobs = store.queue(lease_s=lease_s, now=now), store.jobs()
    indexer = Indexer(store, embedding_model, word_pieces, settings)
    worker = Worker(store, queue, indexer, max_attempts=max_attempts)
    ingestor = Ingestor(store, queue, worker)
    small_texts = SmallTexts(store, ingestor, embedding_model, word_pieces, settings)
    uploads = Uploads(jobs, ingestor)
    return Ingestion(queue, worker, ingestor, small_texts, uploads, jobs, store.reindexing())
