"""Reading a document again beside backups, deletions, a move to another model and an upgrade."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from numpy.typing import NDArray
from sqlalchemy import create_engine, text

import app.knowledge
from app.errors import ModelUnavailable
from app.ingestion.assembly import Ingestion, build_ingestion
from app.ingestion.reembed import reembed
from app.ingestion.small_texts import ReceivedText
from app.knowledge.backup import back_up
from app.knowledge.deletion_proof import prove_deletion
from app.knowledge.originals import OWNER
from app.knowledge.restore import restore
from app.knowledge.store import KnowledgeStore, open_store
from app.knowledge.text_traces import passages_of
from app.schemas import DocumentInfo
from app.settings import load_settings
from tests.fixtures.measures import FourLetterPieces
from tests.knowledge_base import add_document, fake_model

SECRET = "The safe in the cellar opens with the number nine four two seven.\n" * 3
PIECES = FourLetterPieces()


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'llmops.db'}"


def assembled(store: KnowledgeStore, folder: Path) -> Ingestion:
    return build_ingestion(store, fake_model(), PIECES, load_settings(data_dir=folder))


def read_again(ingestion: Ingestion, document_id: str) -> DocumentInfo:
    ingestion.ingestor.reindex(document_id)
    return ingestion.ingestor.finish(document_id)


def test_a_text_that_was_its_own_original_gets_a_file_and_stays_what_it_was(tmp_path: Path) -> None:
    texts = [
        ReceivedText("ümläut.md", "# Ärger\n\nZwölf Boxkämpfer jagen Viktor quer über den Deich."),
        ReceivedText("table.csv", "name,city\nAda,London"),  # a text all the same
        ReceivedText("emoji", "Straße 🏠 mitten im Satz", {"kind": "odd"}),
    ]
    with open_store(url(tmp_path), tmp_path) as store:
        ingestion = assembled(store, tmp_path)
        for info, received in zip(
            ingestion.small_texts.ingest(texts, collection="default"), texts, strict=True
        ):
            chunks = store.chunks([info.document_id])
            assert read_again(ingestion, info.document_id) == info
            again = store.chunks([info.document_id])
            assert [chunk.text for chunk in again] == [chunk.text for chunk in chunks]
            assert [chunk.metadata for chunk in again] == [chunk.metadata for chunk in chunks]
            assert store.document_text(info.document_id) == received.text
            assert store.original(info.document_id).decode() == received.text
        assert ingestion.small_texts.ingest(texts[:1], collection="default")[0].duplicate


def test_a_format_that_no_loader_knew_is_looked_at_again(tmp_path: Path) -> None:
    data = b"name,city\nAda,London\n"
    with open_store(url(tmp_path), tmp_path) as store:
        begun = store.begin_document(
            data, name="people.csv", collection="default", media_type="application/octet-stream"
        )
        ingestion = assembled(store, tmp_path)
        ingestion.queue.cancel([begun.document_id])
        again = read_again(ingestion, begun.document_id)
    assert (again.status, again.media_type) == ("indexed", "text/csv")


def test_a_copy_goes_on_with_what_was_being_read_again(tmp_path: Path) -> None:
    live, copy = tmp_path / "live", tmp_path / "copy"
    with open_store(url(live), live) as store:
        info = add_document(store, ["The rent is due on Monday."])
        job_id = store.reindexing().request(info.document_id)
        assert store.queue(lease_s=0.0).claim_next("whose process is not there") is not None
        back_up(f"sqlite:///{live / 'llmops.db'}", live, tmp_path / "backup.tar")
    restore(tmp_path / "backup.tar", f"sqlite:///{copy / 'llmops.db'}", copy)
    with open_store(url(copy), copy) as store:
        assert [chunk.text for chunk in store.chunks()] == ["The rent is due on Monday."]
        finished = assembled(store, copy).ingestor.finish(info.document_id)
        assert (finished.status, finished.reindexing) == ("indexed", None)
        assert store.jobs().get(job_id).state == "done"


def test_nothing_is_left_of_either_reading_after_a_deletion(tmp_path: Path) -> None:
    with open_store(url(tmp_path), tmp_path) as store:
        ingestion = assembled(store, tmp_path)
        (info,) = ingestion.small_texts.ingest([ReceivedText("secret", SECRET)], collection="default")
        read_again(ingestion, info.document_id)
        ingestion.ingestor.reindex(info.document_id)
        store.delete_document(info.document_id)
    findings = list(prove_deletion(url(tmp_path), tmp_path, info.document_id, passages_of(SECRET)))
    assert [finding for finding in findings if finding.state == "left"] == []


def test_what_is_exchanged_during_a_move_to_another_model_moves_along(tmp_path: Path) -> None:
    other = fake_model("fake:other")
    with open_store(url(tmp_path), tmp_path) as store:
        info = add_document(store, ["The rent is due on Monday.", "The deposit is returned in May."])
        old = [chunk.chunk_no for chunk in store.chunks()]
        coming = store.next_vectors(other.name)
        coming.begin()
        coming.add(old, other.embed(["one", "two"]))
        read_again(assembled(store, tmp_path), info.document_id)
        assert not coming.swap()
        reembed(store, other, PIECES)
        assert store.embedding_model() == other.name
        numbers = [chunk.chunk_no for chunk in store.chunks()]
        assert min(numbers) > max(old)
        assert sorted(store.vectors_by_no(numbers + old)) == numbers


@pytest.mark.parametrize("revision", ["0002", "0004"])
def test_a_knowledge_base_of_an_earlier_version_can_be_read_again(tmp_path: Path, revision: str) -> None:
    with open_store(url(tmp_path), tmp_path) as store:
        indexed = add_document(store, ["kept from long ago"])
        waiting = store.begin_document(
            b"not read yet", name="a", collection="default", media_type="text/plain"
        )
    config = Config()
    config.set_main_option("script_location", str(Path(app.knowledge.__file__).with_name("migrations")))
    engine = create_engine(url(tmp_path))
    with engine.begin() as connection:
        connection.execute(text("PRAGMA foreign_keys=ON"))
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    engine.dispose()
    (tmp_path / "originals" / OWNER).unlink()  # which those versions did not have
    with open_store(url(tmp_path), tmp_path) as store:
        assert store.get_document(indexed.document_id) == indexed
        ingestion = assembled(store, tmp_path)
        assert ingestion.ingestor.finish(waiting.document_id).status == "indexed"
        assert read_again(ingestion, indexed.document_id).status == "indexed"
        assert {chunk.text for chunk in store.chunks()} == {"kept from long ago", "not read yet"}


class FailingModel:
    """A provider that is out of order, and heals when told."""

    name = "fake:words"

    def __init__(self) -> None:
        self.is_broken = True

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.is_broken:
            raise ModelUnavailable("the embeddings API is down")
        return fake_model().embed(texts)


@pytest.mark.parametrize("max_attempts", [1, 8])
def test_a_provider_that_fails_costs_nothing_that_was_indexed(tmp_path: Path, max_attempts: int) -> None:
    model, moments = FailingModel(), [1_000.0]
    with open_store(url(tmp_path), tmp_path) as store:
        info = add_document(store, ["The rent is due on Monday."])
        ingestion = build_ingestion(
            store, model, PIECES, load_settings(data_dir=tmp_path),
            max_attempts=max_attempts, now=lambda: moments[0],
        )  # fmt: skip
        ingestion.ingestor.reindex(info.document_id)
        claim = ingestion.queue.claim(info.document_id, ingestion.worker.lease().owner)
        assert claim is not None
        now = ingestion.worker.carry_out(claim)
        assert now.reindexing is not None
        assert now.reindexing.error is not None
        assert now.reindexing.error.code == "model_unavailable"
        assert (now.status, now.error, now.chunks) == ("indexed", None, 1)
        assert now.reindexing.status == ("failed" if max_attempts == 1 else "parsing")
        assert [chunk.text for chunk in store.chunks()] == ["The rent is due on Monday."]
        if max_attempts > 1:
            model.is_broken = False
            moments[0] += 200
            assert ingestion.ingestor.finish(info.document_id).reindexing is None


def test_a_file_that_goes_while_it_is_read_again_is_a_failure_with_a_reason(tmp_path: Path) -> None:
    with open_store(url(tmp_path), tmp_path) as store:
        info = add_document(store, ["The rent is due on Monday."])
        ingestion = assembled(store, tmp_path)
        ingestion.ingestor.reindex(info.document_id)
        (tmp_path / "originals" / info.sha256[:2] / info.sha256).unlink()
        failed = ingestion.ingestor.finish(info.document_id)
    assert failed.reindexing is not None
    assert failed.reindexing.error is not None
    assert failed.reindexing.error.code == "missing_original"
