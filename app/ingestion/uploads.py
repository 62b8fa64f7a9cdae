"""Makes one job of the files that came in one request."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.ingestion.ingest import Ingestor
from app.knowledge.jobs import Jobs
from app.schemas import JobInfo
from app.tenancy import tenant_of


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    name: str
    data: bytes


class Uploads:
    """Blocking; what `submit` has given back survives the end of the process."""

    def __init__(self, jobs: Jobs, ingestor: Ingestor) -> None:
        self._jobs = jobs
        self._ingestor = ingestor

    def submit(
        self,
        files: Sequence[ReceivedFile],
        *,
        collection: str,
        metadata: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> JobInfo:
        """Put the files into the queue for a collection, given as it is stored.

        The same idempotency key gives the same job, and nothing is done again.

        Raises:
            IdempotencyKeyReused: the key came with other files before.
        """
        job_id = self._jobs.open(
            tenant=tenant_of(collection),
            request_digest=_digest(files, collection, metadata),
            idempotency_key=key,
        )
        if self._jobs.is_attached(job_id):
            return self._jobs.get(job_id)
        begun = [
            self._ingestor.enqueue(file.data, file.name, collection=collection, metadata=metadata)
            for file in files
        ]
        self._jobs.attach(job_id, begun)
        return self._jobs.get(job_id)


def _digest(files: Sequence[ReceivedFile], collection: str, metadata: Mapping[str, Any] | None) -> str:
    parts = [collection, repr(sorted((metadata or {}).items()))]
    parts += [part for file in files for part in (file.name, hashlib.sha256(file.data).hexdigest())]
    return hashlib.sha256("\0".join(parts).encode("utf-8", errors="surrogatepass")).hexdigest()
