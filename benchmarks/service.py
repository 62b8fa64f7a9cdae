"""Opens the service as it is configured, but on a data directory of its own that is gone afterwards."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.api.services import Services
from app.schemas import DocumentInfo
from app.settings import Settings, load_settings
from benchmarks.datasets import Source
from server import open_services


@dataclass(frozen=True)
class Indexed:
    """What became of the sources: `keys` names those that a document stands for (equal texts are one document)."""

    keys: dict[str, tuple[str, ...]]
    documents: tuple[DocumentInfo, ...]

    @property
    def failed(self) -> int:
        return sum(document.status != "indexed" for document in self.documents)


def settings_below(folder: Path, **overrides: Any) -> Settings:
    """The configured settings with everything that is written moved below `folder`, a database by URL included."""
    return load_settings(
        data_dir=folder / "data",
        log_dir=folder / "logs",
        database_url=f"sqlite:///{folder / 'data' / 'measured.db'}",
        **overrides,
    )


@asynccontextmanager
async def open_temporary_service(**overrides: Any) -> AsyncIterator[Services]:
    with TemporaryDirectory(prefix="llmops-measured-") as folder:
        settings = settings_below(Path(folder), **overrides)
        settings.data_dir.mkdir()
        async with open_services(settings) as services:
            yield services


def index_sources(services: Services, sources: Sequence[Source]) -> Indexed:
    """Ingest into the default collection, as many at a time as the server would."""
    documents = tuple(services.ingestion_pool.map(lambda source: _ingest(services, source), sources))
    keys: dict[str, tuple[str, ...]] = {}
    for source, document in zip(sources, documents, strict=True):
        keys[document.document_id] = (*keys.get(document.document_id, ()), source.key)
    return Indexed(keys, documents)


def say(message: str) -> None:
    """Tell who waits what is going on, apart from the results."""
    print(message, file=sys.stderr, flush=True)


def _ingest(services: Services, source: Source) -> DocumentInfo:
    if source.path is not None:
        return services.ingestion.ingestor.ingest_bytes(
            source.path.read_bytes(), source.name, collection="default"
        )
    assert source.text is not None, f"{source.key} has neither text nor file"
    return services.ingestion.ingestor.ingest_text(source.text, source.name, collection="default")
