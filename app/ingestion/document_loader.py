"""The loaders as LangChain knows loaders, for those who compose their own chains from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

from app.ingestion.sandbox import parse_isolated


class DocumentLoader(BaseLoader):
    """Loads one file of any format in `LOADERS`: a document for each page with text, or one without pages.

    Metadata: `source` (the name), `media_type`, `title` where there is one, and for pages `page` (from 1),
    `total_pages` and `start_index`, the page's place in the whole text. Reading happens in the sandbox and raises
    `UnreadableDocument`.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self._name = name

    @classmethod
    def from_path(cls, path: Path) -> DocumentLoader:
        return cls(path.read_bytes(), path.name)

    def lazy_load(self) -> Iterator[Document]:
        parsed = parse_isolated(self._data, self._name)
        metadata = {"source": self._name, "media_type": parsed.media_type}
        if parsed.title is not None:
            metadata["title"] = parsed.title
        if not parsed.page_spans:
            yield Document(page_content=parsed.text, metadata=metadata)
        for page, (start, end) in enumerate(parsed.page_spans, start=1):
            if start < end:
                pages = {"page": page, "total_pages": len(parsed.page_spans), "start_index": start}
                yield Document(page_content=parsed.text[start:end], metadata={**metadata, **pages})
