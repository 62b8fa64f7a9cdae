"""From bytes to an indexed document, or to a failed one that says why and may be sent again."""

from __future__ import annotations

import json
import logging
import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import InvalidRequest, ModelRateLimited
from app.ingestion.assembly import build_ingestion
from app.ingestion.ingest import Ingestor
from app.ingestion.names import display_name
from app.knowledge.store import KnowledgeStore, open_store
from app.logs import KeyValueFormatter
from app.schemas import DocumentStatus, ExtractionInfo
from app.settings import Settings, load_settings
from tests.fixtures.documents import MARKDOWN_SAMPLE, SAMPLES, make_pdf
from tests.fixtures.measures import FourLetterPieces

EVALDATA = Path(os.environ.get("LLMOPS_EVALDATA", Path(__file__).parents[2].parent / "shared" / "evaldata"))


class RecordingEmbedder:
    """Keeps the texts that it was given; fails on the calls that it is told to."""

    name = "fake:recording"

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.failure: Exception | None = None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.failure is not None:
            raise self.failure
        self.texts.extend(texts)
        return np.ones((len(texts), 3), dtype=np.float32) / np.float32(np.sqrt(3))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path, chunk_tokens=40, chunk_overlap_tokens=8, max_pages=5)


@pytest.fixture
def store(settings: Settings) -> Iterator[KnowledgeStore]:
    with open_store(settings.effective_database_url, settings.data_dir) as opened:
        yield opened


@pytest.fixture
def embedder() -> RecordingEmbedder:
    return RecordingEmbedder()


@pytest.fixture
def ingestor(store: KnowledgeStore, embedder: RecordingEmbedder, settings: Settings) -> Ingestor:
    return build_ingestion(store, embedder, FourLetterPieces(), settings, max_attempts=1).ingestor


@pytest.mark.parametrize("media_type", SAMPLES)
def test_every_format_is_indexed_with_exact_spans(
    ingestor: Ingestor, store: KnowledgeStore, media_type: str
) -> None:
    name, data, words = SAMPLES[media_type]
    info = ingestor.ingest_bytes(data, name, collection="default")
    assert (info.status, info.error, info.duplicate, info.media_type) == ("indexed", None, False, media_type)
    text = store.document_text(info.document_id)
    assert words in text
    chunks = list(store.chunks(document_ids=[info.document_id]))
    assert info.chunks == len(chunks) > 0
    assert all(chunk.text == text[chunk.char_start : chunk.char_end] for chunk in chunks)


def test_pages_and_warnings_arrive(ingestor: Ingestor, store: KnowledgeStore) -> None:
    info = ingestor.ingest_bytes(make_pdf(["one", "", "three"]), "a.pdf", collection="default")
    assert (info.pages, info.pages_without_text) == (3, 1)
    assert "page 2" in info.warnings[0]
    assert [chunk.page for chunk in store.chunks(document_ids=[info.document_id])] == [1, 3]


def test_what_became_of_each_page_is_kept(ingestor: Ingestor, store: KnowledgeStore) -> None:
    pages = make_pdf(["one", "two", "", "four"])
    info = ingestor.ingest_bytes(pages, "a.pdf", collection="default")
    expected = ExtractionInfo(pages_with_text=[(1, 2), (4, 4)], pages_without_text=[(3, 3)])
    assert info.extraction == store.get_document(info.document_id).extraction == expected

    guessed = ingestor.ingest_bytes(
        "Größe und Maß, schöne Grüße\n".encode("cp1252") * 9, "a.txt", collection="c"
    )
    assert guessed.extraction == ExtractionInfo(guessed=guessed.warnings)
    assert guessed.warnings


def test_a_scan_fails_with_its_pages_counted(ingestor: Ingestor, store: KnowledgeStore) -> None:
    info = ingestor.ingest_bytes(make_pdf(["", ""]), "scan.pdf", collection="default")
    assert info.error is not None
    assert info.error.code == "needs_ocr"
    assert info.extraction == ExtractionInfo(pages_without_text=[(1, 2)])
    assert store.get_document(info.document_id).extraction == info.extraction

    broken = ingestor.ingest_bytes(b"{", "a.json", collection="default")
    assert broken.extraction is None


def test_a_chunk_is_embedded_under_its_document_and_section(
    ingestor: Ingestor, embedder: RecordingEmbedder
) -> None:
    ingestor.ingest_bytes(MARKDOWN_SAMPLE.encode(), "flat_12.md", collection="default")
    assert embedder.texts[0].startswith("flat 12 - Lease\n# Lease")
    assert any(text.startswith("flat 12 - Lease > Payment\nPayment") for text in embedder.texts)


def test_what_is_embedded_fits_the_model(
    store: KnowledgeStore, embedder: RecordingEmbedder, tmp_path: Path
) -> None:
    settings = load_settings(data_dir=tmp_path, chunk_tokens=254, chunk_overlap_tokens=8)
    source = f"# {'heading words ' * 30}\n\n" + "some more words. " * 500
    build_ingestion(store, embedder, FourLetterPieces(), settings).ingestor.ingest_text(
        source, "long name " * 20 + ".md", collection="c"
    )
    sizes = [FourLetterPieces().count(text) for text in embedder.texts]
    assert 240 < max(sizes) <= 254


