"""Works off the queue of documents in threads of this process, and keeps its claims alive meanwhile."""

from __future__ import annotations

import itertools
import logging
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from app.errors import (
    EmbeddingModelMismatch,
    LeaseLost,
    LlmopsError,
    MissingOriginal,
    ModelError,
    ModelRateLimited,
    StorageUnavailable,
    UnknownDocument,
    UnreadableDocument,
)
from app.ingestion.indexer import Indexer
from app.ingestion.parsed import ParsedDocument
from app.ingestion.watch import Progress, Watch, WorkerStopping
from app.knowledge.document_queue import Claim, DocumentQueue, Lease
from app.knowledge.store import KnowledgeStore
from app.models.retry import pause_before_retry
from app.pools import yield_to_others
from app.schemas import DocumentInfo
from app.telemetry import metrics, traces
from app.telemetry.links import SpanLinks
from app.telemetry.traces import span

_log = logging.getLogger("llmops.embedding")

LEASE_S = 20.0
MAX_ATTEMPTS = 8
_RENEWALS_PER_LEASE = 4
_POLL_S = 1.0
_FIRST_DELAY_S, _LONGEST_DELAY_S = 2.0, 120.0


class Worker:
    """Each document that it works on has a claim of its own; `max_attempts` bounds how often a model may fail.

    Without `start` it works on what it is handed by `carry_out` and nothing else.
    """

    def __init__(
        self,
        store: KnowledgeStore,
        queue: DocumentQueue,
        indexer: Indexer,
        *,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> None:
        self._store = store
        self._queue = queue
        self._indexer = indexer
        self._max_attempts = max_attempts
        self._name = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self._numbers = itertools.count()
        self._watches: dict[str, Watch] = {}
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._heartbeat: threading.Thread | None = None
        self._is_stopping = threading.Event()
        self._work = threading.Condition()
        self._wakes = 0
        self._links = SpanLinks()

    def lease(self) -> Lease:
        """A lease for one document that is about to be stored."""
        return self._queue.lease(self._owner())

    def start(self, threads: int) -> None:
        """Take documents off the queue until `stop`: tenant by tenant the oldest, but none waits for a large one."""
        for number in range(threads):
            self._spawn(f"worker-{number}", partial(self._work_off, smallest_first=number % 2 == 1))

    def stop(self) -> None:
        """End the threads; documents that they are at go back into the queue, with what is done of them."""
        self._is_stopping.set()
        self.wake()
        with self._lock:
            for watch in self._watches.values():
                watch.end(WorkerStopping())
        for thread in self._threads:
            thread.join()

    def wake(self) -> None:
        """Look at the queue now: something was put into it."""
        with self._work:
            self._wakes += 1
            self._work.notify_all()

    def expect(self, document_id: str) -> None:
        """Look at the queue now: this document was put into it, as part of the present trace."""
        self._links.remember(document_id)
        self.wake()

    def check_claims(self) -> None:
        """Renew all claims, and end the work on documents that were cancelled, deleted or taken over."""
        with self._lock:
            watches = dict(self._watches)
        if not watches:
            return
        held = self._queue.renew(watches.keys())
        for owner, watch in watches.items():
            if owner not in held:
                watch.end(LeaseLost(f"Document {watch.claim.document_id!r} is not to be worked on any more"))

    def carry_out(
        self,
        claim: Claim,
        parse: Callable[[], ParsedDocument] | None = None,
        on_progress: Progress | None = None,
    ) -> DocumentInfo:
        """Work on a claimed document until it is indexed, or note why it is not; give it as it stands then.

        Raises:
            StorageUnavailable: nothing could be noted; the document stays in the queue.
        """
        document_id = claim.document_id
        try:
            with (
                self._links.below(document_id),
                span("index_document", document_id=document_id, attempt=claim.attempt),
                self._watched(Watch(claim, self._queue, on_progress)) as watch,
            ):
                return self._try(watch, parse)
        except LeaseLost:
            metrics.processed_documents("given_up")
            _log.info("document_given_up", extra={"document_id": document_id})
        return self._store.get_document(document_id)

    def _try(self, watch: Watch, parse: Callable[[], ParsedDocument] | None) -> DocumentInfo:
        claim = watch.claim
        try:
            indexed = self._indexer.index(watch, parse)
            metrics.processed_documents("indexed")
            return indexed
        except WorkerStopping:
            self._queue.release(claim)
        except (ModelError, StorageUnavailable, EmbeddingModelMismatch) as error:
            self._postpone(claim, error)
        except (UnreadableDocument, MissingOriginal) as error:
            watch.check()  # a reader that was killed because its work is over says nothing about the file
            self._fail(claim, error)
        except LeaseLost:
            raise
        except BaseException:
            # Goes on to the caller, but the document must not look as if somebody were still at work on it.
            self._fail(claim, LlmopsError("indexing failed unexpectedly; the log has the details"))
            raise
        return self._store.get_document(claim.document_id)

    def _postpone(self, claim: Claim, error: LlmopsError) -> None:
        """Try again later: for ever where an operator can cure it, else as often as is allowed."""
        delay_s: float | None = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** min(claim.attempt - 1, 10))
        if isinstance(error, ModelRateLimited):
            delay_s = pause_before_retry(error, claim.attempt)
        if delay_s is None or (isinstance(error, ModelError) and claim.attempt >= self._max_attempts):
            self._fail(claim, error)
            return
        fields = {"document_id": claim.document_id, "code": error.code, "delay_s": round(delay_s)}
        _log.warning("document_postponed", extra=fields)
        metrics.processed_documents("postponed")
        self._queue.postpone(claim, error, delay_s)

    def _fail(self, claim: Claim, error: LlmopsError) -> None:
        _log.warning("document_failed", extra={"document_id": claim.document_id, "code": error.code})
        metrics.processed_documents("failed")
        traces.current().fail(error.code)
        self._queue.fail(
            claim, error, extraction=error.extraction if isinstance(error, UnreadableDocument) else None
        )

    @contextmanager
    def _watched(self, watch: Watch) -> Iterator[Watch]:
        with self._lock:
            self._watches[watch.claim.owner] = watch
            if self._heartbeat is None:
                self._heartbeat = self._spawn("heartbeat", self._keep_alive)
        try:
            yield watch
        finally:
            with self._lock:
                del self._watches[watch.claim.owner]

    def _owner(self) -> str:
        return f"{self._name}-{next(self._numbers)}"

    def _spawn(self, name: str, target: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _work_off(self, *, smallest_first: bool) -> None:
        yield_to_others()
        while not self._is_stopping.is_set():
            seen = self._wakes  # before looking, or what comes in meanwhile would wait for the next look
            if not self._work_on_next(smallest_first=smallest_first):
                with self._work:
                    self._work.wait_for(lambda: self._wakes != seen, _POLL_S)  # noqa: B023  # called at once

    def _work_on_next(self, *, smallest_first: bool) -> bool:
        """Work on one document, if there is any; whatever happens, the thread lives on."""
        try:
            claim = self._queue.claim_next(self._owner(), smallest_first=smallest_first)
            if claim is None:
                return False
            self.carry_out(claim)
        except UnknownDocument:
            pass  # deleted as soon as it was finished
        except StorageUnavailable as error:
            _log.warning("storage_unavailable", extra={"reason": error.detail})
            return False
        except Exception:  # noqa: BLE001  # the last resort of a thread that has nobody to tell
            _log.exception("document_failed_unexpectedly")
        return True

    def _keep_alive(self) -> None:
        while not self._is_stopping.wait(self._queue.lease_s / _RENEWALS_PER_LEASE):
            with suppress(StorageUnavailable):
                self.check_claims()
