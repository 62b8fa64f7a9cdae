"""`llmops verify-deletion`: look for what is left of a document after it was deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from app.commands.output import fail, show_columns, show_json
from app.errors import InvalidRequest
from app.knowledge.deletion_proof import Finding, prove_deletion, purge_snapshots
from app.knowledge.store import open_configured_store
from app.knowledge.text_traces import passages_of
from app.knowledge.vector_engines import prove_in_engine
from app.settings import Settings, load_settings
from app.thread_storage import open_threads


def verify_deletion(document_id: str, *, text: Path | None, purge: bool, as_json: bool) -> None:
    """Show every place that was looked at; the command fails when something is left in one.

    Raises:
        InvalidRequest: `text` is no UTF-8 file with a passage long enough to be looked for.
    """
    settings = load_settings()
    passages = None if text is None else passages_of(_read(text))
    url, data_dir = settings.effective_database_url, settings.data_dir
    if purge:
        purge_snapshots(url, data_dir)
    findings = [
        *prove_deletion(url, data_dir, document_id, passages, originals_url=settings.originals_url),
        *_in_engine(settings, purge=purge),
        asyncio.run(_look_in_conversations(settings, document_id)),
    ]
    left = [finding.place for finding in findings if finding.state == "left"]
    if as_json:
        show_json({
            "document_id": document_id,
            "forgotten": not left,
            "findings": [asdict(finding) for finding in findings],
        })  # fmt: skip
    else:
        rows = [(finding.state, finding.place, finding.detail) for finding in findings]
        show_columns([("STATE", "PLACE", "DETAIL"), *rows])
    if left:
        fail(f"something of {document_id!r} is left: {', '.join(left)}")


def _in_engine(settings: Settings, *, purge: bool) -> Iterator[Finding]:
    """What an engine beside the data directory holds; that it was filled once counts, whichever is chosen now."""
    if settings.milvus_uri is not None:
        with open_configured_store(settings) as store:
            yield prove_in_engine(settings, store, purge=purge)


async def _look_in_conversations(settings: Settings, document_id: str) -> Finding:
    async with open_threads(settings) as storage:
        with storage.memory.translated("read"):
            threads = await storage.memory.conversations.quoting(document_id)
    if not threads:
        return Finding("conversations", "clean", "none cites it")
    return Finding("conversations", "kept", f"{len(threads)} cite it: {' '.join(threads)}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{str(path)!r} cannot be read as UTF-8 text: {error}") from None