def test_the_same_bytes_are_one_document_in_a_collection(
    ingestor: Ingestor, embedder: RecordingEmbedder
) -> None:
    first = ingestor.ingest_bytes(b"Some words.", "a.txt", collection="default")
    again = ingestor.ingest_bytes(b"Some words.", "b.txt", collection="default")
    assert (again.duplicate, again.document_id, again.name) == (True, first.document_id, "a.txt")
    assert len(embedder.texts) == 1
    assert not ingestor.ingest_bytes(b"Some words.", "a.txt", collection="other").duplicate


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.pdf", "empty_document"),
        (b"\xff\xd8\xff\xe0" + b"\x00" * 30, "a.pdf", "unsupported_format"),
        (make_pdf(["x"], user_password="secret"), "a.pdf", "encrypted_document"),
        (make_pdf([""]), "a.pdf", "needs_ocr"),
        (make_pdf(["x"] * 6), "a.pdf", "document_too_complex"),
        (b"{'a': 1}", "a.json", "corrupt_document"),
        (b"\xff\x00\x01", "a.txt", "unknown_encoding"),
    ],
)
def test_an_unreadable_file_is_a_failed_document(
    ingestor: Ingestor, store: KnowledgeStore, data: bytes, name: str, code: str
) -> None:
    info = ingestor.ingest_bytes(data, name, collection="default")
    assert info.status == "failed"
    assert info.error is not None
    assert info.error.code == code
    assert info.error.detail
    assert list(store.chunks(document_ids=[info.document_id])) == []
    assert not ingestor.ingest_bytes(data, name, collection="default").duplicate


def test_a_failing_embedding_model_leaves_nothing_and_the_next_try_works(
    ingestor: Ingestor, store: KnowledgeStore, embedder: RecordingEmbedder
) -> None:
    embedder.failure = ModelRateLimited("slow down")
    failed = ingestor.ingest_bytes(b"Some words.", "a.txt", collection="default")
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.code == "model_rate_limited"
    assert store.stats().chunks == 0
    embedder.failure = None
    again = ingestor.ingest_bytes(b"Some words.", "a.txt", collection="default")
    assert (again.status, again.duplicate, again.error) == ("indexed", False, None)


def test_a_bug_fails_the_document_and_is_not_swallowed(
    ingestor: Ingestor, store: KnowledgeStore, embedder: RecordingEmbedder
) -> None:
    embedder.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        ingestor.ingest_bytes(b"Some words.", "a.txt", collection="default")
    (info,) = store.list_documents()
    assert info.status == "failed"
    assert info.error is not None
    assert info.error.code == "internal_error"


def test_metadata_that_cannot_be_stored_begins_no_document(ingestor: Ingestor, store: KnowledgeStore) -> None:
    with pytest.raises(InvalidRequest):
        ingestor.ingest_text("words", "a", collection="default", metadata={"x": object()})
    assert store.list_documents() == []


def test_metadata_reaches_the_chunks(ingestor: Ingestor, store: KnowledgeStore) -> None:
    info = ingestor.ingest_text("words", "a", collection="default", metadata={"year": 2024})
    assert [chunk.metadata for chunk in store.chunks(document_ids=[info.document_id])] == [{"year": 2024}]


@pytest.mark.parametrize("text", ["Nul \x00 inside", "lone \ud800 surrogate", "\ufeffmark first", "Größe 😀"])
def test_any_string_is_a_text(ingestor: Ingestor, store: KnowledgeStore, text: str) -> None:
    info = ingestor.ingest_text(text, "note v1.2", collection="default")
    assert (info.status, info.media_type, info.name) == ("indexed", "text/plain", "note v1.2")
    store.document_text(info.document_id).encode("utf-8")


def test_progress_counts_chunks(ingestor: Ingestor) -> None:
    seen: list[tuple[DocumentStatus, int, int]] = []
    text = "Some words make a sentence. " * 600
    info = ingestor.ingest_text(text, "a", collection="default", on_progress=lambda *step: seen.append(step))
    assert seen[0] == ("embedding", 0, info.chunks)
    assert seen[-1] == ("embedding", info.chunks, info.chunks)
    assert len(seen) > 2


def test_logs_hold_no_text_and_no_name(ingestor: Ingestor, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="llmops"):
        good = ingestor.ingest_text("confidential words", "secret-name.txt", collection="default")
        bad = ingestor.ingest_bytes(b"{'confidential'", "secret-name.json", collection="default")
    lines = [KeyValueFormatter().format(record) for record in caplog.records]
    assert any(" document_indexed " in line and good.document_id in line for line in lines)
    assert any(" document_failed " in line and bad.document_id in line for line in lines)
    assert not any("confidential" in line or "secret" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\win.ini", "win.ini"),
        ("a\x00b\n.txt", "ab.txt"),
        ("  spaces  .txt", "spaces .txt"),
        ("", "unnamed"),
        ("..", "unnamed"),
        ("dir/", "unnamed"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("invoice\u202etxt.exe", "invoicetxt.exe"),
        ("re\u0301sume\u0301.txt", "résumé.txt"),
        ("lone\ud800.txt", "lone.txt"),
        ("{{7*7}}.txt", "{{7*7}}.txt"),
    ],
)
def test_names_are_for_display_only(name: str, shown: str) -> None:
    assert display_name(name) == shown


def test_hostile_names_from_the_evaluation_data(ingestor: Ingestor) -> None:
    source = EVALDATA / "txt_torture" / "filenames.json"
    if not source.exists():
        pytest.skip(f"no evaluation data at {source}")
    for number, name in enumerate(json.loads(source.read_text(encoding="utf-8"))):
        info = ingestor.ingest_bytes(f"Words {number}".encode(), name, collection="default")
        assert info.status == "indexed" or (info.error and info.error.code == "unsupported_format")
        assert 0 < len(info.name) <= 255
        assert not any(unicodedata.category(c).startswith("C") or c in "/\\" for c in info.name)
