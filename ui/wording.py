"""Figures and states in the words that every page uses for them."""

from __future__ import annotations

from datetime import UTC, datetime

from app.schemas import DocumentInfo, DocumentStatus, JobInfo

STATUS_WORDS: dict[DocumentStatus, str] = {
    "queued": "waiting",
    "parsing": "being read",
    "embedding": "being indexed",
    "indexed": "ready",
    "failed": "could not be read",
    "cancelled": "cancelled",
}
_STAGE_WORDS = {
    "queued": "waiting",
    "parsing": "reading",
    "embedding": "indexing",
    "answering": "answering",
    "finished": "finishing",
}
_UNIT_WORDS = {"documents": "file", "chunks": "passage", "questions": "question"}


def counted(number: int, thing: str, things: str | None = None) -> str:
    return f"1 {thing}" if number == 1 else f"{number:,} {things or f'{thing}s'}"


def readable_size(size: int) -> str:
    if size < 1_000_000:
        return f"{max(1, round(size / 1_000)):,} kB"
    return f"{size / 1_000_000:,.1f} MB"


def describe_document(document: DocumentInfo) -> str:
    is_read_again = document.reindexing is not None and is_being_read(document)
    parts = ["ready, being read again" if is_read_again else STATUS_WORDS[document.status]]
    if document.pages:
        parts.append(counted(document.pages, "page"))
    parts += [readable_size(document.bytes), f"added {document.created_at:%d %b %Y, %H:%M}"]
    return " · ".join(parts)


def is_being_read(document: DocumentInfo) -> bool:
    """Whether it is read, for the first time or again, or waits for it."""
    stage = document.reindexing.status if document.reindexing else document.status
    return stage in ("queued", "parsing", "embedding")


def describe_progress(job: JobInfo) -> str:
    """What a job is doing, how far it is, and what is probably left."""
    progress = job.progress
    parts = [_STAGE_WORDS[progress.stage]]
    if progress.total > 1:
        parts.append(f"{progress.done:,} of {counted(progress.total, _UNIT_WORDS[progress.unit])}")
    if job.eta_s is not None and job.eta_s >= 1:
        parts.append(f"about {_readable_time(job.eta_s)} left")
    return " · ".join(parts)


def done_share(job: JobInfo) -> float:
    progress = job.progress
    return min(progress.done / progress.total, 1.0) if progress.total else 0.0


def is_finished(job: JobInfo) -> bool:
    return job.state not in ("queued", "running")


def _readable_time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def how_long_ago(moment: datetime) -> str:
    minutes = (datetime.now(UTC) - moment).total_seconds() / 60
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes:.0f} min ago"
    if minutes < 24 * 60:
        return f"{minutes / 60:.0f} h ago"
    return f"{moment:%d %b %Y}"
