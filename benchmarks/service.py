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
from app.ingestion.small_texts import TEXTS_TOGETHER, ReceivedText
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
    parts = [sources[start : start + TEXTS_TOGETHER] for start in range(0, len(sources), TEXTS_TOGETHER)]
    groups = services.ingestion_pool.map(lambda part: _ingest(services, part), parts)
    documents = tuple(document for group in groups for document in group)
    keys: dict[str, tuple[str, ...]] = {}
    for source, document in zip(sources, documents, strict=True):
        keys[document.document_id] = (*keys.get(document.document_id, ()), source.key)
    return Indexed(keys, documents)


def say(message: str) -> None:
    """Tell who waits what is going on, apart from the results."""
    print(message, file=sys.stderr, flush=True)


def _ingest(services: Services, sources: Sequence[Source]) -> list[DocumentInfo]:
    """Texts as `/index` takes them, files as `/upload` does."""
    texts = [ReceivedText(source.name, source.text) for source in sources if source.text is not None]
    taken = iter(services.ingestion.small_texts.ingest(texts, collection="default"))
    return [_ingest_file(services, source) if source.text is None else next(taken) for source in sources]


def _ingest_file(services: Services, source: Source) -> DocumentInfo:
    assert source.path is not None, f"{source.key} has neither text nor file"
    data = source.path.read_bytes()
    return services.ingestion.ingestor.ingest_bytes(data, source.name, collection="default")
